"""What an evaluation found: plain facts, for tables, pages and JSON alike; no figure or page computes a statistic."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from communique.errors import UsageError
from communique.evaluation.bootstrap import FEW_GROUPS, Bootstrap
from communique.evaluation.metrics import (
    FloatArray,
    IntArray,
    Judged,
    Reliability,
    Scores,
    Sums,
    count_confusions,
    score,
    score_labels,
    sum_groups,
    tabulate_reliability,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Estimate:
    """A score and the interval that holds its true value; NaN where undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LabelFindings:
    """The scores of one label; ``support`` rows have it, ``predicted`` rows were given it."""

    name: str
    precision: Estimate
    recall: Estimate
    f1: Estimate
    support: int
    predicted: int


@dataclass(frozen=True, eq=False)
class Findings:
    """How well a model did on n labelled rows.

    ``confusion`` is ``(k, k)``, a row for the true label, a column for the predicted one.
    """

    n: int
    groups: int
    background: str | None
    scores: Scores[Estimate]
    labels: tuple[LabelFindings, ...]
    confusion: IntArray
    reliability: Reliability
    bootstrap: Bootstrap

    @property
    def trusted(self) -> bool:
        """Whether the intervals rest on enough groups."""
        return self.groups >= FEW_GROUPS

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: each score a number, its interval beside it; null where undefined."""
        return {
            "n": self.n,
            "groups": self.groups,
            "background": self.background,
            **with_intervals({field.name: getattr(self.scores, field.name) for field in fields(self.scores)}),
            "bootstrap": {**asdict(self.bootstrap), "trusted": self.trusted},
            "labels": {
                label.name: {
                    **with_intervals({"precision": label.precision, "recall": label.recall, "f1": label.f1}),
                    "support": label.support,
                    "predicted": label.predicted,
                }
                for label in self.labels
            },
            "confusion": {"labels": [label.name for label in self.labels], "matrix": self.confusion.tolist()},
            "reliability": {
                field.name: [plain(number) for number in getattr(self.reliability, field.name).tolist()]
                for field in fields(self.reliability)
            },
        }


def judge(judged: Judged, bootstrap: Bootstrap | None = None) -> Findings:
    """Score a model's answers, each score with its bootstrap interval over groups."""
    bootstrap = bootstrap or Bootstrap()
    per_group = sum_groups(judged)
    groups, k = len(per_group.values), per_group.k
    total, drawn = per_group.total, Sums(bootstrap.resample(per_group.values), k)

    label_values, label_draws = score_labels(total), score_labels(drawn)
    precision, recall, f1 = (
        _estimates(getattr(label_values, name), getattr(label_draws, name), bootstrap, groups)
        for name in ("precision", "recall", "f1")
    )
    return Findings(
        n=len(judged.truth),
        groups=groups,
        background=judged.background,
        scores=_estimate_scores(total, drawn, judged.stances, bootstrap, groups),
        labels=tuple(
            LabelFindings(name, precision[i], recall[i], f1[i], int(total.support[i]), int(total.predicted[i]))
            for i, name in enumerate(judged.labels)
        ),
        confusion=count_confusions(judged),
        reliability=tabulate_reliability(judged),
        bootstrap=bootstrap,
    )


def judge_difference(first: Judged, second: Judged, bootstrap: Bootstrap | None = None) -> Scores[Estimate]:
    """Score the second model less the first on the same rows; every resample draws the same groups for both.

    All intervals are percentiles, the calibration errors' too: noise lifts both models' errors much alike.

    Raises
    ------
    UsageError
        If the two were not given the same rows and labels.
    """
    same = first.labels == second.labels and first.background == second.background
    if not (same and np.array_equal(first.truth, second.truth) and np.array_equal(first.groups, second.groups)):
        raise UsageError(
            "two models judged on different rows or labels", expected="the same for both, in the same order"
        )
    bootstrap = bootstrap or Bootstrap()
    one, two = sum_groups(first), sum_groups(second)
    drawn = np.hsplit(bootstrap.resample(np.hstack([one.values, two.values])), 2)
    value, draws = (
        _columns(score(Sums(after, one.k), first.stances)) - _columns(score(Sums(before, one.k), first.stances))
        for before, after in ((one.total.values, two.total.values), (drawn[0], drawn[1]))
    )
    return Scores(*_estimates(value, draws, bootstrap, len(one.values)))


def _estimate_scores(
    total: Sums, drawn: Sums, stances: NDArray[np.bool_], bootstrap: Bootstrap, groups: int
) -> Scores[Estimate]:
    values, draws = score(total, stances), score(drawn, stances)

    def calibration(error: FloatArray, gaps: FloatArray, drawn_gaps: FloatArray) -> Estimate:
        per_row = gaps / total.rows, drawn_gaps / drawn.rows[:, np.newaxis]
        return Estimate(float(error), *bootstrap.interval_of_gaps(*per_row, groups))

    return replace(
        Scores(*_estimates(_columns(values), _columns(draws), bootstrap, groups)),
        ece=calibration(values.ece, total.gaps, drawn.gaps),
        ece_equal_mass=calibration(values.ece_equal_mass, total.gaps_equal_mass, drawn.gaps_equal_mass),
    )


def _columns(scores: Scores[FloatArray]) -> FloatArray:
    """Lay scores of shape ``(...)`` side by side: ``(..., number of scores)``."""
    return np.stack([getattr(scores, field.name) for field in fields(scores)], axis=-1)


def _estimates(values: FloatArray, draws: FloatArray, bootstrap: Bootstrap, groups: int) -> list[Estimate]:
    low, high = bootstrap.interval(values, draws, groups)
    return [Estimate(*ends) for ends in zip(values.tolist(), low.tolist(), high.tolist(), strict=True)]


def with_intervals(estimates: dict[str, Estimate]) -> dict[str, Any]:
    """Lay estimates out for JSON: each value under its name, and all intervals under ``intervals``."""
    return {
        **{name: plain(estimate.value) for name, estimate in estimates.items()},
        "intervals": {name: plain_interval(estimate) for name, estimate in estimates.items()},
    }


def plain_interval(estimate: Estimate) -> list[float] | None:
    """Return the ends of an estimate's interval for JSON, None if there is none."""
    return None if math.isnan(estimate.low) else [estimate.low, estimate.high]


def plain(number: float) -> float | None:
    """Return a number for JSON, which has no NaN."""
    return None if math.isnan(number) else number
