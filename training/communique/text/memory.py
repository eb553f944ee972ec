"""What is kept of words that were met before: in the long run only new ones cost anything.

Everything this house asks of a text it asks of its words first, and a word has the same answer wherever it stands. So
each distinct word gets a row, for good, and what was found of it is looked up by row. Few texts are split by Python,
many by Arrow: one of its kernels costs as much as a dozen texts, but does not hold the interpreter meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import chain, repeat
from typing import Generic, Protocol, TypeVar

import numpy as np
import pyarrow as pa

from communique.text.tokens import split
from communique.text.vocabulary import Sequences

V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)

_REMEMBERED = 1 << 19  # characters of distinct words kept; then the memory starts afresh, so that it stays bounded
_FEW = 256  # texts that Python splits as quickly as Arrow


class Store(Protocol[V_co]):
    """Keeps what was found of words, row by row."""

    def append(self, words: list[str]) -> None:
        """Look at new words; their rows follow those that are there."""

    def view(self) -> V_co:
        """Give all rows as they are now; later words do not change what was given."""


class Memory(Generic[V]):
    """Rows of distinct words, and a store of what is known of them. Safe to share by threads, and bounded."""

    def __init__(self, make: Callable[[], Store[V]]) -> None:
        self._make = make
        self._rows: dict[str, int] = {}
        self._forget()
        self._lock = threading.Lock()

    def recall(self, texts: pa.Array) -> tuple[Sequences, V]:
        """Split texts (a string array without nulls) at white space; give each word's row, and what the rows hold."""
        if len(texts) > _FEW:
            words = split(texts)
            with self._lock:
                return Sequences(self._find(words.distinct)[words.codes], words.offsets), self._store.view()
        pieces = list(map(str.split, texts.to_pylist()))
        offsets = np.cumsum([0, *map(len, pieces)])
        with self._lock:
            return Sequences(self._find(list(chain.from_iterable(pieces))), offsets), self._store.view()

    def _find(self, words: list[str]) -> np.ndarray:
        rows = np.fromiter(map(self._rows.get, words, repeat(-1)), np.int32, len(words))
        strange = np.flatnonzero(rows < 0)
        if not len(strange):
            return rows
        strangers = [words[place] for place in strange.tolist()]
        new = list(dict.fromkeys(strangers))
        size = sum(map(len, new))
        if self._rows and self._size + size > _REMEMBERED:
            self._forget()
            return self._find(words)
        try:
            self._store.append(new)
            self._rows.update(zip(new, range(len(self._rows), len(self._rows) + len(new)), strict=True))
        except BaseException:  # else rows that were added in part would shift all that come after them
            self._forget()
            raise
        self._size += size
        rows[strange] = list(map(self._rows.__getitem__, strangers))
        return rows

    def _forget(self) -> None:
        self._rows, self._size, self._store = {}, 0, self._make()
