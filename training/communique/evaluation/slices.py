"""Scores of parts of the rows (each genre, each actor, each quarter of lengths), and how each differs from the rest.

A `Partition` puts every row into one part by a column. A number or a date with many values is cut at its quartiles,
other columns are taken at their word. The bootstrap draws groups of the whole file, as everywhere, so that a part and
the rest of the rows, which may share groups, are drawn together (domain estimation in cluster samples).

A part of fewer than 30 rows or 10 groups is small: its scores are told, but it is neither ranked nor tested. The others
are ranked by their accuracy less that of the rest: accuracy is a mean of rows, whereas macro-F1 is a mean over those
labels that a part happens to have. As some of many parts always differ by chance, p-values are corrected for their
number (Holm 1979). They come from Student's t with the bootstrap's standard error, for percentiles of a thousand draws
end at 0.002. In simulation, with 5 to 20 parts equally easy and 12 to 40 groups a part, some part was said to differ at
the 5 % level in 3 to 10 of 100 files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from communique.corpus.cells import format_cells
from communique.corpus.labelled import Labelled
from communique.errors import DataError
from communique.evaluation.bootstrap import FEW_GROUPS, Bootstrap, count_draws
from communique.evaluation.findings import Estimate, plain, with_intervals
from communique.evaluation.metrics import FloatArray, IntArray, Judged, Sums, score_labels, sum_groups

FEW_ROWS = 30
"""With fewer rows than this a part is small."""

LENGTH = "length"
"""The column that every file has: the number of words of the text."""

MISSING, OTHER = "(missing)", "(other)"

_FEW_NUMBERS = 10  # a number or date with no more values than this is taken for a name
_MOST_VALUES = 100  # values of a column that are told apart; the rarer ones are one part
_CELLS = 500_000  # counts held at a time, draws times groups


@dataclass(frozen=True, eq=False)
class Partition:
    """A column that puts each row into one part.

    ``parts`` names them; ``codes`` is ``(n,)``, positions in ``parts``. Every part has rows.
    """

    column: str
    parts: tuple[str, ...]
    codes: IntArray


def partition(column: str, values: pa.Array) -> Partition:
    """Part rows by a column of strings (n,); an empty string is no value.

    A column of numbers or ISO dates (a year is its first day) with more than 10 values is cut at its quartiles,
    each part named by its least and greatest value. Of other columns the 100 most frequent values are told apart.
    """
    values = pc.if_else(pc.equal(values.fill_null(""), ""), None, values)
    if pc.count_distinct(values).as_py() > _FEW_NUMBERS:
        with suppress(pa.ArrowInvalid):
            return _cut(column, values.cast(pa.float64()))
        days = pc.replace_substring_regex(values, r"^(\d{4})$", r"\1-01")
        days = pc.replace_substring_regex(days, r"^(\d{4}-\d{2})$", r"\1-01")
        for zone in (None, "UTC"):
            with suppress(pa.ArrowInvalid):
                return _cut(column, days.cast(pa.timestamp("us", zone)))
    counted = pc.value_counts(values.drop_null()).to_pylist()
    counted.sort(key=lambda entry: (-entry["counts"], entry["values"]))
    names = [entry["values"] for entry in counted[:_MOST_VALUES]]
    codes = pc.fill_null(pc.index_in(values, pa.array(names, pa.string())), len(names)).to_numpy(zero_copy_only=False)
    return _without_empty(column, [*names, OTHER, MISSING], np.where(values.is_null(), len(names) + 1, codes))


def partition_by_length(texts: pa.Array) -> Partition:
    """Part rows by the number of words of their text, at the quartiles."""
    return _cut(LENGTH, pc.count_substring_regex(texts, r"\S+"), " words")


def partitions_of(labelled: Labelled, columns: Sequence[str]) -> tuple[Partition, ...]:
    """Part labelled rows by each of the columns, which were collected with them as ``extras``.

    ``length`` is the number of words, unless a column is called so.

    Raises
    ------
    DataError
        If there is no column of that name.
    """
    known = labelled.extras.column_names if labelled.extras is not None else []
    return tuple(
        partition_by_length(labelled.texts)
        if column == LENGTH and column not in known
        else partition(column, cells_of(labelled, column))
        for column in dict.fromkeys(columns)
    )


def cells_of(labelled: Labelled, column: str) -> pa.Array:
    """Return a column that was collected with the statements as ``extras``, as strings (n,).

    Raises
    ------
    DataError
        If there is no column of that name.
    """
    extras = labelled.extras if labelled.extras is not None else pa.table({})
    if column not in extras.column_names:
        raise DataError(
            f"the data has no column {column!r}", expected=f"{LENGTH}, or one of {', '.join(extras.column_names)}"
        )
    return pa.concat_arrays([format_cells(chunk) for chunk in extras.column(column).chunks])


@dataclass(frozen=True, eq=False)
class PartSums:
    """What the scores need, summed over every pair of a part and a group that meet.

    ``values`` (pairs, s), ``part`` and ``group`` (pairs,), in the order of the parts.
    """

    values: FloatArray
    part: IntArray
    group: IntArray

    @cached_property
    def total(self) -> FloatArray:
        """The sums of each part: (parts, s)."""
        return np.add.reduceat(self.values, self._starts, axis=0)

    @property
    def groups(self) -> IntArray:
        """How many groups each part has rows of: (parts,)."""
        return np.bincount(self.part)

    def resample(self, bootstrap: Bootstrap) -> FloatArray:
        """Draw groups with replacement and sum each part's rows: (resamples, parts, s)."""
        from threadpoolctl import threadpool_limits

        groups, ends = int(self.group.max()) + 1, [*self._starts[1:], len(self.part)]
        generator = np.random.default_rng(bootstrap.seed)
        drawn = np.empty((bootstrap.resamples, len(ends), self.values.shape[1]))
        block = max(16, _CELLS // groups)
        with threadpool_limits(1, user_api="blas"):
            for first in range(0, bootstrap.resamples, block):
                counts = count_draws(generator, min(block, bootstrap.resamples - first), groups)[:, self.group]
                for number, (start, end) in enumerate(zip(self._starts, ends, strict=True)):
                    drawn[first : first + len(counts), number] = counts[:, start:end] @ self.values[start:end]
        return drawn

    @cached_property
    def _starts(self) -> IntArray:
        return np.searchsorted(self.part, np.arange(self.part[-1] + 1))


def sum_parts(parted: Partition, *answers: Judged) -> PartSums:
    """Sum what the scores need over the pairs of part and group, for one model's answers to the rows or several's.

    Groups are numbered by their content, as a bootstrap of the whole file orders them: it and the parts have the same
    draws, whatever the names of groups and the order of rows.
    """
    names, codes = np.unique(answers[0].groups, return_inverse=True)
    group = np.empty(len(names), np.int64)
    group[np.lexsort(np.hstack([sum_groups(judged).values for judged in answers]).T)] = np.arange(len(names))
    pair = parted.codes * len(names) + group[codes]
    part, group = np.divmod(np.unique(pair), len(names))
    return PartSums(np.hstack([sum_groups(replace(one, groups=pair)).values for one in answers]), part, group)


@dataclass(frozen=True)
class Slice:
    """The scores of one part of the rows.

    ``accuracy_less_rest`` and ``macro_f1_less_rest`` are below 0 where the part is worse than all other rows together.
    ``p`` is that of the difference in accuracy, corrected by Holm; NaN for a small part.
    """

    column: str
    value: str
    n: int
    groups: int
    accuracy: Estimate
    macro_f1: Estimate
    macro_f1_stances: Estimate
    ece: Estimate
    accuracy_less_rest: Estimate
    macro_f1_less_rest: Estimate
    p: float

    @property
    def small(self) -> bool:
        """Whether there are too few rows or groups to say much."""
        return is_small(self.n, self.groups)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        names = ("accuracy", "macro_f1", "macro_f1_stances", "ece", "accuracy_less_rest", "macro_f1_less_rest")
        return {
            "column": self.column,
            "value": self.value,
            "n": self.n,
            "groups": self.groups,
            "small": self.small,
            **with_intervals({name: getattr(self, name) for name in names}),
            "p": plain(self.p),
        }


@dataclass(frozen=True)
class Slices:
    """The parts of every column, in the order given."""

    slices: tuple[Slice, ...]
    level: float

    @property
    def ranked(self) -> tuple[Slice, ...]:
        """The parts that are not small and have a rest to be compared with, the worst first."""
        tested = [one for one in self.slices if not math.isnan(one.p)]
        return tuple(sorted(tested, key=lambda one: one.accuracy_less_rest.value))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What to bear in mind when reading the table, in sentences."""
        said = []
        for column in dict.fromkeys(one.column for one in self.slices):
            own = [one for one in self.slices if one.column == column]
            if len(own) == 1:
                said.append(f"Every statement has the same {column} ({own[0].value}): there is nothing to compare.")
            elif all(one.small for one in own):
                said.append(f"No part by {column} has {FEW_ROWS} statements in {FEW_GROUPS} groups.")
        if small := sum(one.small for one in self.slices):
            said.append(
                f"{small} of {len(self.slices)} parts {'is' if small == 1 else 'are'} small (under {FEW_ROWS} "
                f"statements or {FEW_GROUPS} groups) and not ranked."
            )
        if ranked := self.ranked:
            apart = [f"{one.column} {one.value}" for one in ranked if one.p < 1 - self.level]
            said.append(
                f"Of {len(ranked)} parts about {len(ranked) * (1 - self.level):.1g} would stand out by chance; "
                f"corrected for that (Holm), {', '.join(apart) if apart else 'none'} "
                f"{'differs' if len(apart) < 2 else 'differ'} from the rest."
            )
        return tuple(said)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"slices": [one.to_dict() for one in self.slices], "remarks": list(self.remarks)}


def judge_slices(judged: Judged, partitions: Sequence[Partition], bootstrap: Bootstrap | None = None) -> Slices:
    """Score every part of every partition, beside the rest of the rows."""
    bootstrap = bootstrap or Bootstrap()
    slices = [one for parted in partitions for one in _judge_parts(judged, parted, bootstrap)]
    adjusted = holm(np.array([one.p for one in slices]))
    return Slices(tuple(replace(one, p=p) for one, p in zip(slices, adjusted.tolist(), strict=True)), bootstrap.level)


def is_small(n: int, groups: int) -> bool:
    """Tell whether so many rows in so many groups are too few to say much."""
    return n < FEW_ROWS or groups < FEW_GROUPS


def holm(p: FloatArray) -> FloatArray:
    """Correct p-values for their number (Holm 1979); NaN is no test and stays."""
    adjusted = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested])]
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return adjusted


def intervals(values: FloatArray, draws: FloatArray, groups: IntArray, bootstrap: Bootstrap) -> list[list[Estimate]]:
    """Give the estimates of scores (parts, m) drawn (resamples, parts, m): a list a part of a list of m.

    ``groups`` (parts,): how many groups each part's intervals rest on.
    """
    low, high = np.empty((2, *values.shape))
    for number in np.unique(groups):
        same = groups == number
        ends = bootstrap.interval(values[same].ravel(), draws[:, same].reshape(len(draws), -1), int(number))
        low[same], high[same] = (end.reshape(-1, values.shape[1]) for end in ends)
    return [
        [Estimate(*ends) for ends in zip(*part, strict=True)]
        for part in zip(values.tolist(), low.tolist(), high.tolist(), strict=True)
    ]


def score_parts(values: FloatArray, k: int, stances: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Score sums (..., s): rows (...), and accuracy, macro-F1, macro-F1 over the stances (..., 3), NaN where undefined.

    As `communique.evaluation.metrics.score` does, without the scores that no part is told of.
    """
    sums = Sums(values[..., : 3 * k], k)
    f1, rows = score_labels(sums).f1, sums.rows
    defined = ~np.isnan(f1)
    f1 = np.where(defined, f1, 0)
    above = np.stack([sums.hits.sum(axis=-1), f1.sum(axis=-1), f1 @ stances], axis=-1)
    below = np.stack([rows, defined.sum(axis=-1), defined @ stances.astype(np.int64)], axis=-1)
    return rows, np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)


def _judge_parts(judged: Judged, parted: Partition, bootstrap: Bootstrap) -> list[Slice]:
    k, everything = len(judged.labels), sum_parts(parted, judged)
    counted = everything.values[:, : 3 * k]
    sums = replace(everything, values=np.hstack([counted, Sums(everything.values, k).gaps]))
    total, drawn = sums.total, sums.resample(bootstrap)
    # The groups that the rest has rows of: all but those that lie within the part.
    alone = np.bincount(sums.group)[sums.group] == 1
    within = np.bincount(sums.part, alone, len(parted.parts)).astype(np.int64)
    fewest = np.minimum(sums.groups, int(sums.group.max()) + 1 - within)

    rows, own = score_parts(total, k, judged.stances)
    rows_draws, own_draws = score_parts(drawn, k, judged.stances)
    rest, rest_draws = (
        score_parts(values.sum(axis=-2, keepdims=True) - values, k, judged.stances)[1] for values in (total, drawn)
    )
    scores = intervals(own, own_draws, sums.groups, bootstrap)
    apart, apart_draws = (own - rest)[..., :2], (own_draws - rest_draws)[..., :2]
    differences = intervals(apart, apart_draws, fewest, bootstrap)
    slices = []
    for number, (name, groups) in enumerate(zip(parted.parts, sums.groups.tolist(), strict=True)):
        met = rows_draws[:, number] > 0  # a draw may have none of a small part's groups
        gaps = total[number, 3 * k :] / rows[number]
        gaps_draws = drawn[met, number, 3 * k :] / rows_draws[met, number, np.newaxis]
        ece = Estimate(float(np.abs(gaps).sum()), *bootstrap.interval_of_gaps(gaps, gaps_draws, groups))
        n, small = int(rows[number]), is_small(int(rows[number]), int(fewest[number]))
        p = math.nan if small else _p(apart[number, 0], apart_draws[:, number, 0], int(fewest[number]))
        accuracy, macro_f1, macro_f1_stances = scores[number]
        slices.append(
            Slice(
                column=parted.column,
                value=name,
                n=n,
                groups=groups,
                accuracy=accuracy,
                macro_f1=macro_f1,
                macro_f1_stances=macro_f1_stances,
                ece=ece,
                accuracy_less_rest=differences[number][0],
                macro_f1_less_rest=differences[number][1],
                p=p,
            )
        )
    return slices


def _p(difference: float, draws: FloatArray, groups: int) -> float:
    """Test a difference against 0; draws of ``groups`` groups spread a little too narrowly."""
    from scipy.special import stdtr

    spread = float(np.nanstd(draws)) * math.sqrt(groups / (groups - 1))
    return float(2 * stdtr(groups - 1, -abs(difference) / spread)) if spread > 0 else float(difference == 0)


def _cut(column: str, values: pa.Array, unit: str = "") -> Partition:
    """Cut numbers or times at their quartiles; equal ones are never parted."""
    dates = pa.types.is_timestamp(values.type)
    numbers = pc.if_else(pc.is_nan(values), None, values) if values.type == pa.float64() else values.cast(pa.int64())
    missing = np.asarray(numbers.is_null())
    numbers = np.asarray(numbers.drop_null())
    edges = np.unique(np.quantile(numbers, [0.25, 0.5, 0.75], method="lower"))
    bins = np.searchsorted(edges, numbers)
    names = []
    for number in range(len(edges) + 1):
        own = numbers[bins == number]
        ends = dict.fromkeys(_write(end, dates) for end in (own.min(), own.max())) if len(own) else {}
        names.append(" to ".join(ends) + (unit.removesuffix("s") if list(ends) == ["1"] else unit))
    codes = np.full(len(values), len(names))
    codes[~missing] = bins
    return _without_empty(column, [*names, MISSING], codes)


def _without_empty(column: str, names: Sequence[str], codes: IntArray) -> Partition:
    used, codes = np.unique(codes, return_inverse=True)
    return Partition(column, tuple(names[code] for code in used), codes.astype(np.int64))


def _write(number: float, date: bool) -> str:
    return str(np.datetime64(int(number), "us").astype("datetime64[D]")) if date else f"{number:.15g}"
