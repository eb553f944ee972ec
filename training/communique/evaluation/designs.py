"""What another way of cutting the data says: random folds beside folds that keep speakers, or the future, apart.

Random folds let a classifier meet a speaker's other statements before it is asked about this one, and next year's words
before this year's. A user has no such luck: the speakers and the events to come are new. So the same recipe is fitted
both ways, to as many rows, and asked about the same rows:

- **grouped**: all rows with one value of a column (a speaker, a scenario) stand on one side; beside it random folds of
  the very same sizes;
- **forward**: rows are cut into windows by date, and each window is predicted from all that is before it; beside it
  each half of the window is predicted from as many rows drawn by lot from all times, that half left out.

The difference of the scores is what knowing the speaker, or the time, was worth. Its interval comes from drawing groups
for both at once (`communique.evaluation.findings.judge_difference`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from communique.errors import DataError, UsageError
from communique.evaluation.bootstrap import FEW_GROUPS, Bootstrap
from communique.evaluation.findings import Estimate, Findings, judge, judge_difference, with_intervals
from communique.evaluation.metrics import IntArray, Judged, Scores

FitAndPredict = Callable[[IntArray, IntArray], NDArray[np.floating]]
"""Rows to fit to and rows to predict in; probabilities ``(rows to predict, k)`` out."""

Kind = Literal["grouped", "forward"]
Cut = tuple[IntArray, IntArray]
"""Rows to fit to and rows to predict."""

_METRICS = {"macro_f1": "macro-F1", "macro_f1_stances": "macro-F1 over the stances", "accuracy": "accuracy"}
_YEAR, _MONTH = re.compile(r"[0-9]{4}"), re.compile(r"[0-9]{4}-[0-9]{2}")
_TIME = re.compile(r"[T :]")


@dataclass(frozen=True, eq=False)
class Exam:
    """What the designs are compared on.

    Parameters
    ----------
    truth
        ``(n,)`` positions in ``labels``.
    labels, background
        As `Judged` has them.
    ids
        ``(n,)`` how rows are named to the user.
    fit_and_predict
        Fits the recipe to some of the rows and predicts others.
    folds
        Into how many parts the rows are cut, or how many windows are predicted; 2 or more.
    progress
        Told how many of how many fits are done.
    """

    truth: IntArray
    labels: tuple[str, ...]
    background: str | None
    ids: Sequence[str]
    fit_and_predict: FitAndPredict
    folds: int = 5
    seed: int = 0
    bootstrap: Bootstrap = Bootstrap()
    progress: Callable[[int, int], None] = lambda done, total: None

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise UsageError(f"{self.folds} folds", expected="2 or more")


@dataclass(frozen=True)
class Fold:
    """One fold of the stricter design: its sizes, and how many values or which dates are in its test rows."""

    train: int
    test: int
    values: int
    first: str | None = None
    last: str | None = None


@dataclass(frozen=True, eq=False)
class DesignFindings:
    """Two designs and what lies between them.

    ``random`` and ``apart`` are scored on the same rows; ``gap`` is random less apart.
    """

    kind: Kind
    column: str
    folds: tuple[Fold, ...]
    random: Findings
    apart: Findings
    gap: Scores[Estimate]

    def meaning(self, metric: str = "macro_f1") -> str:
        """Say in a sentence what the gap means for a user."""
        gap, left = (getattr(scores, metric) for scores in (self.gap, self.apart.scores))
        name = _METRICS.get(metric, metric)
        place = f"a {self.column} it has not met" if self.kind == "grouped" else "the time after its training"
        told = f"{gap.value:+.3f} ({gap.low:+.3f} to {gap.high:+.3f})"
        if gap.low > 0:
            sentence = f"Random folds flatter: on {place} expect a {name} of {left.value:.3f}, the gap being {told}."
        elif gap.high < 0:
            sentence = f"Random folds do not flatter: on {place} the {name} is higher, the gap being {told}."
        else:
            sentence = f"No gap in {name} between random folds and {place} can be told from chance: {told}."
        return sentence + ("" if self.apart.trusted else f" Fewer than {FEW_GROUPS} groups: trust no interval here.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; null where undefined."""
        return {
            "kind": self.kind,
            "column": self.column,
            "folds": [asdict(fold) for fold in self.folds],
            "random": self.random.to_dict(),
            "apart": self.apart.to_dict(),
            "gap": with_intervals({field.name: getattr(self.gap, field.name) for field in fields(self.gap)}),
            "meaning": self.meaning(),
        }


def leave_out(exam: Exam, column: str, values: Sequence[str | None]) -> DesignFindings:
    """Compare random folds with folds that part no value of a column.

    Parameters
    ----------
    values
        ``(n,)`` what stands in the column; a row without a value is a group of its own. Groups are what intervals draw.

    Raises
    ------
    DataError
        If the column is empty, has one value only, or fewer than there are folds.
    """
    named = {value for value in values if value}
    if len(named) < 2:
        raise DataError(
            f"the column {column!r} has {f'one value only, {min(named)!r}' if named else 'no values'}",
            expected="values that some rows share and others do not, such as speakers",
            remedy="name another column",
        )
    groups = _number(values)
    count = int(groups.max()) + 1
    if count < exam.folds:
        raise DataError(
            f"the column {column!r} has {count} values",
            expected=f"at least {exam.folds}, one a fold",
            remedy=f"ask for {count} folds, or name a column with more values",
        )
    fold = pack(groups, exam.truth, exam.folds, exam.seed)[groups]
    apart = _cuts(fold, exam.folds)
    random = _cuts(np.random.default_rng(exam.seed).permutation(fold), exam.folds)
    folds = tuple(Fold(len(train), len(test), len(np.unique(groups[test]))) for train, test in apart)
    return _compare("grouped", column, exam, folds, random, apart, groups)


def go_forward(
    exam: Exam, column: str, dates: Sequence[str | None], groups: Sequence[str | None] | None = None
) -> DesignFindings:
    """Compare random folds with training on the past and testing on the window that follows.

    Parameters
    ----------
    dates
        ``(n,)`` ISO dates or times, months (2024-05) or years. The coarsest among them sets the grain: beside a year, a
        date counts as its year, since nobody knows which came first.
    groups
        ``(n,)`` what intervals draw together; each row by itself where there is none.

    Raises
    ------
    DataError
        If a date is missing or cannot be read, or there are too few different ones.
    """
    times = read_dates(column, dates, exam.ids)
    distinct, when, counts = np.unique(times, return_inverse=True, return_counts=True)
    if len(distinct) <= exam.folds:
        fewer = f"ask for {len(distinct) - 1} folds, or " if len(distinct) > 2 else ""
        raise DataError(
            f"the column {column!r} has {len(distinct)} different date{'s' if len(distinct) != 1 else ''}",
            expected=f"at least {exam.folds + 1}: a past, and {exam.folds} windows after it",
            remedy=f"{fewer}give statements of more dates",
        )
    window = np.searchsorted(cut_windows(counts, exam.folds), when, side="right") - 1
    chance = np.random.default_rng(exam.seed)
    apart: list[Cut] = []
    random: list[Cut] = []
    for number in range(1, exam.folds + 1):
        past, test = np.flatnonzero(window < number), np.flatnonzero(window == number)
        apart.append((past, test))
        for half in np.array_split(chance.permutation(test), min(2, len(test))):
            others = np.setdiff1d(np.arange(len(times)), half)
            random.append((np.sort(chance.choice(others, len(past), replace=False)), np.sort(half)))
    folds = tuple(
        Fold(len(past), len(test), len(met), str(met[0]), str(met[-1]))
        for past, test in apart
        for met in [distinct[np.unique(when[test])]]
    )
    return _compare("forward", column, exam, folds, random, apart, _number(groups or [None] * len(times)))


def _compare(
    kind: Kind,
    column: str,
    exam: Exam,
    folds: tuple[Fold, ...],
    random: list[Cut],
    apart: list[Cut],
    groups: IntArray,
) -> DesignFindings:
    tested = np.sort(np.concatenate([test for _, test in apart]))
    steps, done = len(random) + len(apart), 0
    judged = []
    for cuts in (random, apart):
        probability = np.empty((len(exam.truth), len(exam.labels)))
        for train, test in cuts:
            probability[test] = exam.fit_and_predict(train, test)
            done += 1
            exam.progress(done, steps)
        said = probability[tested]
        judged.append(
            Judged(exam.truth[tested], said.argmax(axis=1), said, groups[tested], exam.labels, exam.background)
        )
    beside, strict = judged
    return DesignFindings(
        kind=kind,
        column=column,
        folds=folds,
        random=judge(beside, exam.bootstrap),
        apart=judge(strict, exam.bootstrap),
        gap=judge_difference(strict, beside, exam.bootstrap),
    )


def _cuts(fold: IntArray, folds: int) -> list[Cut]:
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(folds)]


def _number(values: Sequence[str | None]) -> IntArray:
    """Number the values ``(n,)`` in the order they come; a row without one gets a number of its own."""
    numbers: dict[str | int, int] = {}
    return np.array([numbers.setdefault(value or row, len(numbers)) for row, value in enumerate(values)], np.int64)


def pack(groups: IntArray, truth: IntArray, folds: int, seed: int) -> IntArray:
    """Pack whole groups into folds of about the same size and mix of labels: the fold of each group, ``(groups,)``.

    The largest first, each into the fold where it leaves sizes and labels the least uneven. No fold is empty.
    """
    k = int(truth.max()) + 1
    cells = np.bincount(groups * k + truth, minlength=(int(groups.max()) + 1) * k).reshape(-1, k)
    sizes = cells.sum(axis=1)
    # As much weight on the size of a fold as on all its labels together.
    shares = np.column_stack([cells / np.maximum(cells.sum(axis=0), 1), k * sizes / len(truth)])
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    filled = np.zeros((folds, k + 1))
    fold = np.empty(len(sizes), np.int64)
    for place, group in enumerate(shuffled[np.argsort(-sizes[shuffled], kind="stable")]):
        # A share s added to a fold f adds 2 f.s + s.s to the sum of squares, which is least where all are even.
        fold[group] = place if place < folds else (filled @ shares[group]).argmin()
        filled[fold[group]] += shares[group]
    return fold


def cut_windows(counts: IntArray, windows: int) -> IntArray:
    """Cut dates in order, with ``counts`` rows each, into a past and some windows of about the same size.

    Returns ``(windows + 1,)``, the place of the date that each part begins with. No part is empty if there are more
    dates than windows.
    """
    before = np.cumsum(counts) - counts
    wanted = np.arange(windows + 1) * counts.sum() / (windows + 1)
    starts = np.abs(before[:, np.newaxis] - wanted).argmin(axis=0)
    room = np.arange(windows + 1)
    starts = np.maximum.accumulate(starts - room) + room  # each begins after the one before it
    return np.asarray(np.minimum(starts, len(counts) - windows - 1 + room), np.int64)


def read_dates(column: str, dates: Sequence[str | None], ids: Sequence[str]) -> NDArray[np.str_]:
    """Read dates into ISO text of one grain, ``(n,)``, which sorts as time does.

    A time with a zone becomes UTC; one without is taken for UTC.

    Raises
    ------
    DataError
        If one is missing or is no ISO date, month or year; the first rows are named.
    """
    read = [_read_date(date or "") for date in dates]
    if unread := [row for row, date in enumerate(read) if not date]:
        named = [f"{ids[row]} ({f'{dates[row]!r:.40}' if dates[row] else 'none'})" for row in unread[:5]]
        raise DataError(
            f"{len(unread):,} of {len(dates):,} rows have no date in the column {column!r} that can be read: "
            + ", ".join(named)
            + (" ..." if len(unread) > 5 else ""),
            expected="an ISO date such as 2024-05-31, a month 2024-05 or a year 2024",
            remedy="mend these dates, or take the rows out",
        )
    grain = min(map(len, read), default=0)
    return np.array([date[:grain] for date in read], np.str_)


def _read_date(date: str) -> str:
    """Write a date as ISO text of 4 (year), 7 (month), 10 (day) or 26 characters (time); empty if it cannot be read."""
    date = date.strip()
    if _YEAR.fullmatch(date):
        return date
    try:
        if _MONTH.fullmatch(date):
            return datetime.fromisoformat(f"{date}-01").date().isoformat()[:7]
        moment = datetime.fromisoformat(date)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return ""
    return moment.isoformat(timespec="microseconds") if _TIME.search(date) else moment.date().isoformat()
