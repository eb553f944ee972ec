"""The verb ``evaluate``: how good a model is on statements it was not trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from communique.cli.options import AsJson, Force, GroupColumn, IdColumn, LabelColumn, TextColumn, columns
from communique.cli.terminal import say, table
from communique.errors import DataError, QualityGateError, UsageError

if TYPE_CHECKING:
    from communique.evaluation.findings import Findings

HEADLINES = {
    "macro_f1": "macro-F1",
    "macro_f1_stances": "macro-F1 over the stances",
    "accuracy": "accuracy",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "expected calibration error",
}
COMPOSED = (
    "The bundled holdout is composed for the project and easier than life: on 584 real statements the default model "
    "reached a macro-F1 of 0.67 (0.62 to 0.72; 2026-11-26; see data/README.md)."
)


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name, name@version, or path.")] = "stance",
    data: Annotated[
        list[str] | None,
        typer.Argument(metavar="DATA", help="Labelled statements; the bundled holdout if none.", show_default=False),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a report here: a page (.html) or Markdown (.md).")] = None,
    slices: Annotated[
        list[str] | None, typer.Option("--slice", metavar="COLUMN", help="Mark each value of this column by itself.")
    ] = None,
    coders: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="Column of several coders' labels, or one column a coder: the human ceiling."
        ),
    ] = None,
    swap_names: Annotated[
        bool, typer.Option("--swap-names", help="Put every state's names into the statements: does the label change?")
    ] = False,
    leave_out: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Train anew, leaving out each value of this column in turn (a speaker, say)."
        ),
    ] = None,
    forward: Annotated[
        str | None, typer.Option(metavar="DATE_COLUMN", help="Train anew on the past, and mark on what came after.")
    ] = None,
    min_macro_f1: Annotated[float | None, typer.Option(help="End with 5 if macro-F1 is below this.")] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    id_column: IdColumn = None,
    group: GroupColumn = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Mark a model on labelled statements, every score with a 95 % bootstrap interval.

    With --leave-out or --forward the model's recipe is trained anew, on the very statements given (without DATA: on the
    bundled ones), to see whether it knows stance or only the speaker.

    Example: communique evaluate stance holdout.csv --min-macro-f1 0.7 --report report.html
    """
    from communique.cli import examination
    from communique.corpus.bundle import HOLDOUT, TRAIN
    from communique.corpus.labelled import collect
    from communique.corpus.source import read
    from communique.model import registry

    if report is not None:
        examination.check_report(report, force=force)
    if Path(model).suffix.lower() in (".csv", ".tsv", ".jsonl", ".json", ".parquet", ".txt", ".gz"):
        raise UsageError(f"{model} looks like data", remedy=f"the model's name comes first: evaluate stance {model}")
    saved = registry.find(model)
    wanted = columns(text_column, label_column, id_column, group)
    need = frozenset({"text", "label"})
    again = bool(leave_out or forward)
    given = data or ([*TRAIN, *HOLDOUT] if again else HOLDOUT)
    labelled = collect(read(given, wanted, need=need), "the data", extras=True)
    if labelled.skipped or labelled.unlabelled:
        say(
            f"communique: left out {len(labelled.skipped):,} rows without a text "
            f"and {len(labelled.unlabelled):,} without a label"
        )
    named = ", ".join(data) if data else "the bundled data" if again else "the bundled holdout"
    if not data and set(labelled.labels) - set(saved.manifest.get("labels", labelled.labels)):
        raise DataError(
            f"{model} has other labels than the bundled statements",
            remedy="give a file of your own: evaluate MODEL FILE",
        )
    exam = examination.sit(saved, labelled, [named])
    exam.mark(marked=not again or bool(data))
    if not data:
        exam.facts["note"] = COMPOSED
    if again:
        exam.retrain(leave_out, forward)
    else:
        exam.slice(slices, everything=report is not None)
        exam.agree(coders)
        exam.swap(asked=swap_names, sample=None if swap_names else 25 if report is not None else 0)
        if report is not None:
            exam.find_mistakes()
    if as_json:
        typer.echo(json.dumps(exam.facts, indent=2, ensure_ascii=False))
    else:
        exam.show(f"{exam.classifier.model.name} {saved.version} on {named}")
        if not data:
            typer.echo(COMPOSED)
    if report is not None:
        examination.write_report(report, exam.facts, force=force)
        say(f"communique: the report is in {report}")
    if min_macro_f1 is not None and not exam.findings.scores.macro_f1.value >= min_macro_f1:
        raise QualityGateError(
            f"macro-F1 is {exam.findings.scores.macro_f1.value:.4f}", expected=f"at least {min_macro_f1:g}"
        )


def show(findings: Findings, title: str) -> None:
    """Print the tables of an evaluation."""
    estimates = {name: getattr(findings.scores, name) for name in HEADLINES}
    rows = [[HEADLINES[name], f"{e.value:.3f}", f"{e.low:.3f} to {e.high:.3f}"] for name, e in estimates.items()]
    units = f"{findings.n:,} statements in {findings.groups:,} groups"
    note = "" if findings.trusted else "Too few groups for intervals that mean what they say."
    if findings.scores.accuracy.value == 1:
        least = 0.025 ** (1 / findings.groups)  # Clopper & Pearson 1934, for nothing wrong
        note = f"Nothing is wrong here, so intervals have no width; the true accuracy may be as low as {least:.3f}."
    table(f"{title}: {units}", ["score", "value", "95 % interval"], rows, note=note)
    table(
        "By label",
        ["label", "precision", "recall", "F1", "95 % interval", "rows", "given"],
        [
            [
                label.name + (" (background)" if label.name == findings.background else ""),
                f"{label.precision.value:.3f}",
                f"{label.recall.value:.3f}",
                f"{label.f1.value:.3f}",
                f"{label.f1.low:.3f} to {label.f1.high:.3f}",
                f"{label.support:,}",
                f"{label.predicted:,}",
            ]
            for label in findings.labels
        ],
    )
    names = [label.name for label in findings.labels]
    table(
        "Confusion: a row for the true label, a column for the one given",
        ["", *names],
        [
            [name, *(f"{count:,}" for count in row)]
            for name, row in zip(names, findings.confusion.tolist(), strict=True)
        ],
    )
