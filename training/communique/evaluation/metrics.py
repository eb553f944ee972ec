"""Scores as functions of sums: one set of formulas for a file, for its groups and for a thousand resamples of them.

Every score here can be computed from a few sums over rows (hits, predictions and support of each label, summed log
loss, summed Brier score, summed gaps of confidence). Sums of groups add up to the sums of the file, and a bootstrap
resample is a weighted sum of groups; so `score` takes `Sums` of any leading shape and works on the last axis.

A ratio with nothing below the line (the precision of a label never predicted, the recall of one that never occurs) is
**undefined**: NaN here, null in JSON, and left out of averages. That is scikit-learn's ``zero_division=nan``, and for
macro-F1 also what its ``f1_score(average="macro")`` does of itself: it averages over the labels that occur in the truth
or in the predictions. Counting the others as 0 would blame a model for labels its holdout does not test.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from communique.errors import DataError, UsageError
from communique.statement import GROUP, ID, LABEL

if TYPE_CHECKING:
    from communique.codebook import Codebook

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BINS = 15
"""Bins of confidence for calibration, as in Guo et al. (2017)."""

_TOLERANCE = 1e-5
"""How far a row of probabilities may be from summing to one: float32 arithmetic over many labels stays well within."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What a model said of n labelled rows, beside what is true.

    Parameters
    ----------
    truth, predicted
        ``(n,)`` positions in ``labels``.
    probability
        ``(n, k)``; rows sum to one.
    groups
        ``(n,)`` integers; rows of one group (a scenario, a speaker) stand or fall together and are resampled together.
    labels
        The k label names.
    background
        The label that is no finding; None if every label is one.

    Raises
    ------
    DataError
        If there are no rows.
    UsageError
        If the arrays do not fit together.
    """

    truth: IntArray
    predicted: IntArray
    probability: FloatArray
    groups: IntArray
    labels: tuple[str, ...]
    background: str | None = None

    def __post_init__(self) -> None:
        n, k = len(self.truth), len(self.labels)
        if n == 0:
            raise DataError("no labelled rows to judge", expected="at least one")
        if self.probability.shape != (n, k):
            raise UsageError(
                f"probabilities of shape {self.probability.shape}",
                expected=f"{(n, k)}: a row a statement, a column a label",
            )
        for name in ("truth", "predicted", "groups"):
            if (shape := getattr(self, name).shape) != (n,):
                raise UsageError(f"{name} of shape {shape}", expected=f"{(n,)}, one a row")
        for name in ("truth", "predicted"):
            codes = getattr(self, name)
            if codes.min() < 0 or codes.max() >= k:
                raise UsageError(f"{name} with codes from {codes.min()} to {codes.max()}", expected=f"0 to {k - 1}")
        whole = np.abs(self.probability.sum(axis=1) - 1) <= _TOLERANCE  # False for NaN too
        if not whole.all() or self.probability.min() < 0:
            raise UsageError(
                "probabilities that are negative or do not sum to one",
                expected="a distribution over the labels in every row",
            )

    @property
    def stances(self) -> NDArray[np.bool_]:
        """``(k,)``: which labels are findings, that is, not the background."""
        return np.array([name != self.background for name in self.labels])

    @cached_property
    def confidence(self) -> FloatArray:
        """``(n,)``: the probability of the predicted label."""
        return self.probability[np.arange(len(self.truth)), self.predicted]

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """``(n,)``: whether the predicted label is the true one."""
        return np.asarray(self.predicted == self.truth, np.bool_)


def judged_of(labelled: pa.Table, probability: NDArray[np.floating], codebook: Codebook) -> Judged:
    """Lay a model's probabilities beside labelled rows; the most probable label is the prediction.

    Parameters
    ----------
    labelled
        Rows of the LABELLED schema. Without a group column, or where it is null, a row is a group of its own.
    probability
        ``(n, k)``, columns in the order of the codebook.

    Raises
    ------
    DataError
        If a row has no label, or one the codebook does not know.
    UsageError
        If the probabilities do not fit the rows and labels.
    """
    truth = _codes(labelled[LABEL], pa.array(codebook.names, pa.string()))
    if (unknown := np.flatnonzero(truth < 0)).size:
        row = int(unknown[0])
        label = labelled[LABEL][row].as_py()
        raise DataError(
            f"the statement {labelled[ID][row].as_py()} has {f'the label {label!r}' if label else 'no label'}",
            expected=f"one of {', '.join(codebook.names)}",
            remedy="correct the label, or judge a model that was trained with it",
        )
    groups = np.arange(len(truth))
    if GROUP in labelled.column_names:
        named = _codes(labelled[GROUP], labelled[GROUP].unique().drop_null())
        groups = np.where(named >= 0, named, groups + len(truth))
    return Judged(
        truth=truth,
        predicted=np.asarray(probability).argmax(axis=-1),
        probability=np.asarray(probability, np.float64),
        groups=groups,
        labels=codebook.names,
        background=codebook.background,
    )


@dataclass(frozen=True, eq=False)
class Sums:
    """All that the scores need, as sums over rows: ``values`` is ``(..., 3k + 2 + 2 BINS)``.

    Adding two of them, or weighing them, gives the sums of the rows taken together.
    """

    values: FloatArray
    k: int

    @property
    def hits(self) -> FloatArray:
        """``(..., k)``: rows of the label that were given it."""
        return self.values[..., : self.k]

    @property
    def predicted(self) -> FloatArray:
        """``(..., k)``: rows given the label."""
        return self.values[..., self.k : 2 * self.k]

    @property
    def support(self) -> FloatArray:
        """``(..., k)``: rows of the label."""
        return self.values[..., 2 * self.k : 3 * self.k]

    @property
    def rows(self) -> FloatArray:
        """``(...)``: rows in all."""
        return np.asarray(self.support.sum(axis=-1))

    @property
    def log_loss(self) -> FloatArray:
        """``(...)``: summed log loss, in nats."""
        return self.values[..., 3 * self.k]

    @property
    def brier(self) -> FloatArray:
        """``(...)``: summed Brier scores."""
        return self.values[..., 3 * self.k + 1]

    @property
    def gaps(self) -> FloatArray:
        """``(..., BINS)``: confidence less correctness, summed within bins of equal width."""
        return self.values[..., 3 * self.k + 2 : 3 * self.k + 2 + BINS]

    @property
    def gaps_equal_mass(self) -> FloatArray:
        """``(..., BINS)``: the same within bins of equal numbers of rows."""
        return self.values[..., 3 * self.k + 2 + BINS :]

    @property
    def total(self) -> Sums:
        """The sums over the first axis."""
        return Sums(self.values.sum(axis=0), self.k)


def sum_groups(judged: Judged) -> Sums:
    """Sum what the scores need over each group: ``(groups, ...)``, in the order of the groups' numbers.

    The log loss clips probabilities as scikit-learn does, to the double's epsilon: a certain error costs 36 nats.
    """
    k = len(judged.labels)
    groups, codes = np.unique(judged.groups, return_inverse=True)

    def gather(cells: IntArray | int, width: int, weights: FloatArray | None = None) -> FloatArray:
        counts = np.bincount(codes * width + cells, weights, minlength=len(groups) * width)
        return counts.reshape(len(groups), width).astype(np.float64)

    of_truth = judged.probability[np.arange(len(judged.truth)), judged.truth]
    epsilon = np.finfo(np.float64).eps
    gap = judged.confidence - judged.correct
    columns = (
        gather(judged.truth, k, judged.correct.astype(np.float64)),
        gather(judged.predicted, k),
        gather(judged.truth, k),
        gather(0, 1, -np.log(np.clip(of_truth, epsilon, 1 - epsilon))),
        gather(0, 1, np.square(judged.probability).sum(axis=1) - 2 * of_truth + 1),
        gather(_bins(judged.confidence, _equal_width()), BINS, gap),
        gather(_bins(judged.confidence, np.quantile(judged.confidence, _equal_width())), BINS, gap),
    )
    return Sums(np.hstack(columns), k)


T = TypeVar("T")


@dataclass(frozen=True)
class Scores(Generic[T]):
    """The scores of a whole file: arrays of one shape, or estimates."""

    accuracy: T
    """Share of rows given their true label."""
    macro_f1: T
    """Mean F1 of the labels that occur in the truth or in the predictions."""
    macro_f1_stances: T
    """The same without the background, as SemEval-2016 task 6 does with NONE; undefined where no stance occurs."""
    kappa: T
    """Agreement beyond chance (Cohen 1960), as coders are compared; undefined if one label is all there is."""
    log_loss: T
    """Mean negative log probability of the true label, in nats."""
    brier: T
    """Mean squared error of the probabilities, summed over the labels and not halved (Brier 1950): 0 to 2."""
    ece: T
    """Expected calibration error of the predicted label, 15 bins of equal width (Guo et al. 2017)."""
    ece_equal_mass: T
    """The same with 15 bins of equal numbers of rows (Nguyen & O'Connor 2015)."""


@dataclass(frozen=True, eq=False)
class LabelScores:
    """The scores of each label, ``(..., k)``; NaN where undefined."""

    precision: FloatArray
    recall: FloatArray
    f1: FloatArray


def score(sums: Sums, stances: NDArray[np.bool_]) -> Scores[FloatArray]:
    """Score sums of shape ``(..., s)``; every score has the shape ``(...)``.

    Parameters
    ----------
    stances
        ``(k,)``: the labels that are not the background.
    """
    rows = sums.rows
    f1 = score_labels(sums).f1
    accuracy = sums.hits.sum(axis=-1) / rows
    chance = (sums.predicted * sums.support).sum(axis=-1) / rows**2
    return Scores(
        accuracy=accuracy,
        macro_f1=_mean_defined(f1),
        macro_f1_stances=_mean_defined(f1[..., stances]),
        kappa=_ratio(accuracy - chance, 1 - chance),
        log_loss=sums.log_loss / rows,
        brier=sums.brier / rows,
        ece=np.abs(sums.gaps / rows[..., np.newaxis]).sum(axis=-1),
        ece_equal_mass=np.abs(sums.gaps_equal_mass / rows[..., np.newaxis]).sum(axis=-1),
    )


def score_labels(sums: Sums) -> LabelScores:
    """Score each label of sums of shape ``(..., s)``."""
    return LabelScores(
        precision=_ratio(sums.hits, sums.predicted),
        recall=_ratio(sums.hits, sums.support),
        f1=_ratio(2 * sums.hits, sums.predicted + sums.support),
    )


def count_confusions(judged: Judged) -> IntArray:
    """Count pairs of labels: ``(k, k)``, a row for the true label, a column for the predicted one."""
    k = len(judged.labels)
    return np.bincount(judged.truth * k + judged.predicted, minlength=k * k).reshape(k, k)


@dataclass(frozen=True, eq=False)
class Reliability:
    """How often predictions made with a confidence come true: one entry a bin, ``(BINS,)``; bins are ``(low, high]``.

    Where a bin is empty, confidence and accuracy are NaN.
    """

    low: FloatArray
    high: FloatArray
    count: IntArray
    confidence: FloatArray
    accuracy: FloatArray


def tabulate_reliability(judged: Judged) -> Reliability:
    """Tabulate confidence against accuracy in the equal-width bins of the calibration error."""
    edges = _equal_width()
    bins = _bins(judged.confidence, edges)
    count = np.bincount(bins, minlength=BINS)
    return Reliability(
        low=edges[:-1],
        high=edges[1:],
        count=count,
        confidence=_ratio(np.bincount(bins, judged.confidence, BINS), count),
        accuracy=_ratio(np.bincount(bins, judged.correct, BINS), count),
    )


def _codes(names: pa.ChunkedArray, known: pa.Array) -> IntArray:
    """Find the place of each name among the known ones; -1 for null and for the unknown."""
    places = pc.index_in(names, value_set=known, skip_nulls=True)
    return np.asarray(pc.fill_null(places, -1), np.int64)


def _equal_width() -> FloatArray:
    return np.linspace(0, 1, BINS + 1)


def _bins(values: FloatArray, edges: FloatArray) -> IntArray:
    """Find the bin ``(low, high]`` of each value; the first takes in what lies on its lower edge."""
    return np.searchsorted(edges[1:-1], values, side="left")


def _ratio(above: NDArray[np.number], below: NDArray[np.number]) -> FloatArray:
    """Divide; NaN where nothing stands below the line."""
    return np.asarray(np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.not_equal(below, 0)))


def _mean_defined(values: FloatArray) -> FloatArray:
    """Average the last axis over what is defined; NaN if nothing is."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0).sum(axis=-1), defined.sum(axis=-1))
