"""How well people agree, and the model with them: the ceiling under which a score is read.

*Krippendorff's alpha* for nominal data (Krippendorff 2011) is 1 less the disagreement observed over the disagreement
expected by chance. It takes any number of coders, and rows that not all of them coded; a row that only one coded says
nothing. 1 is perfect, 0 is chance; Krippendorff asks for 0.8, and for 0.667 before tentative conclusions are drawn.
Its interval comes from resampling groups of rows (rows, where there are no groups), as for every score; Zapf et al.
(2016) found resampled rows to give sound intervals.

*The ceiling*: each coder is marked against the majority of the others, as if a model, and the model against the same
majority on the same rows. Rows where the others have no majority are left out, for both; those are hard rows, so both
scores are somewhat flattered, but the difference is fair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from communique.corpus.batch import JSON
from communique.corpus.cells import format_cells
from communique.corpus.labelled import Labelled
from communique.errors import DataError, UsageError
from communique.evaluation.bootstrap import Bootstrap
from communique.evaluation.findings import Estimate, judge, judge_difference, with_intervals
from communique.evaluation.metrics import FloatArray, IntArray, Judged, Scores
from communique.statement import GROUP

RELIABLE, TENTATIVE = 0.8, 0.667
"""Krippendorff's bars for alpha."""

MOST_CODERS = 12
"""With more coders than this neither pairs nor single coders are listed."""

MODEL = "model"


@dataclass(frozen=True, eq=False)
class Coded:
    """What m coders said of n rows.

    ``codes`` is ``(n, m)``, positions in ``labels``, -1 where a coder gave none; ``groups`` ``(n,)`` integers.
    """

    codes: IntArray
    labels: tuple[str, ...]
    coders: tuple[str, ...]
    groups: IntArray

    @property
    def counts(self) -> IntArray:
        """How many coders gave each label to each row: (n, k)."""
        return np.asarray(np.sum(self.codes[:, :, np.newaxis] == np.arange(len(self.labels)), axis=1), np.int64)


def coded_of(labelled: Labelled, columns: Sequence[str], labels: Sequence[str] = ()) -> Coded:
    """Read coders' labels from one column of lists (a place in the list is a coder), or from a column a coder.

    Parameters
    ----------
    labelled
        Collected with its other columns as ``extras``.
    labels
        Those that may occur; if none are given, whatever does.

    Raises
    ------
    DataError
        If a column is not there, holds something else than labels, or a label is not among those that may occur.
    """
    extras = labelled.extras if labelled.extras is not None else pa.table({})
    if missing := [column for column in columns if column not in extras.column_names]:
        raise DataError(f"the data has no column {missing[0]!r}", expected=f"one of {', '.join(extras.column_names)}")
    if not columns:
        raise UsageError("no column of coders' labels", expected="one of lists, or one a coder")
    lists = _read_lists(extras.column(columns[0])) if len(columns) == 1 else None
    if lists is not None:
        most = max(map(len, lists), default=0)
        said = [[row[place] if place < len(row) else None for row in lists] for place in range(most)]
        coders: tuple[str, ...] = tuple(f"coder {place}" for place in range(1, most + 1))
    else:
        said = [
            [cell or None for chunk in extras.column(column).chunks for cell in format_cells(chunk).to_pylist()]
            for column in columns
        ]
        coders = tuple(columns)
    if len(coders) < 2:
        raise DataError(f"the labels of {len(coders)} coder in {', '.join(columns)}", expected="those of two at least")
    found = sorted({name for column in said for name in column if name is not None})
    if labels and (unknown := [name for name in found if name not in labels]):
        raise DataError(
            f"the coders' label {unknown[0]!r}",
            expected=f"one of {', '.join(labels)}",
            remedy="mend the label, or leave its cell empty",
        )
    names = tuple(labels or found)
    if not names:
        raise DataError(f"no label in {', '.join(columns)}", expected="those of two coders at least")
    place = {name: code for code, name in enumerate(names)}
    codes = np.array([[-1 if name is None else place[name] for name in column] for column in said], np.int64).T
    given = pc.fill_null(pc.index_in(labelled.rows[GROUP], labelled.rows[GROUP].unique(), skip_nulls=True), -1)
    groups = np.asarray(given.to_numpy(), np.int64)
    return Coded(codes, names, coders, np.where(groups >= 0, groups, len(codes) + np.arange(len(codes))))


@dataclass(frozen=True)
class Pair:
    """How two agree on the ``n`` rows that both coded: the share of equal labels, and Cohen's kappa (1960)."""

    first: str
    second: str
    n: int
    agreement: Estimate
    kappa: Estimate


@dataclass(frozen=True)
class Marks:
    """Scores against the majority of other coders."""

    accuracy: Estimate
    macro_f1: Estimate
    kappa: Estimate


@dataclass(frozen=True)
class Ceiling:
    """A coder, or all together (``coder`` is None), and the model against the same majority on ``n`` judgements."""

    coder: str | None
    n: int
    human: Marks
    model: Marks
    model_less_human: Marks


@dataclass(frozen=True)
class Agreement:
    """How well people agree, and a model with them.

    Attributes
    ----------
    rows
        Rows that two coders or more labelled: those that alpha rests on.
    judgements
        Labels that coders gave in these rows.
    unanimous
        Share of these rows on which all coders agree.
    alpha, label_alpha
        For all labels, and for each label against all others.
    pairs
        Of coders.
    model_pairs
        The model with each coder.
    ceiling, ceilings
        All coders together, and each; None and empty without a model.
    """

    rows: int
    groups: int
    coders: tuple[str, ...]
    judgements: int
    unanimous: Estimate
    alpha: Estimate
    label_alpha: dict[str, Estimate]
    pairs: tuple[Pair, ...]
    model_pairs: tuple[Pair, ...]
    ceiling: Ceiling | None
    ceilings: tuple[Ceiling, ...]
    bootstrap: Bootstrap

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the numbers say, in sentences."""
        said = []
        value = self.alpha.value
        if np.isnan(value):
            said.append("Alpha is undefined: all judgements are of one label, or no row was coded twice.")
        elif value >= RELIABLE:
            said.append(
                f"The coders agree well enough to rely on (alpha {value:.2f}; Krippendorff asks for {RELIABLE})."
            )
        elif value >= TENTATIVE:
            said.append(
                f"The coders agree enough for tentative conclusions only (alpha {value:.2f}, under {RELIABLE})."
            )
        else:
            said.append(
                f"The coders agree too little to rely on (alpha {value:.2f}, under {TENTATIVE}): mend the codebook "
                "before the model."
            )
        defined = {name: one for name, one in self.label_alpha.items() if not np.isnan(one.value)}
        if len(defined) > 2:
            worst = min(defined, key=lambda name: defined[name].value)
            said.append(f"They agree least on {worst} (alpha {defined[worst].value:.2f} against the rest).")
        if self.ceiling is not None:
            gap = self.ceiling.model_less_human.macro_f1
            people, model = self.ceiling.human.macro_f1.value, self.ceiling.model.macro_f1.value
            verdict = "is below" if gap.high < 0 else "is above" if gap.low > 0 else "cannot be told from"
            said.append(
                f"Against the majority of the other coders a coder has macro-F1 {people:.2f}, the model {model:.2f}: "
                f"the model {verdict} a coder."
            )
        if len(self.coders) > MOST_CODERS:
            said.append(f"Single coders are not listed, for there are {len(self.coders)}.")
        return tuple(said)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``humans`` and ``model`` are macro-F1 against the majority of the other coders."""
        main = {"alpha": self.alpha, "unanimous": self.unanimous}
        if self.ceiling is not None:
            main |= {"humans": self.ceiling.human.macro_f1, "model": self.ceiling.model.macro_f1}
        return {
            "rows": self.rows,
            "groups": self.groups,
            "coders": list(self.coders),
            "judgements": self.judgements,
            **with_intervals(main),
            "label_alpha": with_intervals(self.label_alpha),
            "pairs": [_pair(pair) for pair in self.pairs],
            "model_pairs": [_pair(pair) for pair in self.model_pairs],
            "ceilings": [
                {"coder": one.coder, "n": one.n}
                | {side: with_intervals(vars(getattr(one, side))) for side in ("human", "model", "model_less_human")}
                for one in ([self.ceiling] if self.ceiling else []) + list(self.ceilings)
            ],
            "remarks": list(self.remarks),
            "bootstrap": asdict(self.bootstrap),
        }


def measure_agreement(coded: Coded, model: Judged | None = None, bootstrap: Bootstrap | None = None) -> Agreement:
    """Measure how well coders agree, and with a model's answers to the same rows how well it agrees with them.

    Raises
    ------
    UsageError
        If the model answered other rows, or has other labels.
    """
    bootstrap = bootstrap or Bootstrap()
    counts = coded.counts
    twice = counts.sum(axis=1) >= 2
    agreeing = counts.max(axis=1) == counts.sum(axis=1)
    k, few = len(coded.labels), len(coded.coders) <= MOST_CODERS
    pairs = [(one, other) for one, other in combinations(range(len(coded.coders)), 2) if few]
    ceilings: list[Ceiling] = []
    ceiling: Ceiling | None = None
    model_pairs: tuple[Pair, ...] = ()
    if model is not None:
        if model.labels != coded.labels or len(model.truth) != len(coded.codes):
            raise UsageError("a model's answers that do not fit the coders'", expected="the same rows and labels")
        majority = _majorities(coded)
        ceiling = _ceiling(None, coded, model, majority, bootstrap)
        if few:
            model_pairs = tuple(
                _agree(name, MODEL, coded, coded.codes[:, column], model.predicted, bootstrap)
                for column, name in enumerate(coded.coders)
            )
            ceilings = [
                one
                for column, name in enumerate(coded.coders)
                if (one := _ceiling(name, _single(coded, column), model, majority[:, [column]], bootstrap))
            ]
    return Agreement(
        rows=int(twice.sum()),
        groups=len(np.unique(coded.groups[twice])),
        coders=coded.coders,
        judgements=int(counts[twice].sum()),
        unanimous=_mean(agreeing[twice], coded.groups[twice], bootstrap),
        alpha=alpha(counts, coded.groups, bootstrap),
        label_alpha={
            name: alpha(
                np.stack([counts[:, code], counts.sum(axis=1) - counts[:, code]], axis=1), coded.groups, bootstrap
            )
            for code, name in enumerate(coded.labels)
        }
        if k > 2
        else {},
        pairs=tuple(
            _agree(coded.coders[i], coded.coders[j], coded, coded.codes[:, i], coded.codes[:, j], bootstrap)
            for i, j in pairs
        ),
        model_pairs=model_pairs,
        ceiling=ceiling,
        ceilings=tuple(ceilings),
        bootstrap=bootstrap,
    )


def alpha(counts: IntArray, groups: IntArray, bootstrap: Bootstrap) -> Estimate:
    """Give Krippendorff's nominal alpha with its interval.

    With ``n_uc`` coders giving row u the label c, and m_u coders in all: the observed disagreement is the sum over rows
    of ``(m_u^2 - sum n_uc^2) / (m_u - 1)``, over n; the expected one ``(n^2 - sum n_c^2) / (n (n - 1))``; rows with
    m_u = 1 are left out and not counted in n or n_c.

    Parameters
    ----------
    counts
        ``(n, k)``.
    """
    coders = counts.sum(axis=1)
    paired = coders >= 2
    if not paired.any():
        return Estimate(np.nan, np.nan, np.nan)
    counts, coders = counts[paired], coders[paired]
    disagreement = (coders**2 - np.square(counts).sum(axis=1)) / (coders - 1)
    sums = _sum(np.column_stack([disagreement, counts]), groups[paired])

    def score(values: FloatArray) -> FloatArray:
        n = values[..., 1:].sum(axis=-1)
        expected = n**2 - np.square(values[..., 1:]).sum(axis=-1)
        observed = values[..., 0] * (n - 1)
        return np.asarray(1 - np.divide(observed, expected, out=np.full(n.shape, np.nan), where=expected > 0))

    return _estimate(score(sums.sum(axis=0)), score(bootstrap.resample(sums)), len(sums), bootstrap)


def _mean(values: NDArray[np.bool_], groups: IntArray, bootstrap: Bootstrap) -> Estimate:
    if not len(values):
        return Estimate(np.nan, np.nan, np.nan)
    sums = _sum(np.column_stack([values, np.ones(len(values))]), groups)
    drawn, total = bootstrap.resample(sums), sums.sum(axis=0)
    return _estimate(total[0] / total[1], drawn[:, 0] / drawn[:, 1], len(sums), bootstrap)


def _sum(values: FloatArray, groups: IntArray) -> FloatArray:
    """Sum rows (n, s) over their groups: (groups, s)."""
    names, codes = np.unique(groups, return_inverse=True)
    sums = np.zeros((len(names), values.shape[1]))
    np.add.at(sums, codes, values)
    return sums


def _estimate(value: FloatArray, draws: FloatArray, groups: int, bootstrap: Bootstrap) -> Estimate:
    low, high = bootstrap.interval(np.array([value]), draws[:, np.newaxis], groups)
    return Estimate(float(value), float(low[0]), float(high[0]))


def _agree(first: str, second: str, coded: Coded, one: IntArray, other: IntArray, bootstrap: Bootstrap) -> Pair:
    both = (one >= 0) & (other >= 0)
    if not both.any():
        undefined = Estimate(np.nan, np.nan, np.nan)
        return Pair(first, second, 0, undefined, undefined)
    scores = judge(_judged(coded, one[both], other[both], coded.groups[both]), bootstrap).scores
    return Pair(first, second, int(both.sum()), scores.accuracy, scores.kappa)


def _majorities(coded: Coded) -> IntArray:
    """Find what the majority of a row's other coders says, for each coder: (n, m), -1 where there is none."""
    counts = coded.counts
    majority = np.full(coded.codes.shape, -1)
    for column in range(coded.codes.shape[1]):
        own = coded.codes[:, column, np.newaxis] == np.arange(len(coded.labels))
        others = counts - own
        most = others.max(axis=1)
        clear = (most > 0) & (np.sum(others == most[:, np.newaxis], axis=1) == 1)
        majority[clear, column] = others[clear].argmax(axis=1)
    return majority


def _ceiling(
    coder: str | None, coded: Coded, model: Judged, majority: IntArray, bootstrap: Bootstrap
) -> Ceiling | None:
    """Mark coders and the model against the majority of the others; None if no row has one."""
    row, column = np.nonzero((coded.codes >= 0) & (majority >= 0))
    if not len(row):
        return None
    truth, groups = majority[row, column], coded.groups[row]
    human, machine = (
        _judged(coded, truth, predicted, groups, model.background)
        for predicted in (coded.codes[row, column], model.predicted[row])
    )
    human_scores, machine_scores = (judge(judged, bootstrap).scores for judged in (human, machine))
    difference = judge_difference(human, machine, bootstrap)
    return Ceiling(coder, len(row), *map(_marks, (human_scores, machine_scores, difference)))


def _single(coded: Coded, column: int) -> Coded:
    return Coded(coded.codes[:, [column]], coded.labels, (coded.coders[column],), coded.groups)


def _judged(
    coded: Coded, truth: IntArray, predicted: IntArray, groups: IntArray, background: str | None = None
) -> Judged:
    """Lay labels beside labels: a coder is sure of every label."""
    return Judged(truth, predicted, np.eye(len(coded.labels))[predicted], groups, coded.labels, background)


def _marks(scores: Scores[Estimate]) -> Marks:
    return Marks(scores.accuracy, scores.macro_f1, scores.kappa)


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "first": pair.first,
        "second": pair.second,
        "n": pair.n,
        **with_intervals({"agreement": pair.agreement, "kappa": pair.kappa}),
    }


def _read_lists(column: pa.ChunkedArray) -> list[list[str | None]] | None:
    """Read a column of lists of labels, with None for an empty place; None if the column is of another kind.

    Raises
    ------
    DataError
        If a list holds something else than strings.
    """
    kind = column.type
    if kind == JSON:
        cells = [
            None if cell is None else orjson.loads(cell)
            for chunk in column.chunks
            for cell in chunk.storage.to_pylist()
        ]
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        cells = column.to_pylist()
    else:
        return None
    rows = []
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, list | None) or not all(isinstance(name, str | None) for name in cell or []):
            raise DataError(
                f"the coders' labels {cell!r} of statement {number}", expected='a list such as ["a", "b", null]'
            )
        rows.append([name or None for name in cell or []])
    return rows
