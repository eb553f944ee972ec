"""When not to answer: thresholds with a promise, sets of labels with a promise, and reasons to abstain.

The ground is what the model said of its training rows when they were held out of the fit, fold by fold.

**A threshold for an error.** Rows are taken from the most confident on, in steps; at each step the error among those
taken is tested against the asked one, and the last step before the first failure is the threshold. Each test is made at
the full level, for none is reached unless all before it held: fixed-sequence testing, as in "Learn then Test"
(Angelopoulos, Bates, Candès, Jordan & Lei 2021, section 4). The chosen threshold keeps the error in at least ``level``
of all samples, although it was chosen by looking. (Geifman & El-Yaniv 2017 make the same promise by a binary search
with a Bonferroni correction, which costs more rows.) The tests are exact binomial ones (Clopper & Pearson 1934), with
the number of rows lowered where rows of one group err together (Korn & Graubard 1998).

**Sets for a coverage.** Split conformal prediction: a label belongs to a row's set if its probability is at least what
the true label reaches in the asked share of the held-out rows, with (n + 1) in the quantile (Sadinle, Lei & Wasserman
2019; Vovk, Gammerman & Shafer 2005). The sets hold the true label in the asked share of rows, not more: where even the
best guess falls short of the bar, the set is **empty**, which says "none is sure enough". To put the best guess in all
the same would cover more rows than was asked for as soon as the model is right more often than that.

Both promises hold for texts like the training rows. On others they do not, which is why unfamiliar texts are left
unanswered. Held-out scores come from several fits, each with fewer rows than the model had, so they are a little worse
than the model's: the promises err on the safe side, but the proof for a single fit does not carry over in full (Barber,
Candès, Ramdas & Tibshirani 2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from communique.errors import UsageError
from communique.inference.familiarity import STRANGE, Familiarity, most_words
from communique.inference.passages import cut, sum_up

TOO_SHORT = "too short"
WRONG_LANGUAGE = "wrong language or script"
UNFAMILIAR = "unfamiliar words"
TOO_LONG = "too long: seen sentence by sentence"
CLOSE_CALL = "close call"
REASONS = (TOO_SHORT, WRONG_LANGUAGE, UNFAMILIAR, TOO_LONG, CLOSE_CALL)
"""Why a row is not answered; of several, the first in this order is given."""

_STEPS = 100  # thresholds tried
_PART = 4096  # texts looked at together


@dataclass(frozen=True)
class Promise:
    """A threshold and what it is worth.

    Attributes
    ----------
    max_error
        The asked share of wrong answers among those given.
    threshold
        The confidence from which a row is answered; None if none is good enough.
    answered, error, interval
        At that threshold, among the held-out rows: the share answered, the share of those that is wrong, and the
        interval of the latter at ``level``; NaN where nothing is answered.
    rows
        How many held-out rows there are.
    kept
        Whether the true error stays below the asked one in ``level`` of all samples; else ``why`` says why not.
    """

    max_error: float
    threshold: float | None
    answered: float
    error: float
    interval: tuple[float, float]
    rows: int
    level: float
    kept: bool
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; null where nothing is answered."""
        plain = asdict(self)
        plain["interval"] = None if self.threshold is None else list(self.interval)
        plain["error"] = None if self.threshold is None else self.error
        return plain


def threshold_for(
    probability: np.ndarray,
    truth: np.ndarray,
    max_error: float,
    *,
    groups: np.ndarray | None = None,
    level: float = 0.95,
) -> Promise:
    """Find the smallest confidence at which at most ``max_error`` of the answers are wrong.

    Where the rows are too few to promise it, the threshold is the one that would do on the held-out rows themselves,
    and the promise says so.

    Parameters
    ----------
    probability
        (n, k): of the held-out rows.
    truth
        (n,): their label codes.
    max_error
        Between 0 and 1.
    groups
        (n,) integers: rows that may err together.
    level
        Between 0 and 1: in which share of samples the promise holds.

    Raises
    ------
    UsageError
        If the error asked for is not between 0 and 1.
    """
    if not 0 < max_error < 1:
        raise UsageError(f"a largest error of {max_error:g}", expected="a share between 0 and 1, such as 0.1")
    n, nothing = len(truth), (math.nan, math.nan)
    if not n:
        why = "there are no held-out rows to promise an error with"
        return Promise(max_error, None, 0.0, math.nan, nothing, n, level, kept=False, why=why)
    wrong = probability.argmax(axis=1) != truth
    order = np.argsort(-probability.max(axis=1), kind="stable")
    confidence, mistakes = probability.max(axis=1)[order], np.append(0, np.cumsum(wrong[order]))
    worth = 1 / _design_effect(wrong, groups, level)
    # Twice what the test needs when none is wrong: with fewer rows one mistake would end the sequence.
    needed = 2 * math.log(1 - level) / math.log1p(-max_error) / worth
    steps = np.ceil(np.arange(1, _STEPS + 1) * n / _STEPS).astype(np.int64)
    steps = steps[steps >= min(max(n / 10, needed), n)]
    steps = np.unique(np.searchsorted(-confidence, -confidence[steps - 1], side="right"))  # equals go together

    holds = [_interval(mistakes[m] * worth, m * worth, 2 * level - 1)[1] <= max_error for m in steps]
    if kept := holds[0]:
        m, why = int(steps[[*holds, False].index(False) - 1]), ""
    elif len(would_do := steps[mistakes[steps] <= max_error * steps]):
        m, why = int(would_do[-1]), f"{n:,} held-out rows are too few to promise an error of at most {max_error:g}"
    else:
        first = int(steps[0])
        m, why = 0, f"even of the {first:,} surest held-out rows {mistakes[first] / first:.1%} are wrong"
    return Promise(
        max_error=max_error,
        threshold=None if not m else 0.0 if m == n else float(confidence[m - 1]),
        answered=m / n,
        error=float(mistakes[m] / m) if m else math.nan,
        interval=_interval(mistakes[m] * worth, m * worth, level) if m else nothing,
        rows=n,
        level=level,
        kept=kept,
        why=why,
    )


def _interval(mistakes: float, rows: float, level: float) -> tuple[float, float]:
    """Give the interval of a share by Clopper & Pearson (1934); the numbers need not be whole."""
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = float(betaincinv(mistakes, rows - mistakes + 1, tail)) if mistakes > 0 else 0.0
    high = float(betaincinv(mistakes + 1, rows - mistakes, 1 - tail)) if mistakes < rows else 1.0
    return low, high


def _design_effect(wrong: np.ndarray, groups: np.ndarray | None, level: float) -> float:
    """How many rows are worth one independent row, 1 or more: Korn & Graubard (1998), with their correction for t."""
    n, share = len(wrong), wrong.mean() if len(wrong) else 0.0
    if groups is None or not 0 < share < 1:
        return 1.0
    from scipy.special import stdtrit

    codes = np.unique(groups, return_inverse=True)[1]
    many = int(codes.max()) + 1
    if many < 2:
        return float(n)
    sums = np.bincount(codes, wrong - share)
    variance = many / (many - 1) * np.square(sums).sum() / n**2
    upper = (1 + level) / 2
    t = stdtrit(many - 1, upper) / stdtrit(n - 1, upper)
    return float(np.clip(variance * n / (share * (1 - share)) * t**2, 1.0, n))


@dataclass(frozen=True)
class Sets:
    """The bar for sets of labels: a label belongs to a row's set if its probability is ``least`` or more.

    ``least`` is 0 if the ``rows`` are too few for the ``coverage``: then every set has all labels, which keeps it.
    """

    coverage: float
    least: float
    rows: int

    @property
    def why(self) -> str:
        """Why the sets tell nothing; empty if they do."""
        return "" if self.least > 0 else f"{self.rows:,} held-out rows are too few for a coverage of {self.coverage:g}"

    def members(self, probability: np.ndarray) -> np.ndarray:
        """Tell which labels belong to which row's set: bool (n, k)."""
        return np.asarray(probability >= self.least)


def sets_for(probability: np.ndarray, truth: np.ndarray, coverage: float) -> Sets:
    """Find the bar for sets that hold the true label in the share ``coverage`` of rows.

    ``probability`` (n, k) and ``truth`` (n,) are those of held-out rows.

    Raises
    ------
    UsageError
        If the coverage is not between 0 and 1.
    """
    if not 0 < coverage < 1:
        raise UsageError(f"a coverage of {coverage:g}", expected="a share between 0 and 1, such as 0.9")
    n = len(truth)
    rank = math.ceil(round((n + 1) * coverage, 9))  # rounded: 0.9 x 10 must be 9
    reached = np.sort(probability[np.arange(n), truth])[::-1]
    return Sets(coverage, float(reached[rank - 1]) if rank <= n else 0.0, n)


@dataclass(frozen=True, eq=False)
class Judgement:
    """What there is to say of a batch of rows beside their labels.

    ``probability`` (n, k) is that of the passages where a text was seen passage by passage. ``columns`` are, as asked
    for: ``abstained`` (bool), ``reason`` (one of `REASONS`, null where answered), ``labels`` (list of names, the most
    probable first, maybe empty).
    """

    probability: np.ndarray
    columns: dict[str, pa.Array]


@dataclass(frozen=True, eq=False)
class Judge:
    """Decides which rows are answered.

    Attributes
    ----------
    labels
        The label names, in the order of the probability columns.
    background
        The place of the background label, None if there is none.
    threshold
        Rows with less confidence are a close call; above 1 all are. None: nothing is left unanswered.
    sets
        The bar for sets of labels, if they are asked for.
    familiarity
        What texts are measured with; None for a model that keeps no profile.
    """

    labels: tuple[str, ...]
    background: int | None = None
    threshold: float | None = None
    sets: Sets | None = None
    familiarity: Familiarity | None = None

    def judge_rows(
        self, texts: pa.Array, probability: np.ndarray, predict_proba: Callable[[list[str]], np.ndarray]
    ) -> Judgement:
        """Judge a batch of texts (a string array without nulls) with their probabilities (n, k).

        ``predict_proba`` gives the probabilities of further texts: the passages of long ones.
        """
        reason = np.full(len(texts), -1, np.int8)
        if self.threshold is not None:
            reason[probability.max(axis=1) < self.threshold] = REASONS.index(CLOSE_CALL)
        if self.familiarity is not None and len(at := self._find_doubtful(texts, self.familiarity.profile.longest)):
            usual, measured = self.familiarity.profile, self.familiarity.measure(texts.take(pa.array(at)))
            if len(long := at[measured.words > usual.longest]):
                probability = probability.copy()
                probability[long] = self._by_passages(texts.take(pa.array(long)), usual.passage, predict_proba)
            reason[long] = REASONS.index(TOO_LONG)
            reason[at[(measured.known < usual.known) & (measured.strange >= STRANGE)]] = REASONS.index(UNFAMILIAR)
            reason[at[self.familiarity.is_foreign(measured)]] = REASONS.index(WRONG_LANGUAGE)
            reason[at[measured.words < max(usual.shortest, 1)]] = REASONS.index(TOO_SHORT)
        columns: dict[str, pa.Array] = {}
        if self.threshold is not None:
            columns["abstained"] = pa.array(reason >= 0)
            columns["reason"] = pa.array(REASONS, pa.string()).take(pa.array(reason, mask=reason < 0))
        if self.sets is not None:
            columns["labels"] = self._list_labels(probability, self.sets.members(probability))
        return Judgement(probability, columns)

    def _find_doubtful(self, texts: pa.Array, longest: int) -> np.ndarray:
        """Find texts to measure: all, but where none is left unanswered only those that may be long."""
        if self.threshold is not None:
            return np.arange(len(texts))
        parts = [most_words(texts.slice(start, _PART)) for start in range(0, len(texts), _PART)]
        return np.flatnonzero(np.concatenate([np.zeros(0, np.int64), *parts]) > longest)

    def _by_passages(
        self, texts: pa.Array, least: int, predict_proba: Callable[[list[str]], np.ndarray]
    ) -> list[np.ndarray]:
        passages = [cut(text, least) for text in texts.to_pylist()]
        every = predict_proba([passage for text in passages for passage in text])
        ends = np.cumsum([len(text) for text in passages])
        return [sum_up(part, self.background) for part in np.split(every, ends[:-1])]

    def _list_labels(self, probability: np.ndarray, members: np.ndarray) -> pa.ListArray:
        order = np.argsort(-probability, axis=1, kind="stable")
        listed = np.take_along_axis(members, order, axis=1)
        offsets = np.concatenate([[0], np.cumsum(listed.sum(axis=1))]).astype(np.int32)
        return pa.ListArray.from_arrays(
            pa.array(offsets), pa.array(self.labels, pa.string()).take(pa.array(order[listed]))
        )
