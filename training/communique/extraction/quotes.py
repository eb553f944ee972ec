"""Where quotations begin and end, in the marks of any script.

One pass over the marks of a paragraph with a shallow stack, so that time is linear in the text whatever its marks do. A
mark that is never closed costs its own paragraph at most: it never swallows the rest of a document.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from communique.extraction.article import Paragraph, Span

_CLOSERS = {
    "“": '”"', '"': '"”', "„": "“”", "‟": "”", "”": "”", "«": "»", "»": "«", "‹": "›", "‘": "’'", "‚": "‘’",
    "「": "」", "『": "』", "〝": "〞", "＂": "＂", "''": "''", "``": "''", "'": "'",
}  # fmt: skip
CLOSERS = {mark: (closers,) if closers == "''" else tuple(closers) for mark, closers in _CLOSERS.items()}
"""Opening mark -> marks that close it. German closes with the “ that opens in English; Swedish opens with ”."""

APOSTROPHES = "'’"
SINGLE = "'‘‚‹"
"""Marks that may be apostrophes: a quotation that one of them opens is believed only if it is closed."""

SINGLE_OR_APOSTROPHE = "'’‘"

STRAIGHT = ("'", '"', "''", "＂")
EITHER = (*STRAIGHT, "”", "»")
"""Marks that open or close according to what stands around them."""

DEPTH = 6
"""Quotations within quotations beyond this are no language: the outermost mark is then taken to be stray."""

_MARKS = re.compile(
    r"[“”„‟«»‹›‘’‚「」『』〝〞＂\"'`]"
    r"(?:(?<=')'|(?<=`)`)?"  # '' and ``
    r"(?<![^\W_]['’](?=[^\W_]))"  # but no apostrophe inside a word
)
"""Begins with a class of characters, which Python's re looks for many times faster than for anything else."""

_QUOTING = frozenset("“”„‟«»‹›‘’‚「」『』〝〞＂\"'")
_TAKING_UP = frozenset("“\"«„‘「»'")
_BRACKETS = "([{—–-/:"
_PAUSES = ".,!?…;:—"


@dataclass(frozen=True, slots=True)
class Quote:
    """A quotation that lies in no other.

    Parameters
    ----------
    start, end
        With its marks.
    inner
        Without them, and without white space at either end.
    closed
        False if no closing mark was found, so that it ends with its paragraph.
    continued
        Whether the next quotation takes it up again, in a paragraph of its own.
    """

    start: int
    end: int
    inner: Span
    closed: bool = True
    continued: bool = False


@dataclass(slots=True)
class _Frame:
    """An opening mark that waits for its partner, and what was quoted since."""

    mark: str
    start: int
    within: list[Quote] = field(default_factory=list)
    weak: int = -1  # where a mark may have closed it, or have been an apostrophe


def find_quotes(text: str, paragraphs: Sequence[Paragraph]) -> tuple[Quote, ...]:
    """Return the outermost quotations of the paragraphs, in order.

    A paragraph that opens a quotation and does not close it is continued by the next one if that begins with an opening
    mark; otherwise the quotation ends with its paragraph.
    """
    found: list[Quote] = []
    for number, paragraph in enumerate(paragraphs):
        if _MARKS.search(text, paragraph.start, paragraph.end):
            after = paragraphs[number + 1].start if number + 1 < len(paragraphs) else len(text)
            found += _scan(text, paragraph, continued=text[after : after + 1] in _TAKING_UP)
    return tuple(found)


def _scan(text: str, paragraph: Paragraph, *, continued: bool) -> list[Quote]:
    """Return the outermost quotations of one paragraph."""
    root = _Frame("", paragraph.start)
    stack = [root]
    for match in _MARKS.finditer(text, paragraph.start, paragraph.end):
        mark, (at, end) = match[0], match.span()
        if mark == "`":
            continue
        before = text[at - 1] if at > paragraph.start else " "
        after = text[end] if end < paragraph.end else " "
        if mark in SINGLE_OR_APOSTROPHE and after.isalnum() and (before.isalnum() or after.isdigit()):
            continue  # "don't", "the '90s"
        apart = before.isspace() or before in _BRACKETS or before in _QUOTING
        opens = mark in CLOSERS and (mark not in EITHER or (apart and not after.isspace()))
        level = _partner(stack, mark)
        if level and not (opens and mark in STRAIGHT and before not in _PAUSES):
            frame = stack[level]
            if mark in APOSTROPHES and before == "s" and after == " ":
                frame.weak = at  # "the ministers' claim": it closes here only if nothing better comes
            else:
                _drop(stack, level + 1)
                stack.pop()
                stack[-1].within.append(_quote(text, frame, at, end))
        elif opens or (level == 0 and mark in CLOSERS and before in ",;" and after.isalpha() and mark in EITHER):
            if level:  # a mark that opens while its like is open: the first one was stray
                _drop(stack, level)
            elif len(stack) > DEPTH:
                _drop(stack, 1)
            stack.append(_Frame(mark, at))
    return _finish(text, stack, paragraph.end, continued=continued)


def _partner(stack: list[_Frame], mark: str) -> int:
    """Return the place in the stack of the innermost frame that the mark can close, 0 if there is none."""
    for level in range(len(stack) - 1, 0, -1):
        if mark in CLOSERS[stack[level].mark]:
            return level
    return 0


def _quote(text: str, frame: _Frame, at: int, end: int, *, closed: bool = True, continued: bool = False) -> Quote:
    """Return the quotation from the frame's mark to the closing mark ``text[at:end]``."""
    start = frame.start + len(frame.mark)
    while start < at and text[start].isspace():
        start += 1
    while at > start and text[at - 1].isspace():
        at -= 1
    return Quote(frame.start, end, (start, at), closed, continued)


def _drop(stack: list[_Frame], level: int) -> None:
    """Take the marks from `level` on as stray; what was quoted after them stands for itself."""
    stray = stack[level:]
    del stack[level:]
    for frame in stray:
        stack[-1].within.extend(frame.within)


def _finish(text: str, stack: list[_Frame], end: int, *, continued: bool) -> list[Quote]:
    """Return the outermost quotations when the paragraph ends with `stack` still open."""
    while len(stack) > 1:
        frame = stack.pop()
        outer = stack[-1].within
        if frame.weak >= 0:
            outer.append(_quote(text, frame, frame.weak, frame.weak + 1))
            outer += [quote for quote in frame.within if quote.start > frame.weak]
        elif len(stack) == 1 and frame.mark not in SINGLE and (continued or not frame.within):
            outer.append(_quote(text, frame, end, end, closed=False, continued=continued))
        else:
            outer += frame.within
    return [quote for quote in stack[0].within if quote.inner[1] > quote.inner[0]]
