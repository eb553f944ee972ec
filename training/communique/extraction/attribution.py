"""Who said what, in a whole article: its sentences' attributions, and the quotations that stand beside them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from communique.extraction.article import Article, Paragraph, Span
from communique.extraction.grammar import TELLING, Draft, Reader
from communique.extraction.lexicon import PAST, Lexicon
from communique.extraction.quotes import Quote, find_quotes
from communique.extraction.sentences import MODAL, OWNER, QUOTE, SUBJECT, WORD, Sentences, read_sentences

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
}
BLOCK = 1 << 17
"""Characters that are read at once."""

_ALONE = 0.5
"""Confidence of a quotation that stands alone: its speaker is the last one who spoke."""

_OWNED = re.compile(r"['’]s?$")


def attribute(article: Article, lexicon: Lexicon) -> tuple[Attribution, ...]:
    """Return the attributions in the body of an article, in the order of the text.

    A text that is longer than `BLOCK` is read in pieces, so that memory does not grow with it.
    """
    return tuple(
        one for block in _blocks(article.text, article.body) for one in _attribute(article.text, block, lexicon)
    )


def _blocks(text: str, body: Sequence[Paragraph]) -> Iterator[list[Paragraph]]:
    """Yield the paragraphs in groups of at most `BLOCK` characters; one that is longer is cut at a blank."""
    block: list[Paragraph] = []
    for paragraph in body:
        start = paragraph.start
        if block and paragraph.end - block[0].start > BLOCK:
            yield block
            block = []
        while paragraph.end - start > BLOCK:
            end = max(text.rfind(" ", start + 1, start + BLOCK), start) + 1
            end = end if end > start + 1 else start + BLOCK
            yield [Paragraph(start, end)]
            start = end
        block.append(paragraph if start == paragraph.start else Paragraph(start, paragraph.end))
    if block:
        yield block


def _attribute(text: str, body: Sequence[Paragraph], lexicon: Lexicon) -> list[Attribution]:
    """Return the attributions in some paragraphs, in the order of the text."""
    quotes = tuple(_shorten(text, quote, lexicon) for quote in find_quotes(text, body))
    words = read_sentences(text, body, quotes, lexicon, TELLING)
    read: list[list[Draft]] = []
    opening, paragraph, begin = 0, -1, 0
    for (first, last), number in zip(words.bounds, words.paragraphs, strict=True):
        opening = opening if number == paragraph else first
        paragraph = number
        end = bisect_left(words.wanted, last, begin)
        telling, begin = words.wanted[begin:end], end
        read.append(Reader(words, lexicon, opening, first, last, telling).read() if telling else [])
    found = (_write(words, quotes, draft) for draft in _gather(words, quotes, read))
    return sorted((one for one in found if one is not None), key=lambda one: one.spans[0])


def _shorten(text: str, quote: Quote, lexicon: Lexicon) -> Quote:
    """Return a quotation without closing mark, up to the words that tell who said it: "“We go, said she."."""
    if quote.closed or quote.continued:
        return quote
    told = _saying(lexicon).search(text, *quote.inner)
    if told is None:
        return quote
    end = told.start() + 1
    return replace(quote, end=end, inner=(quote.inner[0], end))


@cache
def _saying(lexicon: Lexicon) -> re.Pattern[str]:
    """Return what finds a pause, then a name or pronoun and a verb of saying, in either order."""
    forms = [
        form
        for form, verbs in lexicon.verbs.items()
        if any(verb.frame == "say" and verb.forms & PAST and not verb.particles for verb in verbs)
    ]
    said = "|".join(map(re.escape, sorted(forms)))
    return re.compile(rf"[,.!?…]\s+(?:(?:{said})\s|(?:[^\W\d_][\w’'.-]*\s+){{1,4}}(?:{said})\b)")


def _gather(words: Sentences, quotes: Sequence[Quote], read: Sequence[list[Draft]]) -> list[Draft]:
    """Give the quotations that stand alone to the attribution beside them, else to the last speaker.

    A quotation alone in its sentence goes on with the attribution before it in its paragraph, or leads up to the one
    after it. One that a paragraph does not close goes on in the next.
    """
    drafts: list[Draft] = []
    waiting: list[Span] = []  # quotations alone that nobody has yet
    speaker: Draft | None = None  # the last attribution
    near: Draft | None = None  # the last attribution, if nothing stands between
    taken = {at for found in read for draft in found for at, _ in draft.contents}
    free = sorted(at for at in words.quotes if words.kinds[at] & QUOTE and at not in taken)
    continued, paragraph = False, -1
    for (first, last), number, found in zip(words.bounds, words.paragraphs, read, strict=True):
        if number != paragraph and not continued:
            if waiting:
                drafts.append(speaker := Draft(waiting, None, speaker.source if speaker else None, ""))
            waiting = []
            near = speaker if speaker and not speaker.contents else None  # "She went on:", and nothing yet
        paragraph = number
        alone = free[bisect_left(free, first) : bisect_left(free, last)] if free else ()
        quoted = [(at, at + 1) for at in alone]
        if not found and near and near.source and _goes_on_freely(words, first, last):
            found = [Draft([(first, _trim(words, first, last))], None, (first, first + 1), "")]
        if not found and quoted and _stands_alone(words, first, last):
            (near.contents if near else waiting).extend(quoted)
        elif found:
            for draft in found:
                if waiting and any(words.kinds[at] & QUOTE and end == at + 1 for at, end in draft.contents):
                    draft.contents[:0] = waiting
                    waiting = []
            drafts += found
            speaker = near = found[-1]
        elif quoted or not words.kinds[first] & QUOTE:
            near = None
        continued = bool(words.kinds[last - 1] & QUOTE) and quotes[words.quotes[last - 1]].continued
    if waiting:
        drafts.append(Draft(waiting, None, speaker.source if speaker else None, ""))
    return drafts


def _stands_alone(words: Sentences, first: int, last: int) -> bool:
    """Tell whether there is nothing but quotations and marks between two words."""
    return not any(words.kinds[at] & WORD for at in range(first, last))


def _goes_on_freely(words: Sentences, first: int, last: int) -> bool:
    """Tell whether a sentence reports without a word of report, after one that has it: "He would go “at any hour”"."""
    kinds = words.kinds
    if not kinds[first] & SUBJECT or words.forms[first] not in ("he", "she") or last - first < 4:
        return False
    return any(kind & MODAL for kind in kinds[first + 1 : first + 4]) and any(
        kind & QUOTE for kind in kinds[first:last]
    )


def _trim(words: Sentences, first: int, last: int) -> int:
    """Return the end of a sentence without the marks that close it."""
    while last > first + 1 and not words.kinds[last - 1] & (WORD | QUOTE):
        last -= 1
    return last


def _write(words: Sentences, quotes: Sequence[Quote], draft: Draft) -> Attribution | None:
    """Return the attribution in offsets of characters; None if it has no content after all."""
    spans: list[Span] = []
    whole, holds = 0, False
    for first, last in draft.contents:
        if last == first + 1 and words.kinds[first] & QUOTE:
            spans.append(quotes[words.quotes[first]].inner)
            whole += 1
        elif last > first:
            spans.append((words.starts[first], words.ends[last - 1]))
            holds = holds or not words.quotes.keys().isdisjoint(range(first, last))
    if not spans:
        return None
    kind: Kind = "direct" if whole == len(spans) else "partial" if whole or holds else "indirect"
    source = _offsets(words, draft.source)
    if source is not None and draft.source is not None and words.kinds[draft.source[1] - 1] & OWNER:
        source = source[0], source[0] + len(_OWNED.sub("", words.text[slice(*source)]))
    confidence = _CONFIDENCE.get(draft.frame, _ALONE)
    return Attribution(tuple(spans), kind, _offsets(words, draft.cue), source, confidence)


def _offsets(words: Sentences, span: Span | None) -> Span | None:
    return (words.starts[span[0]], words.ends[span[1] - 1]) if span else None
