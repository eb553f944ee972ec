"""The learning curve: would more labels help, and of which label.

The same recipe is fitted to a tenth, a fifth ... and all of the groups, nested, in several random orders, and judged on
the same held-out rows. A power law ``error = a + b n^-c`` (Hestness et al. 2017) through these points tells what twice
as many rows would bring, if the curve goes on as it did. A law can promise nothing but gains, so beside it stands what
the last doubling brought in fact.

Which label is short of rows is tried out: half of one label's rows are taken away, the others left. If error follows a
power law, doubling them brings less than halving costs, by the factor 2^-c; but what is cheap to lose is no gain to
have.

Intervals come from resampling the held-out groups, the same for all fits, and the random orders with them. In
simulation (five power laws, 45 held-out groups of 20 rows) the interval of the forecast held the true gain in 90 to 100
of 100 files.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from communique.errors import DataError, UsageError
from communique.evaluation.bootstrap import FEW_GROUPS, Bootstrap
from communique.evaluation.findings import Estimate, plain
from communique.evaluation.metrics import FloatArray, IntArray, Judged, Sums, score, score_labels, sum_groups

FitAndPredict = Callable[[IntArray], NDArray[np.floating]]
"""Rows of the pool to fit on in; probabilities of the held-out rows ``(held, k)`` out."""

WORTH = 0.005
"""A gain of macro-F1 that is worth the labels."""

_FEWEST_GROUPS, _FEWEST_POINTS = 5, 3
_MACRO, _F1 = 1, 3  # columns of the scores: macro-F1, and the first label's F1
_EXPONENTS = np.geomspace(0.02, 2, 80)


@dataclass(frozen=True, eq=False)
class Rows:
    """Labelled rows: ``truth`` (n,) label codes and ``groups`` (n,) integers."""

    truth: IntArray
    groups: IntArray


@dataclass(frozen=True)
class Plan:
    """How much is tried.

    ``shares`` of the groups, ascending to 1; ``orders``: random orders of the groups; ``halved``: the rows of so many
    labels, those with the lowest F1, are halved in turn.

    Raises
    ------
    UsageError
        If a value is out of range.
    """

    shares: tuple[float, ...] = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
    orders: int = 3
    halved: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        ascending = list(self.shares) == sorted(set(self.shares)) and self.shares[:1] > (0,)
        if not ascending or self.shares[-1] != 1:
            raise UsageError(f"the shares {self.shares}", expected="ascending ones above 0, the last of them 1")
        if self.orders < 1 or self.halved < 0:
            raise UsageError(f"{self.orders} orders and {self.halved} labels", expected="at least 1, and 0")


@dataclass(frozen=True)
class Point:
    """The scores with so many rows (mean over the orders); ``f1`` of each label. ``fits`` were made of it."""

    share: float
    rows: int
    fits: int
    macro_f1: Estimate
    macro_f1_stances: Estimate
    accuracy: Estimate
    f1: dict[str, Estimate]


@dataclass(frozen=True)
class Gain:
    """What a change of the number of rows does to macro-F1."""

    rows_before: int
    rows_after: int
    gain: Estimate


@dataclass(frozen=True)
class Law:
    """``1 - macro-F1 = floor + scale * rows ** -exponent``."""

    floor: float
    scale: float
    exponent: float


@dataclass(frozen=True)
class Halved:
    """What half of a label's rows is worth: macro-F1 and the label's F1 with all rows less those without the half."""

    label: str
    rows: int
    removed: int
    loss: Estimate
    own_loss: Estimate


@dataclass(frozen=True)
class Curve:
    """The learning curve, the smallest share first.

    Attributes
    ----------
    rows, groups
        Of the held-out part.
    last_doubling
        What the last doubling that was tried brought; None if no share is twice another.
    law, forecast
        The power law and what doubling all rows would bring by it; None with fewer than three points.
    label_forecast
        The same for the F1 of each label.
    left_out
        Fits that were not possible: too few rows of a label, or too few groups.
    """

    points: tuple[Point, ...]
    rows: int
    groups: int
    last_doubling: Gain | None
    law: Law | None
    forecast: Gain | None
    label_forecast: dict[str, Estimate]
    halved: tuple[Halved, ...]
    left_out: int
    plan: Plan
    bootstrap: Bootstrap

    @property
    def remarks(self) -> tuple[str, ...]:
        """Whether more labels would help, and of which label, in sentences."""
        last = self.points[-1]
        said = [
            f"With all {last.rows:,} statements macro-F1 is {last.macro_f1.value:.3f} on {self.rows:,} held-out ones."
        ]
        if self.last_doubling is not None:
            before, after = self.last_doubling.rows_before, self.last_doubling.rows_after
            said.append(f"Going from {before:,} to {after:,} statements brought {_points(self.last_doubling.gain)}.")
        if self.forecast is not None:
            gain = self.forecast.gain
            if gain.low > WORTH:
                verdict = "More labels would help"
            elif gain.value > WORTH:
                verdict = "More labels would probably help"
            else:
                verdict = "More labels like these would hardly help"
            said.append(
                f"{verdict}: twice as many ({self.forecast.rows_after:,}) would bring {_points(gain)}, if the curve "
                "goes on as it did."
            )
        if self.halved:
            costly = [one for one in self.halved if one.loss.low > 0]
            costly.sort(key=lambda one: -one.loss.value / one.removed)
            if costly:
                first, *others = costly
                also = f", then of {', '.join(one.label for one in others)}" if others else ""
                said.append(
                    f"Label more of {first.label} first{also}: without half of its {first.rows:,} rows macro-F1 loses "
                    f"{_points(first.loss)}, the most for their number."
                )
            else:
                said.append("No label stands out: half of any one label's rows can go without a loss beyond chance.")
        if self.left_out:
            said.append(f"{self.left_out} fits were left out, for too few rows or groups.")
        if self.groups < FEW_GROUPS:
            said.append("The intervals mean little: there are too few held-out groups.")
        return tuple(said)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; each point has its ``rows``, and macro-F1 as ``value`` with its ``interval``."""
        return {
            "metric": "macro_f1",
            "held_out": {"rows": self.rows, "groups": self.groups},
            "points": [
                {
                    "share": point.share,
                    "rows": point.rows,
                    "fits": point.fits,
                    **_flat(point.macro_f1),
                    "macro_f1_stances": _flat(point.macro_f1_stances),
                    "accuracy": _flat(point.accuracy),
                }
                for point in self.points
            ],
            "labels": {
                name: [{"rows": point.rows, **_flat(point.f1[name])} for point in self.points]
                for name in self.points[-1].f1
            },
            "last_doubling": None if self.last_doubling is None else _gain(self.last_doubling),
            "law": None if self.law is None else asdict(self.law),
            "forecast": None if self.forecast is None else _gain(self.forecast),
            "label_forecast": {name: _flat(gain) for name, gain in self.label_forecast.items()},
            "halved": [
                {
                    "label": one.label,
                    "rows": one.rows,
                    "removed": one.removed,
                    "loss": _flat(one.loss),
                    "own_loss": _flat(one.own_loss),
                }
                for one in self.halved
            ],
            "left_out": self.left_out,
            "remarks": list(self.remarks),
            "plan": {**asdict(self.plan), "shares": list(self.plan.shares)},
            "bootstrap": asdict(self.bootstrap),
        }


def hold_out(groups: IntArray, share: float = 0.2, seed: int = 0) -> tuple[IntArray, IntArray]:
    """Part rows, by whole groups at random, into those to train on and about a ``share`` of them held out.

    Raises
    ------
    DataError
        If there are too few groups.
    """
    names, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    _check_groups(len(names))
    order = np.random.default_rng(seed).permutation(len(names))
    taken = np.cumsum(sizes[order]) <= max(share * len(groups), sizes[order[0]])
    held = np.isin(codes, order[taken])
    return np.flatnonzero(~held), np.flatnonzero(held)


def learning_curve(
    pool: Rows,
    held: Rows,
    labels: tuple[str, ...],
    background: str | None,
    fit_and_predict: FitAndPredict,
    plan: Plan = Plan(),
    bootstrap: Bootstrap | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Curve:
    """Fit to more and more of the pool and judge on the held-out rows.

    Parameters
    ----------
    fit_and_predict
        May raise DataError for rows that are too few; such a fit is left out and counted.

    Raises
    ------
    DataError
        If there are too few groups, or not even all rows can be fitted.
    """
    bootstrap = bootstrap or Bootstrap()
    k, count = len(labels), np.bincount(pool.truth, minlength=len(labels))
    nested = _nest(pool.groups, plan)
    halves = min(plan.halved, int(np.sum(count > 1)))
    total, done = len(nested) + halves * plan.orders, 0

    def judge(samples: list[_Sample]) -> list[_Fit]:
        nonlocal done
        fits = []
        for sample in samples:
            with suppress(DataError) if len(sample.rows) < len(pool.truth) else nullcontext():
                probability = np.asarray(fit_and_predict(sample.rows), np.float64)
                judged = Judged(held.truth, probability.argmax(axis=1), probability, held.groups, labels, background)
                fits.append(_Fit(sample.of, len(sample.rows), sum_groups(judged).values))
            done += 1
            progress(done, total)
        return fits

    fits = judge(nested)
    f1 = np.nan_to_num(score_labels(Sums(fits[-1].values, k).total).f1)
    weakest = [code for code in np.argsort(f1, kind="stable").tolist() if count[code] > 1][:halves]
    fits += judge([sample for code in weakest for sample in _halve(pool, code, plan)])
    scored = _score(fits, np.array([name != background for name in labels]), bootstrap)
    groups = len(np.unique(held.groups))
    conclude = _Conclusion(scored, labels, count, bootstrap, groups)
    law, forecast, label_forecast = conclude.forecast()
    return Curve(
        points=conclude.points(),
        rows=len(held.truth),
        groups=groups,
        last_doubling=conclude.last_doubling(),
        law=law,
        forecast=forecast,
        label_forecast=label_forecast,
        halved=conclude.halved(),
        left_out=total - len(fits),
        plan=plan,
        bootstrap=bootstrap,
    )


def fit_law(rows: IntArray, errors: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Fit ``error = floor + scale * rows ** -exponent``, neither part below 0, by least squares of relative errors.

    Parameters
    ----------
    rows
        ``(p,)``: numbers of rows.
    errors
        ``(d, p)``: curves, each fitted on its own, the errors taken relative to those of the first.

    Returns
    -------
    floor, scale, exponent
        ``(d,)`` each; NaN where an error is.
    """
    weight = 1 / np.square(np.maximum(errors[0], 1e-3))
    best = np.full((4, len(errors)), np.nan)
    best[0] = np.inf
    for exponent in _EXPONENTS:
        x = (rows / rows[-1]) ** -exponent
        mean_x, mean_y = np.average(x, weights=weight), np.average(errors, axis=1, weights=weight)
        slope = np.average((errors - mean_y[:, np.newaxis]) * (x - mean_x), axis=1, weights=weight)
        scale = np.maximum(slope / np.average((x - mean_x) ** 2, weights=weight), 0)
        floor = mean_y - scale * mean_x
        through = np.average(errors * x, axis=1, weights=weight) / np.average(x**2, weights=weight)
        scale, floor = np.where(floor < 0, through, scale), np.maximum(floor, 0)
        misfit = np.average((floor[:, np.newaxis] + scale[:, np.newaxis] * x - errors) ** 2, axis=1, weights=weight)
        better = misfit < best[0]
        best[:, better] = np.stack([misfit, floor, scale, np.full(len(errors), exponent)])[:, better]
    _, floor, scale, exponents = best
    return floor, scale * float(rows[-1]) ** exponents, exponents


_Of: TypeAlias = tuple[Literal["share", "half"], float]
"""What a fit is of: a share of the groups, or all rows without half of the label of that code."""


@dataclass(frozen=True, eq=False)
class _Sample:
    """Rows to fit on."""

    of: _Of
    rows: IntArray


@dataclass(frozen=True, eq=False)
class _Fit:
    """What came of a fit: sums over the held-out groups."""

    of: _Of
    rows: int
    values: FloatArray


@dataclass(frozen=True, eq=False)
class _Scored:
    """The mean scores of ``fits`` of one kind, ``(m,)``, their draws ``(resamples, m)``, and the mean of their rows."""

    rows: int
    fits: int
    value: FloatArray
    draws: FloatArray


def _nest(groups: IntArray, plan: Plan) -> list[_Sample]:
    """Draw nested samples of whole groups, the smallest first; all of the rows are drawn once."""
    names, codes = np.unique(groups, return_inverse=True)
    _check_groups(len(names))
    ranks = [np.random.default_rng(plan.seed + order).permutation(len(names))[codes] for order in range(plan.orders)]
    return [
        _Sample(("share", share), np.flatnonzero(rank < max(1, round(share * len(names)))))
        for share in plan.shares
        for rank in (ranks if share < 1 else ranks[:1])
    ]


def _halve(pool: Rows, code: int, plan: Plan) -> list[_Sample]:
    """Take half of a label's rows away, by whole groups as far as they go, once for each order."""
    own = np.flatnonzero(pool.truth == code)
    _, groups = np.unique(pool.groups[own], return_inverse=True)
    samples = []
    for order in range(plan.orders):
        rank = np.random.default_rng(plan.seed + order).permutation(groups.max() + 1)[groups]
        gone = own[np.argsort(rank, kind="stable")[: len(own) // 2]]
        samples.append(_Sample(("half", code), np.setdiff1d(np.arange(len(pool.truth)), gone)))
    return samples


def _check_groups(found: int) -> None:
    if found < _FEWEST_GROUPS:
        raise DataError(
            f"{found} groups of statements for a learning curve",
            expected=f"at least {_FEWEST_GROUPS}",
            remedy="give a finer --group column, or more statements",
        )


def _score(fits: list[_Fit], stances: NDArray[np.bool_], bootstrap: Bootstrap) -> dict[_Of, _Scored]:
    """Score all fits on the same draws, and average those of one kind over orders drawn anew in each draw.

    The scores are accuracy, macro-F1, macro-F1 over the stances, and the F1 of each label.
    """
    k = len(stances)

    def measure(values: FloatArray) -> FloatArray:
        sums = Sums(values, k)
        scores = score(sums, stances)
        headlines = np.stack([scores.accuracy, scores.macro_f1, scores.macro_f1_stances], axis=-1)
        return np.concatenate([headlines, score_labels(sums).f1], axis=-1)

    drawn = np.split(bootstrap.resample(np.hstack([fit.values for fit in fits])), len(fits), axis=1)
    value, draws = [measure(fit.values.sum(axis=0)) for fit in fits], [measure(values) for values in drawn]
    scored = {}
    for of in dict.fromkeys(fit.of for fit in fits):
        own = [number for number, fit in enumerate(fits) if fit.of == of]
        picked = np.random.default_rng(bootstrap.seed).integers(len(own), size=(len(own), bootstrap.resamples))
        stacked = np.stack([draws[number] for number in own])
        scored[of] = _Scored(
            round(float(np.mean([fits[number].rows for number in own]))),
            len(own),
            np.mean([value[number] for number in own], axis=0),
            stacked[picked, np.arange(bootstrap.resamples)].mean(axis=0),
        )
    return scored


@dataclass(frozen=True, eq=False)
class _Conclusion:
    """What the scores of all fits say."""

    scored: dict[_Of, _Scored]
    labels: tuple[str, ...]
    count: IntArray
    bootstrap: Bootstrap
    groups: int

    @property
    def _shares(self) -> dict[float, _Scored]:
        return {share: one for (kind, share), one in self.scored.items() if kind == "share"}

    @property
    def _full(self) -> _Scored:
        return self.scored["share", 1.0]

    def points(self) -> tuple[Point, ...]:
        """Give the scores at each share."""
        points = []
        for share, one in self._shares.items():
            accuracy, macro_f1, macro_f1_stances, *f1 = self._estimate(one.value, one.draws)
            of_label = dict(zip(self.labels, f1, strict=True))
            points.append(Point(share, one.rows, one.fits, macro_f1, macro_f1_stances, accuracy, of_label))
        return tuple(points)

    def last_doubling(self) -> Gain | None:
        """Compare the largest share that is twice another with that other."""
        shares = self._shares
        pairs = [(half, share) for half in shares for share in shares if math.isclose(share, 2 * half)]
        if not pairs:
            return None
        before, after = (shares[share] for share in max(pairs))
        gains = self._estimate(after.value - before.value, after.draws - before.draws)
        return Gain(before.rows, after.rows, gains[_MACRO])

    def forecast(self) -> tuple[Law | None, Gain | None, dict[str, Estimate]]:
        """Say by the power law what doubling all rows would bring to macro-F1, and to the F1 of each label."""
        shares = list(self._shares.values())
        if len(shares) < _FEWEST_POINTS:
            return None, None, {}
        rows = np.array([one.rows for one in shares])
        errors = 1 - np.stack([np.vstack([one.value, one.draws]) for one in shares], axis=1)
        laws = [fit_law(rows, errors[:, :, column]) for column in (_MACRO, *range(_F1, errors.shape[2]))]
        gains = np.stack([scale * rows[-1] ** -exponent * (1 - 2**-exponent) for _, scale, exponent in laws], axis=1)
        macro_f1, *f1 = self._estimate(gains[0], gains[1:])
        law = Law(*(float(part[0]) for part in laws[0]))
        return law, Gain(int(rows[-1]), 2 * int(rows[-1]), macro_f1), dict(zip(self.labels, f1, strict=True))

    def halved(self) -> tuple[Halved, ...]:
        """Say what half of a label's rows is worth."""
        found = []
        for code, name in enumerate(self.labels):
            if one := self.scored.get(("half", code)):
                loss = self._estimate(self._full.value - one.value, self._full.draws - one.draws)
                gone = self._full.rows - one.rows
                found.append(Halved(name, int(self.count[code]), gone, loss[_MACRO], loss[_F1 + code]))
        return tuple(found)

    def _estimate(self, value: FloatArray, draws: FloatArray) -> list[Estimate]:
        low, high = self.bootstrap.interval(value, draws, self.groups)
        return [Estimate(*ends) for ends in zip(value.tolist(), low.tolist(), high.tolist(), strict=True)]


def _points(gain: Estimate) -> str:
    """Write a difference of macro-F1 in hundredths."""
    interval = "" if math.isnan(gain.low) else f" ({100 * gain.low:.1f} to {100 * gain.high:.1f})"
    return f"{100 * gain.value:.1f} points{interval}"


def _flat(estimate: Estimate) -> dict[str, Any]:
    interval = None if math.isnan(estimate.low) else [estimate.low, estimate.high]
    return {"value": plain(estimate.value), "interval": interval}


def _gain(gain: Gain) -> dict[str, Any]:
    return {"rows_before": gain.rows_before, "rows_after": gain.rows_after, **_flat(gain.gain)}
