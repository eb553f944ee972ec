"""The verb ``compare``: whether a model is better than another, and where."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from communique.cli.evaluate import COMPOSED, HEADLINES
from communique.cli.options import AsJson, GroupColumn, IdColumn, LabelColumn, TextColumn, columns
from communique.cli.terminal import say, table
from communique.errors import DataError, QualityGateError, UsageError

if TYPE_CHECKING:
    from communique.evaluation.comparison import Change, Comparison, FlippedRow, Moved, SliceChange

_ROUNDING = 1e-12  # what sums of doubles may differ by and be the same score
_SHOWN = 5  # flipped rows of each kind, and phrases of each label, on a terminal


@dataclass(frozen=True)
class Gate:
    """One thing that must not get worse: a name, and by how much it did (above 0: worse), with its interval."""

    name: str
    before: float
    after: float
    loss: float
    least: float
    most: float

    def fails(self, margin: float, *, beyond_doubt: bool) -> bool:
        """Tell whether the loss is more than the margin; ``beyond_doubt``: whether all of its interval is."""
        return (self.least if beyond_doubt and not math.isnan(self.least) else self.loss) > margin + _ROUNDING

    def tell(self) -> str:
        """Say what happened."""
        sure = "" if math.isnan(self.least) else f", 95 % interval {self.least:.4f} to {self.most:.4f}"
        return f"{self.name} went from {self.before:.4f} to {self.after:.4f} (worse by {self.loss:.4f}{sure})"


def compare(
    model_a: Annotated[str, typer.Argument(metavar="MODEL_A", help="The model there is: name, name@version or path.")],
    model_b: Annotated[str, typer.Argument(metavar="MODEL_B", help="The model that would replace it.")],
    data: Annotated[
        list[str] | None,
        typer.Argument(metavar="DATA", help="Labelled statements; the bundled holdout if none.", show_default=False),
    ] = None,
    slices: Annotated[
        list[str] | None,
        typer.Option("--slice", metavar="COLUMN", help="Compare by this column too; length is the number of words."),
    ] = None,
    fail_if_worse: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT",
            help="End with 5 if B is worse in this: accuracy, macro_f1, another headline score, f1:LABEL, "
            "slice=COLUMN:VALUE (accuracy there) or slice=COLUMN (in any part that is not small).",
        ),
    ] = None,
    margin: Annotated[float, typer.Option(min=0, help="How much worse is let pass, as in 0.01 for one point.")] = 0.0,
    beyond_doubt: Annotated[
        bool, typer.Option("--beyond-doubt", help="Fail only if the whole interval is worse than the margin.")
    ] = False,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    id_column: IdColumn = None,
    group: GroupColumn = None,
    as_json: AsJson = False,
) -> None:
    """Compare two models on the same labelled statements.

    Every score's difference has a 95 % paired bootstrap interval. Beside it: McNemar's exact test, the statements whose
    label flipped, and the phrases whose weight moved most.

    --fail-if-worse goes by the scores as they are, which for given models and data never change: a loss of any size
    fails. As two equally good models differ a little on any data, allow a --margin; with --beyond-doubt chance alone
    hardly ever fails a build, but a small slice will not fail it either.

    Example: communique compare stance@5f41 stance holdout.csv --slice genre --fail-if-worse macro_f1 --margin 0.01
    """
    from communique.corpus.bundle import HOLDOUT
    from communique.corpus.labelled import collect
    from communique.corpus.source import read
    from communique.evaluation.comparison import check_labels, find_moved
    from communique.evaluation.comparison import compare as compare_answers
    from communique.evaluation.metrics import judged_of
    from communique.evaluation.slices import partitions_of
    from communique.inference.prediction import Classifier
    from communique.model import registry

    wanted = list(fail_if_worse or [])
    found = [registry.find(model) for model in (model_a, model_b)]
    first, second = (Classifier(registry.open_saved(saved)) for saved in found)
    check_labels(first.model, second.model)
    _check_gates(wanted, first.labels)
    roles = columns(text_column, label_column, id_column, group)
    labelled = collect(read(data or HOLDOUT, roles, need=frozenset({"text", "label"})), "the data", extras=True)
    if labelled.skipped or labelled.unlabelled:
        say(
            f"communique: left out {len(labelled.skipped):,} rows without a text "
            f"and {len(labelled.unlabelled):,} without a label"
        )
    codebook = first.model.codebook
    labelled.codes(codebook)
    by = [*(slices or []), *(_sliced(gate)[0] for gate in wanted if _sliced(gate)[0])]
    order = [second.labels.index(name) for name in first.labels]
    comparison = compare_answers(
        labelled.rows,
        judged_of(labelled.rows, first.predict_proba(labelled.texts), codebook),
        judged_of(labelled.rows, second.predict_proba(labelled.texts)[:, order], codebook),
        partitions_of(labelled, by),
    )
    gates = [gate for name in wanted for gate in _gates(name, comparison)]
    failed = [gate for gate in gates if gate.fails(margin, beyond_doubt=beyond_doubt)]
    moved = find_moved(first.model, second.model)
    if as_json:
        facts: dict[str, Any] = {
            **{
                side: {"name": model.model.name, "version": saved.version, "sha256": saved.sha256}
                for side, model, saved in zip(("model_a", "model_b"), (first, second), found, strict=True)
            },
            "data": {"sha256": labelled.fingerprint, "rows": len(labelled), "files": data or ["the bundled holdout"]},
            **comparison.to_dict(),
            "moved": [{**asdict(phrase), "change": phrase.change} for phrase in moved],
            "gates": [
                {
                    "name": gate.name,
                    "before": gate.before,
                    "after": gate.after,
                    "worse_by": gate.loss,
                    "interval": None if math.isnan(gate.least) else [gate.least, gate.most],
                    "failed": gate in failed,
                }
                for gate in gates
            ],
        }
        if not data:
            facts["note"] = COMPOSED
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        names = [f"{model.model.name} {saved.version}" for model, saved in zip((first, second), found, strict=True)]
        where = ", ".join(data) if data else "the bundled holdout"
        _show(comparison, f"A is {names[0]}, B is {names[1]}, on {where}")
        _show_moved(moved)
        if not data:
            typer.echo(COMPOSED)
    if failed:
        raise QualityGateError(
            "; ".join(gate.tell() for gate in failed),
            expected=f"no loss above {margin:g}" + (" beyond doubt" if beyond_doubt else ""),
        )


def _sliced(gate: str) -> tuple[str, str]:
    """Read ``slice=COLUMN:VALUE``: the column and the value, empty if there is none."""
    if not gate.startswith("slice="):
        return "", ""
    column, _, value = gate.removeprefix("slice=").partition(":")
    return column, value


def _check_gates(wanted: Sequence[str], labels: Sequence[str]) -> None:
    known = [*HEADLINES, "kappa", *(f"f1:{label}" for label in labels)]
    for gate in wanted:
        if gate not in known and not _sliced(gate)[0]:
            raise UsageError(
                f"--fail-if-worse {gate}", expected=f"slice=COLUMN, slice=COLUMN:VALUE, or one of {', '.join(known)}"
            )


def _gates(name: str, comparison: Comparison) -> Iterator[Gate]:
    """Look up what a gate is about."""
    from communique.evaluation.comparison import LOWER_IS_BETTER

    column, value = _sliced(name)
    if not column:
        label = name.removeprefix("f1:")
        change = comparison.f1[label] if label != name else getattr(comparison.scores, name)
        if math.isnan(change.before) and math.isnan(change.after):
            raise DataError(f"--fail-if-worse {name}, but no statement has, or was given, such a label")
        yield _gate(name, change, lower_is_better=name in LOWER_IS_BETTER)
        return
    parts = [one for one in comparison.slices if one.column == column]
    chosen = [one for one in parts if one.value == value] if value else [one for one in parts if not one.small]
    if not chosen:
        shown = ", ".join(one.value for one in parts[:20]) + (" ..." if len(parts) > 20 else "")
        raise UsageError(
            f"--fail-if-worse {name}, but {f'no statement has the {column} {value!r}' if value else 'all are small'}",
            expected=f"one of {shown}",
        )
    for one in chosen:
        if one.small:
            say(f"communique: {column} {one.value} has but {one.n:,} statements in {one.groups:,} groups: chance rules")
        yield _gate(f"accuracy where {column} is {one.value}", one.accuracy)


def _gate(name: str, change: Change, *, lower_is_better: bool = False) -> Gate:
    low, high = change.difference.low, change.difference.high
    if lower_is_better:
        return Gate(name, change.before, change.after, change.difference.value, low, high)
    return Gate(name, change.before, change.after, -change.difference.value, -high, -low)


def _show(comparison: Comparison, title: str) -> None:
    """Print the tables of a comparison."""
    headline = ["score", "A", "B", "B less A", "95 % interval"]
    scores = [[HEADLINES[name], *_cells(getattr(comparison.scores, name))] for name in HEADLINES]
    labels = [[f"F1 of {name}", *_cells(change)] for name, change in comparison.f1.items()]
    units = f"{comparison.n:,} statements in {comparison.groups:,} groups"
    table(f"{title}: {units}", headline, [*scores, *labels])
    flips = comparison.flips
    typer.echo(
        f"{flips.total:,} statements have another label: {flips.right_to_wrong:,} went wrong, "
        f"{flips.wrong_to_right:,} were put right, {flips.wrong_to_wrong:,} stayed wrong. {_verdict(comparison)}\n"
    )
    if comparison.slices:
        table("By slice", ["slice", "rows", *headline[1:], "p"], [_slice_cells(one) for one in comparison.slices])
    for kind, rows in _kinds(comparison.rows):
        if rows:
            listed = [[row.truth, row.before, row.after, row.text] for row in rows[:_SHOWN]]
            more = f"{len(rows) - _SHOWN:,} more with --json." if len(rows) > _SHOWN else ""
            table(kind, ["truth", "A", "B", "statement"], listed, wide=3, note=more)


def _verdict(comparison: Comparison) -> str:
    gained = comparison.flips.wrong_to_right - comparison.flips.right_to_wrong
    p = f"p = {comparison.p_rows:.3g} by McNemar's exact test, {comparison.p_groups:.3g} by groups"
    if not gained:
        return f"Neither has more right answers ({p})."
    better = "B" if gained > 0 else "A"
    if comparison.p_groups < 1 - comparison.bootstrap.level:
        return f"{better} is right more often, and hardly by chance ({p})."
    return f"{better} is right more often, but that may be chance ({p})."


def _kinds(rows: Sequence[FlippedRow]) -> Iterator[tuple[str, list[FlippedRow]]]:
    yield "Went wrong", [row for row in rows if row.before == row.truth]
    yield "Put right", [row for row in rows if row.after == row.truth]


def _show_moved(moved: Sequence[Moved]) -> None:
    rows = [
        [phrase.label, phrase.phrase, _weight(phrase.before), _weight(phrase.after), f"{phrase.change:+.2f}"]
        for label in dict.fromkeys(phrase.label for phrase in moved)
        for phrase in [phrase for phrase in moved if phrase.label == label][:_SHOWN]
    ]
    if rows:
        table(
            "Phrases whose weight moved most, by what that does to the scores",
            ["label", "phrase", "A", "B", "change"],
            rows,
            wide=1,
        )


def _weight(weight: float | None) -> str:
    return "unknown" if weight is None else f"{weight:.2f}"


def _slice_cells(one: SliceChange) -> list[str]:
    rows = f"{one.n:,}" + (" (small)" if one.small else "")
    p = "" if math.isnan(one.p) else f"{one.p:.3g}"
    return [f"{one.column} {one.value}", rows, *_cells(one.accuracy), p]


def _cells(change: Change) -> list[str]:
    low, high = change.difference.low, change.difference.high
    interval = "" if math.isnan(low) else f"{low:+.3f} to {high:+.3f}"
    return [f"{change.before:.3f}", f"{change.after:.3f}", f"{change.difference.value:+.3f}", interval]
