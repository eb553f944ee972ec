"""How often each term stands in each text.

The central trick: character n-grams within a word depend on the word alone. With ``D`` (texts x distinct words) and
``C`` (distinct words x n-grams) the counts of a whole batch are the sparse product ``D @ C``. What a distinct word
contributes is remembered between batches (`communique.text.memory`), so ``C`` has a row for every word met so far.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from communique.errors import UsageError
from communique.fields import check_fields
from communique.text import tokens
from communique.text.memory import Memory
from communique.text.vocabulary import Sequences, Vocabulary, learn

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Analyzer = Literal["word", "char_wb", "char"]

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
        self._values = roomy(self._values, begin + len(rows.codes))
        self._offsets = roomy(self._offsets, self._rows + 1 + len(rows))
        self._values[begin : begin + len(rows.codes)] = rows.codes
        self._offsets[self._rows + 1 : self._rows + 1 + len(rows)] = begin + rows.offsets[1:]
        self._rows += len(rows)

    def view(self) -> Sequences:
        return Sequences(self._values[: self._offsets[self._rows]], self._offsets[: self._rows + 1])


def roomy(array: np.ndarray, need: int) -> np.ndarray:
    """Return the array, or a longer one that begins with it, so that it has as many rows as are needed."""
    if need <= len(array):
        return array
    larger = np.empty((max(need, 2 * len(array)), *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger


def gather(ragged: Sequences, rows: np.ndarray) -> Sequences:
    """Take rows of a ragged array, in the given order."""
    begin = ragged.offsets[rows]
    lengths = ragged.offsets[rows + 1] - begin
    offsets = _offsets(lengths)
    places = np.arange(offsets[-1]) + np.repeat(begin - offsets[:-1], lengths)
    return Sequences(ragged.codes[places], offsets)


_Counting: TypeAlias = "Callable[[pa.Array, Sequences], csr_matrix]"
"""Counts texts, which are also given as the rows of their words."""


class _Kind:
    """One vocabulary, and how its terms are counted."""

    def __init__(self, terms: Terms, vocabulary: Vocabulary) -> None:
        self.terms = terms
        self._vocabulary = vocabulary
        names = vocabulary.units.to_pylist()
        self._units = {name: code for code, name in enumerate(names)} if terms.analyzer == "word" else {}
        self._points = np.array([] if terms.analyzer == "word" else list(map(ord, names)), np.uint32)

    def contribute(self, folded: list[str]) -> Sequences:
        """Tell what each word brings: unit codes (words) or columns (characters within words)."""
        if self.terms.analyzer == "char":
            return Sequences(np.zeros(0, np.int64), np.zeros(len(folded) + 1, np.int64))
        sequences = self.terms.known_units(folded, self._units, self._points)
        if self.terms.analyzer == "word":
            return sequences
        return self._find(sequences)

    def counting(self, contributions: Sequences) -> _Counting:
        """Prepare to count texts whose words are rows of the contributions."""
        if self.terms.analyzer == "char_wb":
            c = _ones(contributions, len(self._vocabulary))
            return lambda texts, words: _ones(words, len(contributions)) @ c
        if self.terms.analyzer == "word":
            return lambda texts, words: self._count(_join(gather(contributions, words.codes), words.offsets))
        return lambda texts, words: self._count(
            self.terms.known_units(list(map(self.terms.fold, texts.to_pylist())), self._units, self._points)
        )

    def _count(self, sequences: Sequences) -> csr_matrix:
        counts = _ones(self._find(sequences), len(self._vocabulary))
        counts.sum_duplicates()
        return counts

    def _find(self, sequences: Sequences) -> Sequences:
        """Find the columns of each sequence's terms, as often as they stand there."""
        rows, columns = map(np.concatenate, zip(*self._vocabulary.find(sequences), strict=True))
        order = np.argsort(rows, kind="stable")
        return Sequences(columns[order], _offsets(np.bincount(rows, minlength=len(sequences))))


class _Contributions:
    """What each distinct word brings to each vocabulary; shown as what counts texts whose words are known."""

    def __init__(self, kinds: Sequence[_Kind]) -> None:
        self._kinds = kinds
        self._folds = {kind.terms.fold for kind in kinds}
        self._found = [_Ragged() for _ in kinds]
        self._counting: list[_Counting] | None = None

    def append(self, words: list[str]) -> None:
        folded = {fold: list(map(fold, words)) for fold in self._folds}
        for kind, found in zip(self._kinds, self._found, strict=True):
            found.append(kind.contribute(folded[kind.terms.fold]))
        self._counting = None

    def view(self) -> list[_Counting]:
        if self._counting is None:
            self._counting = [kind.counting(found.view()) for kind, found in zip(self._kinds, self._found, strict=True)]
        return self._counting


class Counters:
    """Counts the terms of several vocabularies; remembers what each distinct word contributes to them.

    Safe to share by threads. The memory is bounded: when it is full it starts afresh.
    """

    def __init__(self, vocabularies: Sequence[tuple[Terms, Vocabulary]]) -> None:
        kinds = [_Kind(terms, vocabulary) for terms, vocabulary in vocabularies]
        # Were the kinds an attribute, a circle would keep the file of a model mapped that is no longer served.
        self._memory = Memory(lambda: _Contributions(kinds))

    def count(self, texts: pa.Array, part: int = _PART) -> Iterator[list[csr_matrix]]:
        """Count, part by part: for each vocabulary (texts of the part, terms) float32 CSR, what is twice summed.

        Words are looked at once for all texts; the matrices of a part are small enough for the processor's cache.
        """
        words, counting = self._memory.recall(texts)
        for start in range(0, max(len(texts), 1), part):
            piece = texts.slice(start, part)
            offsets = words.offsets[start : start + len(piece) + 1]
            of_piece = Sequences(words.codes[offsets[0] : offsets[-1]], offsets - offsets[0])
            yield [count(piece, of_piece) for count in counting]


def _ones(columns: Sequences, width: int) -> csr_matrix:
    """Make a float32 CSR matrix with a one at each column; what stands twice is not summed yet."""
    from scipy.sparse import csr_matrix

    codes, offsets = columns.codes, columns.offsets
    # Of wider integers scipy looks at every one to learn whether they fit into 32 bits.
    kind = np.int32 if offsets[-1] <= np.iinfo(np.int32).max else np.int64
    data = np.ones(len(codes), np.float32)
    return csr_matrix(
        (data, codes.astype(kind, copy=False), offsets.astype(kind, copy=False)), (len(columns), width), copy=False
    )


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
