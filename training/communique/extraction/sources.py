"""Who speaks, in languages other than English: name, office and actor read out of the phrase that stands at the cue.

English has "the", "of" and "'s" to tell whose an office is, and `speakers` reads them. Other languages tell it by case,
by order or by nothing but the words. So the phrase is cut at its office: what belongs to it, and the name, are known by
capitals where a script has them, by the order [office] [whose] [name], or in Chinese [whose] [office] [name]. A surname
is given in the fullest form of the article, "she" and "the minister" are followed back to whom they stand for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice, zip_longest
from typing import NamedTuple

from communique.extraction.article import Article
from communique.extraction.attribution import Attribution
from communique.extraction.lexicon import Lexicon
from communique.extraction.speakers import Speaker
from communique.extraction.titles import Titles, titles_of

_LONGEST = 300  # characters of a phrase
_RECENT = 50  # persons that an office or a pronoun may take up
_RUNS = 4000  # names of an article that are looked at
_TOKEN = re.compile(r"[^\W_](?:[’']$|[^\W_]|[\u0300-\u036f\u064b-\u0652\u0670]|[-’'.](?=[^\W_]))*[’']?")
_BREAK = re.compile(r"\s*[,،;:()（）]\s*|\s[—–-]\s")
_CASES = {"а": ("", "й", "о"), "я": ("ь", "й", "е"), "ы": ("а",), "и": ("я", "а")}
"""Endings of the genitive in Russian, and those of the nominative that may belong to them."""
_CAPITALISED = r"[^\W\d_a-zа-яёіїєґà-öø-ÿ][\w’'-]{1,40}"
_RUN = re.compile(
    rf"(?<!\w){_CAPITALISED}(?:[ \xa0](?:(?:de|del|la|du|van|von|da|dos|y)[ \xa0]){{0,2}}{_CAPITALISED}){{1,6}}"
)
_DOTTED = re.compile(r"[\u4e00-\u9fff]{1,12}(?:[·・‧•][\u4e00-\u9fff]{1,8})+")
_PLACED = re.compile(r"\b(?:в|во|из|у|на|до|з|із)\s+([А-ЯЁІЇЄҐ][\w’'-]+)")
_NOMINATIVE = re.compile(r"\b[А-ЯІЇЄҐ][\w’'-]{1,40}[иі]я\b")
_REPORT = re.compile(r"的?(?:说法|說法|消息|报道|報道|声明|聲明|数据|統計|统计|通报|消息人士)$")
_ASIDE = re.compile(r"[（(][^（()）]{0,60}[)）]")
_SEPARATE = re.compile(r"[·・‧•]")
_FIRST_DECLENSION = re.compile(r"([А-ЯЁ][а-яё-]*?(?:[кгхжшщч](?=и$))?)(ии|ы|(?<=[кгхжшщч])и)")
_FEMININE = re.compile(r"([А-ЯЁ][А-ЯЁа-яё-]*(?:ов|ев|ёв|ин|ын|ск|цк))ой")
_MASCULINE = re.compile(r"([А-ЯЁ][А-ЯЁа-яё-]*(?:ов|ев|ёв|ин|ын))а")
_SECOND_DECLENSION = re.compile(r"([А-ЯЁ][а-яё-]+(?<!вл)(?<!льв))(?:а|я(?:(?<=[аеиу]я)(?P<й>)|(?P<ь>)))")
_QUOTED = re.compile(r"[«»“”\"„「」]")


class _Parts(NamedTuple):
    """A phrase taken apart; an organisation's `name` is its own."""

    name: str = ""
    office: str = ""
    actor: str = ""
    organisation: bool = False


def resolve_sources(article: Article, attributions: Sequence[Attribution], lexicon: Lexicon) -> tuple[Speaker, ...]:
    """Return the speaker of each attribution, in their order; an empty one where none can be found."""
    register = _Register(article, titles_of(lexicon), lexicon)
    return tuple(register.speaker(attribution) for attribution in attributions)


class _Register:
    """Who is who in an article, as far as it has been read."""

    def __init__(self, article: Article, titles: Titles, lexicon: Lexicon) -> None:
        language = lexicon.language
        self.text, self.titles, self.language = article.text, titles, language
        self.heads = titles.offices | titles.shortened.keys()
        self.bodies = titles.organisations
        self.persons: dict[str, _Parts] = {}  # full name -> what is known of it; the last one who spoke stands last
        self.last: _Parts | None = None
        self.genitives = frozenset(lexicon.table("phrases").get("source", ())) if language == "ru" else frozenset()
        self.full: dict[str, str] = {}  # key of a surname -> full name
        self.places = (
            {_key(found[1], language) for found in _PLACED.finditer(self.text)} if language in ("ru", "uk") else set()
        )
        self.nominatives: dict[str, str] = (
            {word[:-1]: word for word in _NOMINATIVE.findall(self.text)} if language in ("ru", "uk") else {}
        )
        self.signs = (
            _longest_first(titles.offices),
            _longest_first(titles.modifiers),
            _longest_first(titles.organisations),
        )
        phrases = lexicon.table("phrases")
        self.openers = frozenset(
            phrase.split()[0] for kind in ("source", "accord", "as") for phrase in phrases.get(kind, ())
        ) | lexicon.words.get("prepositions", frozenset())
        self._read_names()

    def _read_names(self) -> None:
        """Read the full names of the text, with the office beside each."""
        if self.language == "ar":
            return
        pattern = _DOTTED if self.language == "zh" else _RUN
        for number, run in enumerate(pattern.finditer(self.text)):
            if number > _RUNS:
                break
            first, _, around = run[0].partition(" ")
            if first.lower() not in self.openers:  # "According to" of a single name is no given name
                around = run[0]
            elif " " not in around:
                continue
            if self.language != "zh":
                start = max(run.start() - 60, 0)
                before = re.split(r"[.!?«»“”\"\n;:]", self.text[start : run.start()])[-1]
                apposed = before.rstrip()
                pieces = _BREAK.split(apposed.removesuffix(","))
                around = pieces[-1] + (", " if apposed.endswith(",") else " ") + around
                behind = re.match(r", ([^,.;:!?«»“”\"\n]{3,60})", self.text[run.end() : run.end() + 64])
                if behind and self._head(behind[1].split()[:3]):
                    around += behind[0]
            parts = self.read(around)
            if parts.name and not parts.organisation and len(_pieces(parts.name)) > 1:
                self._know(parts)

    def _head(self, words: Sequence[str]) -> bool:
        return any(word.lower().strip("’'.") in self.heads for word in words)

    def _know(self, parts: _Parts) -> _Parts:
        """Keep what a phrase tells of a person, and return all that is known."""
        known = self.persons.pop(parts.name, _Parts())
        parts = _Parts(parts.name, known.office or parts.office, known.actor or parts.actor)
        self.persons[parts.name] = parts
        if len(_pieces(parts.name)) > 1:
            key = _key(_pieces(parts.name)[-1], self.language)
            if key not in self.full or _is_genitive(self.full[key], parts.name):
                self.full[key] = parts.name
        return parts

    # -- phrases

    def read(self, phrase: str) -> _Parts:
        """Take a phrase apart."""
        if self.language == "zh":
            return self._read_signs(phrase.strip())
        found = _Parts()
        for segment in _BREAK.split(phrase):
            words = _TOKEN.findall(segment)
            if words:
                parts = self._read_arabic(words) if self.language == "ar" else self._read_words(words)
                if found.organisation and parts.name and not parts.organisation:
                    continue
                found = _Parts(
                    found.name or parts.name,
                    found.office or parts.office,
                    found.actor or parts.actor,
                    found.organisation or (parts.organisation and not found.name and not found.office),
                )
        return found

    def _read_words(self, words: list[str]) -> _Parts:
        """Read a phrase in a script with capitals: [office] [whose] [name]."""
        titles = self.titles
        words = [part for word in words for part in _elided(word, self.language)]
        plain = [word.lower().replace("’", "'").rstrip(".") for word in words]
        bodies = [titles.shortened.get(word, word) in self.bodies for word in plain]
        at = next((i for i, word in enumerate(plain) if word in self.heads or bodies[i]), -1)
        if at < 0:
            while plain and (plain[0] in titles.honorifics or plain[0] in titles.definite or not words[0][0].isupper()):
                del plain[0], words[0]
            return _Parts(" ".join(_capitals(words, titles)))
        first = at
        while first and plain[first - 1] in titles.modifiers:
            first -= 1
        body = bodies[at]
        inflected = self.language in ("ru", "uk")
        office = [titles.shortened.get(word, word) for word in plain[first : at + 1]]
        at += 1
        owner: list[str] = []
        while at < len(words):
            tie = at
            while tie < len(words) and (plain[tie] in titles.belonging or (tie > at and plain[tie] in titles.definite)):
                tie += 1
            if tie < len(words) and tie > at and words[tie][0].isupper() and plain[tie] not in titles.modifiers:
                owner = _capitals(words[tie:], titles)
                at = tie + len(owner)
                break
            if (
                tie < len(words)
                and tie > at
                and plain[tie] not in titles.modifiers
                and (plain[tie] in self.bodies or not owner)
            ):
                owner = [words[tie]]
                at = tie + 1
                continue
            if tie >= len(words):
                break
            known = plain[tie] in titles.modifiers or plain[tie] in self.heads or plain[tie] in self.bodies
            if known or (inflected and words[tie][0].islower()):
                office += [*plain[at:tie], words[tie] if words[tie].isupper() else plain[tie]]
            elif words[tie][0].isupper():
                break
            at = tie + 1
        name = _capitals(words[at:], titles) if at < len(words) else []
        if inflected and name:
            owner, name = self._split(name, whose=body)
        shown = _joined(office)
        actor = self._nominative(" ".join(owner))
        if body:
            return _Parts(shown, "", actor, organisation=True)
        while name and name[0].lower() in titles.honorifics:
            del name[0]
        return _Parts(" ".join(name), shown, actor)

    def _split(self, run: list[str], *, whose: bool) -> tuple[list[str], list[str]]:
        """Split the capitals behind an office into whose it is and who holds it, where case alone tells them apart."""
        if whose:
            return run, []
        if len(run) > 2:
            size = 3 if run[-2].endswith(("ич", "вна", "чна")) else 2  # with the father's name, or without
            return run[:-size], run[-size:]
        key = _key(run[0], self.language)
        placed = key in self.places or run[0] in self.titles.metonyms or run[0].lower() in self.titles.places
        if len(run) == 2:
            return (run[:1], run[1:]) if placed else ([], run)
        if key in self.full:
            return [], run
        return (run, []) if placed or run[0].endswith(("ии", "ії", "стана", "стану")) else ([], run)

    def _nominative(self, name: str) -> str:
        """Give the name of a place in the form that the article names it by, or the usual one."""
        if name in self.titles.metonyms:
            return self.titles.metonyms[name]
        if self.language not in ("ru", "uk") or " " in name or not name.endswith(("ии", "ії")):
            return name
        return self.nominatives.get(name[:-1], name)

    def _read_arabic(self, words: list[str]) -> _Parts:
        """Read a phrase in a script without capitals: [office] [whose] [name]."""
        titles = self.titles
        words = [re.sub("[\u064b-\u0652\u0670ـ]", "", word) for word in words]
        if words[0].startswith("لل"):
            words[0] = "ال" + words[0][2:]
        elif words[0][:1] in "لب" and (words[0][1:] in self.heads or words[0][1:] in self.bodies):
            words[0] = words[0][1:]
        at = next((i for i, word in enumerate(words[:4]) if word in self.heads or word in self.bodies), -1)
        if at < 0:
            return _Parts(" ".join(word for word in words if word not in titles.honorifics))
        body = words[at] in self.bodies
        office, at = [words[at]], at + 1
        definite = office[0].startswith("ال")
        while at < len(words) and words[at] in titles.modifiers:
            office.append(words[at])
            at += 1
        owner: list[str] = []
        if at + 1 < len(words) and words[at] in titles.belonging:
            owner, at = [words[at + 1]], at + 2
            while at < len(words) and (words[at] in titles.modifiers or words[at].startswith("ال")):
                owner.append(words[at])
                at += 1
        rest = [word for word in words[at:] if word not in titles.honorifics]
        if definite or len(office) > 1:
            while len(rest) > 1 and rest[0].startswith("ال") and rest[0].endswith(("ي", "ية")):
                del rest[0]  # the people he or she is of
        if body:
            return _Parts(" ".join(office), "", " ".join(owner or rest), organisation=True)
        if not owner and not definite and len(rest) != 2:
            owner, rest = (rest[:-2], rest[-2:]) if len(rest) > 2 else (rest, [])
        return _Parts(" ".join(rest), " ".join(office), " ".join(owner))

    def _read_signs(self, phrase: str) -> _Parts:
        """Read a phrase in Chinese: [whose] [office] [name]."""
        offices, modifiers, bodies = self.signs
        phrase = _REPORT.sub("", _ASIDE.sub("", phrase))
        for honorific in self.titles.honorifics:
            phrase = phrase.removesuffix(honorific)
        heads = list(offices.finditer(phrase)) if offices else []
        if heads:
            start, end = heads[-1].span()
            start = _extended(phrase, start, modifiers)
            return _Parts(phrase[end:].strip(), phrase[start:end], phrase[:start].strip())
        ends = [found for found in bodies.finditer(phrase) if found.end() == len(phrase)] if bodies else []
        if ends:
            return _Parts(ends[0][0], "", phrase[: ends[0].start()].strip(), organisation=True)
        return _Parts(phrase)

    # -- speakers

    def speaker(self, attribution: Attribution) -> Speaker:
        """Return the speaker of an attribution."""
        if attribution.source is None:
            return self._shown(self.last, 0.5) if self.last else Speaker()
        start, end = attribution.source
        phrase = " ".join(self.text[start : min(end, start + _LONGEST)].split())
        if attribution.kind == "turn":
            phrase = phrase.title() if phrase.isupper() else phrase
        if kind := self.titles.pronouns.get(phrase.lower()):
            found = self._pronoun(kind)
            return self._shown(found, 0.75) if found else Speaker(phrase, "", "", 0.3)
        if attribution.cue and self.text[slice(*attribution.cue)].lower() in self.genitives:
            phrase = self._upright(phrase)
        parts = self.read(phrase)
        if _QUOTED.search(phrase) or not (parts.name or parts.office):
            parts = _Parts(self._bare(phrase), "", parts.actor, organisation=True)
        if parts.name and not parts.organisation:
            name = (
                self.full.get(_key(_pieces(parts.name)[-1], self.language), "") if len(_pieces(parts.name)) == 1 else ""
            )
            parts = self._know(parts._replace(name=name or parts.name))
        elif not parts.organisation:
            parts = self._holder(parts) or parts
        self.last = parts
        return self._shown(parts, 0.9 if parts.name else 0.6)

    def _upright(self, phrase: str) -> str:
        """Return a phrase in the genitive with its office and name in the nominative, where a rule is sure.

        An office is what the lexicon knows with another ending; a name, what the article has so. Else "Анны Орловой"
        can only be Анна Орлова: a given name in -ы with a surname in -ой; and "Ивана Орлова" only Иван Орлов.
        """
        words = phrase.split()
        known = self.heads | self.bodies
        if words[0].lower() not in self.titles.modifiers:
            words[0] = next((word for word in _nominatives(words[0]) if word.lower() in known), words[0])
        given, surname = words[-2:] if len(words) > 1 else ("", words[0])
        full = self.full.get(_key(surname, self.language), "")
        if given[:1].isupper() and full and _is_genitive(" ".join(words[-len(full.split()) :]), full):
            words[-len(full.split()) :] = full.split()
        elif (first := _FIRST_DECLENSION.fullmatch(given)) and (last := _FEMININE.fullmatch(surname)):
            words[-2] = first[1] + ("ия" if first[2] == "ии" else "а")
            words[-1] = last[1] + ("ая" if last[1].endswith(("ск", "цк")) else "а")
        elif last := _MASCULINE.fullmatch(surname):
            names = words[-3 if given.endswith("ича") else -2 : -1] if given[:1].isupper() else []
            found = [name for name in map(_SECOND_DECLENSION.fullmatch, names) if name]
            if len(found) == len(names):
                words[-len(names) - 1 :] = [*(name[1] + (name.lastgroup or "") for name in found), last[1]]
        return " ".join(words)

    def _bare(self, phrase: str) -> str:
        first, _, rest = phrase.partition(" ")
        return rest if rest and first.lower() in self.titles.definite else phrase

    def _shown(self, parts: _Parts, confidence: float) -> Speaker:
        if parts.organisation:
            return Speaker(parts.name, "", parts.actor or parts.name, confidence)
        return Speaker(parts.name or parts.office, parts.office, parts.actor, confidence)

    def _pronoun(self, kind: str) -> _Parts | None:
        """Return whom a pronoun takes up: the last who spoke, if nothing is against it."""
        if kind in ("he", "she"):
            if self.last and not self.last.organisation and self._gender(self.last) in ("", kind):
                return self.last
            for parts in islice(reversed(self.persons.values()), _RECENT):
                if self._gender(parts) in ("", kind):
                    return parts
            return None
        return self.last

    def _gender(self, parts: _Parts) -> str:
        words = [word for word in parts.office.split() if word in self.titles.gender]
        return self.titles.gender[words[0]] if words else ""

    def _holder(self, parts: _Parts) -> _Parts | None:
        """Return who holds an office that is named without a name."""
        wanted = _stem(parts.office, self.language)
        for known in islice(reversed(self.persons.values()), _RECENT):
            if wanted and _stem(known.office, self.language).startswith(wanted) and parts.actor in ("", known.actor):
                return known
        return None


def _pieces(name: str) -> list[str]:
    return _SEPARATE.split(name) if _SEPARATE.search(name) else name.split()


def _nominatives(word: str) -> list[str]:
    """Return what a Russian word in the genitive may be in the nominative."""
    return [word[:-1] + ending for ending in _CASES.get(word[-1:], ())]


def _is_genitive(name: str, other: str) -> bool:
    """Tell whether a name may be the genitive of another, word by word."""
    pairs = list(zip_longest(name.split(), other.split(), fillvalue=""))
    return all(nominative in _nominatives(word) for word, nominative in pairs)


def _key(word: str, language: str) -> str:
    """Return what stays of a name in all its cases."""
    word = word.lower()
    if language in ("ru", "uk") and len(word) > 4:
        return re.sub(r"(?:ого|ому|ой|ою|ом|ем|им|ым|ої|ій|ия|ии|ию|ія|ії|ію|[аяуюыиіе])$", "", word)
    return word


def _stem(office: str, language: str) -> str:
    """Return an office without what its definite form has before it."""
    return office.removeprefix("ال") if language == "ar" else office


def _capitals(words: Sequence[str], titles: Titles) -> list[str]:
    """Return the words up to the first that cannot belong to a name."""
    found: list[str] = []
    for at, word in enumerate(words):
        small = (
            word.lower() in titles.particles and found and any(other[0].isupper() for other in words[at + 1 : at + 3])
        )
        if not (word[0].isupper() or word[0].isdigit() or small):
            break
        found.append(word)
    return found


def _elided(word: str, language: str) -> list[str]:
    """Cut "l'" and "d'" off a French word."""
    cut = re.match(r"([ld][’'])(.+)", word, re.IGNORECASE) if language == "fr" else None
    return [cut[1], cut[2]] if cut else [word]


def _joined(words: Sequence[str]) -> str:
    return " ".join(words).replace("' ", "'")


def _longest_first(words: frozenset[str]) -> re.Pattern[str] | None:
    listed = sorted(words, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, listed))) if listed else None


def _extended(phrase: str, start: int, modifiers: re.Pattern[str] | None) -> int:
    """Return where an office begins with the words that modify it."""
    found = [match.span() for match in modifiers.finditer(phrase, 0, start)] if modifiers else []
    for first, last in reversed(found):
        if last != start:
            break
        start = first
    return start
