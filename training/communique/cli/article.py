"""An article on a terminal: its statements coloured by stance where they stand, and a table of who said how much.

Colour alone tells nobody anything who cannot see it: every statement is followed by its label in brackets.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Any

from communique.cli.terminal import COLOURS, CONTROLS, is_terminal, table

if TYPE_CHECKING:
    from communique.extraction.article import Article

_SHOWN = {
    "title": "bold",
    "heading": "bold",
    "caption": "dim",
    "byline": "dim",
    "date": "dim",
    "dateline": "",
    "question": "italic",
    "body": "",
}


def show_article(article: Article, rows: list[dict[str, Any]], labels: tuple[str, ...], background: str | None) -> None:
    """Print an article with its statements; ``rows`` are those of ``classify --article``, in the order of the text."""
    from rich.console import Console
    from rich.text import Text

    styles = dict(zip((label for label in labels if label != background), COLOURS, strict=False))
    console = Console(file=sys.stdout, width=None if is_terminal(sys.stdout) else 100, highlight=False)
    spans, ends = [], []
    for row in rows:
        style = styles.get(row["label"], "dim")
        shown = f"{style} underline" if row.get("abstained") else style
        spans += [(start, end, shown) for start, end in row["spans"]]
        ends.append((row["end"], f" [{_named(row)}]".replace(" ", "\u00a0"), f"{style} bold"))
    spans.sort()
    ends.sort()
    line = Text()
    for paragraph in article.paragraphs:
        if paragraph.kind not in _SHOWN:
            continue
        at, end = paragraph.start, paragraph.end
        text = Text(article.text[at:end].translate(CONTROLS), style=_SHOWN[paragraph.kind])
        for low, high, style in spans[bisect_left(spans, (at,)) : bisect_left(spans, (end,))]:
            text.stylize(style, low - at, high - at)
        told = ends[bisect_left(ends, (at + 1,)) : bisect_left(ends, (end + 1,))]
        pieces = text.divide([place - at for place, _, _ in told])
        for piece, (_, tag, style) in zip(pieces, told, strict=False):
            line.append_text(piece).append(tag, style)
        line.append_text(pieces[-1])
        if paragraph.kind == "dateline":  # the paragraph that it begins goes on in the same line
            line.append(" ")
            continue
        console.print(line, end="\n\n")
        line = Text()
    show_speakers(rows, labels)


def show_speakers(rows: list[dict[str, Any]], labels: tuple[str, ...]) -> None:
    """Print who made how many statements of each stance, the most talkative first."""
    counts: dict[str, Counter[str]] = {}
    named: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = row["speaker"] or "(unknown)"
        counts.setdefault(name, Counter())[row["label"]] += 1
        if name not in named or len(row["office"] + row["actor"]) > len(named[name]["office"] + named[name]["actor"]):
            named[name] = row
    table(
        "",
        ["who", "said", *labels],
        [
            [
                ", ".join(dict.fromkeys(filter(None, [name, named[name]["office"], named[name]["actor"]]))),
                str(by.total()),
                *(str(by[label] or "") for label in labels),
            ]
            for name, by in sorted(counts.items(), key=lambda pair: -pair[1].total())
        ],
        wide=0,
    )


def _named(row: dict[str, Any]) -> str:
    if not row["label"]:
        return "no text"
    return f"{row['label']} {row['confidence']:.2f}" + (", unsure" if row.get("abstained") else "")
