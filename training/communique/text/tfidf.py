"""Term frequency times inverse document frequency.

As scikit-learn has it: ``tf = 1 + ln(count)`` when sublinear, ``idf = ln((1 + n) / (1 + df)) + 1``, and each text's
vector scaled to length one *within its block*. A block is one kind of term (words, say, or characters); `Features` puts
several side by side. Salton & Buckley (1988) is the classic account of the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from communique.errors import DataError, UsageError
from communique.fields import check_fields
from communique.text.counts import Counters, Terms, learn_terms
from communique.text.names import mask_names
from communique.text.tokens import Words, split, texts_of
from communique.text.vocabulary import Vocabulary, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scipy.sparse import csr_matrix

_BATCH = 4096  # texts turned into a matrix at once


@dataclass(frozen=True)
class Block:
    """One kind of term and how it is weighted; names and meanings as in scikit-learn's ``TfidfVectorizer``.

    ``min_df`` and ``max_df`` are numbers of texts (int) or shares of them (float in 0..1); ``scale`` multiplies the
    finished, normalised block and so says how much it counts beside the others.
    """

    terms: Terms = Terms()
    sublinear: bool = True
    idf: bool = True
    normalise: bool = True
    min_df: int | float = 1
    max_df: int | float = 1.0
    max_features: int | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class FittedBlock:
    """A block that knows its terms: ``idf`` is float32 (terms,), in the vocabulary's column order."""

    block: Block
    vocabulary: Vocabulary
    idf: np.ndarray

    @cached_property
    def squared_idf(self) -> np.ndarray:
        """The square of each term's idf, float32 (terms,)."""
        return np.asarray(np.square(self.idf))


@dataclass(frozen=True)
class Features:
    """Fitted blocks side by side: what turns texts into a matrix."""

    blocks: tuple[FittedBlock, ...]

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The first column of each block, and last the number of all columns."""
        return tuple(int(start) for start in np.cumsum([0, *(len(block.idf) for block in self.blocks)]))

    @cached_property
    def masked(self) -> bool:
        """Whether names of states are masked before terms are counted."""
        return masks_names([block.block for block in self.blocks])

    def transform(self, texts: pa.Array | pa.ChunkedArray | list[str]) -> csr_matrix:
        """Weigh texts: (texts, terms of all blocks) float32 CSR.

        Raises
        ------
        DataError
            If a text is not valid Unicode.
        """
        from scipy.sparse import hstack, vstack

        texts = mask_names(texts) if self.masked else texts_of(texts)
        parts = [
            hstack(list(map(_weigh, self.blocks, counts)), format="csr")
            for start in range(0, max(len(texts), 1), _BATCH)
            for counts in self._counters.count(texts.slice(start, _BATCH))
        ]
        return parts[0] if len(parts) == 1 else vstack(parts, format="csr")

    def project(self, texts: pa.Array, weights: np.ndarray) -> np.ndarray:
        """Equal ``transform(texts) @ weights`` for one batch, without writing the weighted matrix out.

        ``weights`` is float32 (terms of all blocks, k) and *already multiplied* by each term's idf (see `premultiply`).
        A row's length is a sum over the same counts, so it divides the few sums instead of the many terms.
        """
        total = np.zeros((len(texts), weights.shape[1]), np.float32)
        row = 0
        for counts in self._counters.count(mask_names(texts) if self.masked else texts):
            part = total[row : row + counts[0].shape[0]]
            for block, matrix, start in zip(self.blocks, counts, self.starts, strict=False):
                part += _project(block, matrix, weights[start : start + len(block.idf)])
            row += len(part)
        return total

    def premultiply(self, weights: np.ndarray) -> np.ndarray:
        """Multiply each term's row of ``weights`` (terms, k) by its idf, as `project` wants them."""
        return np.asarray(weights * np.concatenate([block.idf for block in self.blocks])[:, None])

    @cached_property
    def _counters(self) -> Counters:
        return Counters([(block.block.terms, block.vocabulary) for block in self.blocks])


def fit(blocks: Sequence[Block], texts: pa.Array | pa.ChunkedArray | list[str]) -> Features:
    """Learn the terms and their inverse document frequencies.

    Raises
    ------
    DataError
        If no text has a single term left after ``min_df`` and ``max_df``.
    """
    texts = mask_names(texts) if masks_names(blocks) else texts_of(texts)
    words = split(texts)
    return Features(tuple(_fit_block(block, texts, words) for block in blocks))


def masks_names(blocks: Sequence[Block]) -> bool:
    """Tell whether blocks read texts with names masked.

    Raises
    ------
    UsageError
        If some do and some do not: a model reads one text, whose words evidence is given for.
    """
    wishes = {block.terms.mask_names for block in blocks}
    if len(wishes) > 1:
        raise UsageError("mask_names in some blocks only", expected="the same in every block")
    return True in wishes


def _weigh(block: FittedBlock, counts: csr_matrix) -> csr_matrix:
    """Turn counts into weights, in place."""
    rule = block.block
    if rule.sublinear:
        counts.data = np.log(counts.data) + np.float32(1)
    counts.data *= block.idf[counts.indices]
    factor = np.full(counts.shape[0], rule.scale, np.float32)
    if rule.normalise:
        length = np.sqrt(_squared_lengths(counts))
        factor = np.divide(factor, length, out=factor, where=length > 0)
    counts.data *= np.repeat(factor, np.diff(counts.indptr))
    return counts


def _project(block: FittedBlock, counts: csr_matrix, weights: np.ndarray) -> np.ndarray:
    """Weigh counts, in place, and sum what they are worth: float32 (texts, k)."""
    rule = block.block
    if rule.sublinear:
        counts.data = np.log(counts.data) + np.float32(1)
    sums = np.asarray(counts @ weights)
    if rule.normalise:
        counts.data *= counts.data
        length = np.sqrt(counts @ block.squared_idf)[:, None]
        np.divide(sums, length, out=sums, where=length > 0)
    return np.asarray(np.float32(rule.scale) * sums)


def _squared_lengths(matrix: csr_matrix) -> np.ndarray:
    """Sum of squares of each row (float32), added up in the order of the row whatever batch it is in."""
    squares = matrix.copy()
    squares.data = matrix.data * matrix.data
    return np.asarray(squares @ np.ones(matrix.shape[1], np.float32))


def _fit_block(block: Block, texts: pa.Array, words: Words) -> FittedBlock:
    everything, counters = learn_terms(block.terms, texts, words)
    size = len(everything)
    document_frequency, total = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for start in range(0, len(texts), _BATCH):
        for (counts,) in counters.count(texts.slice(start, _BATCH), _BATCH):
            document_frequency += np.bincount(counts.indices, minlength=size)
            total += np.bincount(counts.indices, weights=counts.data, minlength=size).astype(np.int64)
    n = len(texts)
    lowest = block.min_df if isinstance(block.min_df, int) else block.min_df * n
    highest = block.max_df if isinstance(block.max_df, int) else block.max_df * n
    kept = np.flatnonzero((document_frequency >= max(lowest, 1)) & (document_frequency <= highest))
    vocabulary, order = select(everything, kept)
    if block.max_features is not None and len(order) > block.max_features:
        # Ties are broken as scikit-learn breaks them: by numpy's argsort over the terms in order.
        vocabulary, best = select(vocabulary, (-total[order]).argsort()[: block.max_features])
        order = order[best]
    if not len(vocabulary):
        raise DataError(
            f"no {block.terms.analyzer} term is left of {n:,} texts (min_df {block.min_df}, max_df {block.max_df})",
            remedy="give more texts or a lower min_df",
        )
    idf = np.log((1 + n) / (1 + document_frequency[order])) + 1 if block.idf else np.ones(len(order))
    return FittedBlock(block, vocabulary, idf.astype(np.float32))
