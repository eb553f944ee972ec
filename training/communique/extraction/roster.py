"""Who is who in an article: office, actor and gender of everyone it names, put together from all mentions."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from communique.extraction.layout import Layout
from communique.extraction.mentions import Kind, Mention, Mentions
from communique.extraction.offices import MOST, NONE, REACH, Office, offices_of
from communique.extraction.titles import CAPITAL, Titles

_MOST = 10  # mentions of one person that are looked at
_SPACE = re.compile(r"\s+")
_OWNER = re.compile(rf"([{CAPITAL}][\w.-]*(?: [{CAPITAL}][\w.-]*)*)['’]s? $")
_MORE = re.compile(
    rf"(?:,? (?:of|for|on)(?: the)? [{CAPITAL}][\w’'-]*(?:(?: (?:and|&))? [{CAPITAL}][\w’'-]*)*)+"
)  # "Bank | of Little Sallow"
_STATE = re.compile(r" (?:Republic|Kingdom) of ")
_OF = re.compile(r" of (?:the )?(?:(?:Republic|Kingdom) of )?")
_PLACE = re.compile(r"\b(?:[Ii]n|[Oo]n|[Oo]f|[Aa]t|[Nn]ear) (?:the )?$")
_THE = re.compile(r"\b[Tt]he [^,.;:]{0,60}, ?$")
_HE_OR_SHE = re.compile(r"[HhSs](?<!\w.)(?:(?<=[Hh])(?:e|is|im|er)|(?<=[Ss])he)\b")
_BEFORE, _AHEAD = 500, 160  # characters around a name in whose sentence a pronoun may take it up


class Referent(NamedTuple):
    """One whom a noun phrase stands for, and where it stands.

    ``kind`` is None of those who are only described; ``plural``: several, whom "they" takes up.
    """

    place: int
    name: str = ""
    office: str = ""
    actor: str = ""
    confidence: float = 0.0
    kind: Kind | None = None
    plural: bool = False


class Known(NamedTuple):
    """What an article tells of a person; ``weight`` as `offices.Office` has it."""

    office: str = ""
    actor: str = ""
    weight: float = 0.0


class Roster:
    """The persons and organisations of one article; what was found out is kept.

    Parameters
    ----------
    whose
        Follows a possessive pronoun ("its"), at a place and before an office, back to the actor it stands for.
    transcript
        Names may stand in capitals in the labels of turns.
    """

    def __init__(
        self,
        mentions: Mentions,
        layout: Layout,
        titles: Titles,
        whose: Callable[[str, int, str], str],
        transcript: bool,
    ) -> None:
        self.mentions, self.layout, self.titles = mentions, layout, titles
        self._whose, self._transcript = whose, transcript
        self._known: dict[str, Known] = {}
        self._persons: dict[tuple[str, str], str] = {}
        self._genders: dict[str, str] = {}
        self._bearers: dict[str, list[str]] = {}

    # Whom a name stands for

    def named(self, mention: Mention, end: int) -> Referent:
        """Give whom a name stands for; ``end``: where the noun phrase around it ends."""
        bearers = self._bearing(mention)
        name = self._latest(bearers, mention.start)
        kind: Kind = "person" if mention.title else self.mentions.kind(name)
        if kind == "state":
            return Referent(mention.start, mention.name, "", self.mentions.state(name), 0.95, kind)
        if kind == "organisation":
            return self.organisation(mention, name, end)
        office, actor, _ = self.known(name, mention)
        confidence = 0.6 if len(bearers) > 1 else 0.95 if " " in name or office else 0.85
        return Referent(mention.start, self.shown(name), office, actor, confidence, "person")

    def _latest(self, bearers: Sequence[str], place: int) -> str:
        """Give the one of several with one family name who was named last."""
        if len(bearers) == 1:
            return bearers[0]
        return max(bearers, key=lambda name: self._last_before(name, place, name))

    def _bearing(self, mention: Mention) -> list[str]:
        """Give the full name of who is named; of several with one family name those whom the title may mean."""
        gender = self.titles.gender_of(mention.title)
        bearers = self.mentions.bearers(mention.name) if mention.title else []
        if len(bearers) < 2:
            return [self.mentions.fullest(mention.name, gender)]
        head = mention.title.split()[-1].rstrip(".").lower()
        held = set(self.titles.shortened.get(head, head).split())
        bearers = [name for name in bearers if held <= set(self.known(name).office.split())] or bearers
        if gender:
            bearers = [name for name in bearers if self.gender(name) == gender] or bearers
            bearers = [name for name in bearers if self.may_be(name, gender)] or bearers
        return bearers

    def person_named(self, name: str, place: int, confidence: float) -> Referent:
        """Give a person whose full name is known."""
        office, actor, _ = self.known(name)
        return Referent(place, self.shown(name), office, actor, confidence, "person")

    def organisation(self, mention: Mention, name: str, end: int) -> Referent:
        """Give the organisation of a name, with the words behind that belong to it."""
        text, mentions, organisations = self.mentions.text, self.mentions, self.titles.organisations
        if (name == mention.name or mention.name.split()[-1].lower() in organisations) and (
            more := _MORE.match(text, mention.end, end)
        ):
            name = _SPACE.sub(" ", text[mention.at : more.end()]).rstrip(".")
        words = name.split()
        owner = ""
        if whose := _OWNER.search(text[max(mention.start - 60, 0) : mention.start]):
            owner = self.actor(whose[1], mention.start)
        elif mention.lead:
            owner = mentions.state(mention.lead)
        elif len(words) > 1 and words[-1].lower() in self.titles.organs and (state := mentions.state(words[0])):
            owner, name = state, " ".join(words[1:])
        elif len(words) > 2:
            owner = self._country_of(name)
        if not owner and (len(words) > 1 or mentions.is_body(name)):
            owner = name
        return Referent(mention.start, name, "", owner, 0.9, "organisation")

    def _country_of(self, name: str) -> str:
        """Give the country of "Ministry of Justice of the Republic of Veldania", if anything tells that it is one."""
        *organ, country = _OF.split(name)
        if not organ or organ[0].split()[-1].lower() not in self.titles.organs:
            return ""
        if state := self.mentions.state(country):
            return state
        sure = len(organ) > 1 or _STATE.search(name) or self.mentions.is_body(country)
        return country if sure and " " not in country else ""

    def shown(self, name: str) -> str:
        """Give a name that stands in the capitals of a label as names are written."""
        if self._transcript and len(name) > 3 and name.isupper():
            return re.sub(r"\w+", lambda word: word[0].capitalize(), name)
        return name

    def person(self, run: Mention) -> str:
        """Give the full name of the person that a run names; "" if it names none."""
        key = run.name, run.title
        name = self._persons.get(key)
        if name is None:
            if run.title and len(self.mentions.bearers(run.name)) > 1:
                name = self._latest(self._bearing(run), run.start)
            else:
                name = self.mentions.fullest(run.name) if run.name else ""
            if name and not run.title and self.mentions.kind(name) != "person":
                name = ""
            self._persons[key] = name
        return name

    # What is known of a person

    def known(self, name: str, at: Mention | None = None) -> Known:
        """Give office and actor of a person as all the article tells them; ``at``: a mention not to be left out."""
        known = self._known.get(name)
        if known is None:
            self._known[name] = Known()  # for who asks on the way: "his spokesman"
            known = self._known[name] = self._learn(name, at)
        return known

    def _learn(self, name: str, at: Mention | None) -> Known:
        told: list[tuple[Office, Mention]] = []
        office, place, best = NONE, -1, (NONE.weight, True)
        for mention in self._mentions_of(name, at):
            for candidate in offices_of(mention, self.mentions, self.titles):
                told.append((candidate, mention))
                told_more = candidate.weight, candidate.head not in self.titles.roles  # "the host, Veldania’s minister"
                if candidate.name and told_more > best:
                    office, place, holder, best = candidate, mention.start, mention, told_more
            if office.owner and office.weight >= MOST:
                break
        if office.owner:
            return Known(office.name, self.actor(office.owner, place, office.head), office.weight)
        for other, mention in told:
            # Another mention may tell whose the office is; and whose somebody is who has none.
            if other.owner and (other.head == office.head or not other.name or office.weight <= 1):
                return Known(office.name, self.actor(other.owner, mention.start, other.head), office.weight)
        return Known(office.name, self._place_of(office, holder) if office.name else "", office.weight)

    def _mentions_of(self, name: str, at: Mention | None) -> list[Mention]:
        """Give the mentions that tell most: those of the full name first, then those with a title."""
        mentions = self.mentions
        full = mentions.of_name.get(name, [])[:4]
        others = [
            mention
            for form in mentions.by_last.get(name.split()[-1].lower(), ())[:50]
            if form != name and mentions.fullest(form) == name and len(mentions.bearers(form)) < 2
            for mention in mentions.of_name[form][:3]
        ]
        others.sort(key=lambda mention: not mention.title)
        return list(dict.fromkeys([*full, *([at] if at else []), *others]))[:_MOST]

    def actor(self, owner: str, place: int, head: str = "") -> str:
        """Give the country or organisation that words or a possessive pronoun stand for; ``head``: their office."""
        if not owner:
            return ""
        if owner in self.titles.pronouns:
            # "Its envoy to the Straits League, Lin Adeyo": what the pronoun takes up stands before it.
            floor = max(place - REACH, 0)
            for found in re.finditer(rf"\b{owner}\b", self.mentions.text[floor:place], re.IGNORECASE):
                place = floor + found.start()
            return self._whose(owner, place, head)
        if owner in self.titles.organisations:  # "the union’s envoy"
            return self._whose(owner, place, head)
        if state := self.mentions.state(owner):
            return state
        part = self.mentions.part(owner)
        return self.mentions.fullest(part.name) if part.name else owner

    def _place_of(self, office: Office, mention: Mention) -> str:
        """Give the place that "the mayor, Piet Halloway," takes for granted: the last that the paragraph named."""
        text, local = self.mentions.text, office.head in self.titles.local
        before = text[max(mention.start - 80, 0) : mention.start]
        if mention.title or not (local or office.head in self.titles.public) or not _THE.search(before):
            return ""
        floor, at = self.layout.start_of_paragraph(mention.start), self.mentions.before(mention.start)
        for run in reversed(self.mentions.all[max(at - 12, 0) : at]):
            if run.start < floor:
                break
            name = run.name or run.lead
            if not name or self.layout.is_quoted(run.start):
                continue
            if local and _PLACE.search(text[max(run.at - 12, 0) : run.at]):
                return name
            if not local and (state := self.mentions.state(name)):
                return state
        return ""

    def gender(self, name: str) -> str:
        """Tell "he" or "she" of a person, "" if nothing does."""
        gender = self._genders.get(name)
        if gender is None:
            self._genders[name] = ""  # for who asks on the way
            told = self.mentions.gender(name) or self.titles.gender_of(self.known(name).office)
            gender = self._genders[name] = told or self._taken_up(name)
        return gender

    def _taken_up(self, name: str) -> str:
        """Tell "he" or "she" by the pronouns that take up a name at the head of a sentence; "" if none do, or both."""
        votes = {"he": 0, "she": 0}
        for mention in self._mentions_of(name, None):
            for pronoun in self._pronouns_behind(mention):
                votes[self.titles.pronouns[pronoun.lower()]] += 1
        he, she = votes["he"], votes["she"]
        return "he" if he > 2 * she else "she" if she > 2 * he else ""

    def _pronouns_behind(self, mention: Mention) -> Iterator[str]:
        """Give the pronouns in the sentence of its first person, with nobody in between, and the one that is next."""
        mentions, layout = self.mentions, self.layout
        start, here = mention.start, layout.sentence(mention.start)
        begin = max(layout.start_of(here), layout.start_of_paragraph(start))
        if start - begin > _BEFORE or layout.is_quoted(start) or mentions.is_possessive(mention):
            return
        if next(self._pronouns(begin, start), None) or self._first_person(begin, start) < start:
            return
        end = self._first_person(mention.end, mention.end + _AHEAD)
        for found in self._pronouns(mention.end, end):
            place = found.start()
            if layout.sentence(place) > here:
                # What is told next begins with it: "He smiled", "“...,” he said".
                if place == layout.start_of(here + 1) or mentions.text[place - 2] in "\"”’'":
                    yield found[0]
                return
            yield found[0]

    def _pronouns(self, start: int, end: int) -> Iterator[re.Match[str]]:
        """Find the pronouns of a span outside direct speech."""
        found = _HE_OR_SHE.finditer(self.mentions.text, start, end)
        return (pronoun for pronoun in found if not self.layout.is_quoted(pronoun.start()))

    def _first_person(self, start: int, end: int) -> int:
        """Give where the first person is named in a span, its end if none is."""
        mentions = self.mentions
        runs = mentions.within(start, end)
        return next((run.start for run in runs if run.name and (run.title or mentions.kind(run.name) == "person")), end)

    def governs(self, name: str) -> bool:
        """Tell whether a person holds an office of a state."""
        return not self.titles.public.isdisjoint(self.known(name).office.split())

    def may_be(self, name: str, gender: str, *, despite: bool = False) -> bool:
        """Tell whether a person may be taken up by "he" or "she", "" anyone; `despite` what the given name tells."""
        if not gender:
            return True
        told = self.mentions.addressed(name) or self._taken_up(name) if despite else self.gender(name)
        return told in ("", gender)

    # Who holds an office

    def holder(self, office: str, head: str, actor: str, place: int) -> Referent | None:
        """Find who holds an office, of that actor if one is told: the one named last before a place."""
        wanted, best = set(office.split()), (False, -1, "")
        for name in self._bearers_of(head):
            held, whose, _ = self.known(name)
            if not wanted <= set(held.split()) or (actor and whose and actor != whose):
                continue
            best = max(best, (bool(actor and whose == actor), self._last_before(name, place), name))
        if best[1] < 0:
            return None
        found = self.person_named(best[2], place, 0.8)
        return found._replace(actor=found.actor or actor)

    def minister_of(self, house: str, head: str, place: int) -> Referent | None:
        """Find who holds an office with that head in a house: the minister of foreign affairs in that ministry."""
        words = set(house.lower().split())
        for name in self._bearers_of(head):
            held = {*self.known(name).office.split()} - {head}
            if held and held <= words:
                return self.person_named(name, place, 0.8)
        return None

    def spoken_for(self, actor: str) -> str:
        """Give the actor of a person that somebody speaks for ("Velden’s spokesman"), any other actor as it is."""
        return (self.mentions.kind(actor) == "person" and self.known(actor).actor) or actor

    def _last_before(self, name: str, place: int, only: str = "") -> int:
        last = -1
        for form in [only] if only else self.mentions.by_last.get(name.split()[-1].lower(), ())[:20]:
            if self.mentions.fullest(form) == name:
                runs = self.mentions.of_name[form]
                at = bisect_left(runs, place, key=lambda run: run.start)
                last = max(last, runs[at - 1].start if at else -1)
        return last

    def _bearers_of(self, head: str) -> list[str]:
        """Give the persons that hold an office with that head: those named beside the word."""
        bearers = self._bearers.get(head)
        if bearers is None:
            self._bearers[head] = []
            mentions, names = self.mentions, dict[str, None]()
            for word in (head, head.capitalize()):
                place = -1
                for _ in range(40):
                    place = mentions.text.find(word, place + 1)
                    if place < 0:
                        break
                    at = mentions.before(place)
                    for run in mentions.all[max(at - 2, 0) : at + 3]:
                        if -80 < run.start - place < 60:
                            names[self.person(run)] = None
            for run in mentions.titled[:500]:
                word = run.title.split()[-1].rstrip(".").lower()
                if self.titles.shortened.get(word, word).endswith(head):
                    names[self.person(run)] = None
            bearers = [name for name in list(names)[:100] if name and head in self.known(name).office.split()]
            self._bearers[head] = bearers
        return bearers
