"""Talking to a person: stdout is data, stderr is talk, and a terminal gets tables and progress."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import typer

# A statement is somebody else's text: it may not move the cursor, paint the terminal or turn its line round.
CONTROLS = dict.fromkeys(
    [*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], " "
)

# By their names, which every terminal has tuned to its own background; no two neighbours are red and green.
COLOURS = ("red", "cyan", "magenta", "green", "yellow", "blue")


def say(sentence: str) -> None:
    """Tell the person something, on stderr."""
    typer.echo(sentence, err=True)


def is_terminal(stream: Any) -> bool:
    """Tell whether a person sits at the other end."""
    return bool(stream is not None and stream.isatty())


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, wide: int = 0, note: str = "") -> None:
    """Print a table on stdout; all columns but number ``wide`` keep their width, numbers stand to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    drawn = Table(box=box.SIMPLE, pad_edge=False)
    for number, name in enumerate(columns):
        numeric = all(_is_number(row[number]) for row in rows)
        drawn.add_column(name, justify="right" if numeric else "left", no_wrap=number != wide, overflow="fold")
    for row in rows:
        drawn.add_row(*(cell.translate(CONTROLS) for cell in row))
    console = Console(file=sys.stdout, width=None if is_terminal(sys.stdout) else 100, highlight=False)
    for text in (title, drawn, note):
        if text:
            console.print(text, soft_wrap=text is not drawn, markup=False)


def _is_number(cell: str) -> bool:
    return (bool(cell) and cell[0] in "-+.0123456789") or cell == ""


class Advance(Protocol):
    """Report that so many of so many steps are done; of 0 if nobody knows how many there are."""

    def __call__(self, done: int, total: int) -> None:
        """Report progress."""


@contextmanager
def progress(what: str) -> Iterator[Advance]:
    """Show a bar with the time left, on stderr and only on a terminal."""
    if not is_terminal(sys.stderr):
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)
