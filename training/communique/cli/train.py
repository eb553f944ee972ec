"""The verb ``train``: labelled statements in, a saved model out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from communique.cli.evaluate import COMPOSED, show
from communique.cli.options import AsJson, Force, GroupColumn, IdColumn, Jobs, LabelColumn, TextColumn, columns
from communique.cli.terminal import progress, say, table
from communique.errors import UsageError

if TYPE_CHECKING:
    from communique.corpus.labelled import Labelled
    from communique.learning.recipe import Recipe
    from communique.learning.training import Trained

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def train(
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATA",
            help="Labelled statements: files, globs, - or hf://name; the bundled ones if none.",
            show_default=False,
        ),
    ] = None,
    holdout: Annotated[
        str | None, typer.Option(help="Labelled statements to mark the model on; never trained on.")
    ] = None,
    name: Annotated[str, typer.Option(help="What to call the model.")] = "stance",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the model folder here instead of models/.")
    ] = None,
    preset: Annotated[str, typer.Option("--preset", "-p", help="fast, balanced or thorough.")] = "balanced",
    recipe: Annotated[Path | None, typer.Option(help="Recipe file (TOML) instead of a preset.")] = None,
    metric: Annotated[
        str | None, typer.Option(help="What is best: macro_f1, macro_f1_stances, accuracy, log_loss or f1:LABEL.")
    ] = None,
    codebook: Annotated[
        Path | None, typer.Option(help="Codebook (TOML); without it the labels come from the data.")
    ] = None,
    mask_names: Annotated[
        bool, typer.Option("--mask-names", help="Hide the names of states from the model, in training and ever after.")
    ] = False,
    label_errors: Annotated[
        bool,
        typer.Option("--label-errors", help="List the training rows whose label looks wrong, the likeliest first."),
    ] = False,
    learning_curve: Annotated[
        bool, typer.Option("--learning-curve", help="Find out whether more labels would help, and of which label.")
    ] = False,
    explain_search: Annotated[
        bool, typer.Option("--explain-search", help="Print what was tried and why the chosen one won.")
    ] = False,
    time_budget: Annotated[
        str | None, typer.Option(help="Begin no new trial after this time, as in 90s or 5m.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Same seed, same model.")] = 0,
    jobs: Jobs = 0,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    id_column: IdColumn = None,
    group: GroupColumn = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Train a model on labelled statements and mark it on the holdout.

    Without DATA the bundled statements are used, and the bundled holdout. Without a holdout the marks come from
    cross-validation on the training rows.

    Example: communique train labels.csv --holdout holdout.csv --name mine
    """
    from communique.corpus import bundle
    from communique.corpus.labelled import collect
    from communique.corpus.source import read
    from communique.model import registry

    chosen = _recipe(preset, recipe, metric, mask_names=mask_names)
    seconds = None if time_budget is None else _seconds(time_budget)
    registry.check_name(name)
    registry.check_writable(output or registry.roots()[0] / name / "new", force=force)
    wanted = columns(text_column, label_column, id_column, group)
    need = frozenset({"text", "label"})
    rows = collect(read(data or bundle.TRAIN, wanted, need=need), ", ".join(data or ["the bundled data"]))
    marking = [holdout] if holdout else [] if data else bundle.HOLDOUT
    held = collect(read(marking, wanted, need=need), f"the holdout {holdout}") if marking else None
    _tell_left_out(rows.skipped, "text")
    _tell_left_out(rows.unlabelled, "label")

    from communique.codebook import codebook_of, read_codebook
    from communique.corpus import duplicates
    from communique.evaluation.findings import judge
    from communique.evaluation.metrics import judged_of
    from communique.inference.prediction import Classifier, softmax
    from communique.learning.selection import Effort
    from communique.learning.training import cores, fit_model

    book = read_codebook(codebook) if codebook else codebook_of(rows.labels)
    if held is not None:
        held.codes(book)
        both = int((duplicates.nearest(held.texts, rows.texts)[0] >= 0).sum())
        if both:
            say(
                f"communique: {both:,} holdout statements are nearly copies of training ones and flatter the score; "
                "communique lint names them"
            )
    with progress("cross-validating") as advance:
        trained = fit_model(
            rows, book, chosen, name=name, seed=seed, effort=Effort(cores(jobs), seconds), progress=advance
        )
    model = trained.model
    if held is not None:
        findings = judge(judged_of(held.rows, Classifier(model).predict_proba(held.texts), book))
        title = f"{name} on {holdout or 'the bundled holdout'}"
    else:
        findings = judge(
            judged_of(trained.held_out_rows(rows), softmax(trained.choice.held_out / model.temperature), book)
        )
        title = f"{name}, cross-validated on its own training rows (no holdout was given)"
    facts = trained.facts | {
        "holdout" if held is not None else "cross_validated": _marks(findings.to_dict(), composed=not data)
    }
    if label_errors:
        from communique.evaluation.mistakes import find_label_errors, held_out_probability

        truth = rows.codes(book)
        found = find_label_errors(rows.rows, truth, held_out_probability(model, truth), book.names)
        facts["label_errors"] = found.to_dict()
    if learning_curve:
        facts["learning_curve"] = _curve(trained, rows)
    saved = registry.save(model, facts, folder=output)
    if as_json:
        typer.echo(json.dumps({"path": str(saved.file.parent), **saved.manifest}, indent=2, ensure_ascii=False))
        return
    if label_errors:
        _show_suspects(facts["label_errors"])
    for remark in facts.get("learning_curve", {}).get("remarks", []):
        typer.echo(remark)
    if explain_search:
        _show_search(trained.facts["search"])
    show(findings, title)
    if not data:
        typer.echo(COMPOSED)
    typer.echo(
        f"Saved {name} {saved.version} in {saved.file.parent} "
        f"({len(rows):,} statements, {trained.facts['seconds']:g} s)."
        + (f" It goes by that path: communique classify --model {saved.file.parent}" if output else "")
    )


def _show_suspects(found: dict[str, Any]) -> None:
    """Print the rows whose label looks wrong."""
    suspects = [
        [one["id"], one["text"], one["truth"], one["label"], f"{one['confidence']:.2f}"]
        for one in found["suspects"][:20]
    ]
    columns_shown = ["id", "statement", "label", "looks like", "confidence"]
    table("Labels that look wrong", columns_shown, suspects, wide=1, note=" ".join(found["remarks"]))


def _curve(trained: Trained, rows: Labelled) -> dict[str, Any]:
    """Train the chosen recipe on more and more of the rows."""
    from dataclasses import replace

    import numpy as np
    import pyarrow as pa

    from communique.corpus.labelled import Labelled
    from communique.evaluation.curve import Rows, hold_out, learning_curve
    from communique.inference.prediction import Classifier
    from communique.learning.training import fit_model

    model = trained.model
    y = rows.codes(model.codebook)
    pool, held = hold_out(trained.groups)
    recipe = replace(trained.choice.recipe, folds=2, repeats=1)  # inner folds only set the temperature

    def fit_and_predict(train: np.ndarray) -> np.ndarray:
        part = Labelled(rows.rows.take(pa.array(pool[train])))
        fitted = fit_model(part, model.codebook, recipe, seed=trained.facts["seed"]).model
        return Classifier(fitted).predict_proba(rows.texts.take(pa.array(held)))

    with progress("learning curve") as advance:
        return learning_curve(
            Rows(y[pool], trained.groups[pool]),
            Rows(y[held], trained.groups[held]),
            model.labels,
            model.codebook.background,
            fit_and_predict,
            progress=advance,
        ).to_dict()


def _show_search(search: dict[str, Any]) -> None:
    """Print what was tried, the best first."""
    tried = [
        [
            entry["classifiers"],
            entry["features"],
            f"{entry['mean']:.4f}",
            "" if entry["standard_error"] is None else f"{entry['standard_error']:.4f}",
            str(entry["folds"]),
        ]
        for entry in search["candidates"]
    ]
    title = f"Tried, by {search['metric']} on held-out folds"
    table(title, ["classifiers", "features", "mean", "standard error", "folds"], tried, note=search["chosen"])


def _recipe(preset: str, file: Path | None, metric: str | None, *, mask_names: bool) -> Recipe:
    from dataclasses import replace

    from communique.learning.presets import preset as named
    from communique.learning.recipe import read_recipe

    chosen = read_recipe(file) if file else named(preset)
    if mask_names:
        hidden = [
            tuple(replace(block, terms=replace(block.terms, mask_names=True)) for block in blocks)
            for blocks in chosen.features
        ]
        chosen = replace(chosen, features=tuple(hidden))
    return replace(chosen, metric=metric) if metric else chosen


def _seconds(budget: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", budget.strip())
    if not found:
        raise UsageError(f"a time budget of {budget!r}", expected="a time such as 90s, 5m or 1h")
    return float(found[1]) * _UNITS[found[2]]


def _tell_left_out(rows: tuple[str, ...], what: str) -> None:
    if rows:
        shown = ", ".join(rows[:5]) + (" ..." if len(rows) > 5 else "")
        say(f"communique: left out {len(rows):,} row{'s' if len(rows) != 1 else ''} without a {what} ({shown})")


def _marks(findings: dict[str, Any], *, composed: bool) -> dict[str, Any]:
    kept = {
        key: findings[key]
        for key in (
            "n",
            "groups",
            "macro_f1",
            "macro_f1_stances",
            "accuracy",
            "log_loss",
            "brier",
            "ece",
            "intervals",
            "labels",
            "confusion",
        )
    }
    return kept | ({"note": COMPOSED} if composed else {})
