"""An examination of a model: what ``evaluate`` asks, what it finds, and how it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import typer

from communique.cli.terminal import progress, table
from communique.corpus.labelled import Labelled
from communique.errors import OutputError, UsageError
from communique.inference.prediction import Classifier
from communique.model import registry

if TYPE_CHECKING:
    from communique.evaluation.designs import DesignFindings
    from communique.evaluation.findings import Findings
    from communique.evaluation.metrics import Judged

_MADE = ("created", "seed", "terms", "temperature", "recipe", "data", "search", "versions")
_USUAL = ("genre", "topic", "actor", "language")  # columns that a report is sliced by unasked
_MANY = 30  # values of a column, beyond which a report does not slice by it unasked
_MOST_SHOWN = 12  # mistakes with their evidence in a report
_ERRORS, _COVERAGES = (0.05, 0.1, 0.2), (0.8, 0.9, 0.95)


def check_report(path: Path, *, force: bool) -> None:
    """Refuse a report that could not be written, before long work.

    Raises
    ------
    UsageError
        If its name says neither HTML nor Markdown.
    OutputError
        If it is there already and not to be overwritten.
    """
    if path.suffix not in (".html", ".md"):
        raise UsageError(f"the report {path}", expected="a name that ends in .html or .md")
    if path.exists() and not force:
        raise OutputError(f"{path} is there already", remedy="choose another name or give --force")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"there is no folder {path.absolute().parent}", remedy="make it first")


def write_report(path: Path, facts: dict[str, Any], *, force: bool) -> None:
    """Write the report, whole or not at all."""
    from communique.corpus.sink import open_file

    if path.suffix == ".md":
        from communique.evaluation.markdown import markdown as write
    else:
        from communique.evaluation.report import report as write
    with open_file(path, force) as stream:
        stream.write(write(facts).encode())


def sit(saved: registry.Saved, labelled: Labelled, files: Sequence[str]) -> Examination:
    """Begin the examination of a saved model on labelled statements.

    Raises
    ------
    DataError
        If a label is not one of the model's.
    """
    classifier = Classifier(registry.open_saved(saved))
    book = classifier.model.codebook
    labelled.codes(book)
    facts: dict[str, Any] = {
        "model": {
            "name": classifier.model.name,
            "version": saved.version,
            "sha256": saved.sha256,
            **{key: saved.manifest[key] for key in _MADE if key in saved.manifest},
        },
        "data": {"sha256": labelled.fingerprint, "rows": len(labelled), "files": list(files)},
        "version": version("communique"),
        "codebook": {**book.to_dict(), "sha256": book.fingerprint},
    }
    if "learning_curve" in saved.manifest:
        facts["learning_curve"] = saved.manifest["learning_curve"]
    return Examination(classifier, labelled, facts)


class Examination:
    """One sitting: each question adds its facts."""

    def __init__(self, classifier: Classifier, labelled: Labelled, facts: dict[str, Any]) -> None:
        self.classifier = classifier
        self.facts = facts
        self._labelled = labelled
        self._designs: list[DesignFindings] = []
        self._marked = True

    findings: Findings
    _judged: Judged

    def mark(self, *, marked: bool) -> None:
        """Score the model's answers; ``marked`` False: they are only needed by the way, and are not shown."""
        from communique.evaluation.findings import judge
        from communique.evaluation.metrics import judged_of
        from communique.evaluation.risk import judge_risk

        book = self.classifier.model.codebook
        self._marked = marked
        self._judged = judged_of(self._labelled.rows, self.classifier.predict_proba(self._labelled.texts), book)
        self.findings = judge(self._judged)
        if not marked:
            return
        self.facts |= self.findings.to_dict()
        if self.classifier.model.held_out is not None:
            promises = [self.classifier.promise(error) for error in _ERRORS]
            sets = [self.classifier.sets(coverage) for coverage in _COVERAGES]
            self.facts["risk"] = judge_risk(self._judged, promises, sets).to_dict()

    def slice(self, asked: Sequence[str] | None, *, everything: bool) -> None:
        """Mark each value of some columns by itself."""
        from communique.evaluation.slices import LENGTH, judge_slices, partitions_of

        names = self._labelled.extras.column_names if self._labelled.extras is not None else []
        parts = list(partitions_of(self._labelled, asked or []))
        if everything:
            usual = [
                name for name in (*_USUAL, LENGTH) if (name in names or name == LENGTH) and name not in (asked or [])
            ]
            parts += [part for part in partitions_of(self._labelled, usual) if len(part.parts) <= _MANY]
        if parts:
            self.facts["slices"] = judge_slices(self._judged, parts).to_dict()

    def agree(self, columns: Sequence[str] | None) -> None:
        """Measure the coders' agreement, and the model against it."""
        from communique.evaluation.agreement import coded_of, measure_agreement

        if columns:
            coded = coded_of(self._labelled, columns, self.classifier.labels)
            self.facts["agreement"] = measure_agreement(coded, self._judged).to_dict()

    def swap(self, *, asked: bool, sample: int | None) -> None:
        """Put other states' names into the statements."""
        from communique.evaluation.swap import find_named_phrases, swap_names
        from communique.inference.explanation import top_phrases

        if not asked and not sample:
            return
        with progress("swapping names") as advance:
            found = swap_names(
                self.classifier.predict_proba,
                self._labelled.texts.to_pylist(),
                self._judged.groups,
                self.classifier.labels,
                sample=sample,
                progress=advance,
            )
        phrases = {
            label: [phrase.term for phrase in listed]
            for label, listed in top_phrases(self.classifier.model, 50).items()
        }
        self.facts["name_swap"] = found.to_dict()
        self.facts["named_phrases"] = [asdict(phrase) for phrase in find_named_phrases(phrases)]

    def find_mistakes(self) -> None:
        """List the confident mistakes, with the words that misled."""
        from communique.evaluation.mistakes import find_mistakes
        from communique.inference.explanation import explain

        found = find_mistakes(self._labelled.rows, self._judged).to_dict()
        shown = found["mistakes"][:_MOST_SHOWN]
        for one, why in zip(shown, explain(self.classifier, [one["text"] for one in shown]), strict=True):
            one["evidence"] = [vars(word) for word in why.evidence]
        self.facts["mistakes"] = found

    def retrain(self, leave_out: str | None, forward: str | None) -> None:
        """Train the model's recipe anew on parts of the statements, and mark it on the others."""
        from communique.evaluation import designs
        from communique.evaluation.slices import cells_of
        from communique.learning.recipe import recipe_of
        from communique.learning.training import fit_model

        model, labelled = self.classifier.model, self._labelled
        plain = {key: value for key, value in model.recipe.items() if key != "seed"}
        recipe = replace(recipe_of(plain), folds=2, repeats=1)  # inner folds only set the temperature

        def fit_and_predict(train: np.ndarray, test: np.ndarray) -> np.ndarray:
            part = Labelled(labelled.rows.take(pa.array(train)))
            fitted = fit_model(part, model.codebook, recipe, seed=int(model.recipe.get("seed", 0))).model
            return Classifier(fitted).predict_proba(labelled.texts.take(pa.array(test)))

        with progress("training anew") as advance:
            exam = designs.Exam(
                labelled.codes(model.codebook),
                model.labels,
                model.codebook.background,
                labelled.rows["id"].to_pylist(),
                fit_and_predict,
                progress=advance,
            )
            if leave_out:
                self._designs.append(designs.leave_out(exam, leave_out, cells_of(labelled, leave_out).to_pylist()))
            if forward:
                dates = cells_of(labelled, forward).to_pylist()
                self._designs.append(designs.go_forward(exam, forward, dates, labelled.rows["group"].to_pylist()))
        self.facts["designs"] = [design.to_dict() for design in self._designs]

    def show(self, title: str) -> None:
        """Print what was found."""
        from communique.cli.evaluate import show

        if self._marked:
            show(self.findings, title)
        for name, what in (("slices", _show_slices), ("agreement", _show_remarks), ("name_swap", _show_swap)):
            if name in self.facts:
                what(self.facts[name])
        for design in self.facts.get("designs", []):
            typer.echo(design["meaning"])


def _show_slices(slices: dict[str, Any]) -> None:
    rows = [
        [
            str(one["column"]),
            str(one["value"]),
            f"{one['n']:,}",
            f"{one['macro_f1']:.3f}" if one["macro_f1"] is not None else "",
            _interval(one, "macro_f1"),
        ]
        for one in slices["slices"]
        if not one["small"]
    ]
    if rows:
        table("By slice", ["column", "value", "rows", "macro-F1", "95 % interval"], rows, wide=1)
    _show_remarks(slices)


def _show_swap(found: dict[str, Any]) -> None:
    every = found["every"]
    if every["flips"]:
        share, swaps = every["rate"]["value"], every["swaps"]
        typer.echo(f"Names swapped: {share:.2%} of {swaps:,} swaps change the label.")
    typer.echo(found["remark"])


def _show_remarks(facts: dict[str, Any]) -> None:
    for remark in facts.get("remarks", []):
        typer.echo(remark)


def _interval(facts: dict[str, Any], name: str) -> str:
    found = facts.get("intervals", {}).get(name)
    return f"{found[0]:.3f} to {found[1]:.3f}" if found else ""
