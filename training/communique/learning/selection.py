"""Choosing a recipe by cross-validation.

Each feature set becomes one matrix, made once from all training texts and sliced for every fold and classifier: terms
and idf are thus known to the folds they are tested on, labels never are. Every classifier is fitted once a fold; an
average of classifiers costs nothing more, for its held-out scores are the average of theirs.

A recipe lists its alternatives from the one to be preferred to the one to be argued for, as a rule from the simplest
on. The first wins whose score lies within one standard error of the best, the error being that of the difference to the
best over the folds (the one-standard-error rule of Breiman et al. 1984, section 3.4.3, for paired folds): what a dozen
candidates gain over each other by chance is not taken for a gain.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa

from communique.codebook import Codebook
from communique.errors import UsageError
from communique.learning.calibration import log_loss, temperature
from communique.learning.folds import Fold
from communique.learning.linear import Coefficients, Linear, fit
from communique.learning.recipe import Ensemble, Recipe
from communique.text.tfidf import Features
from communique.text.tfidf import fit as fit_features

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_WORTH_PROCESSES = 50_000_000  # weights in the matrix, times fits, from which starting processes (seconds) pays

T = TypeVar("T")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Trial:
    """One candidate and what cross-validation says of it: ``scores`` are its metric, higher is better, fold by fold."""

    features: int
    classifiers: int
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean over the folds."""
        return float(np.mean(self.scores))

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return float(np.std(self.scores, ddof=1) / np.sqrt(len(self.scores)))


@dataclass(frozen=True, eq=False)
class Choice:
    """What was chosen.

    Attributes
    ----------
    recipe
        The chosen one, with nothing left to choose.
    trials
        Everything that was tried, the best first.
    features
        The fitted features.
    coefficients
        The chosen classifiers fitted to all rows and averaged.
    held_out
        float64 (n, k): the scores of every row by the fits that had not seen it.
    """

    recipe: Recipe
    trials: tuple[Trial, ...]
    features: Features
    coefficients: Coefficients
    held_out: np.ndarray


@dataclass(frozen=True)
class Effort:
    """How much work may be spent: ``jobs`` processes and, if given, ``seconds`` after which nothing new is begun."""

    jobs: int = 1
    seconds: float | None = None


def select(
    recipe: Recipe,
    texts: pa.Array,
    y: np.ndarray,
    folds: tuple[Fold, ...],
    codebook: Codebook,
    *,
    seed: int,
    effort: Effort = Effort(),
    progress: Progress = lambda done, total: None,
) -> Choice:
    """Try every candidate of a recipe on the folds, choose, and fit the chosen one to all rows.

    The same rows, folds and seed give the same choice whatever ``effort.jobs`` is; a time budget that strikes does not.

    Raises
    ------
    UsageError
        If the metric is the F1 of a label that the codebook has not.
    """
    _check_metric(recipe, codebook)
    k, deadline = len(codebook.labels), time.monotonic() + (effort.seconds if effort.seconds is not None else np.inf)
    members = list(dict.fromkeys(member for ensemble in recipe.classifiers for member in ensemble))
    total = len(recipe.features) * len(members) * len(folds)
    trials: list[Trial] = []
    tried: list[tuple[Features, dict[Linear, np.ndarray]]] = []
    for number, feature_set in enumerate(recipe.features):
        features = fit_features(feature_set, texts)
        X = features.transform(texts)
        scores: dict[Linear, np.ndarray] = {}
        tried.append((features, scores))
        for member in members:
            if trials and time.monotonic() > deadline:
                break
            jobs = effort.jobs if X.nnz * total > _WORTH_PROCESSES else 1
            scores[member] = _held_out(member, X, y, folds, k, seed, jobs)
            progress((number * len(members) + len(scores)) * len(folds), total)
            trials += [
                Trial(number, which, _fold_scores(recipe.metric, ensemble, scores, y, folds, codebook))
                for which, ensemble in enumerate(recipe.classifiers)
                if member in ensemble and all(one in scores for one in ensemble)
            ]
    chosen = _one_standard_error(trials)
    features, scores = tried[chosen.features]
    ensemble = recipe.classifiers[chosen.classifiers]
    if features is not tried[-1][0]:
        X = features.transform(texts)
    fits = _parallel([partial(fit, member, X, y, k, seed) for member in ensemble], jobs)
    shares = [1 / (_spread(scores[member]) * len(ensemble)) for member in ensemble]
    return Choice(
        recipe=replace(recipe, features=(recipe.features[chosen.features],), classifiers=(ensemble,)),
        trials=tuple(sorted(trials, key=lambda trial: -trial.mean)),
        features=features,
        coefficients=Coefficients(
            sum((one.coefficients * share for one, share in zip(fits, shares, strict=True)), np.zeros(())),
            sum((one.intercepts * share for one, share in zip(fits, shares, strict=True)), np.zeros(())),
        ),
        held_out=_average([scores[member] for member in ensemble]),
    )


def _held_out(
    member: Linear, X: csr_matrix, y: np.ndarray, folds: tuple[Fold, ...], k: int, seed: int, jobs: int
) -> np.ndarray:
    """Score every row by a fit that has not seen it: float64 (n, k)."""
    scores = np.zeros((len(y), k))
    tasks = [partial(_score_fold, member, X, y, fold, k, seed) for fold in folds]
    for fold, held_out in zip(folds, _parallel(tasks, jobs), strict=True):
        scores[fold.held_out] = held_out
    return scores


def _score_fold(member: Linear, X: csr_matrix, y: np.ndarray, fold: Fold, k: int, seed: int) -> np.ndarray:
    return fit(member, X[fold.fit], y[fold.fit], k, seed).score(X[fold.held_out])


def _parallel(tasks: Sequence[Callable[[], T]], jobs: int) -> list[T]:
    """Run tasks with joblib, in processes: liblinear draws its random numbers from one place for all threads.

    The matrix is not copied: joblib lays it out as a file that every process maps.
    """
    from joblib import Parallel, delayed
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):  # more threads make a sparse fit slower, not faster
        return list(Parallel(n_jobs=min(jobs, len(tasks)))(delayed(task)() for task in tasks))


def _average(scores: Sequence[np.ndarray]) -> np.ndarray:
    """Average score matrices, each brought to the same spread, so that no classifier shouts the others down."""
    return np.asarray(sum(one / _spread(one) for one in scores) / len(scores))


def _spread(scores: np.ndarray) -> float:
    """How far a row's scores lie apart: the root mean square around the row's mean."""
    return float((scores - scores.mean(axis=1, keepdims=True)).std()) or 1.0


def _fold_scores(
    metric: str,
    ensemble: Ensemble,
    scores: dict[Linear, np.ndarray],
    y: np.ndarray,
    folds: tuple[Fold, ...],
    codebook: Codebook,
) -> tuple[float, ...]:
    average = _average([scores[member] for member in ensemble])
    if metric == "log_loss":
        heat = temperature(average, y)
        return tuple(-log_loss(average[fold.held_out], y[fold.held_out], heat) for fold in folds)
    predicted = average.argmax(axis=1)
    return tuple(_agreement(metric, predicted[fold.held_out], y[fold.held_out], codebook) for fold in folds)


def _agreement(metric: str, predicted: np.ndarray, truth: np.ndarray, codebook: Codebook) -> float:
    """Compute accuracy, the F1 of a label, or its mean over the labels that the rows have."""
    if metric == "accuracy":
        return float((predicted == truth).mean())
    k = len(codebook.labels)
    hits = np.bincount(truth[predicted == truth], minlength=k)
    support = np.bincount(truth, minlength=k)
    f1 = 2 * hits / np.maximum(np.bincount(predicted, minlength=k) + support, 1)
    if metric.startswith("f1:"):
        return float(f1[codebook.names.index(metric.removeprefix("f1:"))])
    counted = support > 0
    if metric == "macro_f1_stances" and codebook.background is not None:
        counted[codebook.names.index(codebook.background)] = False
    return float(f1[counted].mean()) if counted.any() else 0.0


def _one_standard_error(trials: Sequence[Trial]) -> Trial:
    best = max(trials, key=lambda trial: trial.mean)

    def close(trial: Trial) -> bool:
        behind = np.subtract(best.scores, trial.scores)
        return bool(behind.mean() <= behind.std(ddof=1) / np.sqrt(len(behind)))

    return min(filter(close, trials), key=lambda trial: (trial.features, trial.classifiers))


def _check_metric(recipe: Recipe, codebook: Codebook) -> None:
    label = recipe.metric.removeprefix("f1:")
    if recipe.metric.startswith("f1:") and label not in codebook.names:
        raise UsageError(f"the metric {recipe.metric}", expected=f"f1: and one of {', '.join(codebook.names)}")
