"""Who and what an article names, and the fullest form of each name found anywhere in it.

A name is a run of words with capitals. "Foreign Minister Davit Kolmari" is a title and a name; "Korsumi President" a
people and a title; "But Mr Falk" an opener, a courtesy and a name. Names that end alike are one person's or one
organisation's ("Kolmari", "Davit Kolmari"; "the League", "Straits League").
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from communique.extraction.actors import read_states
from communique.extraction.article import Span
from communique.extraction.titles import Titles

Kind = Literal["person", "organisation", "state", "word"]
"""What a name is of; "organisation": whatever is no person and no state, "word": no name, but how a sentence begins."""

_AROUND = 20_000  # characters in which a word without its capital tells that it is no name
_LONGEST = 120  # of a run, in characters: longer ones are shouting, not names
_SUFFIXES = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv"})
_PRONOUN = re.compile(r"\b(?:he|his|him|she|her|its?)\b|[.!?]\s")
_POSSESSIVE = re.compile(r"['’]s?\b|['’](?=\s)")


class Parts(NamedTuple):
    """A run taken apart: "Veldanian", "Foreign Minister", "Davit Kolmari"; ``at``: where the name begins in the run."""

    lead: str
    title: str
    name: str
    at: int


class Mention(NamedTuple):
    """One run in the article; ``text[at:end]`` is the name, ``text[start:at]`` what stands in capitals before it."""

    start: int
    at: int
    end: int
    lead: str
    title: str
    name: str


@dataclass(slots=True)
class Form:
    """A form of a name: how often it stands there, where first, and how often with a title or with "the" before it."""

    count: int = 0
    titled: int = 0
    article: int = 0
    gender: str = ""


class Mentions:
    """The runs of an article in order, and an index of the names by their last and first words.

    Parameters
    ----------
    spans
        The paragraphs that names are sought in.
    """

    def __init__(self, text: str, spans: Sequence[Span], titles: Titles) -> None:
        self.text, self.titles = text, titles
        self.states = read_states()
        self._parts: dict[str, Parts] = {}
        self._kinds: dict[str, Kind] = {}
        self._fullest: dict[tuple[str, str], str] = {}
        self._stems: dict[str, list[str]] | None = None
        self._acronyms: dict[str, str] | None = None
        self.forms: dict[str, Form] = {}
        self.by_last: dict[str, list[str]] = {}
        self.by_first: dict[str, list[str]] = {}
        self.of_name: dict[str, list[Mention]] = {}
        self.all: list[Mention] = list(self._read(spans))
        self.titled = [mention for mention in self.all if mention.title and mention.name]
        self.starts = [mention.start for mention in self.all]

    def _read(self, spans: Sequence[Span]) -> Iterator[Mention]:
        text, forms, titles = self.text, self.forms, self.titles
        for start, end in spans:
            for mention in self.read(start, end):
                name = mention.name
                if name:
                    form = forms.get(name)
                    if form is None:
                        form = self._index(name)
                    form.count += 1
                    if mention.title:
                        form.titled += 1
                        form.gender = form.gender or titles.gender_of(mention.title)
                    elif text[mention.at - 4 : mention.at] in ("the ", "The "):
                        form.article += 1
                    self.of_name.setdefault(name, []).append(mention)
                yield mention

    def read(self, start: int, end: int) -> Iterator[Mention]:
        """Read the runs of a span, those cut off at its ends as well; what holds no name, title or people is no run."""
        text, parts = self.text, self._parts
        for found in self.titles.run.finditer(text, start, end):
            run = found[0]
            part = parts.get(run)
            if part is None:
                part = parts[run] = self.part(run) if len(run) <= _LONGEST else Parts("", "", "", 0)
            lead, title, name, at = part
            if name or title or lead:
                first = found.start()
                if first and text[first - 1].isalnum():
                    continue
                yield Mention(first, first + at, found.end(), lead, title, name)

    def _index(self, name: str) -> Form:
        form = self.forms[name] = Form()
        words = name.lower().split()
        while len(words) > 1 and words[-1] in _SUFFIXES:
            words.pop()
        self.by_last.setdefault(words[-1], []).append(name)
        if len(words) > 1:
            self.by_first.setdefault(words[0], []).append(name)
        return form

    def part(self, run: str) -> Parts:
        """Take a run apart."""
        titles, words = self.titles, run.split()
        if len(words) == 1:
            word = run.rstrip(".").lower()
            if word in titles.openers:
                return Parts("", "", "", len(run))
            return Parts("", run, "", len(run)) if word in titles.heads else Parts("", "", run, 0)
        begin = 0
        while begin < len(words) and words[begin].lower() in titles.openers:
            begin += 1
        if begin == len(words):
            return Parts("", "", "", len(run))
        first, last = self._title(words, begin)
        lead, title, name = words[begin:first], words[first:last], words[last:]
        if not title:
            lead = []
            while len(name) > 1 and (name[0] in self.states or name[0].lower() in titles.affiliations):
                if " ".join(name) in self.states or _plain(name[-1]) in titles.organisations:
                    break
                if name[0] in self.states and self.states[name[0]] == name[0]:
                    break
                lead.append(name.pop(0))
        elif not name and lead and _plain(title[-1]) in titles.names and not self._is_polity(" ".join(lead)):
            lead, title, name = [], [], lead + title
        shown = " ".join(name)
        at = run.rfind(name[0]) if len(name) == 1 else _position(run, len(words) - len(name))
        return Parts(" ".join(lead), " ".join(title), shown, at if name else len(run))

    def _title(self, words: list[str], begin: int) -> tuple[int, int]:
        """Find the last title among the words: from which to which."""
        titles = self.titles
        heads, phrases = titles.heads, titles.phrase_ends
        for last in range(len(words), begin, -1):
            word = words[last - 1]
            plain = word.rstrip(".").lower()
            if plain in heads:
                if last < len(words) and word[-1] != "." and _plain(words[last]) in titles.organisations:
                    continue
                first = last - 1
            elif word in phrases:
                size = next((len(p) for p in phrases[word] if words[max(last - len(p), begin) : last] == p), 0)
                if not size:
                    continue
                first = last - size
            else:
                continue
            while first > begin and _plain(words[first - 1]) in titles.heads_and_modifiers:
                first -= 1
            return first, last
        return begin, begin

    def _is_polity(self, name: str) -> bool:
        return (
            name in self.states
            or name in self.titles.metonyms
            or any(_plain(word) in self.titles.organisations for word in name.split())
        )

    def kind(self, name: str) -> Kind:
        """Tell what a name is of."""
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = self._tell(name)
        return kind

    def _tell(self, name: str) -> Kind:
        form, words = self.forms.get(name), name.split()
        if form and form.titled:
            return "person"
        if name in self.states or name in self.titles.metonyms:
            return "state"
        if any(_plain(word) in self.titles.organisations for word in words):
            return "organisation"
        if form and form.article * 2 > form.count:
            return "organisation"
        if len(words) == 1:
            if name.isupper() and len(name) > 1:
                return "organisation"
            full = self.fullest(name)
            if full != name:
                return self.kind(full)
            place = self.of_name[name][0].start if name in self.of_name else 0
            if self.text.find(f" {name.lower()}", max(place - _AROUND, 0), place + _AROUND) >= 0:
                return "word"
            return "person" if name.lower() in self.titles.gender or self._is_he_or_she(name) else "organisation"
        if len(words) > 5 or any(word.isupper() and len(word) > 2 and "." not in word for word in words):
            return "organisation"
        return "person" if words[0].lower() in self.titles.gender or not self._is_place(name) else "organisation"

    def _is_place(self, name: str) -> bool:
        """Tell from the words before its mentions ("in", "on", "from") that a name is not a person's."""
        mentions = self.of_name.get(name, ())[:6]
        before = [self.text[max(mention.start - 8, 0) : mention.start].split() for mention in mentions]
        return sum(bool(words) and words[-1] in self.titles.places for words in before) * 2 > len(mentions)

    def _pronouns(self, name: str) -> list[str]:
        """Give the pronouns that follow a name within its sentences."""
        found: list[str] = []
        for mention in self.of_name.get(name, ())[:20]:
            for pronoun in _PRONOUN.finditer(self.text, mention.end, mention.end + 120):
                if pronoun[0][0] in ".!?":
                    break
                found.append(self.titles.pronouns.get(pronoun[0], ""))
        return found

    def _is_he_or_she(self, name: str) -> bool:
        """Tell a person by the pronouns that take up the name."""
        pronouns = self._pronouns(name)
        return len(pronouns) > 2 * pronouns.count("it")

    def _voted(self, name: str) -> str:
        """Tell whether a name that stands alone is taken up by "he" or by "she", if it is plain."""
        if " " in name:
            return ""
        pronouns = self._pronouns(name)
        he, she = pronouns.count("he"), pronouns.count("she")
        return "he" if he > 2 * she + 1 else "she" if she > 2 * he + 1 else ""

    def fullest(self, name: str, gender: str = "") -> str:
        """Give the fullest form of a name, the name itself if there is none fuller."""
        key = name, gender
        full = self._fullest.get(key)
        if full is None:
            self._fullest[key] = name  # what looks at itself on its way has found nothing
            full = self._fullest[key] = self._seek(name, gender)
        return full

    def _seek(self, name: str, gender: str) -> str:
        words = name.lower().split()
        while len(words) > 1 and words[-1] in _SUFFIXES:
            words.pop()
        if name in self.states or name in self.titles.metonyms:
            return name
        found = [form for form in self.by_last.get(words[-1], ())[:200] if _is_part(words, form.lower().split())]
        fuller = [form for form in found if len(form.split()) > len(words)]
        if len(words) > 1 and words[-1] not in self.titles.organisations:
            # "Hillary Rodham Clinton" is fuller than "Hillary Clinton", "Rival Hillary Clinton" is not.
            fuller = [form for form in fuller if form.lower().startswith(f"{words[0]} ")]
        if not fuller and len(words) == 1:
            fuller = (
                [
                    form
                    for form in self.by_first.get(words[0], ())[:200]
                    if form not in self.states and _tells_person(form, self.titles)
                ]
                if not self.forms.get(name, Form()).titled and words[0] in self.titles.gender
                else []
            )
        if not fuller:
            return self.written_out(name)
        own = self.forms.get(name)
        if own and own.article * 2 > own.count:
            fuller = [form for form in fuller if not _tells_person(form, self.titles)] or fuller
        else:
            fuller = [form for form in fuller if _tells_person(form, self.titles)] or (
                fuller if len(words) == 1 and words[0] in self.titles.organisations else []
            )
        if fuller and (gender := gender or self._voted(name)):
            fuller = [form for form in fuller if self.gender(form) in (gender, "")]
        if not fuller:
            return name
        # The chief bearer of the name, then the longest form of the same person's.
        known = set(fuller)
        bare = [form for form in fuller if not any(form != other and form.endswith(f" {other}") for other in known)]
        chief = max(bare, key=lambda form: self.forms[form].count)
        first = chief.split()[0].lower()
        same = [form for form in bare if form.split()[0].lower() == first and len(form.split()) <= 4]
        return max(same, key=lambda form: (len(form.split()), self.forms[form].count), default=chief)

    def written_out(self, name: str) -> str:
        """Give the name that an acronym in brackets stands behind: "Straits Trade Council (STC)"."""
        if not (name.isupper() and 1 < len(name) < 8):
            return name
        if self._acronyms is None:
            self._acronyms = {}
            for found in re.finditer(r" \(([A-Z]{2,7})\)", self.text):
                if full := _spelled(found[1], self.text[max(found.start() - 100, 0) : found.start()]):
                    self._acronyms.setdefault(found[1], full)
        return self._acronyms.get(name, name)

    def gender(self, name: str) -> str:
        """Tell "he", "she" or "" of a person by titles and the given name."""
        form = self.forms.get(name)
        if form and form.gender:
            return form.gender
        words = name.split()
        if len(words) > 1 and not (given := self.titles.gender.get(words[0].lower(), "")):
            for other in self.by_last.get(words[-1].lower(), ())[:50]:
                if len(other.split()) == 1 and self.forms[other].gender and self.fullest(other) == name:
                    return self.forms[other].gender
            return ""
        return given if len(words) > 1 else ""

    def state(self, name: str) -> str:
        """Give the state, or the place of this article, that a name or the name of a people stands for; "" if none."""
        name = name.removeprefix("the ").removeprefix("The ")
        return self.titles.metonyms.get(name) or self.states.get(name) or self._home(name)

    def _home(self, people: str) -> str:
        """Give the place whose people are called so: "Korsumi" of an article that names Korsume."""
        titles = self.titles
        if len(people) < 4 or people.lower() in titles.affiliations:
            return ""
        if self._stems is None:
            self._stems = {}
            for form in self.forms:
                self._stems.setdefault(form.split()[-1][:4].lower(), []).append(form)
            self._stems = {stem: forms[:50] for stem, forms in self._stems.items()}
        best = ""
        for place in self._stems.get(people[:4].lower(), ()):
            last = place.split()[-1]
            common = _common(last, people)
            fits = people[common:] in titles.peoples and last[common:] in titles.countries and place != people
            if (
                fits
                and " " not in place
                and common >= max(4, len(last) - 3)
                and len(last) - common <= 2
                and common > len(_common_text(best, people))
            ):
                best = place
        return best

    def before(self, position: int) -> int:
        """Tell how many runs begin before a place."""
        return bisect_left(self.starts, position)

    def within(self, start: int, end: int) -> list[Mention]:
        """Give the runs that begin in a span."""
        return self.all[bisect_left(self.starts, start) : bisect_left(self.starts, end)]

    def is_possessive(self, mention: Mention) -> bool:
        """Tell whether an "’s" follows."""
        return _POSSESSIVE.match(self.text, mention.end) is not None


def _plain(word: str) -> str:
    return word.rstrip(".").lower()


def _position(run: str, words: int) -> int:
    """Tell where the word of that number begins."""
    for number, found in enumerate(re.finditer(r"\S+", run)):
        if number == words:
            return found.start()
    return len(run)


def _is_part(words: Sequence[str], of: Sequence[str]) -> bool:
    rest = iter(of)
    return all(word in rest for word in words)


def _tells_person(form: str, titles: Titles) -> bool:
    words = form.split()
    return 1 < len(words) < 6 and not any(
        _plain(word) in titles.organisations or (word.isupper() and len(word) > 3 and "." not in word) for word in words
    )


def _common(one: str, other: str) -> int:
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return length


def _common_text(one: str, other: str) -> str:
    return one[: _common(one, other)]


def _spelled(acronym: str, before: str) -> str:
    """Give the words at the end of a text whose capitals spell an acronym; "" if they do not."""
    words, left, taken = before.split(), len(acronym), 0
    while words and left:
        word = words.pop()
        taken += 1
        if word[:1] == acronym[left - 1]:
            left -= 1
        elif not word.islower() or taken > 2 * len(acronym):
            return ""
    return " ".join(before.split()[-taken:]) if not left else ""
