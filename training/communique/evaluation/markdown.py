"""The report as Markdown (GitHub's kind): the same sections and numbers as the page, with tables for figures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from communique.evaluation.document import (
    Block,
    Bullets,
    Figure,
    Folded,
    Heading,
    Listing,
    Paragraph,
    Quotes,
    Table,
    Terms,
    Tiles,
)
from communique.evaluation.report import readable
from communique.evaluation.sections import compose

# What would be taken for markup: signs anywhere, an underscore except within snake_case, what makes a line a list, a
# heading, a quotation or a rule, and the parts of addresses that GitHub makes links of.
_MARKUP = re.compile(
    r"""[\\`*\[\]<>|~&$@] | (?<!\w)_ | _(?!\w) | ^[-+\#=:] | ^\d+(?=[.)](?:\s|$)) | (?<=\w):(?=//) | (?<=www)\.""",
    re.VERBOSE,
)


def markdown(facts: Mapping[str, Any]) -> str:
    """Write the report of an evaluation as Markdown; for the facts see `communique.evaluation.sections`."""
    document = compose(readable(dict(facts)))
    parts = [f"# {escape(document.title)}", escape(document.lead)]
    for section in document.sections:
        parts.append(f"## {escape(section.title)}")
        parts += [part for block in section.blocks for part in _write(block)]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Write a text on one line so that none of it is taken for markup."""
    return _MARKUP.sub(_escape, " ".join(text.split()))


def _escape(found: re.Match[str]) -> str:
    sign = found[0]
    if sign in "<>&:@.":  # a backslash would not keep a reader from making a tag or a link
        return f"&#{ord(sign)};"
    return f"{sign}\\" if sign[0].isdigit() else f"\\{sign}"


def _write(block: Block) -> Iterator[str]:
    match block:
        case Paragraph(text, loud):
            yield f"> **{escape(text)}**" if loud else escape(text)
        case Heading(text):
            yield f"### {escape(text)}"
        case Bullets(items, numbered):
            yield "\n".join(f"{f'{n}.' if numbered else '-'} {escape(item)}" for n, item in enumerate(items, 1))
        case Terms(pairs, codes):
            yield "\n".join(f"- **{escape(name)}**: {_code(what) if codes else escape(what)}" for name, what in pairs)
        case Tiles(tiles):
            rows = tuple((tile.name, tile.value, tile.interval, tile.meaning) for tile in tiles)
            yield _table(("score", "value", "interval", "what it is"), rows, words=(0, 3))
        case Table(caption, columns, rows, words):
            yield f"**{escape(caption)}**"
            yield _table(columns, rows, words=range(words))
        case Figure(_, caption, numbers):
            yield escape(caption)
            yield _table(numbers.columns, numbers.rows, words=range(numbers.words))
        case Quotes(quotes):
            for quote in quotes:
                about = " ".join(filter(None, (quote.said, quote.reasons)))
                yield f"> {escape(quote.text)}\n>\n> {escape(about)}"
        case Listing(text):
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
            yield f"{fence}\n{text}\n{fence}"
        case Folded(summary, blocks):
            if not (len(blocks) == 1 and isinstance(blocks[0], Table) and blocks[0].caption == summary):
                yield f"**{escape(summary)}**"
            for inner in blocks:
                yield from _write(inner)


def _table(columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...], words: range | tuple[int, ...]) -> str:
    rule = ["---" if number in words else "---:" for number in range(len(columns))]
    lines = [[escape(name) for name in columns], rule, *([escape(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _code(text: str) -> str:
    return f"`{text}`" if "`" not in text else escape(text)
