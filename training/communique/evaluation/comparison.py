"""Two models on the same rows: which is better, how sure that is, which rows flip, and which phrases moved.

Three tests, from the plainest to the one to go by. *McNemar's exact test* (McNemar 1947; exact: Fagerland et al. 2013)
asks of the rows that one model has right and the other wrong whether they fall evenly on both; it takes rows for
independent. The *sign-flip test* asks the same of whole groups: were the models equal, the two could have been
exchanged in any group, so the difference in right answers is compared with those of all 2^groups exchanges (Fisher
1935). Where every row is a group of its own the two are the same. The *paired bootstrap* resamples groups, the same for
both models, and so gives every score's difference an interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from communique.errors import UsageError
from communique.evaluation.bootstrap import Bootstrap
from communique.evaluation.findings import Estimate, judge_difference, plain
from communique.evaluation.metrics import (
    FloatArray,
    IntArray,
    Judged,
    Scores,
    Sums,
    score,
    score_labels,
    sum_groups,
)
from communique.evaluation.slices import Partition, holm, intervals, is_small, score_parts, sum_parts
from communique.statement import ID, TEXT

if TYPE_CHECKING:
    from communique.model.model import Model

LOWER_IS_BETTER = frozenset({"log_loss", "brier", "ece", "ece_equal_mass"})


@dataclass(frozen=True)
class Flips:
    """How many rows two models answer differently, by what became of them."""

    right_to_wrong: int
    wrong_to_right: int
    wrong_to_wrong: int

    @property
    def total(self) -> int:
        """All rows with another answer."""
        return self.right_to_wrong + self.wrong_to_right + self.wrong_to_wrong


@dataclass(frozen=True)
class Change:
    """A score of both models, and the second's less the first's with its interval."""

    before: float
    after: float
    difference: Estimate


@dataclass(frozen=True)
class SliceChange:
    """What became of one part of the rows; ``p`` by the sign-flip test, corrected by Holm, NaN for a small part."""

    column: str
    value: str
    n: int
    groups: int
    accuracy: Change
    macro_f1: Change
    flips: Flips
    p: float

    @property
    def small(self) -> bool:
        """Whether there are too few rows or groups to say much."""
        return is_small(self.n, self.groups)


@dataclass(frozen=True)
class FlippedRow:
    """A row whose answer changed, and how sure either model was of its own."""

    id: str
    text: str
    truth: str
    before: str
    after: str
    confidence_before: float
    confidence_after: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """The second model less the first.

    Attributes
    ----------
    scores
        Every headline score.
    f1
        That of each label, by its name.
    p_rows, p_groups
        McNemar's exact p and that of the sign-flip test over groups, both two-sided.
    transitions
        ``(k, k)``: rows by the first model's answer (down) and the second's (across).
    rows
        All flipped rows, those that went wrong first, then those put right, each by how sure the two models were.
    """

    n: int
    groups: int
    labels: tuple[str, ...]
    scores: Scores[Change]
    f1: dict[str, Change]
    flips: Flips
    p_rows: float
    p_groups: float
    transitions: IntArray
    slices: tuple[SliceChange, ...]
    rows: tuple[FlippedRow, ...]
    bootstrap: Bootstrap

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; null where undefined."""
        return {
            "n": self.n,
            "groups": self.groups,
            **_changes({field.name: getattr(self.scores, field.name) for field in fields(self.scores)}),
            "f1": _changes(self.f1),
            "flips": asdict(self.flips),
            "mcnemar_p": self.p_rows,
            "sign_flip_p": self.p_groups,
            "transitions": {"labels": list(self.labels), "matrix": self.transitions.tolist()},
            "slices": [
                {
                    "column": one.column,
                    "value": one.value,
                    "n": one.n,
                    "groups": one.groups,
                    "small": one.small,
                    **_changes({"accuracy": one.accuracy, "macro_f1": one.macro_f1}),
                    "flips": asdict(one.flips),
                    "p": plain(one.p),
                }
                for one in self.slices
            ],
            "rows": [asdict(row) for row in self.rows],
            "bootstrap": asdict(self.bootstrap),
        }


def compare(
    labelled: pa.Table,
    first: Judged,
    second: Judged,
    partitions: Sequence[Partition] = (),
    bootstrap: Bootstrap | None = None,
) -> Comparison:
    """Compare two models' answers to the same rows.

    Parameters
    ----------
    labelled
        The rows, for their ids and texts.

    Raises
    ------
    UsageError
        If the two were not given the same rows and labels.
    """
    bootstrap = bootstrap or Bootstrap()
    difference = judge_difference(first, second, bootstrap)
    k, stances = len(first.labels), first.stances
    one, two = (score(sum_groups(judged).total, stances) for judged in (first, second))
    slices = [change for parted in partitions for change in _compare_parts(first, second, parted, bootstrap)]
    adjusted = holm(np.array([change.p for change in slices])).tolist()
    return Comparison(
        n=len(first.truth),
        groups=len(np.unique(first.groups)),
        labels=first.labels,
        scores=Scores(
            *(
                Change(float(getattr(one, name)), float(getattr(two, name)), getattr(difference, name))
                for name in (field.name for field in fields(difference))
            )
        ),
        f1=_compare_labels(first, second, bootstrap),
        flips=count_flips(first, second),
        p_rows=mcnemar(first, second),
        p_groups=flip_signs(_gains(first, second)),
        transitions=np.bincount(first.predicted * k + second.predicted, minlength=k * k).reshape(k, k),
        slices=tuple(replace(change, p=p) for change, p in zip(slices, adjusted, strict=True)),
        rows=_list_flips(labelled, first, second),
        bootstrap=bootstrap,
    )


def count_flips(first: Judged, second: Judged) -> Flips:
    """Count the rows with another answer."""
    flipped = first.predicted != second.predicted
    return Flips(
        int(np.sum(first.correct & ~second.correct)),
        int(np.sum(~first.correct & second.correct)),
        int(np.sum(flipped & ~first.correct & ~second.correct)),
    )


def mcnemar(first: Judged, second: Judged) -> float:
    """Give McNemar's exact two-sided p: the binomial test of the rows that just one model has right."""
    from scipy.special import bdtr

    flips = count_flips(first, second)
    fewer, n = min(flips.right_to_wrong, flips.wrong_to_right), flips.right_to_wrong + flips.wrong_to_right
    return min(1.0, 2 * float(bdtr(fewer, n, 0.5))) if n else 1.0


def flip_signs(gains: IntArray) -> float:
    """Test whether whole-number differences, one a group, lie around 0: exact two-sided p, to 1e-13.

    It is the share of all sign patterns whose sum lies as far from 0 as the one seen. A sum is the total less twice the
    sum of the groups with a minus, whose characteristic function is the product of theirs.
    """
    sizes, counts = np.unique(np.abs(gains[gains != 0]), return_counts=True)
    total = int(sizes @ counts)
    if not total:
        return 1.0
    steps, product = np.arange(total // 2 + 1), np.ones(total // 2 + 1, np.complex128)
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        turn = steps * size % (total + 1) / (total + 1)  # whole turns taken off in whole numbers: no digit is lost
        product *= ((1 + np.exp(-2j * np.pi * turn)) / 2) ** count
    share = np.fft.irfft(product, total + 1)
    far = np.abs(total - 2 * np.arange(total + 1)) >= abs(int(gains.sum()))
    return float(np.clip(share[far].sum(), 0, 1))


@dataclass(frozen=True)
class Moved:
    """A phrase whose weight for a label changed; None for a model that does not know it.

    The weight is what saying it once adds to the label's score, less what it adds to the labels' scores on average, in
    a text whose vector has length one (as in `communique.inference.explanation`). As scores of two models differ in
    spread, it is divided by the temperature: log odds. ``share`` is that of the training texts that have the phrase, as
    its idf tells (the larger of the two models'; 1 without idf).
    """

    label: str
    phrase: str
    before: float | None
    after: float | None
    share: float

    @property
    def change(self) -> float:
        """After less before; unknown is 0."""
        return (self.after or 0.0) - (self.before or 0.0)


def find_moved(first: Model, second: Model, most: int = 10) -> tuple[Moved, ...]:
    """Find the phrases whose weights moved most between two models: ``most`` a label, the most consequential first.

    That is the change times the root of ``share``: what it does to the scores of training texts, as a root mean square.
    By the bare change the list would be phrases of a single text. Phrases are matched by their spelling; they are word
    n-grams, or character n-grams if neither model has words.

    Raises
    ------
    UsageError
        If the models have different labels.
    """
    check_labels(first, second)
    by_words = any(block.block.terms.analyzer == "word" for model in (first, second) for block in model.features.blocks)
    sides = [_phrases(model, first.labels, by_words) for model in (first, second)]
    joined = pa.concat_arrays([terms for terms, _, _ in sides]).dictionary_encode()
    codes = np.split(joined.indices.to_numpy(), [len(sides[0][0])])
    weight = np.zeros((2, len(joined.dictionary), len(first.labels)))
    share = np.zeros((2, len(joined.dictionary)))
    for side, (_, weights, shares) in enumerate(sides):
        np.add.at(weight[side], codes[side], weights)
        np.maximum.at(share[side], codes[side], shares)
    effect = np.abs(weight[1] - weight[0]) * np.sqrt(share.max(axis=0))[:, np.newaxis]
    moved = []
    for column, label in enumerate(first.labels):
        order = np.argsort(-effect[:, column], kind="stable")[:most]
        for code in order[effect[order, column] > 0].tolist():
            before, after = (float(weight[side, code, column]) if share[side, code] else None for side in (0, 1))
            moved.append(Moved(label, joined.dictionary[code].as_py(), before, after, float(share[:, code].max())))
    return tuple(moved)


def check_labels(first: Model, second: Model) -> None:
    """Refuse to compare models that do not answer the same question.

    Raises
    ------
    UsageError
        If their labels differ; another order is no difference.
    """
    one, two = set(first.labels), set(second.labels)
    if one != two:
        only = [f"{name!r} only in the first" for name in sorted(one - two)]
        only += [f"{name!r} only in the second" for name in sorted(two - one)]
        raise UsageError(
            f"two models with different labels ({', '.join(only)})",
            expected="the same labels in both",
            remedy="compare models trained on one label set",
        )


def _compare_labels(first: Judged, second: Judged, bootstrap: Bootstrap) -> dict[str, Change]:
    """Compare the F1 of each label, on the draws that the headline scores had."""
    k = len(first.labels)
    one, two = sum_groups(first), sum_groups(second)
    drawn = np.split(bootstrap.resample(np.hstack([one.values, two.values])), 2, axis=1)
    before, after = (score_labels(sums.total).f1 for sums in (one, two))
    draws = [score_labels(Sums(values, k)).f1 for values in drawn]
    low, high = bootstrap.interval(after - before, draws[1] - draws[0], len(one.values))
    return {
        name: Change(
            float(before[i]), float(after[i]), Estimate(float(after[i] - before[i]), float(low[i]), float(high[i]))
        )
        for i, name in enumerate(first.labels)
    }


def _compare_parts(first: Judged, second: Judged, parted: Partition, bootstrap: Bootstrap) -> list[SliceChange]:
    k = len(first.labels)
    sums = sum_parts(parted, first, second)

    def both(values: FloatArray) -> list[FloatArray]:
        return [score_parts(side, k, first.stances)[1][..., :2] for side in np.split(values, 2, axis=-1)]

    (before, after), draws = both(sums.total), both(sums.resample(bootstrap))
    differences = intervals(after - before, draws[1] - draws[0], sums.groups, bootstrap)
    changes = []
    for number, (name, groups) in enumerate(zip(parted.parts, sums.groups.tolist(), strict=True)):
        here, there = (_take(judged, parted.codes == number) for judged in (first, second))
        n = len(here.truth)
        accuracy, macro_f1 = (
            Change(float(before[number, i]), float(after[number, i]), differences[number][i]) for i in (0, 1)
        )
        p = math.nan if is_small(n, groups) else flip_signs(_gains(here, there))
        flips = count_flips(here, there)
        changes.append(SliceChange(parted.column, name, n, groups, accuracy, macro_f1, flips, p))
    return changes


def _take(judged: Judged, rows: np.ndarray) -> Judged:
    return replace(
        judged,
        truth=judged.truth[rows],
        predicted=judged.predicted[rows],
        probability=judged.probability[rows],
        groups=judged.groups[rows],
    )


def _gains(first: Judged, second: Judged) -> IntArray:
    """Count what each group gained in right answers: (groups,)."""
    _, codes = np.unique(first.groups, return_inverse=True)
    return np.bincount(codes, second.correct).astype(np.int64) - np.bincount(codes, first.correct).astype(np.int64)


def _list_flips(labelled: pa.Table, first: Judged, second: Judged) -> tuple[FlippedRow, ...]:
    flipped = np.flatnonzero(first.predicted != second.predicted)
    kind = np.where(first.correct, 0, np.where(second.correct, 1, 2))[flipped]
    order = flipped[np.lexsort([-(first.confidence + second.confidence)[flipped], kind])]
    ids, texts = (labelled[name].take(pa.array(order)).to_pylist() for name in (ID, TEXT))
    names = first.labels
    return tuple(
        FlippedRow(
            identity,
            text,
            names[first.truth[row]],
            names[first.predicted[row]],
            names[second.predicted[row]],
            float(first.confidence[row]),
            float(second.confidence[row]),
        )
        for row, identity, text in zip(order.tolist(), ids, texts, strict=True)
    )


def _phrases(model: Model, labels: tuple[str, ...], by_words: bool) -> tuple[pa.Array, FloatArray, FloatArray]:
    """Spell a model's terms (t,), weigh them for each of ``labels`` (t, k), and give the shares of texts (t,)."""
    terms, weights, shares = [pa.array([], pa.string())], [np.zeros((0, len(labels)))], [np.zeros(0)]
    columns = [model.labels.index(name) for name in labels]
    for block, start in zip(model.features.blocks, model.features.starts, strict=False):
        if (block.block.terms.analyzer == "word") == by_words:
            own = model.weights[start : start + len(block.idf)][:, columns].astype(np.float64)
            terms.append(block.vocabulary.terms())
            weights.append(block.block.scale / model.temperature * (own - own.mean(axis=1, keepdims=True)))
            shares.append(np.exp(1 - block.idf.astype(np.float64)))
    return pa.concat_arrays(terms), np.concatenate(weights), np.concatenate(shares)


def _changes(changes: dict[str, Change]) -> dict[str, Any]:
    """Lay out, for each score, both models' values and the difference with its interval."""
    return {
        name: {
            "before": plain(change.before),
            "after": plain(change.after),
            "difference": plain(change.difference.value),
            "interval": None if math.isnan(change.difference.low) else [change.difference.low, change.difference.high],
        }
        for name, change in changes.items()
    }
