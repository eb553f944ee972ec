"""How often each term stands in each text.

The central trick: character n-grams within a word depend on the word alone. With ``D`` (texts x distinct words) and
``C`` (distinct words x n-grams) the counts of a whole batch are the sparse product ``D @ C``. What a distinct word
contributes is remembered between batches, so in the long run only new words cost anything.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from communique.errors import UsageError
from communique.fields import check_fields
from communique.text import tokens
from communique.text.vocabulary import Sequences, Vocabulary, learn

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Analyzer = Literal["word", "char_wb", "char"]

_REMEMBERED = 1 << 18  # distinct words kept in memory; then the memory starts afresh, so that it stays bounded
_RUN_OF_SPACE = re.compile(r"\s\s+")  # as scikit-learn's character analyzers


@dataclass(frozen=True)
class Terms:
    """Which terms of a text count: the analyzer and its options, named as in scikit-learn.

    ``analyzer``: ``word`` (n-grams of tokens), ``char_wb`` (n-grams of the characters of a word padded with a space on
    both sides) or ``char`` (n-grams of the characters of the text). ``tokens``: a name of ``tokens.PATTERNS`` or a
    regular expression, for words only. ``typography``: whether curly quotes and long dashes count as plain ones.
    """

    analyzer: Analyzer = "word"
    ngrams: tuple[int, int] = (1, 1)
    tokens: str = "stance"
    lowercase: bool = True
    typography: bool = True

    def __post_init__(self) -> None:
        check_fields(self)
        lengths = self.ngrams
        if not (isinstance(lengths, tuple) and len(lengths) == 2 and all(type(length) is int for length in lengths)):
            raise UsageError(f"ngrams = {lengths!r}", expected="two whole numbers, as in [1, 2]")
        shortest, longest = lengths
        if not 1 <= shortest <= longest:
            raise UsageError(f"n-grams from {shortest} to {longest}", expected="1 <= shortest <= longest")
        if self.analyzer not in ("word", "char_wb", "char"):
            raise UsageError(f"the analyzer {self.analyzer!r}", expected="word, char_wb or char")
        tokens.pattern_of(self.tokens)

    @property
    def joiner(self) -> str:
        """What stands between the units of a term: a space between tokens, nothing between characters."""
        return " " if self.analyzer == "word" else ""

    @property
    def whole(self) -> bool:
        """Whether a unit sequence shorter than the shortest n-gram is a term of its own."""
        return self.analyzer == "char_wb"

    def fold(self, text: str) -> str:
        """Bring a text or word into the spelling that is counted."""
        return tokens.fold(text, self.lowercase, self.typography)

    def units(self, texts: list[str]) -> tuple[list[str], Sequences]:
        """Cut texts (or single words) into units: the distinct units, sorted, and each text as a sequence of them."""
        if self.analyzer == "word":
            pieces = list(map(tokens.pattern_of(self.tokens).findall, map(self.fold, texts)))
            lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
            flat = pa.array([unit for piece in pieces for unit in piece], pa.string()).dictionary_encode()
            names, codes = flat.dictionary.to_pylist(), flat.indices.to_numpy()
            order = sorted(range(len(names)), key=names.__getitem__)
            rank = np.empty(len(names), np.int64)
            rank[order] = np.arange(len(names))
            return [names[place] for place in order], Sequences(rank[codes], _offsets(lengths))
        points, lengths = self._code_points(texts)
        distinct, codes = np.unique(points, return_inverse=True)
        return list(map(chr, distinct.tolist())), Sequences(codes, _offsets(lengths))

    def known_units(self, texts: list[str], units: dict[str, int], code_points: np.ndarray) -> Sequences:
        """Cut texts into units that are known already; others become -1."""
        if self.analyzer == "word":
            pieces = list(map(tokens.pattern_of(self.tokens).findall, map(self.fold, texts)))
            lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
            codes = np.fromiter(
                (units.get(unit, -1) for piece in pieces for unit in piece), np.int64, int(lengths.sum())
            )
            return Sequences(codes, _offsets(lengths))
        points, lengths = self._code_points(texts)
        codes = np.searchsorted(code_points, points)
        codes[codes == len(code_points)] = 0
        return Sequences(
            np.where(code_points[codes] == points, codes, -1) if len(code_points) else np.full(len(points), -1),
            _offsets(lengths),
        )

    def _code_points(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        folded: Iterable[str] = map(self.fold, texts)
        folded = (
            [f" {word} " for word in folded]
            if self.analyzer == "char_wb"
            else [_RUN_OF_SPACE.sub(" ", text) for text in folded]
        )
        lengths = np.fromiter(map(len, folded), np.int64, len(folded))
        return np.frombuffer("".join(folded).encode("utf-32-le"), np.uint32), lengths


def _offsets(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)])


class _Ragged:
    """Rows of different lengths that are only ever added: readers may keep slices of it while it grows."""

    def __init__(self) -> None:
        self._values = np.empty(1024, np.int32)
        self._offsets = np.zeros(1024, np.int64)
        self._rows = 0

    def append(self, rows: Sequences) -> None:
        begin = self._offsets[self._rows]
        self._values = _roomy(self._values, begin + len(rows.codes))
        self._offsets = _roomy(self._offsets, self._rows + 1 + len(rows))
        self._values[begin : begin + len(rows.codes)] = rows.codes
        self._offsets[self._rows + 1 : self._rows + 1 + len(rows)] = begin + rows.offsets[1:]
        self._rows += len(rows)

    def view(self) -> Sequences:
        return Sequences(self._values, self._offsets[: self._rows + 1])


def _roomy(array: np.ndarray, need: int) -> np.ndarray:
    if need <= len(array):
        return array
    larger = np.empty(max(need, 2 * len(array)), array.dtype)
    larger[: len(array)] = array
    return larger


def gather(ragged: Sequences, rows: np.ndarray) -> Sequences:
    """Take rows of a ragged array, in the given order."""
    begin = ragged.offsets[rows]
    lengths = ragged.offsets[rows + 1] - begin
    offsets = _offsets(lengths)
    places = np.arange(offsets[-1]) + np.repeat(begin - offsets[:-1], lengths)
    return Sequences(ragged.codes[places], offsets)


class Counter:
    """Counts the terms of one vocabulary; remembers what each distinct word contributes. Safe to share by threads."""

    def __init__(self, terms: Terms, vocabulary: Vocabulary) -> None:
        self._terms = terms
        self._vocabulary = vocabulary
        names = vocabulary.units.to_pylist()
        self._units = {name: code for code, name in enumerate(names)} if terms.analyzer == "word" else {}
        self._points = np.array([] if terms.analyzer == "word" else list(map(ord, names)), np.uint32)
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._rows: dict[str, int] = {}
        self._ragged = _Ragged()

    def count(self, texts: pa.Array, words: tokens.Words) -> csr_matrix:
        """Count: (texts, terms) float32 CSR, duplicates summed. ``words`` is `tokens.split` of the same texts."""
        from scipy.sparse import csr_matrix

        shape = (len(texts), len(self._vocabulary))
        if self._terms.analyzer == "char_wb":
            grams = gather(*self._contributions(words.distinct))
            d = csr_matrix(
                (np.ones(len(words.codes), np.float32), words.codes, words.offsets), (len(texts), len(words.distinct))
            )
            c = csr_matrix(
                (np.ones(len(grams.codes), np.float32), grams.codes, grams.offsets), (len(words.distinct), shape[1])
            )
            return d @ c
        if self._terms.analyzer == "word":
            ragged, rows = self._contributions(words.distinct)
            pieces = gather(ragged, rows[words.codes])
            sequences = Sequences(pieces.codes, pieces.offsets[words.offsets])
        else:
            sequences = self._terms.known_units(texts.to_pylist(), self._units, self._points)
        counts = csr_matrix(shape, dtype=np.float32)
        for rows, columns in self._vocabulary.find(sequences):
            offsets = _offsets(np.bincount(rows, minlength=len(texts)))
            counts += csr_matrix(
                (np.ones(len(columns), np.float32), columns, offsets), shape
            )  # sums what is twice in a row
        return counts

    def _contributions(self, distinct: list[str]) -> tuple[Sequences, np.ndarray]:
        """What each distinct word brings: unit codes (words) or columns (characters), as rows of a ragged array."""
        with self._lock:
            if len(self._rows) + len(distinct) > _REMEMBERED:
                self._forget()
            known = self._rows
            new = [word for word in distinct if word not in known]
            if new:
                sequences = self._terms.known_units(new, self._units, self._points)
                if self._terms.analyzer == "char_wb":
                    rows, columns = map(np.concatenate, zip(*self._vocabulary.find(sequences), strict=True))
                    order = np.argsort(rows, kind="stable")
                    sequences = Sequences(columns[order], _offsets(np.bincount(rows, minlength=len(new))))
                self._ragged.append(sequences)
                known.update(zip(new, range(len(known), len(known) + len(new)), strict=True))
            return self._ragged.view(), np.fromiter(map(known.__getitem__, distinct), np.int64, len(distinct))


def learn_terms(terms: Terms, texts: pa.Array, words: tokens.Words) -> tuple[Vocabulary, Counter]:
    """Learn every term of the texts (columns provisional) and a counter for them."""
    source = texts.to_pylist() if terms.analyzer == "char" else words.distinct
    units, sequences = terms.units(source)
    if terms.analyzer == "word":
        pieces = gather(sequences, words.codes)
        sequences = Sequences(pieces.codes, pieces.offsets[words.offsets])
    vocabulary = learn(sequences, pa.array(units, pa.string()), terms.joiner, terms.ngrams, whole=terms.whole)
    return vocabulary, Counter(terms, vocabulary)
