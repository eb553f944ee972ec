"""How often each term stands in each text.

The central trick: character n-grams within a word depend on the word alone. With ``D`` (texts x distinct words) and
``C`` (distinct words x n-grams) the counts of a whole batch are the sparse product ``D @ C``. What a distinct word
contributes is remembered between batches, so in the long run only new words cost anything.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
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

_REMEMBERED = 1 << 16  # distinct words kept in memory; then the memory starts afresh, so that it stays bounded
_PART = 512  # texts of which the counts fit into a processor's cache
_RUN_OF_SPACE = re.compile(r"\s\s+")  # as scikit-learn's character analyzers


@dataclass(frozen=True)
class Folding:
    """Bring a text or word into the spelling that is counted; two that do the same are equal."""

    lowercase: bool
    typography: bool

    def __call__(self, text: str) -> str:
        """Fold a text."""
        return tokens.fold(text, self.lowercase, self.typography)


@dataclass(frozen=True)
class Terms:
    """Which terms of a text count: the analyzer and its options, named as in scikit-learn.

    ``analyzer``: ``word`` (n-grams of tokens), ``char_wb`` (n-grams of the characters of a word padded with a space on
    both sides) or ``char`` (n-grams of the characters of the text). ``tokens``: a name of ``tokens.PATTERNS`` or a
    regular expression, for words only. ``typography``: whether curly quotes and long dashes count as plain ones.
    ``mask_names``: whether names of states are masked first (`communique.text.names`); all blocks of a model agree.
    """

    analyzer: Analyzer = "word"
    ngrams: tuple[int, int] = (1, 1)
    tokens: str = "stance"
    lowercase: bool = True
    typography: bool = True
    mask_names: bool = False

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

    @property
    def fold(self) -> Folding:
        """What brings a text or word into the spelling that is counted."""
        return Folding(self.lowercase, self.typography)

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
        points, lengths = self._code_points(list(map(self.fold, texts)))
        distinct, codes = np.unique(points, return_inverse=True)
        return list(map(chr, distinct.tolist())), Sequences(codes, _offsets(lengths))

    def known_units(self, folded: list[str], units: dict[str, int], code_points: np.ndarray) -> Sequences:
        """Cut texts, folded already, into units that are known already; others become -1."""
        if self.analyzer == "word":
            pieces = list(map(tokens.pattern_of(self.tokens).findall, folded))
            lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
            flat = [unit for piece in pieces for unit in piece]
            return Sequences(np.fromiter(map(units.get, flat, repeat(-1)), np.int64, len(flat)), _offsets(lengths))
        points, lengths = self._code_points(folded)
        if not len(code_points):
            return Sequences(np.full(len(points), -1), _offsets(lengths))
        codes = np.searchsorted(code_points, points)
        codes[codes == len(code_points)] = 0
        return Sequences(np.where(code_points[codes] == points, codes, -1), _offsets(lengths))

    def _code_points(self, folded: list[str]) -> tuple[np.ndarray, np.ndarray]:
        if self.analyzer == "char_wb":
            folded = [f" {word} " for word in folded]
        else:
            folded = [_RUN_OF_SPACE.sub(" ", text) for text in folded]
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


class _Kind:
    """One vocabulary, and what its distinct words contribute."""

    def __init__(self, terms: Terms, vocabulary: Vocabulary) -> None:
        self.terms = terms
        self._vocabulary = vocabulary
        names = vocabulary.units.to_pylist()
        self._units = {name: code for code, name in enumerate(names)} if terms.analyzer == "word" else {}
        self._points = np.array([] if terms.analyzer == "word" else list(map(ord, names)), np.uint32)
        self.remembered = _Ragged()

    def contribute(self, folded: list[str]) -> Sequences:
        """Tell what each word brings: unit codes (words) or columns (characters within words)."""
        if self.terms.analyzer == "char":
            return Sequences(np.zeros(0, np.int64), np.zeros(len(folded) + 1, np.int64))
        sequences = self.terms.known_units(folded, self._units, self._points)
        if self.terms.analyzer == "word":
            return sequences
        return self._find(sequences)

    def counting(self, contributions: Sequences, rows: np.ndarray) -> Callable[[pa.Array, tokens.Words], csr_matrix]:
        """Prepare to count parts of a batch, whose distinct words have the given rows among the contributions."""
        if self.terms.analyzer == "char_wb":
            grams = gather(contributions, rows)
            c = _ones(grams.codes, grams.offsets, (len(rows), len(self._vocabulary)))
            return lambda texts, words: _ones(words.codes, words.offsets, (len(texts), len(rows))) @ c
        if self.terms.analyzer == "word":
            return lambda texts, words: self._count(_join(gather(contributions, rows[words.codes]), words.offsets))
        return lambda texts, words: self._count(
            self.terms.known_units(list(map(self.terms.fold, texts.to_pylist())), self._units, self._points)
        )

    def _count(self, sequences: Sequences) -> csr_matrix:
        found = self._find(sequences)
        counts = _ones(found.codes, found.offsets, (len(sequences), len(self._vocabulary)))
        counts.sum_duplicates()
        return counts

    def _find(self, sequences: Sequences) -> Sequences:
        """Find the columns of each sequence's terms, as often as they stand there."""
        rows, columns = map(np.concatenate, zip(*self._vocabulary.find(sequences), strict=True))
        order = np.argsort(rows, kind="stable")
        return Sequences(columns[order], _offsets(np.bincount(rows, minlength=len(sequences))))


class Counters:
    """Counts the terms of several vocabularies; remembers what each distinct word contributes to them.

    Safe to share by threads. The memory is bounded: when it is full it starts afresh.
    """

    def __init__(self, vocabularies: Sequence[tuple[Terms, Vocabulary]]) -> None:
        self._kinds = [_Kind(terms, vocabulary) for terms, vocabulary in vocabularies]
        self._rows: dict[str, int] = {}
        self._lock = threading.Lock()

    def count(self, texts: pa.Array, part: int = _PART) -> Iterator[list[csr_matrix]]:
        """Count, part by part: for each vocabulary (texts of the part, terms) float32 CSR, what is twice summed.

        Words are looked at once for all texts; the matrices of a part are small enough for the processor's cache.
        """
        words = tokens.split(texts)
        rows, contributions = self._recall(words.distinct)
        counting = [kind.counting(of_kind, rows) for kind, of_kind in zip(self._kinds, contributions, strict=True)]
        for start in range(0, max(len(texts), 1), part):
            piece = texts.slice(start, part)
            yield [count(piece, words.slice(start, len(piece))) for count in counting]

    def _recall(self, distinct: list[str]) -> tuple[np.ndarray, list[Sequences]]:
        """Find each distinct word's row, and for each vocabulary what stands in that row."""
        with self._lock:
            if len(self._rows) + len(distinct) > _REMEMBERED:
                self._rows = {}
                for kind in self._kinds:
                    kind.remembered = _Ragged()
            known = self._rows
            if new := [word for word in distinct if word not in known]:
                folded = {fold: list(map(fold, new)) for fold in {kind.terms.fold for kind in self._kinds}}
                for kind in self._kinds:
                    kind.remembered.append(kind.contribute(folded[kind.terms.fold]))
                known.update(zip(new, range(len(known), len(known) + len(new)), strict=True))
            rows = np.fromiter(map(known.__getitem__, distinct), np.int64, len(distinct))
            return rows, [kind.remembered.view() for kind in self._kinds]


def _ones(columns: np.ndarray, offsets: np.ndarray, shape: tuple[int, int]) -> csr_matrix:
    """Make a float32 CSR matrix with a one at each (row, column); what stands twice is not summed yet."""
    from scipy.sparse import csr_matrix

    # Of wider integers scipy looks at every one to learn whether they fit into 32 bits.
    kind = np.int32 if offsets[-1] <= np.iinfo(np.int32).max else np.int64
    data = np.ones(len(columns), np.float32)
    return csr_matrix((data, columns.astype(kind, copy=False), offsets.astype(kind, copy=False)), shape)


def _join(pieces: Sequences, offsets: np.ndarray) -> Sequences:
    """Join runs of consecutive sequences into one each."""
    return Sequences(pieces.codes, pieces.offsets[offsets])


def learn_terms(terms: Terms, texts: pa.Array, words: tokens.Words) -> tuple[Vocabulary, Counters]:
    """Learn every term of the texts (columns provisional) and what counts them."""
    source = texts.to_pylist() if terms.analyzer == "char" else words.distinct
    units, sequences = terms.units(source)
    if terms.analyzer == "word":
        sequences = _join(gather(sequences, words.codes), words.offsets)
    vocabulary = learn(sequences, pa.array(units, pa.string()), terms.joiner, terms.ngrams, whole=terms.whole)
    return vocabulary, Counters([(terms, vocabulary)])
