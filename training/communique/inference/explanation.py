"""Why a text got its label: what each of its words brings to the margin over the runner-up.

A score is a sum over terms, so the margin between two labels is one too, and it can be divided without remainder: a
term's part equally among its occurrences in the text, an occurrence's equally among its *units* (the tokens of a word
n-gram, the characters of a character n-gram), a unit's equally among the characters it is written with, and those
belong to words. White space, and the padding of ``char_wb``, count to the word beside them. The parts and the
difference of the intercepts add up to the margin; nothing is sampled or estimated.

The length that a text's vector is divided by belongs to the text as a whole and is taken as it is: a word's weight says
what the word brings to *this* text, not how the margin would change without it.

Everything is computed in 64 bits, where `Classifier.decision_function` works in 32: its margins are the same but for
about 1e-6 of the size of the scores they are taken from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa

from communique.errors import UsageError
from communique.inference.prediction import Classifier, Options, Texts, softmax
from communique.model.model import Model
from communique.text.counts import Terms, gather
from communique.text.names import Rewritten, gazetteer
from communique.text.tfidf import FittedBlock
from communique.text.tokens import PATTERNS, pattern_of, texts_of
from communique.text.vocabulary import Sequences, Vocabulary

RUNNER_UP: Final = ""
"""Against which label: for each text, the best-scored of the others. No label of a codebook has an empty name."""

Asked: TypeAlias = str | Sequence[str] | None
"""One label for all texts, or one for each."""

_LETTERS = PATTERNS["words"]
# "U.S.-backed", "won't", "3:30" and "and/or" are one word; in "talks—never," the marks stand alone.
_WORD = re.compile(rf"(?:{_LETTERS})(?:(?:[-‐‑'’&/@.]|(?<=\d)[,:](?=\d))(?:{_LETTERS}))*|[^\w\s]+")
_CHUNK = re.compile(r"\S+")
_RUN_OF_SPACE = re.compile(r"\s\s+")
_TEXTS, _CHARACTERS = 4096, 1 << 17  # looked at together, at most; a longer text is looked at alone

_EVIDENCE = pa.list_(
    pa.struct([("start", pa.int32()), ("end", pa.int32()), ("text", pa.string()), ("weight", pa.float64())])
)


@dataclass(frozen=True)
class Evidence:
    """A word of the text and its part of the margin.

    ``text`` is ``original[start:end]``: offsets count characters (code points) of the text as it was given. Above 0 the
    ``weight`` speaks for the label, below 0 for the other one.
    """

    start: int
    end: int
    text: str
    weight: float


@dataclass(frozen=True)
class Explanation:
    """One text, one label, and what speaks for it.

    Attributes
    ----------
    label
        The label that is explained: the most probable one, or the one asked for.
    runner_up
        The label it is compared with; None if with the mean of all.
    confidence
        The label's probability.
    scores
        Every label's probability, as `Classifier.classify` gives them.
    margin
        Score of the label less that of the runner-up: decision values, before the temperature.
    intercept
        The part of the margin that no word has.
    evidence
        The words in reading order, none overlapping; those of weight 0 are left out. ``intercept`` and the weights add
        up to ``margin``.
    """

    text: str
    label: str
    runner_up: str | None
    confidence: float
    scores: dict[str, float]
    margin: float
    intercept: float
    evidence: tuple[Evidence, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return {**vars(self), "evidence": [vars(word) for word in self.evidence]}


@dataclass(frozen=True)
class Phrase:
    """A term of a model and what it speaks for.

    ``weight``: what one occurrence adds to the label's score, over what it adds to the labels' scores on average, in a
    text whose vector has length one.
    """

    term: str
    analyzer: str
    weight: float


class Explainer(Classifier):
    """A classifier whose verdicts are explanations, for whoever answers rows: the options are those given here."""

    def __init__(self, model: Model, *, label: str | None = None, against: str | None = RUNNER_UP) -> None:
        super().__init__(model)
        self._label, self._against = label, against
        self.verdicts([])  # tells of a label that is not there before any text is read

    def verdicts(self, texts: Texts, options: Options = Options()) -> pa.StructArray:  # noqa: ARG002
        """Explain texts: an Arrow struct a text with the fields of `explanations`."""
        return explanations(self, texts, label=self._label, against=self._against)


def explain(
    classifier: Classifier, texts: Texts, *, label: Asked = None, against: Asked = RUNNER_UP
) -> tuple[Explanation, ...]:
    """Explain the labels of texts.

    Parameters
    ----------
    label
        The label to explain; None for each text's most probable one.
    against
        The label to compare it with; None for the mean of all labels. Where it is the label itself, the runner-up.

    Raises
    ------
    UsageError
        If the model has no such label.
    DataError
        If a text is not valid Unicode or not text.
    """
    texts = _strings(texts)
    rows = explanations(classifier, texts, label=label, against=against).to_pylist()
    return tuple(
        Explanation(text=text, **{**row, "evidence": tuple(Evidence(**word) for word in row["evidence"])})
        for text, row in zip(texts.to_pylist(), rows, strict=True)
    )


def explanations(
    classifier: Classifier, texts: Texts, *, label: Asked = None, against: Asked = RUNNER_UP
) -> pa.StructArray:
    """Do what `explain` does, as an Arrow struct a text: the fields of `Explanation` but the text."""
    texts = _strings(texts)
    labels, intercepts = classifier.labels, classifier.model.intercepts
    scores = classifier.decision_function(texts)
    chosen, other = _sides(scores, labels, label, against)
    evidence, sums = _evidence(classifier, texts, chosen, other)
    intercept = intercepts[chosen] - (intercepts.mean() if other is None else intercepts[other])
    probability = softmax(scores / classifier.model.temperature)
    names = pa.array(labels, pa.string())
    fields = {
        "label": names.take(pa.array(chosen)),
        "runner_up": pa.nulls(len(texts), pa.string()) if other is None else names.take(pa.array(other)),
        "confidence": pa.array(probability[np.arange(len(texts)), chosen]),
        "scores": pa.StructArray.from_arrays([pa.array(column) for column in probability.T], names=list(labels)),
        "margin": pa.array(intercept + sums),
        "intercept": pa.array(intercept),
        "evidence": evidence,
    }
    return pa.StructArray.from_arrays(list(fields.values()), names=list(fields))


def evidence_column(
    classifier: Classifier, texts: Texts, *, label: Asked = None, against: Asked = RUNNER_UP
) -> pa.ListArray:
    """Give the evidence alone: for each text a list of structs start, end, text, weight."""
    texts = _strings(texts)
    sides = _sides(classifier.decision_function(texts), classifier.labels, label, against)
    return _evidence(classifier, texts, *sides)[0]


def top_phrases(model: Model, k: int = 20, *, fragments: bool = False) -> dict[str, tuple[Phrase, ...]]:
    """List for each label the (at most) ``k`` terms that speak for it most, the strongest first.

    They are words and phrases; with ``fragments`` character n-grams too, and where a model has nothing else those.
    Ranked by `Phrase.weight` and not by the bare coefficient: a rare term counts for more in a text than a common one
    of the same coefficient, and the evidence of a text is in the same unit.
    """
    blocks = model.features.blocks
    fragments = fragments or all(block.block.terms.analyzer != "word" for block in blocks)
    terms: list[pa.Array] = []
    weights: list[np.ndarray] = []
    analyzers: list[str] = []
    for block, start in zip(blocks, model.features.starts, strict=False):
        analyzer = block.block.terms.analyzer
        if fragments or analyzer == "word":
            size = len(block.idf)
            worth = model.weights[start : start + size].astype(np.float64) * block.block.scale
            terms.append(block.vocabulary.terms())
            weights.append(worth - worth.mean(axis=1, keepdims=True))
            analyzers += [analyzer] * size
    spelled, centred = pa.chunked_array(terms), np.concatenate(weights)
    listed = {}
    for code, label in enumerate(model.labels):
        best = np.argsort(-centred[:, code], kind="stable")[:k]
        listed[label] = tuple(
            Phrase(spelled[int(term)].as_py(), analyzers[term], float(centred[term, code]))
            for term in best
            if centred[term, code] > 0
        )
    return listed


def _strings(texts: Texts) -> pa.Array:
    return texts_of(texts if isinstance(texts, (pa.Array, pa.ChunkedArray)) else list(texts))


def _sides(
    scores: np.ndarray, labels: tuple[str, ...], label: Asked, against: Asked
) -> tuple[np.ndarray, np.ndarray | None]:
    """Settle which label is explained, and against which: codes (n,)."""
    rows = np.arange(len(scores))
    chosen = scores.argmax(axis=1) if label is None else _codes(label, labels, len(scores))
    if against is None:
        return chosen, None
    others = scores.copy()
    others[rows, chosen] = -np.inf
    runner_up = others.argmax(axis=1)
    if isinstance(against, str) and against == RUNNER_UP:
        return chosen, runner_up
    other = _codes(against, labels, len(scores))
    return chosen, np.where(other == chosen, runner_up, other)


def _codes(names: str | Sequence[str], labels: tuple[str, ...], n: int) -> np.ndarray:
    asked = [names] if isinstance(names, str) else list(names)
    if unknown := [name for name in asked if name not in labels]:
        raise UsageError(f"the label {unknown[0]!r}", expected=f"one of the model's: {', '.join(labels)}")
    codes = np.array([labels.index(name) for name in asked], np.int64)
    if isinstance(names, str):
        return np.repeat(codes, n)
    if len(asked) != n:
        raise UsageError(f"{len(asked):,} labels for {n:,} texts", expected="one label, or one for each text")
    return codes


def _evidence(
    classifier: Classifier, texts: pa.Array, chosen: np.ndarray, other: np.ndarray | None
) -> tuple[pa.ListArray, np.ndarray]:
    """Weigh the words of texts: the evidence column, and the sum of each text's weights (n,)."""
    columns: list[pa.Array] = [pa.array([], _EVIDENCE)]
    sums: list[np.ndarray] = [np.zeros(0)]
    # Of a model that masks names the masked text is explained, and its words are shown where they came from.
    masked, names = classifier.model.features.masked, gazetteer()
    read = [names.mask(text) if masked else Rewritten(text, ()) for text in texts.to_pylist()]
    for begin, passage in _passages([text.text for text in read]):
        rows = slice(begin, begin + len(passage.texts))
        weights = _weigh(classifier, passage, chosen[rows], None if other is None else other[rows])
        columns.append(_column(passage, weights, read[rows]))
        sums.append(np.bincount(passage.row, weights, minlength=len(passage.texts)))
    return pa.concat_arrays(columns), np.concatenate(sums)


@dataclass(frozen=True)
class _Passage:
    """Some texts laid end to end, their characters numbered through, and cut into words and into chunks.

    *Words* are what evidence is given for. Word ``i`` of text ``row[i]`` has the characters ``starts[i]`` up to
    ``ends[i]``; every character that is no white space is in one.

    *Chunks* are what stands between white space, as the terms are made from: ``distinct`` are the different ones,
    ``chunks`` the number of each in reading order, ``chunk_row`` and ``chunk_starts`` its text and first character.
    """

    texts: list[str]
    bases: np.ndarray
    row: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    distinct: list[str]
    chunks: np.ndarray
    chunk_row: np.ndarray
    chunk_starts: np.ndarray


def _passages(texts: list[str]) -> Iterator[tuple[int, _Passage]]:
    """Take as many texts together as are worth it; yield the number of the first with them."""
    begin = size = 0
    for place, text in enumerate(texts):
        if place > begin and (place - begin == _TEXTS or size + len(text) > _CHARACTERS):
            yield begin, _cut(texts[begin:place])
            begin, size = place, 0
        size += len(text)
    if begin < len(texts):
        yield begin, _cut(texts[begin:])


def _cut(texts: list[str]) -> _Passage:
    bases = _offsets(list(map(len, texts)))[:-1]
    # A text of nothing but white space is one word: where white space is a term, its weight must lie somewhere.
    spans = [[found.span() for found in _WORD.finditer(text)] or [(0, len(text))] * bool(text) for text in texts]
    row = np.repeat(np.arange(len(texts)), list(map(len, spans)))
    words = np.array(list(chain.from_iterable(spans)), np.int64).reshape(-1, 2) + bases[row, None]
    found = [list(_CHUNK.finditer(text)) for text in texts]
    chunk_row = np.repeat(np.arange(len(texts)), list(map(len, found)))
    chunk_starts = np.array([chunk.start() for chunk in chain.from_iterable(found)], np.int64) + bases[chunk_row]
    numbers: dict[str, int] = {}
    chunks = [numbers.setdefault(chunk[0], len(numbers)) for chunk in chain.from_iterable(found)]
    return _Passage(
        texts, bases, row, words[:, 0], words[:, 1], list(numbers), np.array(chunks, np.int64), chunk_row, chunk_starts
    )


def _column(passage: _Passage, weights: np.ndarray, read: list[Rewritten]) -> pa.ListArray:
    """Write the words that have a weight as lists of structs, one a text, with their places in the original."""
    kept = np.flatnonzero(weights)
    row = passage.row[kept]
    starts, ends = passage.starts[kept] - passage.bases[row], passage.ends[kept] - passage.bases[row]
    within = zip(row.tolist(), starts.tolist(), ends.tolist(), strict=True)
    places = [(text, *read[text].origin(start, end)) for text, start, end in within]
    fields = [
        pa.array([start for _, start, _ in places], pa.int32()),
        pa.array([end for _, _, end in places], pa.int32()),
        pa.array([read[text].original[start:end] for text, start, end in places], pa.string()),
        pa.array(weights[kept]),
    ]
    offsets = _offsets(np.bincount(row, minlength=len(passage.texts)))
    words = pa.StructArray.from_arrays(fields, fields=list(_EVIDENCE.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), words)


def _weigh(classifier: Classifier, passage: _Passage, chosen: np.ndarray, other: np.ndarray | None) -> np.ndarray:
    """Give each word of a passage its part of the margin of ``chosen`` over ``other``: float64 (words,)."""
    model, k = classifier.model, len(classifier.labels)
    total = np.zeros(len(passage.row))
    for reader, start in zip(_readers(classifier), model.features.starts, strict=False):
        block, units = reader.block, reader.read(passage)
        column, first, size = _find(block.vocabulary, units.sequences)
        term, inverse, count = np.unique(
            units.row[first] * len(block.idf) + column, return_inverse=True, return_counts=True
        )
        row, column = np.divmod(term, len(block.idf))
        worth = model.weights[start + column, chosen[row]].astype(np.float64)
        if other is None:
            for code in range(k):  # one label after the other: of many labels all at once would fill the memory
                worth -= model.weights[start + column, code] / np.float64(k)
        else:
            worth -= model.weights[start + column, other[row]]
        frequency = 1 + np.log(count) if block.block.sublinear else count
        worth *= frequency * _factors(block, row, column, frequency, len(passage.texts))[row]
        total += _fold(units, first, size, (worth / count)[inverse], passage)
    return total


def _factors(block: FittedBlock, row: np.ndarray, column: np.ndarray, frequency: np.ndarray, n: int) -> np.ndarray:
    """Give what a block's sum is multiplied by in each text: its scale over the length of the text's vector, (n,)."""
    factor = np.full(n, block.block.scale)
    if block.block.normalise:
        length = np.sqrt(np.bincount(row, np.square(frequency * block.idf[column].astype(np.float64)), minlength=n))
        np.divide(factor, length, out=factor, where=length > 0)
    return factor


@dataclass(frozen=True)
class _Units:
    """The units of a passage in one block: sequences that no n-gram leaves, and where each unit is written.

    Unit ``i`` is in text ``row[i]`` and has the ``sizes[i]`` (at least one) characters from ``starts[i]``.
    """

    sequences: Sequences
    row: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray


def _fold(units: _Units, first: np.ndarray, size: np.ndarray, weight: np.ndarray, passage: _Passage) -> np.ndarray:
    """Divide the weights of n-grams (their first unit, their number of units) among words: float64 (words,)."""
    share, of_units = weight / size, np.zeros(len(units.row))
    for place in range(int(size.max(initial=0))):
        reached = size > place
        of_units += np.bincount(first[reached] + place, share[reached], minlength=len(units.row))
    characters = np.arange(units.sizes.sum()) + np.repeat(units.starts - _offsets(units.sizes)[:-1], units.sizes)
    word = np.searchsorted(passage.ends, characters, side="right")
    return np.bincount(word, np.repeat(of_units / units.sizes, units.sizes), minlength=len(passage.row))


def _find(vocabulary: Vocabulary, sequences: Sequences) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find, as `Vocabulary.find` does, every n-gram that is a term, and where: its column, first unit and size."""
    shortest, longest = vocabulary.ngrams
    codes, lengths = sequences.codes, np.diff(sequences.offsets)
    begins, ends = np.repeat(sequences.offsets[:-1], lengths), np.repeat(sequences.offsets[1:], lengths)
    first = np.flatnonzero(codes >= 0)
    node = codes[first]
    found = []
    for size in range(1, longest + 1):
        if size > 1:
            inside = first + size <= ends[first]
            first, node = first[inside], node[inside]
            unit, keys = codes[first + size - 1], vocabulary.keys[size - 2]
            key = np.where(unit >= 0, node * len(vocabulary.units) + unit, -1)
            node = np.searchsorted(keys, key)
            known = node < len(keys)
            known[known] = keys[node[known]] == key[known]
            first, node = first[known], node[known]
        column = vocabulary.columns[size - 1][node]
        counts = column >= 0
        if size < shortest:  # only a sequence as a whole may be a term
            counts &= (begins[first] == first) & (ends[first] == first + size)
        found.append((column[counts], first[counts], np.full(int(counts.sum()), size)))
    columns, firsts, sizes = map(np.concatenate, zip(*found, strict=True))
    return columns.astype(np.int64), firsts, sizes


class _Reader:
    """Reads the units of a block from texts, and where they are written."""

    def __init__(self, block: FittedBlock) -> None:
        self.block, self._terms = block, block.block.terms
        names = block.vocabulary.units.to_pylist()
        self._codes = {name: code for code, name in enumerate(names)} if self._terms.analyzer == "word" else {}
        self._points = np.array([] if self._terms.analyzer == "word" else list(map(ord, names)), np.uint32)

    def read(self, passage: _Passage) -> _Units:
        if self._terms.analyzer == "char":
            return self._read_texts(passage)
        sequences, starts, sizes = (
            self._tokens(passage.distinct) if self._terms.analyzer == "word" else self._characters(passage.distinct)
        )
        place = gather(Sequences(np.arange(len(sequences.codes)), sequences.offsets), passage.chunks)
        lengths, codes = np.diff(place.offsets), sequences.codes[place.codes]
        offsets = place.offsets
        if self._terms.analyzer == "word":  # n-grams cross from word to word, but not from text to text
            offsets = offsets[np.searchsorted(passage.chunk_row, np.arange(len(passage.texts) + 1))]
        return _Units(
            Sequences(codes, offsets),
            np.repeat(passage.chunk_row, lengths),
            np.repeat(passage.chunk_starts, lengths) + starts[place.codes],
            sizes[place.codes],
        )

    def _tokens(self, chunks: list[str]) -> tuple[Sequences, np.ndarray, np.ndarray]:
        pattern = pattern_of(self._terms.tokens)
        codes: list[int] = []
        starts: list[int] = []
        sizes: list[int] = []
        lengths: list[int] = []
        for chunk in chunks:
            folded, before = self._terms.fold(chunk), len(codes)
            origins = _origins(self._terms, chunk, folded)
            for found in pattern.finditer(folded):
                start = min(found.start(), len(origins) - 1)  # a token may be empty, even behind the last character
                codes.append(self._codes.get(found[0], -1))
                starts.append(origins[start])
                sizes.append(origins[max(found.end() - 1, start)] - origins[start] + 1)
            lengths.append(len(codes) - before)
        return (
            Sequences(np.array(codes, np.int64), _offsets(lengths)),
            np.array(starts, np.int64),
            np.array(sizes, np.int64),
        )

    def _characters(self, chunks: list[str]) -> tuple[Sequences, np.ndarray, np.ndarray]:
        starts: list[int] = []
        for chunk in chunks:
            starts += (0, *_origins(self._terms, chunk, self._terms.fold(chunk)), len(chunk) - 1)
        return (
            self._terms.known_units(list(map(self._terms.fold, chunks)), {}, self._points),
            np.array(starts, np.int64),
            np.ones(len(starts), np.int64),
        )

    def _read_texts(self, passage: _Passage) -> _Units:
        sequences = self._terms.known_units(list(map(self._terms.fold, passage.texts)), {}, self._points)
        starts = []
        for text in passage.texts:
            folded = self._terms.fold(text)
            origins = np.array(_origins(self._terms, text, folded), np.int64)
            kept = np.ones(len(origins), bool)
            for run in _RUN_OF_SPACE.finditer(folded):
                kept[run.start() + 1 : run.end()] = False
            starts.append(origins[kept])
        row = np.repeat(np.arange(len(passage.texts)), np.diff(sequences.offsets))
        # White space counts to the word behind it; at the end of the text, to the last word.
        last = passage.ends[np.searchsorted(passage.row, row, side="right") - 1] - 1
        place = np.minimum(np.concatenate(starts) + passage.bases[row], last)
        return _Units(sequences, row, place, np.ones(len(row), np.int64))


def _origins(terms: Terms, text: str, folded: str) -> Sequence[int]:
    """Tell from which character of the text each one of its folded spelling comes: folding may lengthen a text."""
    if len(folded) == len(text):
        return range(len(text))
    return [place for place, character in enumerate(text) for _ in terms.fold(character)]


_READERS: WeakKeyDictionary[Classifier, tuple[_Reader, ...]] = WeakKeyDictionary()


def _readers(classifier: Classifier) -> tuple[_Reader, ...]:
    """Make the readers of a classifier's blocks once: looking up thousands of units in a dict pays only then."""
    if classifier not in _READERS:
        _READERS[classifier] = tuple(map(_Reader, classifier.model.features.blocks))
    return _READERS[classifier]


def _offsets(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
