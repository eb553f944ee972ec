"""Grouped, stratified folds: rows of one group never stand on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from communique.errors import DataError


@dataclass(frozen=True)
class Fold:
    """Row numbers to fit on and row numbers to predict."""

    fit: np.ndarray
    held_out: np.ndarray


def folds(y: np.ndarray, groups: np.ndarray, n: int, seed: int, labels: Sequence[str]) -> tuple[Fold, ...]:
    """Cut rows into ``n`` folds, by group, with about the same share of each label in every fold.

    ``y`` int (rows,) label codes; ``groups`` int (rows,).

    Raises
    ------
    DataError
        If there are fewer groups than folds, or a label with fewer than two rows.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if len(y) < n:
        raise DataError(
            f"{len(y)} labelled statements", expected=f"at least {n}, one a fold", remedy="label more statements"
        )
    distinct = len(np.unique(groups))
    if distinct < n:
        raise DataError(
            f"{distinct} group{'s' if distinct != 1 else ''} of statements",
            expected=f"at least {n}, so that each fold holds whole groups",
            remedy="give a finer --group column, or fewer folds in the recipe",
        )
    counts = np.bincount(y, minlength=len(labels))
    if (rare := np.flatnonzero(counts < 2)).size:
        raise DataError(
            f"the label {labels[rare[0]]!r} on {counts[rare[0]]} statement{'s' if counts[rare[0]] != 1 else ''}",
            expected="at least 2 of each label",
            remedy="label more of it, or take it out (`communique lint` lists rare labels)",
        )
    nowhere = np.zeros(len(y))
    if distinct == len(y) and counts.min() >= n:
        split = StratifiedKFold(n, shuffle=True, random_state=seed).split(nowhere, y)
    else:
        split = StratifiedGroupKFold(n, shuffle=True, random_state=seed).split(nowhere, y, groups)
    return tuple(Fold(fit, held_out) for fit, held_out in split if len(held_out))
