"""The parts of a report, whatever it is written in: sections of paragraphs, tables, figures and quotations.

`communique.evaluation.sections` makes a document of facts; `report` writes it as HTML and `markdown` as Markdown. So
both say the same. Every text in here is plain: it is the writer's part to escape it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

UNDEFINED = "–"

_TURNING = re.compile("[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufeff]")


@dataclass(frozen=True)
class Paragraph:
    """Words of the report; ``loud`` where they must not be missed."""

    text: str
    loud: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list of sentences, numbered where they are referred to by number."""

    items: tuple[str, ...]
    numbered: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first column names the row, the first ``words`` columns are words, the others numbers."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1


@dataclass(frozen=True)
class Figure:
    """An SVG element, what it shows, and its numbers for those who read tables."""

    svg: str
    caption: str
    numbers: Table


@dataclass(frozen=True)
class Tile:
    """A score to be read from afar."""

    name: str
    value: str
    interval: str
    meaning: str


@dataclass(frozen=True)
class Tiles:
    """Scores side by side."""

    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Mark:
    """A stretch of a text that speaks for a label (``weight`` above 0) or against it, -1 to 1."""

    start: int
    end: int
    weight: float


@dataclass(frozen=True)
class Quote:
    """Someone's words, what was said of them, and what in them spoke for it."""

    text: str
    said: str
    marks: tuple[Mark, ...] = ()
    reasons: str = ""


@dataclass(frozen=True)
class Quotes:
    """Quotations one after the other."""

    quotes: tuple[Quote, ...]


@dataclass(frozen=True)
class Terms:
    """Names and what they stand for; ``codes`` where the latter are for machines, such as hashes."""

    pairs: tuple[tuple[str, str], ...]
    codes: bool = False


@dataclass(frozen=True)
class Listing:
    """Text to be copied as it is."""

    text: str


@dataclass(frozen=True)
class Heading:
    """The head of a part of a section."""

    text: str


@dataclass(frozen=True)
class Folded:
    """Blocks that are shown on demand."""

    summary: str
    blocks: tuple[Block, ...]


Block: TypeAlias = Paragraph | Bullets | Table | Figure | Tiles | Quotes | Terms | Listing | Heading | Folded


@dataclass(frozen=True)
class Section:
    """A part of the report; ``key`` is its address on the page."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A report: its title, a sentence on what was judged, and its sections."""

    title: str
    lead: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Score:
    """A score as it stands in the facts, None where undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None


def score_in(facts: Mapping[str, Any], name: str) -> Score:
    """Find a score and its interval, which stands within it, beside it, or among the ``intervals``."""
    found = facts.get(name)
    if isinstance(found, Mapping):
        value, ends = found.get("value"), found.get("interval")
    else:
        value = found
        ends = (facts.get("intervals") or {}).get(name) or facts.get(f"{name}_interval") or facts.get("interval")
    low, high = ends if ends else (None, None)
    return Score(value, low, high)


def decimals(number: float | None, sign: bool = False) -> str:
    """Write a score with three decimals."""
    return UNDEFINED if number is None else minus(f"{number:+.3f}" if sign else f"{number:.3f}")


def percent(number: float | None, sign: bool = False) -> str:
    """Write a share as a percentage with one decimal, with two where it is below one."""
    if number is None:
        return UNDEFINED
    digits = 2 if 0 < abs(number) < 0.01 else 1
    return minus(f"{100 * number:{'+' if sign else ''}.{digits}f}\u00a0%")


def count(number: int | None) -> str:
    """Write a count."""
    return UNDEFINED if number is None else f"{number:,}"


def span(score: Score, write: Any = decimals) -> str:
    """Write an interval, as "0.891 to 0.937"."""
    return UNDEFINED if score.low is None else f"{write(score.low)} to {write(score.high)}"


def one_line(value: object) -> str:
    """Write a name on one line, fenced off where it turns the direction of writing.

    The fence is a pair of Unicode's isolates, which hold in HTML, in SVG and in plain text.
    """
    text = " ".join(str(value).split())
    return f"\u2068{text}\u2069" if _TURNING.search(text) else text


def listed(names: Sequence[str], last: str = "and") -> str:
    """Write names as "a, b and c"."""
    names = [one_line(name) for name in names]
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def minus(written: str) -> str:
    """Write the minus sign as one."""
    return written.replace("-", "\u2212")
