"""The report as one HTML page that needs nothing else: no network, no script, no picture beside it.

Words and tables come from `communique.evaluation.sections`, figures from `communique.evaluation.plots`; the page itself
is ``page/report.html``, a Jinja template that escapes all it is given, and ``page/report.css``. The page forbids itself
scripts and network by a content security policy, should anything ever get past the escaping.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from communique.evaluation.document import Block, Figure, Mark
from communique.evaluation.plots import clean
from communique.evaluation.sections import compose

_PAGE = Path(__file__).parent / "page"
_SHADES, _FAINT = 4, 0.1  # words with less than this share of the strongest one's weight are left plain

Plain = TypeVar("Plain")


class Piece(NamedTuple):
    """A stretch of a quotation: ``side`` is "for", "against" or empty, ``shade`` 1 to 4 how strongly."""

    text: str
    side: str = ""
    shade: int = 0


def report(facts: Mapping[str, Any]) -> str:
    """Write the report of an evaluation as an HTML page.

    Parameters
    ----------
    facts
        See `communique.evaluation.sections`. Sections whose facts are missing are left out.
    """
    document = compose(readable(dict(facts)))
    style = Markup((_PAGE / "report.css").read_text("utf-8"))  # noqa: S704 -- our own file
    return _environment().get_template("report.html").render(document=document, style=style)


def readable(facts: Plain) -> Plain:
    """Replace the characters that no page may have (control characters, halves of pairs), one for one."""
    if isinstance(facts, str):
        return clean(facts)  # type: ignore[return-value]
    if isinstance(facts, Mapping):
        return {readable(key): readable(value) for key, value in facts.items()}  # type: ignore[return-value]
    if isinstance(facts, (list, tuple)):
        return [readable(value) for value in facts]  # type: ignore[return-value]
    return facts


def cut(text: str, marks: Sequence[Mark]) -> Iterator[Piece]:
    """Cut a text at its marks; marks that overlap another or lie outside are left out."""
    done = 0
    for mark in sorted(marks, key=lambda mark: (mark.start, mark.end)):
        shade = min(_SHADES, 1 + int(abs(mark.weight) * _SHADES))
        if not done <= mark.start < mark.end <= len(text) or abs(mark.weight) < _FAINT:
            continue
        if mark.start > done:
            yield Piece(text[done : mark.start])
        yield Piece(text[mark.start : mark.end], "for" if mark.weight > 0 else "against", shade)
        done = mark.end
    if done < len(text):
        yield Piece(text[done:])


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["kind"] = _kind
    environment.filters["drawing"] = _drawing
    environment.filters["cut"] = cut
    return environment


def _kind(block: Block) -> str:
    return type(block).__name__


def _drawing(figure: Figure) -> Markup:
    return Markup(figure.svg)  # noqa: S704 -- written by xml.etree, which escapes
