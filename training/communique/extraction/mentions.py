"""Who and what an article names, and the fullest form of each name found anywhere in it.

A name is a run of words with capitals. "Foreign Minister Davit Kolmari" is a title and a name; "Korsumi President" a
people and a title; "But Mr Falk" an opener, a courtesy and a name. Names that end alike are one person's or one
organisation's ("Kolmari", "Davit Kolmari"; "the League", "Straits League").
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Literal, NamedTuple

from communique.extraction.actors import read_states
from communique.extraction.article import Span
from communique.extraction.titles import Titles

Kind = Literal["person", "organisation", "state", "word"]
"""What a name is of; "organisation": whatever is no person and no state, "word": no name, but how a sentence begins."""

_AROUND = 20_000  # characters in which a word without its capital tells that it is no name
_LONGEST = 120  # of a run, in characters: longer ones are shouting, not names
_MOST = 1 << 14  # runs and names that are remembered from one article to the next
_SUFFIXES = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv"})
_PRONOUN = re.compile(r"[his.!?](?:(?<=[.!?])\s|(?<!\w.)(?:(?<=h)(?:e|is|im|er)|(?<=s)he|(?<=i)ts?)\b)", re.DOTALL)
"""One of he, his, him, she, her, it, its, or the end of a sentence; looked for by its first character, for speed."""

_POSSESSIVE = re.compile(r"['’]s?\b|['’](?=\s)")
_TIED = re.compile(r" (?:of (?:the )?|and |\([a-z]{2,8}\.?\) )")
"""What may stand in a title: "Minister of Zandia Jane Roe", "Premier and Foreign Minister", "Gen. (ret.) Ana Poe"."""

_THE = re.compile(r"(?<!\w)[Tt]he (?=\w)")


class Parts(NamedTuple):
    """A run taken apart: "Veldanian", "Foreign Minister", "Davit Kolmari"; ``at``: where the name begins in the run."""

    lead: str
    title: str
    name: str
    at: int


class Look(NamedTuple):
    """What a name alone tells, in any article.

    ``words``: in lower case; ``bare``: without "Jr." and the like; ``institution``: whether a word of it names an
    organisation; ``person``: whether it may be the full name of somebody.
    """

    words: tuple[str, ...]
    bare: tuple[str, ...]
    institution: bool
    person: bool


class _Looks(dict[str, Look]):
    """The names met so far in a language, and the runs."""

    def __init__(self, titles: Titles) -> None:
        super().__init__()
        self.titles = titles
        self.parts: dict[str, Parts] = {}

    def __missing__(self, name: str) -> Look:
        if len(self) > _MOST:
            self.clear()
        written = name.split()
        words = bare = tuple(name.lower().split())
        while len(bare) > 1 and bare[-1] in _SUFFIXES:
            bare = bare[:-1]
        institution = any(_plain(word) in self.titles.organisations for word in written)
        shouted = any(word.isupper() and len(word) > 3 and "." not in word for word in written)
        look = self[name] = Look(words, bare, institution, 1 < len(written) < 6 and not institution and not shouted)
        return look


@lru_cache(maxsize=16)
def _looks_of(titles: Titles) -> _Looks:
    return _Looks(titles)


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
    """A form of a name: how often it stands there, with a title, "the", or a title of given names before it."""

    count: int = 0
    titled: int = 0
    article: int = 0
    familiar: int = 0
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
        self._looks = _looks_of(titles)
        self._kinds: dict[str, Kind] = {}
        self._bearers: dict[str, list[str]] = {}
        self._bodies: dict[str, bool] = {}
        self._peoples: dict[str, list[str]] | None = None
        self._fullest: dict[tuple[str, str], str] = {}
        self._taken_up: dict[str, list[str]] = {}
        self._stems: dict[str, list[str]] | None = None
        self._acronyms: dict[str, str] | None = None
        self._forms: dict[str, Form] = {}
        self.by_last: dict[str, list[str]] = {}
        self.by_first: dict[str, list[str]] = {}
        self.of_name: dict[str, list[Mention]] = {}
        self._spans = spans
        self.all = [mention for start, end in spans for mention in self._read(start, end)]
        for mention in self.all:
            if mention.name:
                self.of_name.setdefault(mention.name, []).append(mention)
        for name in self.of_name:
            bare = self._looks[name].bare
            self.by_last.setdefault(bare[-1], []).append(name)
            if len(bare) > 1:
                self.by_first.setdefault(bare[0], []).append(name)
        self.titled = [mention for mention in self.all if mention.title and mention.name]
        self.starts = [mention.start for mention in self.all]

    def read(self, start: int, end: int) -> Sequence[Mention]:
        """Give the runs of a span, those cut off at its ends as well."""
        first, last = bisect_left(self.starts, start), bisect_left(self.starts, end)
        cut = (first and self.all[first - 1].end > start) or (last > first and self.all[last - 1].end > end)
        cut = cut or self.text[start - 1 : start].isalnum()
        at = bisect_right(self._spans, start, key=itemgetter(0)) - 1
        if cut or at < 0 or end > self._spans[at][1]:
            return list(self._read(start, end))
        return self.all[first:last]

    def _read(self, start: int, end: int) -> Iterator[Mention]:
        """Read the runs of a span; what holds no name, title or people is no run."""
        text, known = self.text, self._looks.parts
        office: Mention | None = None  # a title that has not met its bearer
        for found in self.titles.run.finditer(text, start, end):
            run = found[0]
            lead, title, name, at = known.get(run) or self.part(run)
            if name or title or lead:
                first, last = found.span()
                mention = Mention(first, first + at, last, lead, title, name)
                if first and text[first - 1].isalnum():
                    mention = Mention(first, last, last, "", "", "")  # "iPhone": no name, yet a run
                if office:
                    if first - office.end < 14 and (joined := self._join(office, mention)):
                        mention = joined
                    else:
                        yield office
                    office = None
                if mention.title and not mention.name:
                    office = mention
                else:
                    yield mention
        if office:
            yield office

    def _join(self, office: Mention, mention: Mention) -> Mention | None:
        """Join a title to its other half, or to its bearer behind whose it is; None if they do not belong together."""
        tie = _TIED.fullmatch(self.text, office.end, mention.start)
        if not tie:
            return None
        if tie[0][1] == "(":
            return mention._replace(start=office.start, lead=office.lead, title=office.title) if mention.name else None
        found = self._other_half(office, mention, tie[0]) or self._behind_whose(office, mention, tie[0])
        if not found:
            return None
        lead, title, name = found
        at = mention.end - len(name)
        return Mention(office.start, at, mention.end, lead, title, name) if self.text.startswith(name, at) else None

    def _other_half(self, office: Mention, mention: Mention, tie: str) -> tuple[str, str, str] | None:
        """Give the parts of a title that goes on: "Minister of | Trade", "Premier and | Trade Minister Jo Orr".

        "Mr Roe and Mr Falk" are two, and so are "the Premier and Trade Minister Jo Roe".
        """
        if mention.lead:
            return None
        if mention.title:
            if tie != " and " or _THE.search(self.text, max(office.start - 4, 0), office.end):
                return None
            halves = [{_plain(word) for word in title.split()} for title in (office.title, mention.title)]
            if any(not half & self.titles.offices or half & self.titles.honorifics for half in halves):
                return None
            return office.lead, f"{office.title} and {mention.title}", mention.name
        words = mention.name.split()
        size = next((i for i, word in enumerate(words) if word.lower() not in self.titles.modifiers), len(words))
        if not size or len(words) - size == 1 or (tie == " and " and " of " not in office.title):
            return None  # "Bishop of High Wycombe"
        return office.lead, f"{office.title}{tie}{' '.join(words[:size])}", " ".join(words[size:])

    def _behind_whose(self, office: Mention, mention: Mention, tie: str) -> tuple[str, str, str] | None:
        """Give lead, title and name of "President of | Zandia Jane Roe"."""
        lead, title, words = mention.lead, mention.title, mention.name.split()
        if tie == " and ":
            return None
        if title and not (lead and words and all(_plain(word) in self.titles.honorifics for word in title.split())):
            return None  # "Speaker of the House Foreign Committee"
        if not title and not lead:
            size = self._polity(words)
            lead, words = " ".join(words[:size]), words[size:]
        if not lead or not words or _plain(words[-1]) in self.titles.organisations:
            return None
        return lead, office.title, " ".join(words)

    def _polity(self, words: Sequence[str]) -> int:
        """Tell how many words of "Zandia Jane Roe", behind "President of", are whose the office is; 0 if all may be."""
        for size in range(len(words) - 1, 0, -1):
            if " ".join(words[:size]) in self.states or _plain(words[size - 1]) in self.titles.organisations:
                return size
        if len(words) < 3 or words[0].lower() in self.titles.gender:
            return 0
        return len(words) - 2

    def form(self, name: str) -> Form:
        """Tell how a name stands in the article; all zero if it does not."""
        form = self._forms.get(name)
        if form is None:
            form = self._forms[name] = Form()
            for mention in self.of_name.get(name, ()):
                form.count += 1
                if mention.title:
                    form.titled += 1
                    form.familiar += _plain(mention.title.split()[-1]) in self.titles.familiar
                    form.gender = form.gender or self.titles.gender_of(mention.title)
                elif self.text[mention.at - 4 : mention.at] in ("the ", "The "):
                    form.article += 1
        return form

    def part(self, run: str) -> Parts:
        """Take a run apart."""
        known = self._looks.parts
        part = known.get(run)
        if part is None:
            if len(known) > _MOST:
                known.clear()
            part = known[run] = self._part(run) if len(run) <= _LONGEST else Parts("", "", "", 0)
        return part

    def _part(self, run: str) -> Parts:
        titles, words = self.titles, run.split()
        if len(words) == 1:
            word = run.rstrip(".").lower()
            if word in titles.openers and run not in self.states:  # "us", but "US"
                return Parts("", "", "", len(run))
            return Parts("", run, "", len(run)) if word in titles.heads else Parts("", "", run, 0)
        begin = 0
        while begin < len(words) and words[begin].lower() in titles.openers and words[begin] not in self.states:
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
        return name in self.states or name in self.titles.metonyms or self._looks[name].institution

    def kind(self, name: str) -> Kind:
        """Tell what a name is of."""
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = self._tell(name)
        return kind

    def _tell(self, name: str) -> Kind:
        form, look = self.form(name), self._looks[name]
        if form.titled:
            return "person"
        if name in self.states or name in self.titles.metonyms:
            return "state"
        if look.institution:
            return "organisation"
        if form.article * 2 > form.count:
            return "organisation"
        if len(look.words) == 1:
            if name.isupper() and len(name) > 1:
                return "organisation"
            full = self.fullest(name)
            if full != name:
                return self.kind(full)
            place = self.of_name[name][0].start if name in self.of_name else 0
            if self.text.find(f" {name.lower()}", max(place - _AROUND, 0), place + _AROUND) >= 0:
                return "word"
            return "person" if name.lower() in self.titles.gender or self._is_he_or_she(name) else "organisation"
        words = name.split()
        if len(words) > 5 or any(word.isupper() and len(word) > 2 and "." not in word for word in words):
            return "organisation"
        return "person" if look.words[0] in self.titles.gender or not self._is_thing(name) else "organisation"

    def _is_thing(self, name: str) -> bool:
        """Tell from the words before its mentions that a name is no person's: "in", "on", "the group"."""
        mentions = self.of_name.get(name, ())[:6]
        before = [words[-1] for mention in mentions if (words := self._before(mention))]
        if any(word in self.titles.generic for word in before):
            return True
        return sum(word in self.titles.places for word in before) * 2 > len(mentions)

    def _before(self, mention: Mention) -> list[str]:
        """Give the words right before a name."""
        return self.text[max(mention.start - 14, 0) : mention.start].split()

    def _pronouns(self, name: str) -> list[str]:
        """Give the pronouns that follow a name within its sentences."""
        if name in self._taken_up:
            return self._taken_up[name]
        found = self._taken_up[name] = list[str]()
        for mention in self.of_name.get(name, ())[:20]:
            if (before := self._before(mention)) and before[-1] in self.titles.belonging:
                continue  # "Jo Orr of Sunmar and her envoy"
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
        looks = self._looks
        words = looks[name].bare
        if not words or name in self.states or name in self.titles.metonyms:
            return name
        fuller = [
            form
            for form in self.by_last.get(words[-1], ())[:200]
            if len(looks[form].words) > len(words) and _is_part(words, looks[form].words)
        ]
        if len(words) > 1 and words[-1] not in self.titles.organisations:
            # "Ruzane Ilo Imbali" is fuller than "Ruzane Imbali", "Rival Ruzane Imbali" is not.
            fuller = [form for form in fuller if form.lower().startswith(f"{words[0]} ")]
        if not fuller and len(words) == 1:
            fuller = (
                [
                    form
                    for form in self.by_first.get(words[0], ())[:200]
                    if form not in self.states and looks[form].person
                ]
                if self.form(name).familiar or (not self.form(name).titled and words[0] in self.titles.gender)
                else []
            )
        if not fuller:
            return self.written_out(name)
        own = self.form(name)
        if own.article * 2 > own.count:
            fuller = [form for form in fuller if not looks[form].person] or fuller
        else:
            fuller = [form for form in fuller if looks[form].person and self.kind(form) == "person"] or (
                fuller if len(words) == 1 and words[0] in self.titles.organisations else []
            )
        if fuller and (gender := gender or self._voted(name)):
            fuller = [form for form in fuller if self.gender(form) in (gender, "")]
        if not fuller:
            return name
        # The chief bearer of the name, then the longest form of the same person's.
        known = set(fuller)
        bare = [form for form in fuller if not any(form != other and form.endswith(f" {other}") for other in known)]
        chief = max(bare, key=lambda form: self.form(form).count)
        first = looks[chief].words[0]
        same = [form for form in bare if looks[form].words[0] == first and len(looks[form].words) <= 4]
        return max(same, key=lambda form: (len(looks[form].words), self.form(form).count), default=chief)

    def bearers(self, name: str) -> list[str]:
        """Give the full names of all persons that a family name may mean."""
        bearers = self._bearers.get(name)
        if bearers is None:
            bearers = self._bearers[name] = []
            if " " not in name:
                first: dict[str, str] = {}
                for form in self.by_last.get(name.lower(), ())[:50]:
                    look = self._looks[form]
                    if look.person:
                        first.setdefault(look.words[0], form)
                known = list(first.values())
                if len(known) > 1:
                    known = [one for one in known if self.kind(one) == "person"]
                    known = [one for one in known if not any(one.endswith(f" {other}") for other in known)]
                bearers += known
        return bearers

    def is_body(self, name: str) -> bool:
        """Tell whether anything says that a name which stands alone is a country's or an organisation's."""
        body = self._bodies.get(name)
        if body is None:
            body = self._bodies[name] = self._is_body(name)
        return body

    def _is_body(self, name: str) -> bool:
        if self.form(name).article or name.isupper() or not name.isalpha() or self._looks[name].institution:
            return True
        for mention in self.of_name.get(name, ())[:20]:
            if (before := self._before(mention)) and before[-1] in self.titles.places:
                return True
            if self.owns_organ(mention):
                return True
        if self._peoples is None:
            self._peoples = {}
            for called in {mention.lead or mention.name for mention in self.all}:
                self._peoples.setdefault(called[:4], []).append(called)
        return any(self._home(people) == name for people in self._peoples.get(name[:4], ())[:50])

    def owns_organ(self, mention: Mention) -> bool:
        """Tell whether an organ or an office of a country stands behind its name: "Veldania’s foreign ministry"."""
        whose = _POSSESSIVE.match(self.text, mention.end)
        behind = self.text[whose.end() : whose.end() + 40].split(",")[0].lower().split()[:3] if whose else ()
        return any(word in self.titles.organs or word in self.titles.governing for word in behind)

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
        words = self._looks[name].words
        given = self.titles.gender.get(words[0], "") if len(words) > 1 else ""
        return self.form(name).gender or given or self.addressed(name)

    def addressed(self, name: str) -> str:
        """Tell "he", "she" or "" of a person by the titles before the name, or its last word if nobody shares it."""
        if gender := self.form(name).gender:
            return gender
        words = self._looks[name].words
        for other in self.by_last.get(words[-1], ())[:50] if len(words) > 1 else ():
            if " " not in other and (gender := self.form(other).gender) and self.bearers(other) == [name]:
                return gender
        return ""

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
            for place in self.of_name:
                if " " not in place:
                    self._stems.setdefault(place[:4].lower(), []).append(place)
        best, longest = "", 3
        for place in self._stems.get(people[:4].lower(), ())[:50]:
            common = _common(place, people)
            fits = people[common:] in titles.peoples and place[common:] in titles.countries and place != people
            if fits and common > longest and len(place) - common <= 2:
                best, longest = place, common
        return best

    def before(self, position: int) -> int:
        """Tell how many runs begin before a place."""
        return bisect_left(self.starts, position)

    def end_of_title(self, place: int) -> int:
        """Give where the name ends before whose title ends at a place; the place itself if no title does."""
        at = bisect_left(self.starts, place) - 1
        run = self.all[at] if at >= 0 else None
        return run.end if run and run.title and run.start < place < run.at else place

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


def _common(one: str, other: str) -> int:
    """Tell how many characters two words begin alike with."""
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return length


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
