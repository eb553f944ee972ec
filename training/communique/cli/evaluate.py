"""The verb ``evaluate``: how good a model is on statements it was not trained on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from communique.cli.options import AsJson, GroupColumn, IdColumn, LabelColumn, TextColumn, columns
from communique.cli.terminal import say, table
from communique.errors import QualityGateError

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
    "The bundled holdout is composed for the project and easier than life: on real statements expect less "
    "(see data/README.md)."
)


def evaluate(
    model: Annotated[str, typer.Argument(metavar="[MODEL]", help="Name, name@version, or path.")] = "stance",
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DATA...]", help="Labelled statements; the bundled holdout if none.", show_default=False
        ),
    ] = None,
    min_macro_f1: Annotated[float | None, typer.Option(help="End with 5 if macro-F1 is below this.")] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    id_column: IdColumn = None,
    group: GroupColumn = None,
    as_json: AsJson = False,
) -> None:
    """Mark a model on labelled statements, every score with a 95 % bootstrap interval.

    Example: communique evaluate stance holdout.csv --min-macro-f1 0.7
    """
    from communique.corpus.bundle import HOLDOUT
    from communique.corpus.labelled import collect
    from communique.corpus.source import read
    from communique.evaluation.findings import judge
    from communique.evaluation.metrics import judged_of
    from communique.inference.prediction import Classifier
    from communique.model import registry

    saved = registry.find(model)
    classifier = Classifier(registry.open_saved(saved))
    wanted = columns(text_column, label_column, id_column, group)
    labelled = collect(read(data or HOLDOUT, wanted, need=frozenset({"text", "label"})), "the data")
    if labelled.skipped or labelled.unlabelled:
        say(
            f"communique: left out {len(labelled.skipped):,} rows without a text "
            f"and {len(labelled.unlabelled):,} without a label"
        )
    labelled.codes(classifier.model.codebook)
    findings = judge(judged_of(labelled.rows, classifier.predict_proba(labelled.texts), classifier.model.codebook))
    facts: dict[str, Any] = {
        "model": {"name": classifier.model.name, "version": saved.version, "sha256": saved.sha256},
        "data": {"sha256": labelled.fingerprint, "rows": len(labelled), "files": data or ["the bundled holdout"]},
        **findings.to_dict(),
    }
    if not data:
        facts["note"] = COMPOSED
    if as_json:
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        show(
            findings,
            f"{classifier.model.name} {saved.version} on {'the bundled holdout' if not data else ', '.join(data)}",
        )
        if not data:
            typer.echo(COMPOSED)
    if min_macro_f1 is not None and not findings.scores.macro_f1.value >= min_macro_f1:
        raise QualityGateError(
            f"macro-F1 is {findings.scores.macro_f1.value:.4f}", expected=f"at least {min_macro_f1:g}"
        )


def show(findings: Findings, title: str) -> None:
    """Print the tables of an evaluation."""
    estimates = {name: getattr(findings.scores, name) for name in HEADLINES}
    rows = [[HEADLINES[name], f"{e.value:.3f}", f"{e.low:.3f} to {e.high:.3f}"] for name, e in estimates.items()]
    units = f"{findings.n:,} statements in {findings.groups:,} groups"
    note = "" if findings.trusted else "Too few groups for intervals that mean what they say."
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
