"""An article on a terminal: its statements coloured by stance where they stand, and a table of who said how much.

Colour alone tells nobody anything who cannot see it: every statement is followed by its label in brackets.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from communique.cli.terminal import CONTROLS, is_terminal, table

if TYPE_CHECKING:
    from communique.extraction.article import Article

_COLOURS = ("red", "green", "yellow", "magenta", "cyan", "blue")
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

    styles = dict(zip((label for label in labels if label != background), _COLOURS, strict=False))
    console = Console(file=sys.stdout, width=None if is_terminal(sys.stdout) else 100, highlight=False)
    text = Text(article.text.translate(CONTROLS), no_wrap=False)
    for row in rows:
        style = styles.get(row["label"], "dim") if row["label"] else "dim"
        for start, end in row["spans"]:
            text.stylize(f"{style} underline" if row.get("abstained") else style, start, end)
    ends = sorted(
        (row["end"], f" [{_named(row)}]".replace(" ", "\u00a0"), styles.get(row["label"], "dim")) for row in rows
    )
    shown = Text()
    for paragraph in article.paragraphs:
        if paragraph.kind not in _SHOWN:
            continue
        at = paragraph.start
        piece = Text(style=_SHOWN[paragraph.kind])
        for end, tag, style in ends:
            if paragraph.start < end <= paragraph.end:
                piece.append_text(text[at:end]).append(tag, f"{style} bold")
                at = end
        shown.append_text(piece.append_text(text[at : paragraph.end]))
        if paragraph.kind == "dateline":  # the paragraph that it begins goes on in the same line
            shown.append(" ")
            continue
        console.print(shown, end="\n\n")
        shown = Text()
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
                ", ".join(filter(None, [name, named[name]["office"], named[name]["actor"]])),
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
