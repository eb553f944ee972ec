"""The terms of a feature block, as a tree of integers.

An n-gram is a path of *units*: tokens for word n-grams, characters for character n-grams. Level 1 of the tree has a
node for each unit; a node of level ``l`` is a pair (node of level ``l - 1``, unit), kept as the integer
``parent * len(units) + unit`` in a sorted array, so that a whole batch is looked up by binary search and no n-gram is
ever spelled out. Some nodes are terms and have a column of the matrix; others only lead to terms.

Columns are in the order of the terms' code points, as in scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_MANY = 1 << 14  # units in a batch from which a hash table is worth making
_SOME = 1 << 9  # ... and from which one that is there already is quicker than binary search
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio


@dataclass(frozen=True)
class Sequences:
    """Many sequences of units in one array.

    ``codes`` (integers, one a unit; -1 for a unit nobody knows) and ``offsets`` (int64, sequences + 1).
    """

    codes: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1


class Table:
    """A hash table of sorted keys, probed for many keys at once: a few times as quick as binary search.

    Open addressing with linear probing (Knuth 1998, section 6.4) at a quarter full or less, so that most strangers meet
    an empty place at once.
    """

    def __init__(self, keys: np.ndarray) -> None:
        bits = max(4 * len(keys), 1).bit_length()
        self._shift, self._mask = np.uint64(64 - bits), (1 << bits) - 1
        self._keys = np.full(1 << bits, -1, np.int64)
        self._nodes = np.zeros(1 << bits, np.int32)
        place, node = self._hash(keys), np.arange(len(keys), dtype=np.int32)
        while len(node):
            free = self._keys[place] < 0
            self._keys[place[free]] = keys[node[free]]  # of several that want one place, the last has it
            settled = self._keys[place] == keys[node]
            self._nodes[place[settled]] = node[settled]
            place, node = (place[~settled] + 1) & self._mask, node[~settled]

    def find(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find keys: the positions in ``keys`` of those that are there, and their nodes."""
        node = np.full(len(keys), -1, np.int32)
        where, place = np.arange(len(keys)), self._hash(keys)
        while len(where):
            met = self._keys[place]
            hit = met == keys
            node[where[hit]] = self._nodes[place[hit]]
            on = ~hit & (met >= 0)
            where, keys, place = where[on], keys[on], (place[on] + 1) & self._mask
        position = np.flatnonzero(node >= 0)
        return position, node[position]

    def _hash(self, keys: np.ndarray) -> np.ndarray:
        return np.asarray(((keys.astype(np.uint64) * _GOLDEN) >> self._shift).astype(np.int64))


@dataclass(frozen=True)
class Vocabulary:
    """Units, the tree over them, and the column of each term.

    Attributes
    ----------
    units
        The unit strings (Arrow string array), by unit code.
    joiner
        What stands between the units of a term: a space between tokens, nothing between characters.
    ngrams
        Shortest and longest n-gram.
    keys
        For level 2, 3, ...: the sorted keys (int64) of its nodes.
    columns
        For level 1, 2, ...: the column (int32) of each node, -1 where the node is no term.
    whole
        Whether a sequence shorter than the shortest n-gram counts as a term of its own (``char_wb`` does so).
    """

    units: pa.Array
    joiner: str
    ngrams: tuple[int, int]
    keys: tuple[np.ndarray, ...]
    columns: tuple[np.ndarray, ...]
    whole: bool = False

    def __len__(self) -> int:
        """How many terms there are."""
        return self._terms

    @cached_property
    def _terms(self) -> int:
        return sum(int((columns >= 0).sum()) for columns in self.columns)

    def find(self, sequences: Sequences) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield, level by level, every occurrence of a term: the sequence it is in, ascending, and its column."""
        units = len(sequences.codes)
        tables = self._tables if units > _MANY or (units > _SOME and "_tables" in vars(self)) else None
        for level, (row, node) in enumerate(
            _walk(sequences, len(self.units), self.ngrams, self.whole, self.keys, tables)
        ):
            column = self.columns[level][node] if node.size else node
            known = column >= 0
            yield row[known], column[known]

    def prepare(self) -> None:
        """Make the hash tables now: for a process that will look many small batches up, and may fork before."""
        _ = self._tables

    @cached_property
    def _tables(self) -> tuple[Table, ...]:
        return tuple(map(Table, self.keys))

    def terms(self) -> pa.Array:
        """Spell the terms out, in column order."""
        spelled = pa.array([], pa.string())
        columns = np.zeros(0, np.int64)
        for level, node_terms in enumerate(self.spell()):
            chosen = np.flatnonzero(self.columns[level] >= 0)
            spelled = pa.concat_arrays([spelled, node_terms.take(pa.array(chosen))])
            columns = np.concatenate([columns, self.columns[level][chosen]])
        return spelled.take(pa.array(np.argsort(columns)))

    def spell(self) -> Iterator[pa.Array]:
        """Spell the nodes out, level by level."""
        spelled = self.units
        yield spelled
        for keys in self.keys:
            parent, unit = np.divmod(keys, max(len(self.units), 1))
            spelled = pc.binary_join_element_wise(
                spelled.take(pa.array(parent)), self.units.take(pa.array(unit)), self.joiner
            )
            yield spelled


def learn(
    sequences: Sequences, units: pa.Array, joiner: str, ngrams: tuple[int, int], *, whole: bool = False
) -> Vocabulary:
    """Take every n-gram of the sequences as a term; the columns are provisional until `select`."""
    keys: list[np.ndarray] = []
    columns: list[np.ndarray] = []
    terms = 0
    for _, nodes in list(_walk(sequences, len(units), ngrams, whole, learned=keys)):
        size = len(keys[len(columns) - 1]) if columns else len(units)
        counted = np.unique(nodes)
        column = np.full(size, -1, np.int32)
        column[counted] = np.arange(terms, terms + len(counted))
        terms += len(counted)
        columns.append(column)
    return Vocabulary(units, joiner, ngrams, tuple(keys), tuple(columns), whole)


def select(vocabulary: Vocabulary, chosen: np.ndarray) -> tuple[Vocabulary, np.ndarray]:
    """Keep the terms whose columns are ``chosen`` (integers, any order) and number them by code point order.

    Nodes and units that lead to no term are cut away. Also returns the old column of each new one.
    """
    wanted = np.zeros(len(vocabulary) + 1, bool)  # the last one stays False, for the column -1
    wanted[chosen] = True
    is_term = [(columns >= 0) & wanted[columns] for columns in vocabulary.columns]
    width = max(len(vocabulary.units), 1)
    # From the deepest level up: a node stays if it is a term or leads to one.
    stays = [term.copy() for term in is_term]
    for level in range(len(vocabulary.keys), 0, -1):
        stays[level - 1][vocabulary.keys[level - 1][stays[level]] // width] = True
    for level, keys in enumerate(vocabulary.keys, start=1):
        stays[0][keys[stays[level]] % width] = True
    renumbered = [np.cumsum(stay) - 1 for stay in stays]
    new_width = max(int(stays[0].sum()), 1)
    keys_kept = []
    for level, keys in enumerate(vocabulary.keys, start=1):
        parent, unit = np.divmod(keys[stays[level]], width)
        keys_kept.append(renumbered[level - 1][parent] * new_width + renumbered[0][unit])
    old = [
        np.where(term[stay], columns[stay], -1)
        for term, stay, columns in zip(is_term, stays, vocabulary.columns, strict=True)
    ]
    kept = replace(
        vocabulary, units=vocabulary.units.filter(pa.array(stays[0])), keys=tuple(keys_kept), columns=tuple(old)
    )
    nodes = [np.flatnonzero(columns >= 0) for columns in old]
    spelled = pa.concat_arrays([terms.take(pa.array(at)) for terms, at in zip(kept.spell(), nodes, strict=True)])
    order = pc.sort_indices(spelled).to_numpy()
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    columns: list[np.ndarray] = []
    for at, before in zip(nodes, old, strict=True):
        column = np.full(len(before), -1, np.int32)
        column[at], rank = rank[: len(at)], rank[len(at) :]
        columns.append(column)
    old_columns = np.concatenate([before[at] for at, before in zip(nodes, old, strict=True)])
    return replace(kept, columns=tuple(columns)), old_columns[order]


def _look_up(
    start: np.ndarray, key: np.ndarray, keys: np.ndarray, table: Table | None
) -> tuple[np.ndarray, np.ndarray]:
    """Find keys among a level's sorted ``keys``: where those that are there start, and their nodes."""
    if table is not None:
        found, node = table.find(key)
        return start[found], node
    node = np.searchsorted(keys, key)
    hit = node < len(keys)
    hit[hit] = keys[node[hit]] == key[hit]
    return start[hit], node[hit]


def _walk(
    sequences: Sequences,
    width: int,
    ngrams: tuple[int, int],
    whole: bool,
    keys: tuple[np.ndarray, ...] = (),
    tables: tuple[Table, ...] | None = None,
    learned: list[np.ndarray] | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, level by level, the (sequence, node) of every n-gram that counts; ``learned`` takes each level's keys."""
    shortest, longest = ngrams
    lengths = np.diff(sequences.offsets)
    row = np.repeat(np.arange(len(sequences), dtype=np.int32), lengths)
    codes = sequences.codes.astype(np.int64, copy=False)
    start = np.flatnonzero(codes >= 0)
    node = codes[start]
    short = lengths < shortest if whole else np.zeros(len(sequences), bool)
    for level in range(1, longest + 1):
        if level > 1:
            end = start + (level - 1)
            inside = end < sequences.offsets[row[start] + 1]
            start, node, end = start[inside], node[inside], end[inside]
            unit = codes[end]
            known = unit >= 0
            start, key = start[known], node[known] * width + unit[known]
            if learned is not None:
                level_keys, node = np.unique(key, return_inverse=True)
                learned.append(level_keys)
            else:
                start, node = _look_up(start, key, keys[level - 2], tables[level - 2] if tables else None)
        rows = row[start]
        if level >= shortest:
            yield rows, node
        elif whole:
            entire = short[rows] & (lengths[rows] == level)
            yield rows[entire], node[entire]
        else:
            yield rows[:0], node[:0]
