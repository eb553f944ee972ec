"""Who said what, in a whole article: its sentences' attributions, and the quotations that stand beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from communique.extraction.article import Article, Span
from communique.extraction.grammar import Draft, Reader
from communique.extraction.lexicon import Lexicon
from communique.extraction.quotes import Quote, find_quotes
from communique.extraction.sentences import QUOTE, STOP, Sentences, read_sentences

Kind = Literal["direct", "partial", "indirect", "turn"]


@dataclass(frozen=True)
class Attribution:
    """A content, and who it is attributed to.

    Parameters
    ----------
    spans
        The content, in order, without outer quotation marks.
    kind
        ``direct``: quoted as a whole. ``partial``: a reported clause with quoted words in it. ``indirect``: reported
        without quoted words. ``turn``: a speaker's turn in a transcript.
    cue
        The word or phrase of report; None if a quotation stands alone.
    source
        The noun phrase as it stands at the cue ("he", "the ministry"); None if there is none.
    confidence
        Between 0 and 1.
    """

    spans: tuple[Span, ...]
    kind: Kind
    cue: Span | None
    source: Span | None
    confidence: float = 1.0


_CONFIDENCE = {
    "say": 0.95,
    "that": 0.9,
    "tell": 0.95,
    "vow": 0.9,
    "hold": 0.8,
    "noun": 0.8,
    "phrase": 0.95,
    "colon": 0.6,
    "": 0.5,
}


def attribute(article: Article, lexicon: Lexicon) -> tuple[Attribution, ...]:
    """Return the attributions in the body of an article, in the order of the text."""
    quotes = find_quotes(article.text, article.body)
    words = read_sentences(article.text, article.body, quotes, lexicon)
    read, opening, paragraph = [], 0, -1
    for (first, last), number in zip(words.bounds, words.paragraphs, strict=True):
        opening = opening if number == paragraph else first
        paragraph = number
        read.append(Reader(words, lexicon, opening, first, last).read())
    found = (_write(words, quotes, draft) for draft in _gather(words, quotes, read))
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.spans[0]))


def _gather(words: Sentences, quotes: Sequence[Quote], read: Sequence[list[Draft]]) -> list[Draft]:
    """Give the quotations that stand alone to the attribution beside them, else to the last speaker."""
    drafts: list[Draft] = []
    waiting: list[Span] = []  # quotations alone in their sentence that nobody has yet
    speaker: Draft | None = None  # the last attribution
    near: Draft | None = None  # the last attribution, if it stands in this paragraph and nothing else was said since
    taken = {at for found in read for draft in found for at, _ in draft.contents if words.kinds[at] & QUOTE}
    announced: Draft | None = None  # "He went on:", and nothing yet
    linked = False
    paragraph = -1
    for (first, last), number, found in zip(words.bounds, words.paragraphs, read, strict=True):
        if number != paragraph and not linked:
            if waiting:
                drafts.append(speaker := Draft(waiting, None, speaker.source if speaker else None, ""))
                waiting = []
            near = None
        paragraph = number
        alone = [(at, at + 1) for at in range(first, last) if words.kinds[at] & QUOTE and at not in taken]
        if not found and alone and _stands_alone(words, first, last):
            near = near or announced
            if near is not None:
                near.contents += alone
            else:
                waiting += alone
            linked = quotes[words.quotes[alone[-1][0]]].continued
            continue
        for draft in found:
            if waiting and any(words.kinds[i] & QUOTE for i, j in draft.contents if j == i + 1):
                draft.contents[:0] = waiting
                waiting = []
            drafts.append(draft)
            speaker = near = draft
        announced = found[-1] if found and not found[-1].contents else None
        if not found and not (alone == [] and first in taken):
            near = None
        linked = bool(words.kinds[last - 1] & QUOTE and quotes[words.quotes[last - 1]].continued)
    if waiting:
        drafts.append(Draft(waiting, None, speaker.source if speaker else None, ""))
    return drafts


def _stands_alone(words: Sentences, first: int, last: int) -> bool:
    return all(words.kinds[at] & (QUOTE | STOP) or not words.kinds[at] for at in range(first, last))


def _write(words: Sentences, quotes: Sequence[Quote], draft: Draft) -> Attribution | None:
    """Return the attribution in offsets of characters."""
    spans: list[Span] = []
    whole = holds = 0
    for first, last in draft.contents:
        if last == first + 1 and words.kinds[first] & QUOTE:
            spans.append(quotes[words.quotes[first]].inner)
            whole += 1
        elif last > first:
            spans.append((words.starts[first], words.ends[last - 1]))
            holds += any(at in words.quotes for at in range(first, last))
    if not spans:
        return None
    kind: Kind = "direct" if whole == len(spans) else "partial" if whole or holds else "indirect"
    return Attribution(
        tuple(spans), kind, _offsets(words, draft.cue), _offsets(words, draft.source), _CONFIDENCE[draft.frame]
    )


def _offsets(words: Sentences, span: Span | None) -> Span | None:
    return (words.starts[span[0]], words.ends[span[1] - 1]) if span else None
