"""What another way of cutting the data says: random folds beside folds that keep speakers, or the future, apart.

Random folds let a classifier meet a speaker's other statements before it is asked about this one, and next year's words
before this year's. A user has no such luck: the speakers and the events to come are new. So the same recipe is fitted
both ways, on as many rows, and asked about the same rows:

- **grouped**: all rows with one value of a column (a speaker, a scenario) are on one side; random folds of the very
  same sizes stand beside;
- **forward**: rows are cut into windows by date, and each window is predicted from all that is before it. Beside it
  each half of the window is predicted from as many rows drawn by lot from all times, that half left out.

The difference of the scores is what knowing the speaker, or the time, was worth. Its interval comes from resampling
groups for both at once (`communique.evaluation.findings.judge_difference`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from communique.errors import DataError, UsageError
from communique.evaluation.bootstrap import FEW_GROUPS, Bootstrap
from communique.evaluation.findings import Estimate, Findings, judge, judge_difference
from communique.evaluation.metrics import Judged, Scores

IntArray = NDArray[np.int64]
FitAndPredict = Callable[[IntArray, IntArray], NDArray[np.floating]]
"""Rows to fit on and rows to predict in; probabilities ``(rows to predict, k)`` out."""

Kind = Literal["grouped", "forward"]
METRIC_NAMES = {"macro_f1": "macro-F1", "macro_f1_stances": "macro-F1 over the stances", "accuracy": "accuracy"}

_YEAR, _MONTH = re.compile(r"\d{4}"), re.compile(r"\d{4}-\d{2}")


@dataclass(frozen=True)
class Question:
    """What is asked of the rows.

    Parameters
    ----------
    truth
        ``(n,)`` positions in ``labels``.
    labels, background
        As in `Judged`.
    ids
        ``(n,)`` names of the rows, for messages.
    folds
        Into how many parts the rows are cut, or how many windows are predicted; 2 or more.
    """

    truth: IntArray
    labels: tuple[str, ...]
    background: str | None
    ids: Sequence[str]
    folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise UsageError(f"{self.folds} folds", expected="2 or more")


@dataclass(frozen=True)
class Fold:
    """Sizes of one fold of the stricter design, and what is in its test rows: the values, or the first and last date."""

    train: int
    test: int
    holds: tuple[str, ...]


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
        gap: Estimate = getattr(self.gap, metric)
        name = METRIC_NAMES.get(metric, metric)
        new = f"a {self.column} it has not met" if self.kind == "grouped" else "the time after its training"
        found = f"{gap.value:+.3f} ({gap.low:+.3f} to {gap.high:+.3f})"
        few = " The intervals rest on few groups." if self.random.groups < FEW_GROUPS else ""
        if gap.low > 0:
            return (
                f"Random folds flatter: on {new} the model loses {gap.value:.3f} of {name} "
                f"({gap.low:.3f} to {gap.high:.3f}), so expect {getattr(self.apart.scores, metric).value:.3f} there.{few}"
            )
        if gap.high < 0:
            return f"Random folds do not flatter: on {new} {name} is no lower, the gap being {found}.{few}"
        return f"No gap in {name} can be told from chance between random folds and {new}: {found}.{few}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; null where undefined."""
        gaps: dict[str, Estimate] = {field.name: getattr(self.gap, field.name) for field in fields(self.gap)}
        return {
            "kind": self.kind,
            "column": self.column,
            "folds": [asdict(fold) for fold in self.folds],
            "random": self.random.to_dict(),
            "apart": self.apart.to_dict(),
            "gap": {
                name: {
                    "value": None if np.isnan(gap.value) else gap.value,
                    "interval": None if np.isnan(gap.low) else [gap.low, gap.high],
                }
                for name, gap in gaps.items()
            },
            "meaning": self.meaning(),
        }


def leave_out(
    question: Question,
    column: str,
    values: Sequence[str | None],
    fit_and_predict: FitAndPredict,
    *,
    bootstrap: Bootstrap | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> DesignFindings:
    """Compare random folds with folds that part no value of a column.

    Parameters
    ----------
    values
        ``(n,)`` what stands in the column; a row without a value is a group of its own.

    Raises
    ------
    DataError
        If the column is empty, has one value only, or fewer than there are folds.
    """
    groups, names = _number(values, question.ids)
    named = len({value for value in values if value is not None})
    if named < 2:
        raise DataError(
            f"the column {column!r} has {'one value only' if named else 'no values'}",
            expected="values that rows share, such as speakers",
            remedy="name another column",
        )
    if len(names) < question.folds:
        raise DataError(
            f"the column {column!r} has {len(names)} values",
            expected=f"at least {question.folds}, one a fold",
            remedy=f"ask for {len(names)} folds, or name a finer column",
        )
    of_row = pack(groups, question.truth, question.folds, question.seed)[groups]
    shuffled = np.random.default_rng(question.seed).permutation(of_row)
    apart, beside = ([(np.flatnonzero(cut != k), np.flatnonzero(cut == k)) for k in range(question.folds)]
                     for cut in (of_row, shuffled))  # fmt: skip
    folds = tuple(
        Fold(len(train), len(test), tuple(names[group] for group in np.unique(groups[test])))
        for train, test in apart
    )
    return _compare("grouped", column, question, folds, beside, apart, groups, fit_and_predict, bootstrap, progress)


def go_forward(
    question: Question,
    column: str,
    dates: Sequence[str | None],
    fit_and_predict: FitAndPredict,
    *,
    groups: IntArray | None = None,
    bootstrap: Bootstrap | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> DesignFindings:
    """Compare random folds with training on the past and testing on the window that follows.

    Parameters
    ----------
    dates
        ``(n,)`` ISO dates or times, months (2024-05) or years. The coarsest among them sets the grain: beside a year, a
        date counts as its year, since nobody knows which was first.
    groups
        ``(n,)`` what is resampled together; each row by itself if none are given.

    Raises
    ------
    DataError
        If a date is missing or cannot be read, or there are too few different ones.
    """
    times = read_dates(column, dates, question.ids)
    distinct, when, counts = np.unique(times, return_inverse=True, return_counts=True)
    wanted = question.folds
    if len(distinct) <= wanted:
        fewer = f"ask for {len(distinct) - 1} folds, or " if len(distinct) > 2 else ""
        raise DataError(
            f"the column {column!r} has {len(distinct)} different date{'s' if len(distinct) != 1 else ''}",
            expected=f"at least {wanted + 1}: a past and {wanted} windows after it",
            remedy=f"{fewer}give statements of more dates",
        )
    starts = cut_windows(counts, wanted)
    window = np.searchsorted(starts, when, side="right") - 1  # 0 is the past that is never predicted
    chance = np.random.default_rng(question.seed)
    apart, beside = [], []
    for k in range(1, wanted + 1):
        past, test = np.flatnonzero(window < k), np.flatnonzero(window == k)
        apart.append((past, test))
        for half in np.array_split(chance.permutation(test), min(2, len(test))):
            others = np.setdiff1d(np.arange(len(times)), half)
            beside.append((np.sort(chance.choice(others, len(past), replace=False)), np.sort(half)))
    folds = tuple(Fold(len(past), len(test), (times[test].min(), times[test].max())) for past, test in apart)
    clusters = np.arange(len(times)) if groups is None else groups
    return _compare("forward", column, question, folds, beside, apart, clusters, fit_and_predict, bootstrap, progress)


def _compare(
    kind: Kind,
    column: str,
    question: Question,
    folds: tuple[Fold, ...],
    beside: list[tuple[IntArray, IntArray]],
    apart: list[tuple[IntArray, IntArray]],
    clusters: IntArray,
    fit_and_predict: FitAndPredict,
    bootstrap: Bootstrap | None,
    progress: Callable[[int, int], None],
) -> DesignFindings:
    n, k = len(question.truth), len(question.labels)
    steps = len(beside) + len(apart)
    judged = []
    done = 0
    for cuts in (beside, apart):
        probability = np.full((n, k), np.nan)
        for train, test in cuts:
            probability[test] = fit_and_predict(train, test)
            done += 1
            progress(done, steps)
        rows = np.flatnonzero(~np.isnan(probability[:, 0]))
        judged.append(
            Judged(
                question.truth[rows],
                probability[rows].argmax(axis=1),
                probability[rows],
                clusters[rows],
                question.labels,
                question.background,
            )
        )
    random, strict = judged
    return DesignFindings(
        kind=kind,
        column=column,
        folds=folds,
        random=judge(random, bootstrap),
        apart=judge(strict, bootstrap),
        gap=judge_difference(strict, random, bootstrap),
    )


def _number(values: Sequence[str | None], ids: Sequence[str]) -> tuple[IntArray, list[str]]:
    """Number the values ``(n,)`` in the order they come; a row without one is named by its id."""
    numbers: dict[tuple[bool, str], int] = {}
    codes = [
        numbers.setdefault((value is None, row if value is None else value), len(numbers))
        for value, row in zip(values, ids, strict=True)
    ]
    return np.array(codes, np.int64), [name for _, name in numbers]


def pack(groups: IntArray, truth: IntArray, folds: int, seed: int) -> IntArray:
    """Pack whole groups into folds of about the same size and mix of labels: the fold of each group, ``(groups,)``.

    The largest first, each into the fold where it makes the labels' shares over folds least uneven.
    """
    labels = int(truth.max()) + 1
    sizes = np.bincount(groups * labels + truth, minlength=(int(groups.max()) + 1) * labels).reshape(-1, labels)
    share = sizes / np.maximum(sizes.sum(axis=0), 1)
    share = np.column_stack([share, labels * sizes.sum(axis=1) / len(truth)])  # size counts as much as all the labels
    chance = np.random.default_rng(seed)
    order = chance.permutation(len(sizes))
    order = order[np.argsort(-sizes[order].sum(axis=1), kind="stable")]
    filled = np.zeros((folds, share.shape[1]))
    fold = np.empty(len(sizes), np.int64)
    for group in order:
        # Adding x to the fold f adds 2 f.x + x.x to the sum of squares, which is least where shares are even.
        fold[group] = int((filled @ share[group]).argmin())
        filled[fold[group]] += share[group]
    return fold


def cut_windows(counts: IntArray, windows: int) -> IntArray:
    """Cut ordered dates with ``counts`` rows each into a past and windows of about the same size.

    Returns ``(windows + 1,)``: the place of the date that each part begins with. No part is empty.
    """
    before = np.concatenate([[0], np.cumsum(counts)[:-1]])
    wanted = np.arange(windows + 1) * counts.sum() / (windows + 1)
    starts = np.abs(before[:, np.newaxis] - wanted).argmin(axis=0)
    for part in range(1, windows + 1):
        starts[part] = max(starts[part], starts[part - 1] + 1)
    latest = len(counts) - windows + np.arange(windows + 1) - 1
    return np.minimum(starts, latest)


def read_dates(column: str, dates: Sequence[str | None], ids: Sequence[str]) -> NDArray[np.str_]:
    """Read dates into ISO text of one grain, ``(n,)``, which sorts as time does; times with a zone become UTC.

    Raises
    ------
    DataError
        If one is missing or is no ISO date, month or year; the rows are named.
    """
    read = [_read_date(date) for date in dates]
    if unreadable := [row for row, date in enumerate(read) if date is None]:
        shown = ", ".join(f"{ids[row]} ({dates[row]!r})" if dates[row] else f"{ids[row]} (none)" for row in unreadable[:5])
        raise DataError(
            f"{len(unreadable):,} of {len(dates):,} rows have no date that can be read in the column {column!r}: {shown}"
            + (" ..." if len(unreadable) > 5 else ""),
            expected="an ISO date such as 2024-05-31, a month 2024-05 or a year 2024",
            remedy="mend these dates, or take the rows out",
        )
    grain = min((len(date) for date in read if date), default=0)
    return np.array([date[:grain] for date in read if date], str)


def _read_date(date: str | None) -> str | None:
    """Write a date as ISO text: a year (4 characters), a month (7), a day (10) or a time (26)."""
    text = (date or "").strip()
    if _YEAR.fullmatch(text) and text != "0000":
        return text
    try:
        if _MONTH.fullmatch(text):
            return datetime.fromisoformat(f"{text}-01").strftime("%Y-%m").rjust(7, "0")
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return moment.date().isoformat() if re.fullmatch(r"[\d-]{8,10}|\d{4}-?W\d\d.*", text) else moment.isoformat(timespec="microseconds")
