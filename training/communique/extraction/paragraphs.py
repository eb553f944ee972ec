"""Lines into paragraphs, not a character touched: pasted pages have one on a line, e-mail breaks it at column 72."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

from communique.extraction.article import Span

BLANK = (
    " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
"""White space, and the marks of width nothing that stand about it in pasted text."""

_ENDS = frozenset(".!?…:;。！？：；؟۔")
_CLOSING = "\"'”’»›)]}」』）*_"
_CLOCK = re.compile(r"\d\s?[ap]\.m\.$")
_BULLET = re.compile(r"[*•‣·]\s")
_ITEM = re.compile(r"(?:[-–—*•‣·]|\(?\d{1,2}[.)]|\(?[a-z]\))\s")
_LABEL = re.compile(r"[A-Z][A-Z.'’ -]{0,40}(?:\([^)\n]{1,40}\))?:\s")
_NARROWEST = 40
"""Columns. Text is not wrapped to less, but lists and poems are."""
_LOWEST = 0.25
"""The least share of all line ends inside blocks that must break a sentence where the text is wrapped."""


class Line(NamedTuple):
    """A line with something on it: ``text[start:end]`` without the white space about it."""

    start: int
    end: int
    indent: int
    parted: bool  # a blank line, or the beginning of the text, is above it


def ends_sentence(line: str) -> bool:
    """Tell whether a line ends as sentences, clauses before a list and speakers' labels do."""
    last = line[-8:].rstrip(_CLOSING)
    return bool(last) and last[-1] in _ENDS and not (last.endswith("m.") and _CLOCK.search(last))


def cut_lines(text: str) -> list[Line]:
    """Return the lines that are not blank, whatever ends them. Time is linear in the text."""
    lines: list[Line] = []
    offset, parted = 0, True
    for line in text.splitlines(keepends=True):
        inner = line.lstrip(BLANK)
        if inner:
            indent = len(line) - len(inner)
            start = offset + indent
            lines.append(Line(start, start + len(inner.rstrip(BLANK)), indent, parted))
        parted = not inner
        offset += len(line)
    return lines


def cut(text: str) -> list[Span]:
    """Return the paragraphs: what stands between blank lines, and within it the lines that do not run on."""
    lines = cut_lines(text)
    width = _find_width(text, lines)
    spans: list[Span] = []
    last: Line | None = None
    for line in lines:
        if last is not None and not line.parted and _runs_on(text, spans[-1][0], last, line, width):
            spans[-1] = (spans[-1][0], line.end)
        else:
            spans.append((line.start, line.end))
        last = line
    return spans


def _breaks_sentence(text: str, line: Line, following: Line) -> bool:
    """Tell whether a sentence runs from the end of `line` into the line below it, by the look of both."""
    return not text[following.start].isupper() and not ends_sentence(text[max(line.start, line.end - 8) : line.end])


def _find_width(text: str, lines: list[Line]) -> int:
    """Return the column at which the text was wrapped; 0 if it was not."""
    pairs = [(line, below) for line, below in pairwise(lines) if not below.parted]
    broken = sorted(line.end - line.start + line.indent for line, below in pairs if _breaks_sentence(text, line, below))
    if len(broken) < 2 or len(broken) < _LOWEST * len(pairs):
        return 0
    width = broken[len(broken) * 9 // 10]
    full = sum(length > width - 16 for length in broken)
    return width if width >= _NARROWEST and 2 * full > len(broken) else 0


def _runs_on(text: str, start: int, line: Line, below: Line, width: int) -> bool:
    """Tell whether the paragraph that begins at `start` and has come to `line` goes on in the line below it."""
    if _BULLET.match(text, below.start, below.end) or _LABEL.match(text, below.start, below.end):
        return False
    item = bool(_ITEM.match(text, start))
    if _ITEM.match(text, below.start, below.end):  # or a dash, a "(2)", a "No.\n1", that happens to begin a line
        return not (item or ends_sentence(text[max(line.start, line.end - 8) : line.end]))
    length = line.end - line.start
    if not width:  # only a link within a sentence breaks a pasted line
        return length >= _NARROWEST and text[below.start].islower() and _breaks_sentence(text, line, below)
    if below.indent > line.indent + 1 and not item:
        return False
    blank = text.find(" ", below.start, below.end)
    word = (blank if blank >= 0 else below.end) - below.start
    return line.indent + length + 1 + word > width - 2 or (
        length >= _NARROWEST // 2 and _breaks_sentence(text, line, below)
    )
