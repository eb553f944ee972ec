"""Training: labelled statements and a recipe in, a model and the facts about it out."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pyarrow as pa

from communique.codebook import Codebook
from communique.corpus import duplicates
from communique.corpus.labelled import Labelled
from communique.errors import DataError
from communique.inference.familiarity import profile_of
from communique.learning.calibration import temperature
from communique.learning.folds import folds
from communique.learning.recipe import Recipe, describe_classifiers, describe_features
from communique.learning.selection import Choice, Effort, Progress, select
from communique.model.model import HeldOut, Model
from communique.statement import GROUP


@dataclass(frozen=True, eq=False)
class Trained:
    """A fresh model, its choice among the candidates, and the facts its manifest will tell."""

    model: Model
    choice: Choice
    groups: np.ndarray
    facts: dict[str, Any]

    def held_out_rows(self, data: Labelled) -> pa.Table:
        """Return the training rows with the groups that the folds kept together, to mark the held-out scores on."""
        names = pa.array(self.groups).cast(pa.string())
        return data.rows.set_column(data.rows.schema.get_field_index(GROUP), GROUP, names)


def cores(jobs: int) -> int:
    """Return how many threads ``--jobs`` means: 0 is one a core."""
    return jobs if jobs > 0 else os.cpu_count() or 1


def fit_model(
    data: Labelled,
    codebook: Codebook,
    recipe: Recipe,
    *,
    name: str = "stance",
    seed: int = 0,
    effort: Effort = Effort(),
    progress: Progress = lambda done, total: None,
) -> Trained:
    """Fit a model to labelled statements.

    Raises
    ------
    DataError
        If training would be unsound: one label only, an unknown label, fewer rows or groups than folds.
    """
    began = time.monotonic()
    y = data.codes(codebook)
    if len(data.labels) < 2:
        raise DataError(
            f"all {len(data):,} statements have the label {data.labels[0]!r}",
            expected="at least two labels",
            remedy="add statements of another label, or check the label column",
        )
    groups = bind(data, recipe.folds)
    cut = tuple(
        fold
        for repeat in range(recipe.repeats)
        for fold in folds(y, groups, recipe.folds, seed + repeat, codebook.names)
    )
    choice = select(recipe, data.texts, y, cut, codebook, seed=seed, effort=effort, progress=progress)
    heat = temperature(choice.held_out, y)
    # What all labels have in common says nothing, and float32 has better things to keep.
    coefficients, intercepts = choice.coefficients.coefficients, choice.coefficients.intercepts
    coefficients = coefficients - coefficients.mean(axis=1, keepdims=True)
    weights = choice.features.premultiply(coefficients.astype(np.float32))
    model = Model(
        name=name,
        codebook=codebook,
        features=choice.features,
        weights=weights,
        intercepts=intercepts - intercepts.mean(),
        temperature=heat,
        recipe={**choice.recipe.to_dict(), "seed": seed},
        held_out=HeldOut(
            (choice.held_out - choice.held_out.mean(axis=1, keepdims=True)).astype(np.float32),
            y.astype(np.int32),
            groups.astype(np.int32),
        ),
        profile=profile_of(data.texts, groups),
    )
    facts = {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seed": seed,
        "seconds": round(time.monotonic() - began, 1),
        "data": {
            "sha256": data.fingerprint,
            "rows": len(data),
            "groups": len(np.unique(groups)),
            "labels": data.counts,
            "skipped": len(data.skipped),
            "unlabelled": len(data.unlabelled),
        },
        "search": {
            "metric": recipe.metric,
            "folds": recipe.folds,
            "repeats": recipe.repeats,
            "chosen": choice.explain(recipe),
            "candidates": [
                {
                    "features": describe_features(recipe.features[trial.features]),
                    "classifiers": describe_classifiers(recipe.classifiers[trial.classifiers]),
                    "folds": len(trial.scores),
                    "mean": round(trial.mean, 5),
                    "standard_error": round(trial.error, 5) if trial.error < float("inf") else None,
                }
                for trial in choice.trials
            ],
        },
        "versions": {
            "python": platform.python_version(),
            **{
                package: version(package)
                for package in ("communique", "numpy", "scipy", "scikit-learn", "pyarrow", "joblib")
            },
        },
    }
    return Trained(model, choice, groups, facts)


def bind(data: Labelled, n: int) -> np.ndarray:
    """Number the groups that no fold may cut: int64 (rows,).

    Rows belong together if they have the same group, or are near-duplicates of each other, or both in a chain. Where
    texts resemble each other so much that a chain would hold more rows than one of ``n`` folds, only rows that repeat
    each other word for word are bound: a looser cut beats none.
    """
    for alike in (duplicates.groups, duplicates.exact):
        groups = _join(np.asarray(alike(data.texts), np.int64), data)
        if np.bincount(groups).max() * n <= len(data):
            break
    return groups


def _join(alike: np.ndarray, data: Labelled) -> np.ndarray:
    """Join what is alike with the groups that the data came with: connected components."""
    if not data.grouped:
        return alike
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    given = data.rows.column(GROUP).combine_chunks().dictionary_encode()
    codes = np.asarray(given.indices.fill_null(-1).to_numpy(), np.int64)
    named = codes >= 0
    width = int(alike.max()) + 1
    nodes = width + len(given.dictionary)
    links = coo_matrix((np.ones(int(named.sum())), (alike[named], width + codes[named])), (nodes, nodes))
    _, component = connected_components(links, directed=False)
    return np.unique(component[alike], return_inverse=True)[1].astype(np.int64)
