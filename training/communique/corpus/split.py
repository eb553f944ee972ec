"""Divide rows by their group, fixed for ever: a hash says which part a group belongs to.

A group (a scenario, a speaker, a set of near-duplicates) has a share in [0, 1) that depends on nothing but its name
and a salt; the parts are intervals of shares. So no group is ever cut, rows that come later never move those already
there, and anyone can redo the split from the data alone, in any order, on any machine.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from communique.errors import DataError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SALT = "communique/statements"
"""The salt of the bundled dataset. Never change it: every score on the holdout rests on it."""

HOLDOUT = 0.15
"""Scenarios of the bundled dataset whose share lies below this are its holdout."""


def share(group: str, salt: str = SALT) -> float:
    """Place a group in [0, 1), evenly and for ever.

    The first eight bytes of ``sha256(salt + ":" + group)``, read big-endian as a binary fraction and cut (not rounded)
    to the 53 bits of a float, so that 1.0 is never reached.
    """
    digest = hashlib.sha256(f"{salt}:{group}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) * 2.0**-53


def split(
    groups: Sequence[str] | pa.Array | pa.ChunkedArray, fractions: Sequence[float], salt: str = SALT
) -> NDArray[np.intp]:
    """Say for every row which part it belongs to.

    Parameters
    ----------
    groups
        ``(n,)`` the group of each row; none may be null.
    fractions
        How large each part shall be in terms of groups; positive, summing to 1. The first part takes the lowest shares.
    salt
        Another salt gives another, independent split.

    Returns
    -------
    ``(n,)`` part numbers in ``0 .. len(fractions) - 1``.

    Raises
    ------
    UsageError
        If the fractions are not positive or do not sum to 1.
    DataError
        If a row has no group.
    """
    if not fractions or min(fractions) <= 0 or not math.isclose(sum(fractions), 1.0, abs_tol=1e-9):
        raise UsageError(f"parts of the sizes {list(fractions)}", expected="positive fractions that sum to 1")
    column = (groups if isinstance(groups, (pa.Array, pa.ChunkedArray)) else pa.array(groups, pa.string())).cast(
        pa.string()
    )
    if column.null_count:
        row = column.is_null().index(True).as_py() + 1
        raise DataError(
            f"row {row} has no group", expected="a group in every row", remedy="name one, or give it its own"
        )
    names = column.unique()
    shares = np.fromiter((share(name, salt) for name in names.to_pylist()), np.float64, len(names))
    parts = np.searchsorted(np.cumsum(fractions)[:-1], shares, side="right")
    return np.asarray(parts[np.asarray(pc.index_in(column, names))], np.intp)
