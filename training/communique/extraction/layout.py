"""How an article is laid out for those who look for a speaker: its paragraphs, its sentences, and what is quoted.

What somebody says is not told by the article: no sentence of it counts, and nobody named in it is taken up outside.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from communique.extraction.article import Span
from communique.extraction.titles import Titles


class Layout:
    """Numbers of the paragraph and of the sentence at a place; both begin with 0.

    Parameters
    ----------
    paragraphs
        Where the paragraphs of the body begin.
    quoted
        Direct speech, in any order.
    """

    def __init__(self, text: str, paragraphs: Sequence[int], quoted: Iterable[Span], titles: Titles) -> None:
        self.text, self.paragraphs = text, paragraphs
        self._quoted = merge(quoted)
        self._quotes = [start for start, _ in self._quoted]
        self.sentences = [end.end() for end in titles.end.finditer(text) if not self.is_quoted(end.start())]

    def is_quoted(self, place: int) -> bool:
        """Tell whether a place lies in direct speech."""
        at = bisect_right(self._quotes, place) - 1
        return at >= 0 and place < self._quoted[at][1]

    def sentence(self, place: int) -> int:
        """Give the number of the sentence."""
        return bisect_right(self.sentences, place)

    def paragraph(self, place: int) -> int:
        """Give the number of the paragraph; -1 before the first."""
        return bisect_right(self.paragraphs, place) - 1

    def start_of(self, sentence: int) -> int:
        """Give where the sentence of a number begins."""
        return self.sentences[sentence - 1] if sentence > 0 else 0

    def start_of_paragraph(self, place: int, back: int = 0) -> int:
        """Give where the paragraph of a place begins, or one before it."""
        at = self.paragraph(place) - back
        return self.paragraphs[at] if at >= 0 else 0


def merge(spans: Iterable[Span]) -> list[Span]:
    """Sort spans and merge those that overlap."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
