"""What is won by not answering: the error among the most confident answers, and whether promises were kept.

The **risk-coverage curve** gives for each share of rows answered, the most confident first, the share of those answers
that is wrong (El-Yaniv & Wiener 2010). Its mean over all shares is **AURC** (Geifman, Uziel & El-Yaniv 2019): low if
the error is low and if mistakes come with little confidence. Rows of equal confidence share their mistakes evenly, so
the order of the file does not matter.

Every number has a bootstrap interval over groups, as those of `communique.evaluation.findings` have. At a given share
each resample has its own threshold; a promise keeps the threshold that it was made with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from communique.evaluation.bootstrap import FEW_GROUPS, Bootstrap, count_draws
from communique.evaluation.findings import Estimate, plain, plain_interval
from communique.evaluation.metrics import FloatArray, IntArray, Judged
from communique.inference.abstention import Promise, Sets

COVERAGES = tuple(share / 20 for share in range(20, 0, -1))
"""Shares of rows answered: all, 95 %, ... 5 %."""

_FINE = 1000  # shares over which a resample's curve is averaged, at most
_CELLS = 2_000_000  # resampled rows held at a time


@dataclass(frozen=True)
class Point:
    """A point of the curve: ``rows`` are answered if those of a confidence of ``threshold`` or more are."""

    coverage: float
    threshold: float
    rows: int
    error: Estimate


@dataclass(frozen=True)
class Realised:
    """A promised error, and what came of it on these rows: the share answered, and the share of answers wrong."""

    promise: Promise
    answered: Estimate
    error: Estimate

    @property
    def held(self) -> bool:
        """Whether these rows do not speak against the promise: the interval of the error reaches down to it."""
        return not self.error.low > self.promise.max_error


@dataclass(frozen=True)
class Covered:
    """Sets of labels on these rows: the share that hold the true one, and the shares by size."""

    sets: Sets
    coverage: Estimate
    size: float
    """Mean number of labels in a set."""
    empty: float
    single: float


@dataclass(frozen=True, eq=False)
class Risk:
    """The risk-coverage curve of n rows in ``groups`` groups, and the promises held against them."""

    n: int
    groups: int
    points: tuple[Point, ...]
    aurc: Estimate
    promises: tuple[Realised, ...]
    sets: tuple[Covered, ...]
    bootstrap: Bootstrap

    @property
    def trusted(self) -> bool:
        """Whether the intervals rest on enough groups."""
        return self.groups >= FEW_GROUPS

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; an interval beside each number, null where undefined."""
        return {
            "n": self.n,
            "groups": self.groups,
            "aurc": plain(self.aurc.value),
            "aurc_interval": plain_interval(self.aurc),
            "bootstrap": {**asdict(self.bootstrap), "trusted": self.trusted},
            "points": [
                {
                    "coverage": point.coverage,
                    "threshold": point.threshold,
                    "rows": point.rows,
                    "error": plain(point.error.value),
                    "interval": plain_interval(point.error),
                }
                for point in self.points
            ],
            "promises": [
                {
                    **realised.promise.to_dict(),
                    "held": realised.held,
                    "realised": {
                        "answered": plain(realised.answered.value),
                        "answered_interval": plain_interval(realised.answered),
                        "error": plain(realised.error.value),
                        "interval": plain_interval(realised.error),
                    },
                }
                for realised in self.promises
            ],
            "sets": [
                {
                    **asdict(covered.sets),
                    "realised": {"coverage": covered.coverage.value, "interval": plain_interval(covered.coverage)},
                    "size": covered.size,
                    "empty": covered.empty,
                    "single": covered.single,
                }
                for covered in self.sets
            ],
        }


def judge_risk(
    judged: Judged, promises: Sequence[Promise] = (), sets: Sequence[Sets] = (), bootstrap: Bootstrap | None = None
) -> Risk:
    """Draw the curve, and hold a model's promises against labelled rows that it has not seen."""
    bootstrap = bootstrap or Bootstrap()
    groups = _number_groups(judged)
    many = int(groups.max()) + 1
    points, aurc = _draw_curve(judged, groups, bootstrap)
    return Risk(
        n=len(judged.truth),
        groups=many,
        points=points,
        aurc=aurc,
        promises=tuple(_realise(promise, judged, groups, bootstrap) for promise in promises),
        sets=tuple(_cover(one, judged, groups, bootstrap) for one in sets),
        bootstrap=bootstrap,
    )


def _number_groups(judged: Judged) -> IntArray:
    """Number the groups 0, 1, ... by their content: neither names nor the order of rows changes what is drawn."""
    codes = np.unique(judged.groups, return_inverse=True)[1]
    sure, right = judged.confidence, judged.correct
    content = [np.bincount(codes, one).round(9) for one in (sure**2, sure * right, sure, right, np.ones_like(sure))]
    order = np.lexsort(content)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank[codes]


def _draw_curve(judged: Judged, groups: IntArray, bootstrap: Bootstrap) -> tuple[tuple[Point, ...], Estimate]:
    n, many = len(groups), int(groups.max()) + 1
    order = np.lexsort((groups, -judged.confidence))
    confidence, wrong, group = judged.confidence[order], ~judged.correct[order], groups[order]
    begins = np.flatnonzero(np.diff(confidence, prepend=np.inf))  # of rows of equal confidence

    def curve(weights: FloatArray, shares: FloatArray) -> FloatArray:
        """The error at shares (m,) of rows answered, for weights (draws, n) of the rows: (draws, m)."""
        rows = np.add.reduceat(weights, begins, axis=1).cumsum(axis=1)
        mistakes = np.add.reduceat(weights * wrong, begins, axis=1).cumsum(axis=1)
        taken = rows[:, -1:] * shares
        below = [
            np.interp(at, np.append(0, r), np.append(0, m)) for at, r, m in zip(taken, rows, mistakes, strict=True)
        ]
        return np.asarray(below / taken)

    every = np.arange(1, n + 1) / n
    fine = every if n <= _FINE else np.arange(1, _FINE + 1) / _FINE
    shares = np.concatenate([COVERAGES, fine])
    one = np.ones((1, n))
    values = np.append(curve(one, np.array(COVERAGES)), curve(one, every).mean())
    generator = np.random.default_rng(bootstrap.seed)
    block = max(1, _CELLS // n)
    drawn = np.concatenate(
        [
            curve(count_draws(generator, min(block, bootstrap.resamples - start), many)[:, group], shares)
            for start in range(0, bootstrap.resamples, block)
        ]
    )
    draws = np.column_stack([drawn[:, : len(COVERAGES)], drawn[:, len(COVERAGES) :].mean(axis=1)])
    *errors, aurc = _estimates(values, draws, bootstrap, many)
    rows = [math.ceil(round(share * n, 9)) for share in COVERAGES]
    return tuple(
        Point(share, float(confidence[at - 1]), at, error)
        for share, at, error in zip(COVERAGES, rows, errors, strict=True)
    ), aurc


def _realise(promise: Promise, judged: Judged, groups: IntArray, bootstrap: Bootstrap) -> Realised:
    answered = judged.confidence >= (math.inf if promise.threshold is None else promise.threshold)
    share, error = _shares(
        groups, bootstrap, (answered, np.ones_like(answered)), (answered & ~judged.correct, answered)
    )
    return Realised(promise, share, error)


def _cover(sets: Sets, judged: Judged, groups: IntArray, bootstrap: Bootstrap) -> Covered:
    members = sets.members(judged.probability)
    sizes = members.sum(axis=1)
    holds = members[np.arange(len(groups)), judged.truth]
    (coverage,) = _shares(groups, bootstrap, (holds, np.ones_like(holds)))
    return Covered(sets, coverage, float(sizes.mean()), float((sizes == 0).mean()), float((sizes == 1).mean()))


def _shares(groups: IntArray, bootstrap: Bootstrap, *pairs: tuple[np.ndarray, np.ndarray]) -> list[Estimate]:
    """Estimate shares of rows, each given as those above and those below the line."""
    sums = np.column_stack([np.bincount(groups, rows) for pair in pairs for rows in pair]).astype(np.float64)
    total, drawn = sums.sum(axis=0), bootstrap.resample(sums)
    return _estimates(_ratio(total), _ratio(drawn), bootstrap, len(sums))


def _ratio(sums: FloatArray) -> FloatArray:
    above, below = sums[..., ::2], sums[..., 1::2]
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0))


def _estimates(values: FloatArray, draws: FloatArray, bootstrap: Bootstrap, groups: int) -> list[Estimate]:
    low, high = bootstrap.interval(values, draws, groups)
    return [Estimate(*ends) for ends in zip(values.tolist(), low.tolist(), high.tolist(), strict=True)]
