"""Which statements are copies of one another, word for word or nearly so.

Officials repeat themselves, agencies reprint, press offices fill in templates. Copies must not stand on both sides of
a split, nor vote twice, so they have to be found: all of them, and nothing else.

**The same words.** Texts are compared after NFKC and case folding, without punctuation, white space and invisible
format characters: curly or straight quotes, capitals, line breaks and soft hyphens make no other statement. Where a
script sets no space between words (Han, kana, Thai and its neighbours) each character counts as a word.

**Nearly the same.** The similarity of two texts is the Jaccard index of their sets of three-word shingles (Broder
1997): shared shingles over all shingles of both, in [0, 1]. A text of one or two words has no shingle; it resembles
its own copies, with 1, and nothing else. A text without any word (null, blank, dots) resembles nothing at all.
What a threshold means for a statement of 30 words: 0.7 lets one word in its middle, or four at its end, be changed;
0.5 lets three words be.

The search is exact, not sampled. It is the prefix filter of AllPairs (Bayardo et al. 2007) with the length and
positional filters of PPJoin (Xiao et al. 2008). Put the shingles of each text in order from the rarest to the most
common: two texts with Jaccard >= t share one of the first |x| - ceil(t |x|) + 1, and where they first meet, enough
must be left in both. Common phrases are thus hardly ever looked up. The work goes in blocks of bounded size; only the
answer of `pairs` may itself be large.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from communique.errors import DataError, UsageError

NEAR = 0.7
"""The similarity from which two texts are called near-duplicates."""

SHINGLE = 3
"""Words in a shingle."""

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Texts: TypeAlias = pa.Array | pa.ChunkedArray | Sequence[str | None]

_SEPARATORS = r"[\p{P}\p{Z}\p{C}]+"
_UNSPACED = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"
_BLOCK = 1 << 20  # candidate pairs looked at together
_CELLS = 1 << 22  # shingles compared together
_SLACK = 1e-9  # bounds are rounded so that no pair is lost to floating point; the similarity itself decides


def words(texts: Texts) -> tuple[Ints, Ints]:
    """Split texts into words; equal words have equal codes.

    Returns
    -------
    codes, offsets
        The words of text ``i`` are ``codes[offsets[i]:offsets[i + 1]]``; ``offsets`` has one entry more than ``texts``.

    Raises
    ------
    DataError
        If the texts are not text.
    """
    lists = [_split(chunk) for chunk in _column(texts).chunks]
    lengths = [pc.list_value_length(chunk).to_numpy() for chunk in lists]
    tokens = pa.chunked_array([chunk.flatten() for chunk in lists], pa.large_string())
    encoded = tokens.dictionary_encode().combine_chunks()
    spellings = encoded.dictionary.to_pylist()
    # Folding is dear and words repeat: it is done once for each spelling, not for each occurrence.
    folded = pa.array([unicodedata.normalize("NFKC", spelling.casefold()) for spelling in spellings], pa.large_string())
    code_of_spelling = folded.dictionary_encode().indices.to_numpy().astype(np.int64)
    spelled = encoded.indices.to_numpy()
    kept = np.array([bool(spelling) for spelling in spellings], dtype=bool)[spelled]
    ends = np.concatenate([[0], np.cumsum(kept)])
    offsets = ends[np.concatenate([[0], *lengths]).cumsum()]
    return code_of_spelling[spelled[kept]], offsets.astype(np.int64)


def exact(texts: Texts) -> Ints:
    """Give texts with the same words the same number.

    Returns
    -------
    (n,) numbers from 0, in the order of first appearance. Texts without words have a number each.
    """
    return _classes(*words(texts))


def groups(texts: Texts, *, threshold: float = NEAR) -> Ints:
    """Give near-duplicates, and near-duplicates of near-duplicates, the same number.

    These are the connected components of the graph that `pairs` would draw, found without drawing it: copies of a
    text count once, and texts already known to be connected are not compared again.

    Parameters
    ----------
    threshold
        The least similarity of near-duplicates, in (0, 1].

    Returns
    -------
    (n,) numbers from 0, in the order of first appearance.

    Raises
    ------
    UsageError
        If the threshold is not in (0, 1].
    """
    _check(threshold)
    codes, offsets = words(texts)
    classes = _classes(codes, offsets)
    sets = _shingles(codes, offsets, classes)
    component = np.arange(len(sets))

    def link(x: Ints, y: Ints) -> Ints:
        near = sets.similarity(x, y) >= threshold
        return component if not near.any() else _connect(component, component[x[near]], component[y[near]])

    every = np.ones(len(sets), dtype=bool)
    search = _search(sets, threshold, every, every)
    component = link(search.x, search.y[search.start])
    for x, y in search.without(component).blocks():
        # First one text of each component for each x: as a rule that settles the rest without comparing it.
        _, one = np.unique(x * len(sets) + component[y], return_index=True)
        component = link(x[one], y[one])
        apart = component[x] != component[y]
        component = link(x[apart], y[apart])
    merged = np.arange(classes.max(initial=-1) + 1)
    if len(sets):
        merged[sets.classes] = sets.classes[component]
    return _by_appearance(merged[classes])


def pairs(texts: Texts, others: Texts | None = None, *, threshold: float = NEAR) -> tuple[Ints, Ints, Floats]:
    """Find all pairs of near-duplicates, within texts or between texts and others.

    A text that stands 10,000 times makes 50 million pairs; `groups` and `nearest` have answers of bounded size.

    Parameters
    ----------
    others
        Where the second of each pair is looked for; None: in ``texts`` itself.
    threshold
        The least similarity, in (0, 1].

    Returns
    -------
    i, j, similarity
        ``i`` is a row of ``texts``, ``j`` one of ``others``; without ``others``, ``i < j``. In order of i, then j.

    Raises
    ------
    UsageError
        If the threshold is not in (0, 1].
    """
    ours, theirs, blocks = _matches(texts, texts if others is None else others, threshold)
    found = list(blocks)
    a, b = (np.concatenate([block[side] for block in found]) for side in (0, 1))
    similarity = np.concatenate([block[2] for block in found])
    # From pairs of distinct texts to pairs of rows: every row of the one with every row of the other.
    rows_a, first_a = _members(ours)
    rows_b, first_b = _members(theirs)
    count_b = first_b[b + 1] - first_b[b]
    count = (first_a[a + 1] - first_a[a]) * count_b
    pair, step = np.repeat(np.arange(len(a)), count), _ranges(np.zeros_like(count), count)
    i = rows_a[first_a[a][pair] + step // count_b[pair]]
    j = rows_b[first_b[b][pair] + step % count_b[pair]]
    wanted = i < j if others is None else np.ones(len(i), dtype=bool)
    order = np.lexsort((j[wanted], i[wanted]))
    return i[wanted][order], j[wanted][order], similarity[pair][wanted][order]


def nearest(texts: Texts, others: Texts, *, threshold: float = NEAR) -> tuple[Ints, Floats]:
    """Find for each text the most similar of the others.

    Parameters
    ----------
    threshold
        The least similarity that counts, in (0, 1].

    Returns
    -------
    j, similarity
        (n,) rows of ``others``, the first of equally similar ones, and how similar; -1 and 0 where none is near.

    Raises
    ------
    UsageError
        If the threshold is not in (0, 1].
    """
    ours, theirs, blocks = _matches(texts, others, threshold)
    total = max(ours.max(initial=-1), theirs.max(initial=-1)) + 1
    row = np.full(total, len(theirs))
    np.minimum.at(row, theirs, np.arange(len(theirs)))
    best, partner = np.zeros(total), np.full(total, -1)
    for a, b, similarity in blocks:
        order = np.lexsort((row[b], -similarity, a))
        lead = order[np.unique(a[order], return_index=True)[1]]
        a, j, similarity = a[lead], row[b[lead]], similarity[lead]
        better = (similarity > best[a]) | ((similarity == best[a]) & (j < partner[a]))
        best[a[better]], partner[a[better]] = similarity[better], j[better]
    return partner[ours], best[ours]


def _matches(texts: Texts, others: Texts, threshold: float) -> tuple[Ints, Ints, Iterator[tuple[Ints, Ints, Floats]]]:
    """Give the class of each text and each other, and blocks of (class of a text, class of another, similarity)."""
    _check(threshold)
    left, right = _column(texts), _column(others)
    codes, offsets = words(pa.chunked_array([*left.chunks, *right.chunks], pa.large_string()))
    classes = _classes(codes, offsets)
    ours, theirs = classes[: len(left)], classes[len(left) :]

    def blocks() -> Iterator[tuple[Ints, Ints, Floats]]:
        shared = np.intersect1d(ours, theirs)
        yield shared, shared, np.ones(len(shared))
        sets = _shingles(codes, offsets, classes)
        here, there = np.isin(sets.classes, ours), np.isin(sets.classes, theirs)
        for x, y in _search(sets, threshold, here, there).blocks():
            yield from near(sets, x, y)
        for y, x in _search(sets, threshold, there, here).blocks():
            yield from near(sets, x, y)

    def near(sets: _Sets, x: Ints, y: Ints) -> Iterator[tuple[Ints, Ints, Floats]]:
        similarity = sets.similarity(x, y)
        kept = similarity >= threshold
        yield sets.classes[x[kept]], sets.classes[y[kept]], similarity[kept]

    return ours, theirs, blocks()


@dataclass(frozen=True)
class _Sets:
    """The shingle sets of the distinct texts that have any, the smallest set first.

    Only shingles that two sets share are kept: the others match nothing, and as the rarest they come first in every
    set, so that all they do is take up ``sizes[x] - (offsets[x + 1] - offsets[x])`` places.
    """

    classes: Ints
    """(k,) which distinct text each set belongs to."""
    sizes: Ints
    """(k,) number of shingles in each set, ascending."""
    offsets: Ints
    """(k + 1,) where the shared shingles of each set begin."""
    shingles: Ints
    """(m,) shared shingles, numbered from the rarest to the most common, ascending within a set."""

    def __len__(self) -> int:
        return len(self.sizes)

    @cached_property
    def matrix(self) -> Any:
        """The sets as rows of a sparse matrix of ones, (k, shared shingles)."""
        from scipy.sparse import csr_array

        shape = (len(self), int(self.shingles.max(initial=-1)) + 1)
        return csr_array((np.ones(len(self.shingles), dtype=np.int32), self.shingles, self.offsets), shape=shape)

    def similarity(self, x: Ints, y: Ints) -> Floats:
        """Jaccard index of the sets x and y, pair by pair."""
        held = np.diff(self.offsets)
        cells = np.cumsum(held[x] + held[y])
        cuts = np.searchsorted(cells, np.arange(_CELLS, cells.max(initial=0), _CELLS))
        overlaps = [
            self.matrix[a].multiply(self.matrix[b]).sum(axis=1)
            for a, b in zip(np.split(x, cuts), np.split(y, cuts), strict=True)
        ]
        overlap = np.concatenate(overlaps).astype(np.float64)
        return np.asarray(overlap / (self.sizes[x] + self.sizes[y] - overlap))


def _shingles(codes: Ints, offsets: Ints, classes: Ints) -> _Sets:
    """Make the shingle sets of the distinct texts."""
    distinct, first = np.unique(classes, return_index=True)
    length = np.diff(offsets)[first]
    long = length >= SHINGLE
    distinct, start, length = distinct[long], offsets[first[long]], length[long]
    keys = _grams(codes[_ranges(start, length)], SHINGLE)
    owner = np.repeat(np.arange(len(distinct)), length)
    inside = owner[SHINGLE - 1 :] == owner[: len(owner) - SHINGLE + 1]
    keys, owner = keys[inside], owner[: len(inside)][inside]

    _, ids, count = np.unique(keys, return_inverse=True, return_counts=True)
    once = count[ids] == 1
    sizes = np.bincount(owner[once], minlength=len(distinct))
    total = max(len(count), 1)
    member = _distinct(owner[~once] * total + ids[~once])
    owner, ids = np.divmod(member, total)
    sizes += np.bincount(owner, minlength=len(distinct))

    holders = np.bincount(ids, minlength=total)
    shared = holders[ids] > 1
    rarity = _ranks(holders)
    order = np.argsort(sizes, kind="stable")
    member = np.sort(_ranks(sizes)[owner[shared]] * total + rarity[ids[shared]])
    owner, ids = np.divmod(member, total)
    ends = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(distinct)))])
    # The numbers begin with the shingles that nobody shares: start at the shared ones.
    return _Sets(distinct[order], sizes[order], ends, ids - (holders < 2).sum() if len(ids) else ids)


@dataclass(frozen=True)
class _Search:
    """Which sets have to be compared: each ``x`` with the ``length`` sets in ``y`` from ``start`` on."""

    sets: _Sets
    share: float
    """Jaccard >= t means that the overlap is at least this share, t / (1 + t), of both sizes taken together."""
    x: Ints
    """(p,) probing sets, ascending, one entry for each shingle they are found by."""
    start: Ints
    """(p,) where in ``y`` the sets begin that may be near ``x``."""
    length: Ints
    """(p,) how many they are, at least 1."""
    y: Ints
    """(q,) indexed sets, shingle by shingle."""
    left: Ints
    """(q,) how many shingles its set has from this one on: sets that first meet here share no more."""

    def without(self, component: Ints) -> _Search:
        """Leave out each x that would be compared with sets of its own component only."""
        of_y = component[self.y]
        ends = np.append(np.flatnonzero(np.diff(of_y)) + 1, len(of_y))
        alike = ends[np.searchsorted(ends, self.start, side="right")] >= self.start + self.length
        kept = ~alike | (of_y[self.start] != component[self.x])
        return replace(self, x=self.x[kept], start=self.start[kept], length=self.length[kept])

    def blocks(self) -> Iterator[tuple[Ints, Ints]]:
        """Give the pairs ``x, y``, each once, in blocks."""
        number, sizes = len(self.sets), self.sets.sizes
        work = np.concatenate([[0], np.cumsum(self.length)])
        edges = np.append(np.flatnonzero(np.diff(self.x, prepend=-1)), len(self.x))
        done = 0
        while done < len(self.x):
            # As many whole x as fit, at least one: then a pair repeats within a block only.
            fit = np.searchsorted(work, work[done] + _BLOCK, side="right") - 1
            stop = max(
                edges[np.searchsorted(edges, fit, side="right") - 1], edges[np.searchsorted(edges, done, side="right")]
            )
            at = _ranges(self.start[done:stop], self.length[done:stop])
            x, y = np.repeat(self.x[done:stop], self.length[done:stop]), self.y[at]
            enough = self.left[at] >= np.ceil(self.share * (sizes[x] + sizes[y]) - _SLACK)
            yield np.divmod(_distinct(x[enough] * number + y[enough]), number)
            done = stop


def _search(sets: _Sets, threshold: float, probing: Mask, indexed: Mask) -> _Search:
    """Look up which pairs of a probing and an indexed set may be near-duplicates.

    Of each pair ``x, y`` the indexed set ``y`` stands before ``x``, so it is not larger.
    """
    number = len(sets)
    share = threshold / (1 + threshold)
    owner = np.repeat(np.arange(number), np.diff(sets.offsets))
    size = sets.sizes[owner]
    left = sets.offsets[1:][owner] - np.arange(len(owner))
    least = np.ceil(threshold * size - _SLACK)

    entry = np.flatnonzero(indexed[owner] & (left >= np.ceil(2 * share * size - _SLACK)))
    posting = sets.shingles[entry] * number + owner[entry]
    order = np.argsort(posting)
    posting = posting[order]

    probe = np.flatnonzero(probing[owner] & (left >= least))
    most = np.floor(left[probe] / share - size[probe] + _SLACK)
    low = np.searchsorted(sets.sizes, least[probe])
    high = np.minimum(np.searchsorted(sets.sizes, most, side="right"), owner[probe])
    start = np.searchsorted(posting, sets.shingles[probe] * number + low)
    length = np.searchsorted(posting, sets.shingles[probe] * number + high) - start
    found = length > 0
    return _Search(sets, share, owner[probe[found]], start[found], length[found], posting % number, left[entry[order]])


def _connect(component: Ints, a: Ints, b: Ints) -> Ints:
    """Merge the components a and b, pair by pair."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(len(component), len(component)))
    label = connected_components(edges, directed=False)[1]
    return np.asarray(label[component], dtype=np.int64)


def _grams(codes: Ints, length: int) -> Ints:
    """Give equal runs of neighbouring codes equal numbers; (n - length + 1,)."""
    base = int(codes.max(initial=0)) + 1
    keys, size = codes, base
    for step in range(1, length):
        if size > np.iinfo(np.int64).max // base:
            distinct, keys = np.unique(keys, return_inverse=True)
            size = len(distinct)
        keys, size = keys[:-1] * base + codes[step:], size * base
    return keys


def _classes(codes: Ints, offsets: Ints) -> Ints:
    """Give equal sequences of words equal numbers, and a text without words one of its own."""
    size = codes.itemsize
    buffers = [None, pa.py_buffer(offsets * size), pa.py_buffer(np.ascontiguousarray(codes))]
    # The codes of a text, seen as one string of bytes, are looked up as they are: exact, no hash to collide.
    sequences = pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)
    classes = sequences.dictionary_encode().indices.to_numpy().astype(np.int64)
    blank = np.flatnonzero(np.diff(offsets) == 0)
    classes[blank] = len(classes) + blank
    return _by_appearance(classes)


def _by_appearance(numbers: Ints) -> Ints:
    """Renumber 0, 1, 2, ... in the order of first appearance."""
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    return _ranks(first)[inverse]


def _ranks(values: Ints) -> Ints:
    """Give the place of each value in ascending order; of equal values the first comes first."""
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return ranks


def _distinct(numbers: Ints) -> Ints:
    """Sort and take each number (from 0) once: numpy.unique hashes, which is many times slower on keys like ours."""
    ordered = np.sort(numbers)
    return ordered[np.diff(ordered, prepend=-1) > 0]


def _members(classes: Ints) -> tuple[Ints, Ints]:
    """Give the rows class by class, and where the rows of each class begin."""
    return np.argsort(classes, kind="stable"), np.concatenate([[0], np.cumsum(np.bincount(classes))])


def _ranges(start: Ints, length: Ints) -> Ints:
    """Write the ranges ``start[i], ..., start[i] + length[i] - 1`` one after the other."""
    ends = np.cumsum(length)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(start - ends + length, length)


def _split(texts: Any) -> Any:
    """Split texts (large strings) into lists of words, among them empty ones."""
    texts = pc.utf8_normalize(pc.fill_null(texts, ""), "NFKC")
    texts = pc.replace_substring_regex(texts, r"\p{Cf}+", "")
    texts = pc.replace_substring_regex(texts, _SEPARATORS, " ")
    return pc.ascii_split_whitespace(pc.replace_substring_regex(texts, _UNSPACED, r" \1 "))


def _column(texts: Texts) -> Any:
    """Make a chunked array of large strings."""
    try:
        if isinstance(texts, pa.ChunkedArray):
            return texts.cast(pa.large_string())
        array = texts if isinstance(texts, pa.Array) else pa.array(list(texts), pa.large_string())
        return pa.chunked_array([array.cast(pa.large_string())])
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, UnicodeEncodeError) as problem:
        raise DataError(f"texts that are not text ({problem})", expected="strings or nulls") from problem


def _check(threshold: float) -> None:
    if not 0 < threshold <= 1:
        raise UsageError(f"the similarity {threshold}", expected="a number above 0 and at most 1")
