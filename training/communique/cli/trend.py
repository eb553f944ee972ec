"""The verb ``trend``: the share of each stance over time."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from communique.cli.options import AsJson, Force, GroupColumn, Jobs, LabelColumn, TextColumn, columns
from communique.cli.rows import spare_imports
from communique.cli.terminal import CONTROLS, is_terminal, progress, say, table
from communique.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from communique.corpus.batch import Batch
    from communique.corpus.columns import Columns
    from communique.evaluation.trend import Share, Trend, Window
    from communique.inference.prediction import Classifier

_MOST_NAMED = 5  # rows named in a message
_HOW = {
    "none": "as counted, not corrected for the model's confusions",
    "count": "corrected by adjusted count",
    "soft": "corrected by adjusted mean probabilities",
    "em": "corrected by expectation and maximisation",
}


def trend(
    data: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="Statements with dates: files, globs, - or hf://name.", show_default=False),
    ],
    by: Annotated[str | None, typer.Option(metavar="COLUMN", help="A trend for each value of this column.")] = None,
    date: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column of ISO dates, datetimes, months or years.")
    ] = "date",
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
    Windows with fewer than 30 rows get no estimate, and say so. The correction presumes that each stance is worded as
    in the training rows, whatever its share.

    Rows that have a scores column (scores.LABEL in CSV), as classify writes it, are taken as answers of --model; others
    are classified. With --label-column the labels of that column are counted as they stand, without a model.

    Example: communique trend statements.csv --by actor --date date --window 30d --figure trend.svg
    """
    spare_imports()
    from communique import load
    from communique.codebook import codebook_of
    from communique.corpus.sink import open_file, open_sink
    from communique.corpus.source import read
    from communique.evaluation.trend import check_labels, follow, gather, held_out_rows, window_of
    from communique.evaluation.trendplot import draw

    shown, method = _form(format, output), _method(correct, label_column)
    length = window_of(window)
    if figure is not None and figure.suffix.lower() != ".svg":
        raise UsageError(f"the figure {figure}", expected="a file name that ends in .svg")
    if as_json and (format or output):
        raise UsageError("--json together with --format or --output", remedy="choose one")

    with ExitStack() as places:  # that they can be written is known before the long work
        picture = places.enter_context(open_file(figure, force)) if figure is not None else None
        sink = places.enter_context(open_sink(output, shown, force=force)) if shown != "table" and not as_json else None
        wanted = columns(text_column, label_column, group=group)
        if label_column is None:
            classifier = load(model)
            codebook = classifier.model.codebook
            check_labels(label or (), classifier.labels)
            known = held_out_rows(classifier.model) if method != "none" else None
            gathered = gather(_answered(data, wanted, classifier, jobs), classifier.labels, length, date=date, by=by)
        else:
            known = None
            batches = read(data, wanted, need=frozenset({"label"}), keep_unreadable=True)
            gathered = gather(((batch, batch.label) for batch in batches), (), length, date=date, by=by)
            codebook = codebook_of(gathered.rows.labels)
        for rows, why in ((gathered.unanswered, "an answer"), (gathered.undated, "a date fit for the window")):
            if rows:
                say(f"communique: left out {_named(rows)} without {why}")
        found = follow(gathered.rows, length, known, method).of(label or gathered.rows.labels)
        title, note = f"Share of each label, windows of {_spell(length)}", f"95 % intervals; {_HOW[method]}."
        if picture is not None:
            picture.write(draw(found, title, note, codebook.stances).encode())
        if sink is not None:
            sink.write(_batch(found))
        elif as_json:
            left_out = {"undated": list(gathered.undated), "unanswered": list(gathered.unanswered)}
            typer.echo(json.dumps(found.to_dict() | {"left_out": left_out}, indent=2, ensure_ascii=False))
        else:
            _show(found, f"{title}, in percent", note, by)


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


def _answered(
    data: list[str], wanted: Columns, classifier: Classifier, jobs: int
) -> Iterator[tuple[Batch, NDArray[np.float64]]]:
    """Read and classify; tell once if answers stand in the rows already."""
    from communique.corpus.source import read
    from communique.evaluation.trend import answer_rows
    from communique.inference.bulk import ordered

    told, done = False, 0
    batches = read(data, wanted, need=frozenset(), keep_unreadable=True)
    with progress("classified") as advance:
        for batch, probability in ordered(lambda batch: (batch, answer_rows(batch, classifier)), batches, jobs):
            if not told and any(name.partition(".")[0] == "scores" for name in batch.rows.schema.names):
                told = True
                say(f"communique: {batch.source} has scores; they are taken as those of {classifier.model.name}")
            done += batch.rows.num_rows
            advance(done, 0)
            yield batch, probability


def _named(rows: Sequence[str]) -> str:
    shown = ", ".join(rows[:_MOST_NAMED])
    more = f" and {len(rows) - _MOST_NAMED:,} more" if len(rows) > _MOST_NAMED else ""
    return f"{len(rows):,} row{'s' if len(rows) != 1 else ''} ({shown}{more})"


def _spell(window: Window) -> str:
    unit = {"d": "day", "w": "week", "m": "month", "y": "year"}[window.unit]
    return f"{window.number} {unit}{'s' if window.number != 1 else ''}"


def _batch(trend: Trend) -> pa.RecordBatch:
    import pyarrow as pa

    text, number = pa.string(), pa.float64()
    kinds = {"by": text, "start": text, "end": text, "n": pa.int64(), "label": text, "share": number, "low": number}
    kinds |= {"high": number, "raw": number, "method": text, "note": text}
    return pa.RecordBatch.from_pylist([share.to_dict() for share in trend.shares], pa.schema(kinds.items()))


def _show(trend: Trend, title: str, note: str, by: str | None) -> None:
    """Print a table for each actor: a line for a window, or for a window and label where the labels find no room."""
    width = shutil.get_terminal_size().columns if is_terminal(sys.stdout) else 100
    wide = 25 + sum(2 + max(len(label), 11) for label in trend.labels) <= width
    notes: dict[str, int] = {}
    typer.echo(title)
    for name in trend.names:
        rows: list[list[str]] = []
        mine = [share for share in trend.shares if share.by == name]
        for start in range(0, len(mine), len(trend.labels)):
            shares = mine[start : start + len(trend.labels)]
            reason = shares[0].note
            mark = "" if reason is None else f"[{notes.setdefault(reason, len(notes) + 1)}]"
            when = [f"{shares[0].start}", f"{shares[0].n:,}"]
            if wide:
                rows.append([*when, *map(_cell, shares), mark])
            else:
                rows += [[*when, share.label, _cell(share), mark] for share in shares]
        called = f"{by}: {name or '(none)'}".translate(CONTROLS) if by else ""
        heads = ["from", "rows", *trend.labels, ""] if wide else ["from", "rows", "label", "share", ""]
        table(called, heads, rows, wide=-1)
    for told in [note[0].upper() + note[1:], *(f"[{number}] {text}." for text, number in notes.items())]:
        typer.echo(told)


def _cell(share: Share) -> str:
    if share.share is None:
        return "-"
    spread = "" if share.low is None or share.high is None else f" ({100 * share.low:.0f}-{100 * share.high:.0f})"
    return f"{100 * share.share:.0f}{spread}"
