"""Whom pronouns and bare descriptions take up: "he", "it", "who", "the ministry", "the group".

No parse is at hand. What is near, what begins its sentence (the subject, mostly), what spoke last, and what has the
gender of the pronoun is preferred; what is in somebody's mouth, possessive or behind a preposition is not. The weights
below were set by hand on news and order these reasons; no more should be read into them.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable

from communique.extraction.layout import Layout
from communique.extraction.mentions import Mention, Mentions
from communique.extraction.offices import read_office
from communique.extraction.roster import Referent, Roster
from communique.extraction.titles import CAPITAL, Titles

_FAR = 30  # runs that are looked at
_SPOKE, _SUBJECT, _NAMED = 4.6, 4.0, 3.0  # one who spoke last; was the subject; was named at all
_DESPITE = 0.5  # confidence in a person whose given name has another gender than the pronoun
_OPENING = 40  # characters at the head of a sentence
_AWAY = 0.8  # for each sentence in between
_OTHER_PARAGRAPH, _POSSESSIVE, _OBJECT, _NO_GENDER = 0.8, 1.0, 0.8, 0.6

_WORD = re.compile(r"[\w’'-]+")
_DEFINITE = re.compile(r"\b[Tt]he(?: [\w’'-]+){1,5}")
_FULL_STOP = re.compile(r"[.!?]\s")
_WHOSE = re.compile(r"['’]s?$")


def _ends(name: str) -> set[str]:
    """Give the nouns that a name may be taken up by: "Ministry", "Affairs" of "Ministry of Foreign Affairs"."""
    return {part.split()[-1].lower() for part in (name, name.partition(" of ")[0]) if part.strip()}


class Antecedents:
    """What has been said and named so far in one article.

    ``said``: who has spoken, in the order of the text.
    """

    def __init__(self, mentions: Mentions, layout: Layout, titles: Titles) -> None:
        self.mentions, self.layout, self.titles = mentions, layout, titles
        self.said: list[Referent] = []
        self.roster: Roster

    def whose(self, pronoun: str, place: int, head: str) -> str:
        """Give the actor that a possessive pronoun stands for, or a noun: "the union’s"; ``head``: its office."""
        kind = self.titles.pronouns.get(pronoun)
        if kind is None:
            body = self.institution(pronoun, place)
            return body.actor if body else ""
        if kind in ("he", "she") and head in self.titles.governing:
            found = self.person(place, kind, self.roster.governs)  # an analyst has no ministers
        else:
            found = self.of(kind, place)
        if found is None:
            return ""
        return found.actor or ("" if found.kind == "person" else found.name)

    def of(self, kind: str, place: int) -> Referent | None:
        """Follow a pronoun of that kind (he, she, they, it, who) at a place back to whom it stands for."""
        if kind == "who":
            return self._relative(place) or self.person(place)
        if kind in ("he", "she"):
            if found := self.person(place, kind):
                return found
            other = self.person(place, fits=lambda name: self.roster.may_be(name, kind, despite=True))
            return other._replace(confidence=_DESPITE) if other else None
        return self._thing(place, kind) or self.person(place)

    def person(self, place: int, gender: str = "", fits: Callable[[str], bool] = lambda name: True) -> Referent | None:
        """Find the person of that gender, among those that fit, who is most likely spoken of at a place."""
        mentions, layout, roster = self.mentions, self.layout, self.roster
        here, paragraph = layout.sentence(place), layout.paragraph(place)
        begun = layout.sentence(layout.start_of_paragraph(place)) < here
        scores: dict[str, float] = {}

        def weigh(name: str, score: float) -> None:
            scores[name] = max(scores.get(name, score), score)

        for other in reversed(self.said[-5:]):
            if other.kind == "person" and not other.plural and other.place < place:
                away = here - layout.sentence(other.place)
                if away <= 12:
                    # A paragraph that has begun with something else is no longer about who spoke last.
                    left = begun and layout.paragraph(other.place) < paragraph
                    weigh(other.name, _SPOKE - _AWAY * away - (_OTHER_PARAGRAPH if left else 0.0))
        at, floor = mentions.before(place), max(layout.start_of(here - 7), layout.start_of_paragraph(place, back=3))
        for index in range(at - 1, max(at - _FAR, mentions.before(floor)) - 1, -1):
            run = mentions.all[index]
            if name := roster.person(run):
                away = here - layout.sentence(run.start)
                # No need to look closer at one who cannot score higher than before.
                if scores.get(name, -9.0) < _SUBJECT - _AWAY * away and not layout.is_quoted(run.start):
                    weigh(name, self._prominence(index) - _AWAY * away)
        for where, name in self._described(place):
            weigh(name, _SUBJECT - _AWAY * (here - layout.sentence(where)))
        fitting = self._fitting(scores, gender, fits)
        if not fitting:
            return None
        margin = fitting[0][0] - fitting[1][0] if len(fitting) > 1 else 9.0
        return roster.person_named(fitting[0][1], place, 0.85 if margin >= 1.0 else 0.7 if margin >= 0.4 else 0.55)

    def _fitting(self, scores: dict[str, float], gender: str, fits: Callable[[str], bool]) -> list[tuple[float, str]]:
        """Give the two best of those that may be of a gender, the best first."""
        if gender:
            # What the names tell is cheap and rules out most; what the offices tell is asked of the few that remain.
            told = {name: self.mentions.gender(name) for name in scores}
            scores = {
                name: score - (0.0 if told[name] else _NO_GENDER)
                for name, score in scores.items()
                if told[name] in ("", gender)
            }
        fitting: list[tuple[float, str]] = []
        for name in sorted(scores, key=lambda name: -scores[name]):
            if self.roster.may_be(name, gender) and fits(name):
                fitting.append((scores[name], name))
                if len(fitting) == 2:
                    break
        return fitting

    def _prominence(self, index: int) -> float:
        """Tell how likely a run is taken up, from its place in its sentence."""
        run = self.mentions.all[index]
        if self.mentions.is_possessive(run):
            return _NAMED - _POSSESSIVE
        before = self.mentions.text[max(run.start - 30, 0) : run.start].split()
        if before and before[-1].lower() in self.titles.belonging:
            return _NAMED - _OBJECT
        return _SUBJECT if self._begins(index) else _NAMED

    def _begins(self, index: int) -> bool:
        """Tell whether a run is the first person named in its sentence."""
        runs = self.mentions.all
        here = self.layout.sentence(runs[index].start)
        for other in reversed(runs[max(index - 5, 0) : index]):
            if self.layout.sentence(other.start) != here:
                break
            if self.roster.person(other):
                return False
        return True

    def _described(self, place: int) -> list[tuple[int, str]]:
        """Give the persons that the last two sentences of the paragraph call by their office: where, and the name."""
        found: list[tuple[int, str]] = []
        at = bisect_left(self.layout.sentences, place)
        start = max(self.layout.sentences[at - 2] if at > 1 else 0, self.layout.start_of_paragraph(place), place - 500)
        for described in _DEFINITE.finditer(self.mentions.text, start, place):
            words = described[0].split()
            last = next((i for i, word in enumerate(words) if word.lower() in self.titles.offices), 0)
            if last and not self.layout.is_quoted(described.start()):
                office = read_office(" ".join(words[: last + 1]), self.titles, self.mentions, last=True)
                pronoun = office.owner in self.titles.pronouns
                actor = "" if pronoun else self.roster.actor(office.owner, described.start())
                if holder := self.roster.holder(office.name, office.head, actor, described.start()):
                    found.append((described.start(), holder.name))
        return found

    def _relative(self, place: int) -> Referent | None:
        """Give what stands right before "who" and "which"."""
        text, mentions, titles = self.mentions.text, self.mentions, self.titles
        floor = max(place - 80, 0)
        end = floor + len(text[floor:place].rstrip(", "))
        at = mentions.before(place)
        if at and mentions.all[at - 1].name and mentions.all[at - 1].end >= end:
            return self.roster.named(mentions.all[at - 1], end)
        words = list(_WORD.finditer(text, max(end - 60, floor), end))[-5:]
        for index in range(len(words) - 1, -1, -1):
            word = words[index][0].lower()
            if word in titles.definite or word in titles.indefinite:
                phrase = " ".join(
                    text[words[index].end() if word in titles.definite else words[index].start() : end].split()
                )
                return Referent(place, phrase, "", "", 0.6, None, plural=phrase.endswith("s")) if phrase else None
            if word in titles.openers or word in titles.belonging:
                break
        for run in reversed(mentions.all[max(at - 3, 0) : at]):
            between = text[run.end : place]
            if run.name and len(between) < 80 and "," in between and not _FULL_STOP.search(between):
                return self.roster.named(run, run.end)
        return None

    def _thing(self, place: int, kind: str) -> Referent | None:
        """Find what "it" or "they" takes up: an organisation, a state, or several."""
        mentions, layout = self.mentions, self.layout
        here, paragraph = layout.sentence(place), layout.paragraph(place)
        best, found = -2.0, None
        for other in self.said[-4:]:
            fits = other.plural if kind == "they" else other.kind in ("organisation", "state")
            if fits and other.place < place:
                away = here - layout.sentence(other.place) + (layout.paragraph(other.place) != paragraph)
                if 2.4 - away >= best:
                    best, found = 2.4 - away, other
        at = mentions.before(place)
        for index in range(max(at - 20, 0), at):
            run = mentions.all[index]
            away = here - layout.sentence(run.start) + (layout.paragraph(run.start) != paragraph)
            if away > 2 or not run.name or run.title or self.roster.person(run) or layout.is_quoted(run.start):
                continue
            first = index == 0 or layout.sentence(mentions.all[index - 1].start) != layout.sentence(run.start)
            score = (1.7 if first else 0.0) - away + (0.5 if away == 1 else 0.0)
            if score <= best or mentions.kind(run.name) == "word":
                continue
            if not mentions.is_possessive(run) or (kind == "it" and mentions.owns_organ(run)):  # "Veldania’s army"
                best, found = score, self.roster.named(run, run.end)
        return found._replace(place=place, confidence=0.65) if found else None

    def institution(self, head: str, place: int) -> Referent | None:
        """Find which ministry "the ministry" is, and which body "the group"."""
        text, mentions, layout = self.mentions.text, self.mentions, self.layout
        kinds = self.titles.generic.get(head)
        ends = {head, *(kinds or ())}
        any_at_all = kinds == []
        for other in reversed(self.said[-12:]):
            if other.kind == "organisation" and (any_at_all or ends & _ends(other.name)):
                return other._replace(place=place, confidence=0.75)
        at, floor = mentions.before(place), max(place - 3000, 0)
        for run in reversed(mentions.all[max(at - _FAR, 0) : at]):
            if run.start < floor or not run.name or run.title or layout.is_quoted(run.start):
                continue
            fits = any_at_all and mentions.kind(run.name) == "organisation" and self._heads(run)
            if not fits and run.name.split()[-1].lower() not in ends:
                continue
            found = self.roster.organisation(run, mentions.fullest(run.name), run.end + 80)
            if found.name.lower() != head:
                return found._replace(place=place, confidence=0.6)
        if not any_at_all:
            owned = rf"([{CAPITAL}][\w-]+(?:['’]s)?) ((?:[a-z]+ ){{0,3}}{re.escape(head)})\b"
            for told in reversed(list(re.finditer(owned, text[floor:place]))):
                owner = _WHOSE.sub("", told[1])
                if state := mentions.state(owner):
                    return Referent(place, told[2], "", state, 0.7, "organisation")
                if told[1] != owner:
                    return Referent(place, told[2], "", owner, 0.65, "organisation")
                if told[2] == head and owner.lower() not in self.titles.openers:
                    return Referent(place, told[0], "", told[0], 0.65, "organisation")
        return None

    def _heads(self, run: Mention) -> bool:
        """Tell whether a name stands at the head of its sentence: "The Straits League met", "The group Red Lantern"."""
        begin = self.layout.start_of(self.layout.sentence(run.start))
        opening = self.mentions.text[begin : run.at].lower().split() if run.at - begin < _OPENING else ["?"]
        return set(opening) <= self.titles.definite or opening[-1] in self.titles.generic

    def subject(self, place: int, floor: int) -> Referent | None:
        """Find the person that the sentence right before a quotation is about ("Kolmari was unmoved.")."""
        last = bisect_right(self.layout.sentences, place) - 1
        start = max(self.layout.sentences[last] if last >= 0 else 0, floor)
        if start >= place - 3:
            start = max(self.layout.sentences[last - 1] if last > 0 else 0, floor)
        for run in self.mentions.within(start, place):
            if (
                self.roster.person(run)
                and not self.layout.is_quoted(run.start)
                and not self.mentions.is_possessive(run)
            ):
                return self.roster.named(run, run.end)._replace(confidence=0.5)
        return None
