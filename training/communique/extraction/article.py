"""An article as it was given: its text untouched, cut into paragraphs that say what each of them is.

Offsets are the currency of this room: whatever is found later is a pair of offsets into `Article.text`, so that it can
be shown, checked and coloured in place. So the text of plain and pasted pages and of Markdown is the given one to the
last blank, in Markdown with blanks where its marks are; that of HTML, .docx and PDF files is the text read out of them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Span = tuple[int, int]
"""Offsets of characters into `Article.text`, half-open."""

Kind = Literal[
    "title", "heading", "byline", "date", "outlet", "dateline", "caption", "body", "question", "comment", "boilerplate"
]
"""What a paragraph is.

``title``, ``byline``, ``date``, ``outlet``
    The article's head: headline, who wrote it, when, and where it was printed.
``dateline``
    "PORT ASEL, 14 May — ", "SUNMAR (Agency) - ", "BREAKING: ": the beginning of a body paragraph, cut off from it.
``heading``
    A heading between body paragraphs. ``caption``: the text to a picture.
``body``
    Prose, block quotations, list items, speakers' turns: what statements are sought in.
``question``
    What the paper or the press asks in an interview or a transcript. It is nobody's statement.
``comment``
    What readers wrote below it. ``boilerplate``: links, buttons, prompts, rights, and all else of the page.
"""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph: ``text[start:end]`` begins and ends with a visible character, and may run over several lines."""

    start: int
    end: int
    kind: Kind = "body"


@dataclass(frozen=True)
class Article:
    """A text and what could be told about it.

    Parameters
    ----------
    text
        What all offsets count in.
    paragraphs
        In the order of the text; they do not overlap, and leave out nothing but white space and markup.
    source
        Where it came from, as the user named it; "" if it has no name.
    title, byline, outlet
        As they stand there; "" if none was found. The byline is without "By".
    date
        ISO 8601, "2031-05-14" or "2031-05-14T18:42"; "" if none could be read for certain.
    language
        ISO 639-1: one of en, ru, uk, es, fr, ar, zh, the nearest of them if it is another.
    """

    text: str
    paragraphs: tuple[Paragraph, ...]
    source: str = ""
    title: str = ""
    byline: str = ""
    outlet: str = ""
    date: str = ""
    language: str = "en"

    @property
    def body(self) -> tuple[Paragraph, ...]:
        """The paragraphs that statements are sought in."""
        return tuple(paragraph for paragraph in self.paragraphs if paragraph.kind == "body")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON has them."""
        return asdict(self) | {"paragraphs": [asdict(paragraph) for paragraph in self.paragraphs]}
