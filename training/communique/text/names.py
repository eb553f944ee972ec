"""Names of states in texts: find them, mask them, put another's in their place.

Who speaks should not decide what a statement does. A classifier that has seen one state threaten more often than
another may learn the name instead of the act; names must be found before anyone can tell, or prevent it.

``data/gazetteer.csv`` lists the states of the world. A name is matched as it is spelled there, upper and lower case
included, as a whole word (a hyphen or a possessive may follow), the longest first: "Papua New Guinea" is not Guinea,
"Latin America" and "the Niger Delta" are no state. What spelling and the neighbouring words cannot tell (is "Paris" the
city or the government?) is not told.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import pyarrow as pa

from communique import bundled
from communique.errors import DataError
from communique.text.tokens import texts_of

Role = Literal["country", "adjective", "people", "capital", "leader"]
ROLES: tuple[Role, ...] = get_args(Role)

GAZETTEER = bundled.DATA / "gazetteer.csv"

# In letters that no other word has, so that no n-gram of theirs is one of a word's; letters, for token patterns.
_STATE = "ᴄᴏᴜɴᴛʀʏ"
PLACEHOLDERS: dict[Role, str] = dict.fromkeys(ROLES, _STATE) | {"leader": "ʟᴇᴀᴅᴇʀ"}
"""What stands for a masked name.

One word for whatever a state is called by, since many names are two of these at once ("Luxembourg", "the French",
"US"): were they masked apart, what is left would still tell some states from others.
"""

_CLOSED_CLASSES = (
    "a about after again against all also although an and any are as at be because before both but by can cannot "
    "could despite did do does during each even every for from had has have he her here his how however i if in into "
    "is it its let may might more most must my neither never no nor not nothing now of on once only or our over says "
    "said shall she should since so some still such than that the their then there these they this those though "
    "through to today too under unless until upon was we were what when where which while who whose why will with "
    "within without would yes yesterday yet you your"
)
CLOSED = frozenset(_CLOSED_CLASSES.split())
"""Words of the closed classes, lower case: what begins a sentence without being a name, and what follows a noun."""

_WORD = re.compile(r"[^\W_]+")
# A class of characters first, which Python's re looks for many times faster than for the start of a word.
_CAPITALISED = re.compile(r"[A-Z\u00c0-\u00de\u0100-\u024f\u1e00-\u1eff][^\W_]*")
_ARTICLE = re.compile(r"\bthe $", re.IGNORECASE)
_SENTENCE_START = re.compile(r"(?:^|[.!?…:]['\"’”)\]]*\s|[\n“\"‘(\[])\s*['\"“‘(\[]*$")
_NO_ARTICLE = re.compile(
    r"(?:\bthe|\ban?|\w+(?:ern|ous|ied)|neighbou?ring|independent|united|new|post-war|central|greater|our|their|all) $",
    re.IGNORECASE,
)
_INDEFINITE = re.compile(r"\b([Aa])n?(?= $)")
_SOUNDS_LIKE_A_VOWEL = re.compile(r"[AEIOÉ]|Uz")
_POSSESSIVE = re.compile(r"(['’])(s\b|(?=\s+[a-z]))")

# Given or family names as well: no state if the word beside them has a capital and is no word of the closed classes.
_ALSO_PERSONS = frozenset({"Chad", "Georgia", "Jordan", "Sofia", "Victoria"})


@dataclass(frozen=True)
class State:
    """One state of the gazetteer.

    ``names`` (of the country, with "the " where it takes the article), ``adjectives``, ``people`` (plural nouns) and
    ``capitals`` have the usual form first and may be empty. ``leaders``: for each head of state or government, now or
    of late, the forms of the name, the full one first. ``unless``: phrases in which a name of the state means something
    else. ``code`` is ISO 3166-1 alpha-3 (XKX, in use though not assigned, for Kosovo).
    """

    code: str
    names: tuple[str, ...]
    adjectives: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    capitals: tuple[str, ...] = ()
    leaders: tuple[tuple[str, ...], ...] = ()
    unless: tuple[str, ...] = ()
    region: str = ""

    @property
    def name(self) -> str:
        """The usual name, with its article."""
        return self.names[0]

    def form(self, role: Role, short: bool = False) -> str | None:
        """Give the usual name of a role, the short one of the leader if wished; None if the gazetteer has none."""
        if role == "leader":
            of_leader = self.leaders[0] if self.leaders else (None,)
            return min(of_leader, key=lambda form: form.count(" ") if form else 0) if short else of_leader[0]
        forms = {"country": self.names, "adjective": self.adjectives, "people": self.people, "capital": self.capitals}
        return next(iter(forms[role]), None)

    def forms(self) -> Iterator[tuple[Role, str, bool]]:
        """Give every name with its role, and whether it is short for the first of its kind."""
        yield from (("country", form, False) for form in self.names)
        yield from (("adjective", form, False) for form in self.adjectives)
        yield from (("people", form, False) for form in self.people)
        yield from (("capital", form, False) for form in self.capitals)
        for forms in self.leaders:
            yield from (("leader", form, form.count(" ") < forms[0].count(" ")) for form in forms)


@dataclass(frozen=True)
class Span:
    """A name in a text: ``text[start:end]``, in Unicode code points; the article before a country belongs to it."""

    start: int
    end: int
    state: str
    role: Role
    short: bool = False


@dataclass(frozen=True)
class Edit:
    """What is written in place of ``original[start:end]``."""

    start: int
    end: int
    new: str


@dataclass(frozen=True)
class Rewritten:
    """A text with other words at some places, in order, and the way back to the original."""

    original: str
    edits: tuple[Edit, ...]

    @property
    def text(self) -> str:
        """The text as rewritten."""
        pieces, position = [], 0
        for edit in self.edits:
            pieces += [self.original[position : edit.start], edit.new]
            position = edit.end
        return "".join([*pieces, self.original[position:]]) if pieces else self.original

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Find the place in the original of ``text[start:end]``; a new word that is touched counts whole."""
        return self._place(start, is_end=False), self._place(end, is_end=True)

    def _place(self, position: int, *, is_end: bool) -> int:
        shift = 0  # how much further on the rewritten text is than the original
        for edit in self.edits:
            begin = edit.start + shift
            stop = begin + len(edit.new)
            if position < begin + is_end:
                break
            if position < stop + is_end:
                return edit.end if is_end else edit.start
            shift = stop - edit.end
        return position - shift


@dataclass
class _Form:
    """A way to write a name; without a role it means no state. ``attributive``: noun and adjective, as "US" is."""

    text: str
    state: str
    role: Role | None
    short: bool = False
    article: bool = False
    attributive: bool = False


class Names:
    """All names of some states, ready to be found. A name that two states share is the first one's."""

    def __init__(self, states: Iterable[State]) -> None:
        self.states = {state.code: state for state in states}
        known: dict[str, _Form] = {}
        for state in self.states.values():
            for role, text, short in state.forms():
                bare = text.removeprefix("the ")
                form = known.setdefault(bare, _Form(bare, state.code, role, short))
                if form.state == state.code:
                    form.article |= bare != text
                    form.attributive |= form.article and role == "adjective"
        for state in self.states.values():
            for text in state.unless:
                known.setdefault(text, _Form(text, state.code, None))
        self._table: dict[str, list[tuple[int, _Form]]] = {}  # by the first word with a capital, and where it stands
        for form in sorted(known.values(), key=lambda form: -len(form.text)):
            key = _CAPITALISED.search(form.text)
            if key is None:
                raise DataError(f"the name {form.text!r}", expected="a name with a capital Latin letter")
            self._table.setdefault(key[0], []).append((key.start(), form))

    def find(self, text: str) -> list[Span]:
        """Find the names in a text, in order; none overlaps another."""
        spans = []
        position = 0
        for found in _CAPITALISED.finditer(text):
            for lead, form in self._table.get(found[0], ()):
                start = found.start() - lead
                end = start + len(form.text)
                if start >= position and text.startswith(form.text, start) and _is_whole(text, start, end):
                    position = end
                    if form.role and not (_is_person(text, start, end) or _is_shouted(text, start, end)):
                        spans.append(_span(text, start, end, form))
                    break
        return spans

    def mask(self, text: str) -> Rewritten:
        """Put a placeholder in place of every name, and of the article before it: some states have one, others none."""
        spans = [span if span.role == "leader" else _with_article(text, span) for span in self.find(text)]
        return _rewrite(text, spans, lambda span: PLACEHOLDERS[span.role])


def at_sentence_start(text: str, position: int) -> bool:
    """Tell whether a sentence, or a quotation, begins at a place: a capital there says nothing."""
    return _SENTENCE_START.search(text, max(position - 8, 0), position) is not None


def _is_whole(text: str, start: int, end: int) -> bool:
    return not (text[end : end + 1].isalnum() or (start and text[start - 1].isalnum()))


def _span(text: str, start: int, end: int, form: _Form) -> Span:
    span = Span(start, end, form.state, form.role or "country", form.short)
    if form.attributive and _goes_on(text, end):
        return replace(span, role="adjective")
    return _with_article(text, span) if form.article else span


def _with_article(text: str, span: Span) -> Span:
    article = _ARTICLE.search(text, max(span.start - 5, 0), span.start)
    return replace(span, start=article.start()) if article else span


def _goes_on(text: str, end: int) -> bool:
    """Tell whether a noun follows, as far as one can tell from its not being of the closed classes."""
    if text[end : end + 1] == "-":
        return True
    following = _WORD.match(text, end + 1) if text[end : end + 1] == " " else None
    return following is not None and following[0].lower() not in CLOSED


def _is_person(text: str, start: int, end: int) -> bool:
    if text[start:end] not in _ALSO_PERSONS:
        return False
    after = re.match(r" ([^\W\d_a-z]\w*)", text[end : end + 40])
    before = re.search(r"([^\W\d_a-z]\w*) $", text[max(start - 40, 0) : start])
    return any(beside is not None and beside[1].lower() not in CLOSED for beside in (after, before))


def _is_shouted(text: str, start: int, end: int) -> bool:
    """Tell whether it is the word "us" among capitals."""
    return text[start:end] == "US" and re.search(r"\b(?!THE )[A-Z]{2,} $", text[max(start - 20, 0) : start]) is not None


@cache
def read_gazetteer(path: Path = GAZETTEER) -> tuple[State, ...]:
    """Read the states of the world, or another list of the same shape.

    Raises
    ------
    DataError
        If it cannot be read or lacks a column or a name.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_state_of(row) for row in csv.DictReader(file, strict=True))
    except OSError as problem:
        raise DataError(f"the gazetteer {path} cannot be read ({problem.strerror})") from problem
    except (UnicodeDecodeError, csv.Error, KeyError, AttributeError, ValueError) as problem:
        raise DataError(
            f"the gazetteer {path} is not as it should be ({type(problem).__name__}: {problem})",
            expected="the columns code, name, other_names, adjectives, people, capital, leaders, unless and region",
        ) from problem


def _state_of(row: dict[str, str]) -> State:
    def listed(column: str) -> tuple[str, ...]:
        return tuple(row[column].split("; ")) if row[column] else ()

    if not (row["code"] and row["name"]):
        raise ValueError("a row without a code or a name")
    return State(
        code=row["code"],
        names=(row["name"], *listed("other_names")),
        adjectives=listed("adjectives"),
        people=listed("people"),
        capitals=listed("capital"),
        leaders=tuple(tuple(forms.split("/")) for forms in listed("leaders")),
        unless=listed("unless"),
        region=row["region"],
    )


@cache
def gazetteer() -> Names:
    """Give the names of the bundled gazetteer, read once.

    A model that masks names should meet the gazetteer that it was trained with. As with the token patterns, which one
    that is, is a matter of communique's version, and the manifest records it.
    """
    return Names(read_gazetteer())


def find_names(text: str) -> list[Span]:
    """Find the names of states in a text."""
    return gazetteer().find(text)


def mask_names(texts: pa.Array | pa.ChunkedArray | list[str]) -> pa.Array:
    """Put placeholders in place of all names of states: texts that differ in names alone become equal.

    Raises
    ------
    DataError
        If a text is not valid Unicode or not text.
    """
    names = gazetteer()
    return pa.array([names.mask(text).text for text in texts_of(texts).to_pylist()], pa.string())


def swap(text: str, source: str, target: str) -> str:
    """Write a text of one state as if it were of another; both are codes of the gazetteer.

    Raises
    ------
    DataError
        If the gazetteer has no such state.
    """
    names = gazetteer()
    if unknown := {source, target} - set(names.states):
        raise DataError(f"the state {min(unknown)!r}", expected="an ISO 3166-1 alpha-3 code of the gazetteer")
    return put(text, [span for span in names.find(text) if span.state == source], names.states[target]).text


def put(text: str, spans: Sequence[Span], state: State) -> Rewritten:
    """Put the names of a state in place of those at the spans, each in its role; what it lacks stays as it is."""
    return _rewrite(text, spans, lambda span: state.form(span.role, span.short))


def _rewrite(text: str, spans: Sequence[Span], name: Callable[[Span], str | None]) -> Rewritten:
    """Put other names at the spans; their article, "a" and "an" before them and the possessive behind them follow."""
    edits = []
    for span in spans:
        new, end = name(span), span.end
        if new is None:
            continue
        if new.startswith("the "):
            if text[span.start : span.start + 4].lower() == "the ":
                new = text[span.start] + new[1:]
            elif at_sentence_start(text, span.start):
                new = "T" + new[1:]
            elif _NO_ARTICLE.search(text, max(span.start - 20, 0), span.start):
                new = new.removeprefix("the ")
        if article := _INDEFINITE.search(text, max(span.start - 4, 0), span.start):
            edits.append(Edit(*article.span(), article[1] + ("n" if _SOUNDS_LIKE_A_VOWEL.match(new) else "")))
        if (possessive := _POSSESSIVE.match(text, end)) and (possessive[2] or text[end - 1] == "s"):
            new += possessive[1] if new.endswith("s") else f"{possessive[1]}s"
            end = possessive.end()
        edits.append(Edit(span.start, end, new))
    return Rewritten(text, tuple(edits))
