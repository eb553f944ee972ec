"""The verb ``trend``: the share of each stance over time."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from communique.cli.options import AsJson, Force, GroupColumn, Jobs, LabelColumn, TextColumn, columns
from communique.cli.rows import spare_pandas
from communique.cli.terminal import is_terminal, progress, say, table
from communique.errors import DataError, UsageError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from communique.corpus.batch import Batch
    from communique.evaluation.trend import DatedRows, Trend, Window
    from communique.inference.prediction import Classifier

_MOST_NAMED = 5  # rows named in a message
_HOW = {
    "none": "as counted, not corrected for the model's confusions",
    "count": "corrected by adjusted count",
    "soft": "corrected by adjusted mean probabilities",
    "em": "corrected by expectation and maximisation",
}
_EMPTY: Any = None


def trend(
    data: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Statements with dates: files, globs, - or hf://name.", show_default=False),
    ],
    by: Annotated[str | None, typer.Option(metavar="COLUMN", help="A trend for each value of this column.")] = None,
    date: Annotated[str, typer.Option(metavar="COLUMN", help="Column of ISO dates, datetimes, months or years.")] = "date",
    window: Annotated[str, typer.Option(help="Length of a window: 30d, 2w, 3m, 1y.")] = "30d",
    model: Annotated[
        str, typer.Option("--model", "-m", help="Name, name@version, or path.", envvar="COMMUNIQUE_MODEL")
    ] = "stance",
    label: Annotated[
        list[str] | None, typer.Option(metavar="L", help="Show this label only; may be given again.")
    ] = None,
    correct: Annotated[
        str | None,
        typer.Option(help="How the model's confusions are undone: count (the default), soft, em or none."),
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the trend into this SVG file.")] = None,
    format: Annotated[  # noqa: A002 - the flag's name
        str | None, typer.Option("--format", "-f", help="table, jsonl, csv, tsv or parquet.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead of stdout.")] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    group: GroupColumn = None,
    jobs: Jobs = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Follow the share of each stance over time, with 95 % intervals.

    Shares are corrected for the mistakes that the model is known to make, by its held-out training rows; the intervals
    know how many rows a window has, which of them belong together (--group), and how well the mistakes are known.
    Windows with fewer than 30 rows get no estimate, and say so. The correction presumes that each stance is worded as in
    the training rows, whatever its share.

    Rows that have a scores column (scores.LABEL in CSV), as classify writes it, are taken as answers of --model; others
    are classified. With --label-column the labels of that column are counted as they stand, without a model.

    Example: communique trend statements.csv --by actor --date date --window 30d --figure trend.svg
    """
    spare_pandas()
    from communique.evaluation.trend import follow, held_out_rows, window_of

    shown, method = _form(format, output), _method(correct, label_column)
    length = window_of(window)
    if figure is not None and figure.suffix.lower() != ".svg":
        raise UsageError(f"the figure {figure}", expected="a file name that ends in .svg")
    if as_json and (format or output):
        raise UsageError("--json together with --format or --output", remedy="choose one")

    wanted = columns(text_column, label_column, group=group)
    gathered = _Gathered(date, by, length)
    known = None
    if label_column is None:
        from communique import load

        classifier = load(model)
        known = held_out_rows(classifier.model) if method != "none" else None
        rows = gathered.collect(_answered(data, wanted, classifier, jobs), classifier.labels)
    else:
        rows = gathered.collect(_given(data, wanted), None)
    found = follow(rows, length, known, method).of(label or rows.labels)

    title = f"Share of each label, windows of {_spell(length)}"
    note = f"95 % intervals; {_HOW[method]}."
    if figure is not None:
        from communique.evaluation.trendplot import draw

        _write(figure, draw(found, title, note), force=force)
    if as_json:
        typer.echo(json.dumps(found.to_dict() | gathered.to_dict(), indent=2, ensure_ascii=False))
    elif shown == "table":
        _show(found, f"{title}, in percent", note, by)
    else:
        from communique.corpus.sink import open_sink

        with open_sink(output, shown, force=force) as sink:
            sink.write(_batch(found))


def _form(name: str | None, output: Path | None) -> Literal["table", "jsonl", "csv", "tsv", "parquet"] | None:
    if name not in (None, "table", "jsonl", "csv", "tsv", "parquet"):
        raise UsageError(f"the format {name!r}", expected="table, jsonl, csv, tsv or parquet")
    if name == "table" and output is not None:
        raise UsageError("a table cannot be written to a file", remedy="choose --format jsonl, csv, tsv or parquet")
    return name or ("table" if output is None and is_terminal(sys.stdout) else None)  # type: ignore[return-value]


def _method(correct: str | None, label_column: str | None) -> Literal["none", "count", "soft", "em"]:
    if correct not in (None, *_HOW):
        raise UsageError(f"the correction {correct!r}", expected=f"one of {', '.join(_HOW)}")
    if label_column is None:
        return correct or "count"  # type: ignore[return-value]
    if correct not in (None, "none"):
        raise UsageError(
            f"--correct {correct} with --label-column",
            remedy="leave out --correct to count these labels as they stand, or --label-column to use the model",
        )
    return "none"
