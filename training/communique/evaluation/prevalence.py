"""How many rows of each label there are, not how many a model says there are.

A model that takes one "none" in ten for a threat finds threats in a month without any. Its mistakes are known, though,
from labelled rows it had not seen, and so the count can be put right, as long as each label *looks* as it did there
(label shift: P(text | label) is the same, only the shares of the labels differ). Four methods:

``none``
    Classify and count: the share of rows given the label.
``count``
    Adjusted count (Forman 2008, for several labels): the shares p that solve ``q = p M``, where q are the shares given
    and ``M[i, j]`` is how often a row of label i is given label j; by least squares among the p that are shares (none
    negative, sum 1).
``soft``
    The same with mean probabilities instead of counts (Bella et al. 2010).
``em``
    Maximum likelihood by expectation and maximisation (Saerens, Latinne & Decaestecker 2002), on probabilities
    calibrated by a temperature and a shift for each label (Alexandari, Kundaje & Shrikumar 2020). Where the
    probabilities are calibrated it has the narrowest intervals; `count` leans on nothing but the confusions.

Rows enter as counts in *cells*: rows of the same label given, and of much the same probabilities. So a thousand
resamples of 200,000 rows are a few products of small matrices.

**Intervals** are percentiles of Bayesian bootstrap draws (Rubin 1981): every group of rows of the window, and every
held-out row, weighs anew as an exponential variate, so both the chance of what a window holds and what is not known of
the confusions is in. What no resample of a few rows can show is a rare label that happens not to be among them;
therefore a draw also has, for each label, a pseudo-row of it with weight Gamma(1/2), which makes the draws of `none`
for two labels and ungrouped rows those of Jeffreys' interval for a share (Brown, Cai & DasGupta 2001). The draws may
leave the range of shares, else they pile up at zero and the interval is too short there; it is then cut to the range.

In simulation (150 samples a line; shares from even to 90 % of one label, the model trained on even ones) this share of
95 % intervals held the true share::

    labels  right  held out  rows            none  count  soft   em
    4       .96      2,000   300              .84    .96   .96  .95
    4       .78        300   40               .71    .95   .95  .95
    4       .86        500   100              .67    .95   .94  .94
    4       .86      1,000   50 groups of 8   .53    .95   .95  .94
    4       .86      1,000   20 groups of 8   .69    .94   .93  .92
    4       .86      1,000   200, overheated  .55    .94   .94  .94
    2       .86        500   60               .42    .96   .96  .95
    7       .92      1,400   100              .94    .95   .95  .95

A model file does not keep which of its training rows belong together; so held-out rows count as independent, and what
is not known of the confusions is a little more than is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from communique.errors import UsageError
from communique.evaluation.bootstrap import FEW_GROUPS, Bootstrap

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Method = Literal["none", "count", "soft", "em"]

METHODS: tuple[Method, ...] = ("none", "count", "soft", "em")
FEW_ROWS = 30
"""A window with fewer rows than this gets no estimate."""
FEW_HELD_OUT = 10
"""With fewer held-out rows of a label its confusions are not known."""
MOST_TURNED = 0.025
"""Where more draws of the confusions than this have turned round, that is, a determinant of the other sign, they may as
well be singular: a share may be anything."""

_MOST_CELLS = 100
_FINEST = 12
_PSEUDO_ROWS = 0.5
_SMALLEST = 1e-12
_EM_STEPS, _EM_CHANGE = 5000, 1e-9
_NEWTON_STEPS, _HALVINGS = 8, 20


@dataclass(frozen=True, eq=False)
class HeldOutRows:
    """Rows whose label is known and on which the model was not fitted.

    Parameters
    ----------
    probability
        ``(m, k)``; rows sum to one.
    truth
        ``(m,)``: codes 0 to k - 1.
    """

    probability: FloatArray
    truth: IntArray


@dataclass(frozen=True, eq=False)
class WindowRows:
    """Rows whose labels are to be counted.

    Parameters
    ----------
    probability
        ``(n, k)``; rows sum to one.
    window
        ``(n,)``: codes from 0; each has at least one row.
    groups
        ``(n,)`` integers; rows of one group (a speech, a press conference) are drawn together.
    """

    probability: FloatArray
    window: IntArray
    groups: IntArray

    def __post_init__(self) -> None:
        n = len(self.probability)
        if self.probability.ndim != 2 or self.window.shape != (n,) or self.groups.shape != (n,):
            raise UsageError(
                f"rows of shapes {self.probability.shape}, {self.window.shape}, {self.groups.shape}",
                expected="(n, k), (n,) and (n,)",
            )


@dataclass(frozen=True, eq=False)
class Prevalence:
    """The share of each label in each window.

    ``n``, ``groups`` are ``(w,)``; ``raw`` (shares as the model gives them), ``share``, ``low`` and ``high`` are
    ``(w, k)``, the last three NaN where refused. ``notes`` says why, or what to mind; "" if nothing.
    """

    n: IntArray
    groups: IntArray
    raw: FloatArray
    share: FloatArray
    low: FloatArray
    high: FloatArray
    notes: tuple[str, ...]


def estimate(
    rows: WindowRows,
    known: HeldOutRows | None = None,
    method: Method = "count",
    bootstrap: Bootstrap | None = None,
    labels: tuple[str, ...] | None = None,
) -> Prevalence:
    """Estimate the share of each label in each window, with intervals.

    Parameters
    ----------
    known
        What is known of the model's confusions; only `none` needs it not.
    labels
        The k label names, for the notes.

    Raises
    ------
    UsageError
        If the method is unknown, or corrects without held-out rows, or those have another number of labels.
    """
    from threadpoolctl import threadpool_limits

    if method not in METHODS:
        raise UsageError(f"the correction {method!r}", expected=f"one of {', '.join(METHODS)}")
    bootstrap = bootstrap or Bootstrap()
    k = rows.probability.shape[1]
    if method == "none":
        known = HeldOutRows(np.empty((0, k)), np.empty(0, np.int64))
    elif known is None:
        raise UsageError(f"the correction {method!r} without held-out rows", expected="rows with known labels")
    elif known.probability.shape != (len(known.truth), k):
        raise UsageError(f"held-out rows with probabilities of shape {known.probability.shape}", expected=f"(m, {k})")
    with threadpool_limits(1, user_api="blas"):
        return _estimate(rows, known, method, bootstrap, labels or tuple(map(str, range(k))))


def _estimate(
    rows: WindowRows, known: HeldOutRows, method: Method, bootstrap: Bootstrap, labels: tuple[str, ...]
) -> Prevalence:
    probability = np.concatenate([known.probability, rows.probability])
    given, most = probability.argmax(axis=1), 0
    if method in ("soft", "em"):  # to the others a row's label is all
        logs, most = np.log(np.maximum(probability, _SMALLEST)), _MOST_CELLS
        theta, _ = calibrate(np.eye(len(labels))[known.truth].T, logs[: len(known.truth)])
        probability = _soften(theta, logs)  # before it is cut into cells: what is overconfident lies in few of them
    cell, cells = make_cells(probability, given, most)
    held_out = _tabulate(known.truth, cell[: len(known.truth)], len(labels), len(cells.given))
    cell = cell[len(known.truth) :]
    windows = int(rows.window.max()) + 1 if len(rows.window) else 0
    counts = _tabulate(rows.window, cell, windows, len(cells.given))
    n = counts.sum(axis=1).astype(np.int64)
    raw = counts @ cells.onehot / np.maximum(n, 1)[:, np.newaxis]
    pairs = np.unique(np.column_stack([rows.window, rows.groups]), axis=0)
    groups = np.bincount(pairs[:, 0], minlength=windows)

    share, low, high = np.full((3, *raw.shape), np.nan)
    generator = np.random.default_rng(bootstrap.seed)
    trouble = "" if method == "none" else _find_rare(held_out, labels)
    if not trouble:
        counter = _Counter(held_out, cells, method, generator, bootstrap.resamples)
        trouble = counter.trouble
    notes = [trouble or (f"fewer than {FEW_ROWS} rows" if size < FEW_ROWS else "") for size in n]
    kept = np.array([not note for note in notes], bool)
    if kept.any():
        share[kept] = counter.solve(counts[kept])
        order = np.argsort(rows.window, kind="stable")
        ends = np.cumsum(n)
        for window in np.flatnonzero(kept):
            mine = order[ends[window] - n[window] : ends[window]]
            weights = draw_weights(generator, cell[mine], rows.groups[mine], len(cells.given), bootstrap.resamples)
            found = share[window]
            low[window], high[window] = bootstrap.interval(found, counter.draw(weights, found), int(groups[window]))
            low[window, found * n[window] < 0.5] = 0  # less than half a row is none
            notes[window] = _mind(int(groups[window]))
        if (kept & (groups < 2)).any():
            low[kept & (groups < 2)] = high[kept & (groups < 2)] = np.nan
    share, low, high = np.clip((share, low, high), 0, 1)  # sums of shares may be off by a last digit
    return Prevalence(n, groups, raw, share, low, high, tuple(notes))


def _find_rare(held_out: FloatArray, labels: tuple[str, ...]) -> str:
    """Say which label has too few held-out rows for its confusions to be known; "" if none."""
    support = held_out.sum(axis=1)
    rare = int(support.argmin())
    return (
        f"{int(support[rare])} held-out rows of {labels[rare]!r}, fewer than {FEW_HELD_OUT}"
        if support[rare] < FEW_HELD_OUT
        else ""
    )


def _mind(groups: int) -> str:
    if groups < 2:
        return "all rows are of one group, which gives no interval"
    return f"{groups} groups, too few for an interval that means what it says" if groups < FEW_GROUPS else ""


# Cells


@dataclass(frozen=True, eq=False)
class Cells:
    """Kinds of rows: ``mean`` ``(b, k)``, the mean probability of the rows in each; ``given`` ``(b,)``, their label."""

    mean: FloatArray
    given: IntArray

    @property
    def onehot(self) -> FloatArray:
        """``(b, k)``: 1 for the label given."""
        return np.eye(self.mean.shape[1])[self.given]

    @property
    def logs(self) -> FloatArray:
        """``(b, k)``: log probabilities, none below that of 1e-12."""
        return np.asarray(np.log(np.maximum(self.mean, _SMALLEST)))


def make_cells(probability: FloatArray, given: IntArray, most: int = _MOST_CELLS) -> tuple[IntArray, Cells]:
    """Sort rows ``(n, k)`` into at most ``most`` cells of like rows, or one a label; return each row's cell ``(n,)``.

    The grid is even in ``arcsin(sqrt(p))``, so it is finer near 0 and 1, where a likelihood ratio changes fastest.
    """
    angles = np.arcsin(np.sqrt(np.clip(probability, 0, 1))) / (np.pi / 2)
    for steps in range(_FINEST if most else 0, -1, -1):
        cell = given
        for column in np.rint(angles.T * steps).astype(np.int64):
            cell = np.unique(cell * (steps + 1) + column, return_inverse=True)[1]
        size = np.bincount(cell)
        if len(size) <= most:
            break
    sums = np.column_stack([np.bincount(cell, column, len(size)) for column in probability.T])
    labels = np.zeros(len(size), np.int64)
    labels[cell] = given
    return cell, Cells(sums / size[:, np.newaxis], labels)


def _tabulate(row: IntArray, cell: IntArray, rows: int, cells: int) -> FloatArray:
    return np.bincount(row * cells + cell, minlength=rows * cells).reshape(rows, cells).astype(np.float64)


def draw_weights(
    generator: np.random.Generator, cell: IntArray, groups: IntArray, cells: int, draws: int
) -> FloatArray:
    """Weigh each group of rows as an exponential variate and add up the weights in each cell: ``(draws, cells)``."""
    _, group = np.unique(groups, return_inverse=True)
    size = np.bincount(group)
    alone = size[group] == 1
    # A sum of exponential variates is a gamma variate: rows that are a group of their own need not be drawn one by one.
    weights = generator.standard_gamma(np.bincount(cell[alone], minlength=cells), (draws, cells))
    if not alone.all():
        row = np.cumsum(size > 1)[group[~alone]] - 1
        held = _tabulate(row, cell[~alone], int((size > 1).sum()), cells)
        held = held[np.lexsort(held.T)]  # neither names nor the order of rows change a draw
        weights += generator.standard_exponential((draws, len(held))) @ held
    return weights


# Estimators


class _Counter:
    """One method with its confusions, as counted and as drawn; every window shares the draws."""

    def __init__(
        self, held_out: FloatArray, cells: Cells, method: Method, generator: np.random.Generator, draws: int
    ) -> None:
        self.method = method
        self.generator = generator
        self.pseudo = np.full((draws, len(held_out)), _PSEUDO_ROWS)
        self.features = cells.onehot
        self.trouble = ""
        if method == "none":
            return
        drawn = generator.standard_gamma(held_out, (draws, *held_out.shape))
        self.profile = held_out / held_out.sum(axis=1, keepdims=True)  # how the rows of a label spread over the cells
        if method != "count":
            theta, self.features = calibrate(held_out, cells.logs)
        if method == "em":
            self.ratios = _divide(held_out, self.features)
            self.drawn_ratios = _divide(drawn, calibrate(drawn, cells.logs, theta, steps=2)[1])
        self.confusion = _confuse(held_out, self.features)
        self.drawn_confusion = _confuse(drawn, self.features)
        turned = np.linalg.slogdet(self.drawn_confusion)[0] != np.linalg.slogdet(self.confusion)[0]
        if turned.mean() > MOST_TURNED:
            self.trouble = "the model confuses the labels too much for that to be undone"

    def solve(self, counts: FloatArray) -> FloatArray:
        """Estimate the shares ``(w, k)`` from counts ``(w, b)``."""
        if self.method == "em":
            return maximise(counts, self.ratios)
        given = counts @ self.features / counts.sum(axis=1, keepdims=True)
        return given if self.method == "none" else np.array([unmix(self.confusion, shares) for shares in given])

    def draw(self, weights: FloatArray, found: FloatArray) -> FloatArray:
        """Estimate the shares ``(draws, k)`` from weights ``(draws, b)``, not kept within the range of shares."""
        pseudo = self.generator.standard_gamma(self.pseudo)
        if self.method == "none":
            given = weights @ self.features + pseudo
            return np.asarray(given / given.sum(axis=1, keepdims=True))
        weights = weights + pseudo @ self.profile
        if self.method == "em":
            return maximise_freely(weights, self.drawn_ratios, found)
        given = weights @ self.features / weights.sum(axis=1, keepdims=True)
        transposed = np.swapaxes(self.drawn_confusion, 1, 2) + 1e-12 * np.eye(len(found))
        return np.asarray(np.linalg.solve(transposed, given[..., np.newaxis])[..., 0])


def _confuse(held_out: FloatArray, features: FloatArray) -> FloatArray:
    """Give the mean features of the rows of each label: counts ``(..., k, b)`` to ``(..., k, k)``; rows sum to one."""
    return np.asarray(held_out @ features / np.maximum(held_out.sum(axis=-1), 1e-300)[..., np.newaxis])


def unmix(confusion: FloatArray, given: FloatArray) -> FloatArray:
    """Find the shares p ``(k,)``, none negative and with sum 1, for which ``p @ confusion`` is closest to ``given``."""
    p = np.linalg.lstsq(confusion.T, given, rcond=None)[0]
    if p.min() < 0:
        from scipy.optimize import nnls

        # The sum as one more equation of great weight (Lawson & Hanson 1995, chapter 23).
        great = 1e5
        p = nnls(np.vstack([confusion.T, np.full(len(given), great)]), np.append(given, great))[0]
    return np.asarray(p / p.sum())


def maximise(counts: FloatArray, ratios: FloatArray) -> FloatArray:
    """Find the shares ``(w, k)`` under which the counts ``(w, b)`` are likeliest, by Saerens's EM.

    ``ratios`` ``(b, k)``: P(cell | label) up to a factor for each cell, that is, posterior through prior.
    """
    total = counts.sum(axis=1, keepdims=True)
    p = np.full((len(counts), ratios.shape[1]), 1 / ratios.shape[1])
    for _ in range(_EM_STEPS):
        last, p = p, p * ((counts / (p @ ratios.T)) @ ratios) / total
        if np.abs(p - last).max() < _EM_CHANGE:
            break
    return p


def maximise_freely(weights: FloatArray, ratios: FloatArray, start: FloatArray) -> FloatArray:
    """Do what `maximise` does, for draws, but let shares be negative as long as every cell has a likelihood.

    By Newton's method among p with sum 1; a step goes at most nine tenths of the way to where a likelihood is zero.

    Parameters
    ----------
    weights, ratios
        ``(d, b)`` and ``(d, b, k)``.
    start
        ``(k,)``: shares near the solution.
    """
    k = ratios.shape[-1]
    p = np.tile(0.95 * start + 0.05 / k, (len(weights), 1))
    basis = np.linalg.qr(np.column_stack([np.ones(k), np.eye(k)[:, 1:]]))[0][:, 1:]  # of steps that keep the sum
    likelihood = (ratios @ p[..., np.newaxis])[..., 0]
    for _ in range(_NEWTON_STEPS):
        gradient = ((weights / likelihood)[:, np.newaxis] @ ratios)[:, 0]
        scaled = ratios * (np.sqrt(weights) / likelihood)[..., np.newaxis]
        hessian = basis.T @ (np.swapaxes(scaled, 1, 2) @ scaled) @ basis
        step = np.linalg.solve(hessian, (gradient @ basis)[..., np.newaxis])[..., 0] @ basis.T
        change = (ratios @ step[..., np.newaxis])[..., 0]
        fall = np.where(weights > 0, -change / likelihood, 0).max(axis=1)
        length = np.minimum(1, 0.9 / np.maximum(fall, 1e-12))[:, np.newaxis]
        p, likelihood = p + length * step, likelihood + length * change
        if np.abs(step).max() < 1e-4:
            break
    return p


def _divide(held_out: FloatArray, posterior: FloatArray) -> FloatArray:
    """Divide posteriors ``(..., b, k)`` by the shares that the held-out rows ``(..., k, b)`` have by them."""
    size = held_out.sum(axis=-2)
    prior = (size[..., np.newaxis, :] @ posterior)[..., 0, :] / size.sum(axis=-1)[..., np.newaxis]
    return np.asarray(posterior / prior[..., np.newaxis, :])


def calibrate(
    held_out: FloatArray, logs: FloatArray, start: FloatArray | None = None, *, steps: int = 50
) -> tuple[FloatArray, FloatArray]:
    """Fit ``softmax(t * log p + shift)`` to counts by Newton's method, held to t = 1, shift = 0 by one row's weight.

    Parameters
    ----------
    held_out
        ``(..., k, b)``: rows of each label in each cell.
    logs
        ``(b, k)``: log probabilities.
    start
        ``(k + 1,)``: t and the shifts to begin with.

    Returns
    -------
    tuple
        t and the shifts ``(..., k + 1)``, and the calibrated probabilities ``(..., b, k)``.
    """
    k = logs.shape[1]
    prior = np.append(1.0, np.zeros(k))
    theta = np.broadcast_to(prior if start is None else start, (*held_out.shape[:-2], k + 1)).copy()
    truth = np.swapaxes(held_out, -1, -2)
    size = truth.sum(axis=-1, keepdims=True)
    each = np.arange(1, k + 1)

    def worth(theta: FloatArray) -> FloatArray:
        scores = theta[..., :1, np.newaxis] * logs + theta[..., np.newaxis, 1:]
        top = scores.max(axis=-1, keepdims=True)
        normaliser = top + np.log(np.exp(scores - top).sum(axis=-1, keepdims=True))
        return np.asarray((truth * (scores - normaliser)).sum(axis=(-1, -2)) - ((theta - prior) ** 2).sum(axis=-1) / 2)

    for _ in range(steps):
        p = _soften(theta, logs)
        expected = size * p
        residual = truth - expected
        level = (p * logs).sum(axis=-1, keepdims=True)
        gradient = np.concatenate([(residual * logs).sum(axis=(-1, -2))[..., np.newaxis], residual.sum(axis=-2)], -1)
        hessian = np.empty((*theta.shape, k + 1))
        hessian[..., 0, 0] = (expected * logs * (logs - level)).sum(axis=(-1, -2))
        hessian[..., 0, 1:] = hessian[..., 1:, 0] = (expected * (logs - level)).sum(axis=-2)
        hessian[..., 1:, 1:] = -np.swapaxes(expected, -1, -2) @ p
        hessian[..., each, each] += expected.sum(axis=-2)
        hessian += np.eye(k + 1)
        step = np.linalg.solve(hessian, (gradient - (theta - prior))[..., np.newaxis])[..., 0]
        before = worth(theta) if start is None else np.empty(0)
        for _ in range(_HALVINGS if start is None else 0):  # far from the solution a whole step may lead away from it
            worse = worth(theta + step) < before - 1e-9 * np.abs(before)
            if not worse.any():
                break
            step = np.where(worse[..., np.newaxis], step / 2, step)
        theta += step
        if np.abs(step).max() < 1e-9:
            break
    return theta, _soften(theta, logs)


def _soften(theta: FloatArray, logs: FloatArray) -> FloatArray:
    scores = theta[..., :1, np.newaxis] * logs + theta[..., np.newaxis, 1:]
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))
