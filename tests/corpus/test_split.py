"""Rows are divided by group, for ever."""

import hashlib
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.corpus.split import SALT, share, split
from communique.errors import DataError, UsageError

groups = st.lists(st.text(max_size=5), max_size=40)
sizes = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(lambda parts: [part / sum(parts) for part in parts])


@given(st.text(), st.text())
def test_a_share_is_the_head_of_the_hash_as_a_fraction(group: str, salt: str) -> None:
    digest = hashlib.sha256((salt + ":" + group).encode()).digest()
    exact = Fraction(int.from_bytes(digest[:8], "big"), 2**64)
    assert 0 <= exact - Fraction(share(group, salt)) < Fraction(1, 2**53)
    assert 0 <= share(group, salt) < 1


def test_shares_of_the_bundled_scenarios_stay_what_they_were() -> None:
    assert SALT == "communique/statements"
    assert [round(share(name), 6) for name in ("s1001", "s1002", "s1003")] == [0.320882, 0.046956, 0.42481]


@given(groups, groups, sizes, st.text(max_size=3))
def test_new_rows_never_move_old_ones(old: list[str], new: list[str], fractions: list[float], salt: str) -> None:
    before = split(old, fractions, salt)
    assert split(old + new, fractions, salt)[: len(old)].tolist() == before.tolist()
    assert split(new + old, fractions, salt)[len(new) :].tolist() == before.tolist()


@given(groups, sizes)
def test_a_group_is_never_cut_and_every_row_has_one_part(names: list[str], fractions: list[float]) -> None:
    parts = split(names, fractions)
    assert parts.shape == (len(names),)
    assert len({*zip(names, parts.tolist(), strict=True)}) == len(set(names))
    assert set(parts.tolist()) <= set(range(len(fractions)))


@given(groups, st.floats(0.01, 0.98), st.floats(0.001, 0.01))
def test_a_larger_first_part_keeps_all_it_had(names: list[str], size: float, more: float) -> None:
    first, larger = split(names, [size, 1 - size]) == 0, split(names, [size + more, 1 - size - more]) == 0
    assert np.all(larger[first])


def test_the_vectorised_split_agrees_with_the_shares() -> None:
    names = [f"s{number:04}" for number in range(20_000)]
    parts = split(names, [0.15, 0.05, 0.8])
    shares = np.array([share(name) for name in names])
    assert parts.tolist() == np.digitize(shares, [0.15, 0.2]).tolist()
    assert np.bincount(parts) / len(names) == pytest.approx([0.15, 0.05, 0.8], abs=0.01)


def test_arrow_columns_of_any_layout_are_divided_alike() -> None:
    names = ["a", "b", "a", "c"]
    expected = split(names, [0.5, 0.5]).tolist()
    plain = pa.array(names)
    columns = [
        plain,
        plain.dictionary_encode(),
        plain.cast(pa.large_string()),
        pa.chunked_array([["a"], ["b", "a", "c"]]),
    ]
    assert all(split(column, [0.5, 0.5]).tolist() == expected for column in columns)
    assert split(pa.chunked_array([], pa.string()), [1.0]).tolist() == []


def test_a_row_without_a_group_is_named() -> None:
    with pytest.raises(DataError, match="row 3 has no group"):
        split(pa.array(["a", "b", None]), [1.0])


@pytest.mark.parametrize("fractions", [[], [0.5], [1.5, -0.5], [1.0, 0.0], [float("nan"), 1.0]])
def test_parts_that_do_not_sum_to_one_are_refused(fractions: list[float]) -> None:
    with pytest.raises(UsageError, match="sum to 1"):
        split(["a"], fractions)
