"""Choosing a recipe by cross-validation.

Each feature set becomes one matrix, made once from all training texts and sliced for every fold and classifier: terms
and idf are thus known to the folds they are tested on, labels never are. Every classifier is fitted once a fold; an
average of classifiers costs nothing more, for its held-out scores are the average of theirs.

Candidates are tried on half of the folds first; the better half of them goes on to the rest (successive halving,
Jamieson & Talwalkar 2016), and with them always the one that the recipe lists first.

A recipe lists its alternatives from the one to be preferred to the one to be argued for, as a rule from the simplest
on. The first wins whose score lies within one standard error of the best, the error being that of the difference to the
best over the folds (the one-standard-error rule of Breiman et al. 1984, section 3.4.3, for paired folds): what a dozen
candidates gain over each other by chance is not taken for a gain.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
from communique.learning.recipe import Recipe, describe_classifiers, describe_features
from communique.text.tfidf import Features
from communique.text.tfidf import fit as fit_features

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_WORTH_PROCESSES = 50_000_000  # weights in the matrix, times fits, from which starting processes (seconds) pays

T = TypeVar("T")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Trial:
    """One candidate and what cross-validation says of it.

    ``features`` and ``classifiers`` number the recipe's alternatives; ``scores`` are its metric, higher is better, fold
    by fold: of some folds only, if it was dropped half-way.
    """

    features: int
    classifiers: int
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean over the folds."""
        return float(np.mean(self.scores))

    @property
    def error(self) -> float:
        """The standard error of the mean; infinite for a single fold."""
        return _error(self.scores)


@dataclass(frozen=True, eq=False)
class Choice:
    """What was chosen.

    Attributes
    ----------
    recipe
        The chosen one, with nothing left to choose.
    trials
        Everything that was tried, the best first, those dropped half-way last.
    chosen
        The trial of the chosen one.
    features
        The fitted features.
    coefficients
        The chosen classifiers fitted to all rows and averaged.
    held_out
        float64 (n, k): the scores of every row by the fits that had not seen it.
    """

    recipe: Recipe
    trials: tuple[Trial, ...]
    chosen: Trial
    features: Features
    coefficients: Coefficients
    held_out: np.ndarray

    def explain(self, recipe: Recipe) -> str:
        """Say in a sentence or two why this candidate of the ``recipe`` was chosen."""
        best = max((trial for trial in self.trials if len(trial.scores) == len(self.chosen.scores)), key=_height)

        def named(trial: Trial) -> str:
            features, classifiers = recipe.features[trial.features], recipe.classifiers[trial.classifiers]
            return f"{describe_classifiers(classifiers)} on {describe_features(features)} ({trial.mean:.4f})"

        if best is self.chosen:
            return f"{named(best)} is the best of {len(self.trials)}."
        behind = np.subtract(best.scores, self.chosen.scores)
        return (
            f"{named(self.chosen)} is the first in the recipe's order that lies within one standard error of the best. "
            f"The best is {named(best)}: {behind.mean():.4f} ahead, standard error {_error(behind):.4f}."
        )


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
    search = _Search(recipe, texts, y, folds, codebook, seed, effort, progress)
    half = (len(folds) + 1) // 2
    first = search.run(search.candidates, folds[:half])
    going_on = sorted(first, key=_height, reverse=True)[: (len(first) + 1) // 2]
    going_on += [trial for trial in first[:1] if trial not in going_on]
    trials = search.run([(trial.features, trial.classifiers) for trial in going_on], folds[half:])
    chosen = _one_standard_error(trials)
    done = {(trial.features, trial.classifiers) for trial in trials}
    dropped = [trial for trial in first if (trial.features, trial.classifiers) not in done]

    ensemble = recipe.classifiers[chosen.classifiers]
    scores = [search.scores[chosen.features, member].mean() for member in ensemble]
    features, X = search.open(chosen.features)
    fits = search.parallel([partial(fit, member, X, y, len(codebook.labels), seed) for member in ensemble], X)
    shares = [1 / (_spread(one) * len(ensemble)) for one in scores]
    return Choice(
        recipe=replace(recipe, features=(recipe.features[chosen.features],), classifiers=(ensemble,)),
        trials=(*sorted(trials, key=_height, reverse=True), *sorted(dropped, key=_height, reverse=True)),
        chosen=chosen,
        features=features,
        coefficients=Coefficients(
            sum((one.coefficients * share for one, share in zip(fits, shares, strict=True)), np.zeros(())),
            sum((one.intercepts * share for one, share in zip(fits, shares, strict=True)), np.zeros(())),
        ),
        held_out=_average(scores),
    )


def _height(trial: Trial) -> float:
    return trial.mean


def _error(values: Sequence[float] | np.ndarray) -> float:
    """Compute the standard error of the mean; infinite for a single value."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("inf")


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Hold Ctrl-C back for a moment: processes started meanwhile never see it, and die quietly with their parent."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if hasattr(signal, "pthread_sigmask") else None
    try:
        yield
    finally:
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _HeldOut:
    """The scores of rows by fits that had not seen them, gathered fold by fold; of several, the mean counts."""

    def __init__(self, rows: int, k: int) -> None:
        self._sum = np.zeros((rows, k))
        self._times = np.zeros((rows, 1))

    def add(self, rows: np.ndarray, scores: np.ndarray) -> None:
        self._sum[rows] += scores
        self._times[rows] += 1

    def mean(self) -> np.ndarray:
        return np.asarray(self._sum / np.maximum(self._times, 1))


class _Search:
    """The work of a search: which fits have been made, and what they said."""

    def __init__(
        self,
        recipe: Recipe,
        texts: pa.Array,
        y: np.ndarray,
        folds: tuple[Fold, ...],
        codebook: Codebook,
        seed: int,
        effort: Effort,
        progress: Progress,
    ) -> None:
        self.candidates = [(f, c) for f in range(len(recipe.features)) for c in range(len(recipe.classifiers))]
        self.scores: dict[tuple[int, Linear], _HeldOut] = {}
        self._recipe, self._texts, self._y, self._codebook, self._seed = recipe, texts, y, codebook, seed
        self._effort, self._progress = effort, progress
        self._deadline = time.monotonic() + (np.inf if effort.seconds is None else effort.seconds)
        self._features: dict[int, Features] = {}
        self._opened: tuple[int, csr_matrix] | None = None
        self._started = False
        self._folds: dict[tuple[int, Linear], list[Fold]] = {}
        self._fits, self._planned = 0, len(self._members(self.candidates)) * len(folds)

    def run(self, candidates: list[tuple[int, int]], folds: tuple[Fold, ...]) -> list[Trial]:
        """Take candidates through more folds; what a spent budget cuts off is left out, but never all of them.

        The candidates come back in the order of the recipe; they are tried in the order given.
        """
        self._planned = self._fits + len(self._members(candidates)) * len(folds)
        through: list[tuple[int, int]] = []
        for number in dict.fromkeys(f for f, _ in candidates):
            for f, c in (candidate for candidate in candidates if candidate[0] == number):
                if through and time.monotonic() > self._deadline:
                    break
                for member in self._recipe.classifiers[c]:
                    self._take(f, member, folds)
                through.append((f, c))
        return [Trial(f, c, self._judge(f, c)) for f, c in sorted(through)]

    def open(self, number: int) -> tuple[Features, csr_matrix]:
        """Return a feature set, fitted, and its matrix; the matrices of others are not kept."""
        if number not in self._features:
            self._features[number] = fit_features(self._recipe.features[number], self._texts)
        features = self._features[number]
        if self._opened is None or self._opened[0] != number:
            self._opened = number, features.transform(self._texts)
        return features, self._opened[1]

    def parallel(self, tasks: Sequence[Callable[[], T]], X: csr_matrix) -> list[T]:
        """Run tasks with joblib, in processes: liblinear draws its random numbers from one place for all threads.

        The matrix is not copied: joblib lays it out as a file that every process maps. Where all is done in a few
        seconds no process is started.
        """
        from joblib import Parallel, delayed
        from threadpoolctl import threadpool_limits

        jobs = self._effort.jobs if X.nnz * self._planned > _WORTH_PROCESSES else 1
        if jobs > 1 and not self._started:
            with _interrupts_held_back():
                Parallel(n_jobs=jobs)(delayed(abs)(0) for _ in range(jobs))
            self._started = True
        with threadpool_limits(1, "blas"):  # more threads make a sparse fit slower, not faster
            return list(Parallel(n_jobs=jobs)(delayed(task)() for task in tasks))

    def _members(self, candidates: list[tuple[int, int]]) -> set[tuple[int, Linear]]:
        return {(f, member) for f, c in candidates for member in self._recipe.classifiers[c]}

    def _take(self, number: int, member: Linear, folds: tuple[Fold, ...]) -> None:
        """Take one classifier through the folds it has not been through."""
        seen = self._folds.setdefault((number, member), [])
        new = [fold for fold in folds if not any(fold is one for one in seen)]
        if not new:
            return
        _, X = self.open(number)
        k = len(self._codebook.labels)
        held_out = self.scores.setdefault((number, member), _HeldOut(len(self._y), k))
        tasks = [partial(_score_fold, member, X, self._y, fold, k, self._seed) for fold in new]
        for fold, scores in zip(new, self.parallel(tasks, X), strict=True):
            held_out.add(fold.held_out, scores)
        seen += new
        self._fits += len(new)
        self._progress(self._fits, max(self._planned, self._fits))

    def _judge(self, number: int, which: int) -> tuple[float, ...]:
        ensemble = self._recipe.classifiers[which]
        average = _average([self.scores[number, member].mean() for member in ensemble])
        folds = self._folds[number, ensemble[0]]
        common = [fold for fold in folds if all(any(fold is one for one in self._folds[number, m]) for m in ensemble)]
        return _fold_scores(self._recipe.metric, average, self._y, common, self._codebook)


def _score_fold(member: Linear, X: csr_matrix, y: np.ndarray, fold: Fold, k: int, seed: int) -> np.ndarray:
    return fit(member, X[fold.fit], y[fold.fit], k, seed).score(X[fold.held_out])


def _average(scores: Sequence[np.ndarray]) -> np.ndarray:
    """Average score matrices, each brought to the same spread, so that no classifier shouts the others down."""
    return np.asarray(sum(one / _spread(one) for one in scores) / len(scores))


def _spread(scores: np.ndarray) -> float:
    """How far a row's scores lie apart: the root mean square around the row's mean."""
    return float((scores - scores.mean(axis=1, keepdims=True)).std()) or 1.0


def _fold_scores(
    metric: str, scores: np.ndarray, y: np.ndarray, folds: Sequence[Fold], codebook: Codebook
) -> tuple[float, ...]:
    """Compute the metric of held-out scores (n, k), fold by fold; higher is better."""
    if metric == "log_loss":
        rows = np.concatenate([fold.held_out for fold in folds])
        heat = temperature(scores[rows], y[rows])
        return tuple(-log_loss(scores[fold.held_out], y[fold.held_out], heat) for fold in folds)
    predicted = scores.argmax(axis=1)
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
    best = max(trials, key=_height)

    def close(trial: Trial) -> bool:
        behind = np.subtract(best.scores, trial.scores)
        return bool(behind.mean() <= _error(behind))

    return min(filter(close, trials), key=lambda trial: (trial.features, trial.classifiers))


def _check_metric(recipe: Recipe, codebook: Codebook) -> None:
    label = recipe.metric.removeprefix("f1:")
    if recipe.metric.startswith("f1:") and label not in codebook.names:
        raise UsageError(f"the metric {recipe.metric}", expected=f"f1: and one of {', '.join(codebook.names)}")
