"""Is a text like those the model learnt from? Measured in words, whatever the model's own terms are.

A model gives every text a label, a recipe for soup too, and often with confidence: terms it knows stand everywhere. So
a model keeps the words of its training texts, and how many of a text's words are usually among them. A training row
knows its words by itself; what is usual is therefore measured with each row's whole *group* taken out, so that only
words that other groups use count as known.

* A **known** word stands in two training rows at least, a **common** one in one of a hundred.
* Too few common words: another language or script. The function words of a language make up a third to a half of
  any text in it, whatever the subject; texts in another language have few of them, and by chance. A text whose words
  are nearly all known is in the language of the model however dense its style: "Veldania accuses coastguards".
* Too few known words: another subject or kind of text. An unknown word with a capital letter is set aside, neither
  known nor strange: it is likely a name, and statements are full of names. Counting them as strange took 17 % of real
  official statements for unfamiliar, setting them aside 7 %, with more of the recipes and sports reports found than
  before. One or two strange words are no reason: a short text would be judged by chance.

What was measured and left out: known character n-grams (they find fewer of the texts in the same language) and the mean
rarity of the words (no better than the plain share). Among statements, few known words do not foretell mistakes: this
tells what is no statement, not which statement is hard.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from communique.model.profile import Profile
from communique.text.counts import gather, roomy
from communique.text.memory import Memory
from communique.text.tokens import fold, pattern_of, split
from communique.text.vocabulary import Sequences

STRANGE = 3
"""Words unknown and without a capital from which a text can be unfamiliar."""

_KNOWN, _COMMON = 2, 0.01  # training rows, and share of them, that a word must stand in
_UNUSUAL = 0.01  # share of training rows that would be unusual themselves
_WORDS = pattern_of("words")
_MARKS = np.array([not chr(byte).isalnum() or byte > 127 for byte in range(256)])


def profile_of(texts: pa.Array, groups: np.ndarray) -> Profile:
    """Take the profile of training texts; ``groups`` (n,) integers: rows of one group do not vouch for each other."""
    words = split(texts)
    pieces = list(map(_tokens, words.distinct))
    index: dict[str, int] = {}
    codes = [
        2 * index.setdefault(token.lower(), len(index)) + token[0].isupper() for piece in pieces for token in piece
    ]
    begins = np.cumsum([0, *map(len, pieces)])
    read = gather(Sequences(np.array(codes, np.int64), begins), words.codes)  # every token, in reading order
    token, capital = np.divmod(read.codes, 2)
    n = len(texts)
    row = np.repeat(np.arange(n), np.diff(read.offsets[words.offsets]))
    rows, elsewhere = _count_rows(row, token, groups, len(index))

    common = max(_KNOWN, _COMMON * n)
    known = elsewhere >= _KNOWN
    chosen = (np.ones(len(row), bool), known, elsewhere >= common, ~known & (capital == 1))
    usual = _Counts(*(np.bincount(row[which], minlength=n) for which in chosen)).measures()
    few, quarter, many = np.quantile(usual.words, [_UNUSUAL, 0.25, 1 - _UNUSUAL], method="lower").tolist()
    spelled = list(index)
    kept = sorted(np.flatnonzero(rows >= _KNOWN).tolist(), key=lambda code: (-rows[code], spelled[code]))
    return Profile(
        words="\n".join(spelled[code] for code in kept),
        common=int((rows >= common).sum()),
        known=float(np.quantile(usual.known, _UNUSUAL, method="lower")),
        usual=float(np.quantile(usual.common, _UNUSUAL, method="lower") / 2),
        shortest=-(-few // 2),
        longest=2 * many,
        passage=max(quarter, 1),
    )


def _count_rows(row: np.ndarray, token: np.ndarray, groups: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Count rows by token: for each of the ``width`` tokens all rows with it, for each occurrence those elsewhere.

    ``row`` and ``token`` (occurrences,) say which token stands where; elsewhere is outside the row's group.
    """
    members = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    pairs = np.unique(row * width + token)
    rows = np.bincount(pairs % width, minlength=width) if width else np.zeros(0, np.int64)
    of_group, rows_of_group = np.unique(members[pairs // width] * width + pairs % width, return_counts=True)
    return rows, rows[token] - rows_of_group[np.searchsorted(of_group, members[row] * width + token)]


def most_words(texts: pa.Array) -> np.ndarray:
    """Give bounds (n,) on the words that `Familiarity.measure` finds in texts without nulls, for a tenth of its cost.

    What is neither an ASCII letter nor a digit stands between two words that are written in them, and a word in
    another script has such bytes itself.
    """
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    if not len(ends) or data is None:
        return np.zeros(len(texts), np.int64)
    marks = np.zeros(ends[-1] - ends[0] + 1, np.int32)
    np.cumsum(_MARKS[np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]], out=marks[1:])
    return np.asarray(np.diff(marks[ends - ends[0]]) + 1)


@dataclass(frozen=True, eq=False)
class Measures:
    """What was measured of n texts, (n,) each: words, shares of known and of common ones, and strange words."""

    words: np.ndarray
    known: np.ndarray
    common: np.ndarray
    strange: np.ndarray


class Familiarity:
    """Measures texts against a profile; remembers what it has counted of a word. Safe to share by threads."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        rank = {word: rank for rank, word in enumerate(profile.words.split("\n"))}
        self._memory = Memory(lambda: _WordCounts(rank, profile.common))

    def measure(self, texts: pa.Array) -> Measures:
        """Measure a string array without nulls."""
        from scipy.sparse import csr_matrix

        words, counts = self._memory.recall(texts)
        ones = np.ones(len(words.codes))
        sums = csr_matrix((ones, words.codes, words.offsets), (len(words), len(counts))) @ counts
        return _Counts(*sums.astype(np.int64).T).measures()

    def is_foreign(self, measured: Measures) -> np.ndarray:
        """Tell which of the texts measured are in another language or script, bool (n,)."""
        return np.asarray((measured.common < self.profile.usual) & (measured.known < self.profile.known))


class _WordCounts:
    """Counts of each distinct word's own words, as `_Counts` has them: "so-called" has two."""

    def __init__(self, rank: dict[str, int], common: int) -> None:
        self._rank, self._common = rank, common
        self._counts = np.empty((1024, 4))
        self._rows = 0

    def append(self, words: list[str]) -> None:
        begin, self._rows = self._rows, self._rows + len(words)
        self._counts = roomy(self._counts, self._rows)
        self._counts[begin : self._rows] = list(map(self._count, words))

    def view(self) -> np.ndarray:
        return self._counts[: self._rows]

    def _count(self, word: str) -> tuple[int, int, int, int]:
        tokens = _tokens(word)
        ranks = [self._rank.get(token.lower(), -1) for token in tokens]
        return (
            len(tokens),
            sum(rank >= 0 for rank in ranks),
            sum(0 <= rank < self._common for rank in ranks),
            sum(rank < 0 and token[0].isupper() for rank, token in zip(ranks, tokens, strict=True)),
        )


@dataclass(frozen=True, eq=False)
class _Counts:
    """Counts of each text's words, (n,): all, known, common, and those set aside as names."""

    words: np.ndarray
    known: np.ndarray
    common: np.ndarray
    aside: np.ndarray

    def measures(self) -> Measures:
        counted = self.words - self.aside
        below = np.maximum(counted, 1)
        return Measures(self.words, self.known / below, self.common / below, counted - self.known)


def _tokens(word: str) -> list[str]:
    """Cut a word at hyphens and the like; numbers and marks are no words."""
    return [token for token in _WORDS.findall(fold(word, lowercase=False)) if any(map(str.isalpha, token))]
