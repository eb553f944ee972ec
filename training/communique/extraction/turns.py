"""Transcripts in blocks: whose turn it is stands before what is said, "Q:", "MS. LEE:", "The PRESIDENT.", "— Smith:".

One line with a colon makes no transcript, nor do five in an article: "Correction: ...", "Sunmar: 12 ships". It takes
labels that come again, or look like nothing but labels, or somebody who asks.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import NamedTuple

from communique.extraction.article import Article, Paragraph, Span
from communique.extraction.attribution import Attribution
from communique.extraction.pages import Words, words

CONFIDENCE = 0.95

_LOOKED_AT = 120  # characters
_COLON = re.compile(r"\s?[:：]")
_MARKUP = "*_ \t\xa0—–-•>"
_BRACKETS = re.compile(r"\s*[(（\[][^)）\]]{0,60}[)）\]]")
_POINTED = re.compile(  # The PRESIDENT. Mr. SMITH of Korsume. The SPEAKER pro tempore. Q. A.
    r"(?:(?:(?:The|Mr|Mrs|Ms|Miss|Dr|Sir|Madam)\b\.?\s){1,2}[^\W\d_a-zà-ÿ][^\W\d_a-zà-ÿ'’-]+"
    r"(?:\s[^\W\d_a-zà-ÿ][^\W\d_a-zà-ÿ'’-]+){0,3}(?: of [^\W\d_]+(?: [^\W\d_]+)?| pro tempore)?|Q|A)\.(?=\s)"
    r"|Q(?=\s+[^\W\d_a-zà-ÿ])"
)
_SENTENCE = re.compile(r"[^\W\d_]{5,}[.!?…]|[!?\"“”„«»;]")
_WORD = re.compile(r"[^\W_]+")
_STAGE = re.compile(r"[(\[（][^()\[\]（）]*[)\]）][.]?$")
_ASKING = frozenset("?؟？")
_MOST_WORDS = 8
_TITLED = 4
"""Words. So many an office has at most, with its article: "the deputy foreign minister"."""
_LEAST_ASKING = 0.8
"""The share of somebody's turns that end in a question mark from which on they are taken for the one who asks."""


class _Label(NamedTuple):
    """A label at the head of a paragraph."""

    span: Span
    said: int  # where the words begin that it stands before
    name: str  # in small letters, without what stands in brackets
    strong: bool  # it looks like nothing but a label
    alone: bool  # it may be one though it comes but once
    asks: bool


class _Turn(NamedTuple):
    label: _Label
    spans: tuple[Span, ...]


def find_turns(article: Article) -> tuple[Attribution, ...]:
    """Return what each speaker of a transcript says, turn by turn; nothing if the text is no transcript.

    The spans of a turn are its paragraphs, without the label; ``cue`` and ``source`` are the label without its colon.
    Questions of the press are left out, and so are paragraphs in brackets: "(Laughter.)". Time is linear in the text.
    """
    turns = _cut_turns(article, _find_labels(article))
    if not _is_transcript(article, turns):
        return ()
    asking = _find_asking(article, turns)
    return tuple(
        Attribution(turn.spans, "turn", turn.label.span, turn.label.span, CONFIDENCE)
        for turn in turns
        if turn.spans and not turn.label.asks and turn.label.name not in asking
    )


def _find_labels(article: Article) -> dict[int, _Label]:
    """Return the labels by the beginnings of their paragraphs.

    Between labels that look like nothing else, "On the cable: we ..." is one only if it comes again, but "The
    President:" is. "A. Kolmari" is a name where nobody asks.
    """
    known = words(article.language)
    labels: dict[int, _Label] = {}
    for paragraph in article.paragraphs:
        # "Spokesperson: Liv Adrell" in the head says who is there; "MS. LEE: No" further down is a turn
        if paragraph.kind == "body" or (paragraph.kind == "heading" and labels):
            label = _read_label(article.text, paragraph, known)
            if label is not None:
                labels[paragraph.start] = label
    counts = Counter(label.name for label in labels.values())
    if not any(label.asks for label in labels.values()):
        labels = {start: label for start, label in labels.items() if label.name != "a"}
    certain = any(label.strong and not label.asks for label in labels.values())
    return {
        start: label
        for start, label in labels.items()
        if label.strong or counts[label.name] > 1 or (_is_addressed(article, label, known) if certain else label.alone)
    }


def _cut_turns(article: Article, labels: dict[int, _Label]) -> list[_Turn]:
    turns: list[tuple[_Label, list[Span]]] = []
    for paragraph in article.paragraphs:
        label = labels.get(paragraph.start)
        if label is not None:
            turns.append((label, [(label.said, paragraph.end)] if label.said < paragraph.end else []))
        elif turns and paragraph.kind == "body" and not _is_stage_direction(article.text, paragraph):
            turns[-1][1].append((paragraph.start, paragraph.end))
    return [_Turn(label, tuple(spans)) for label, spans in turns]


def _read_label(text: str, paragraph: Paragraph, known: Words) -> _Label | None:
    start = paragraph.start
    head = text[start : min(paragraph.end, start + _LOOKED_AT)]
    inner = head.lstrip(_MARKUP)
    start += len(head) - len(inner)
    if pointed := _POINTED.match(inner):
        name = pointed[0].rstrip(".")
        return _label(text, paragraph, start, len(name), pointed.end(), strong=True, alone=True, asks=name == "Q")
    colon = _COLON.search(_BRACKETS.sub(lambda bracket: "." * len(bracket[0]), inner))
    if colon is None:
        return None
    after = inner[colon.end() : colon.end() + 1]
    if after and colon[0][-1] == ":" and after not in " \t\r\n\xa0*_" and known.language not in ("zh", "ar"):
        return None
    label = inner[: colon.start()].rstrip("*_ ")
    name = _BRACKETS.sub("", label).strip()
    found = _WORD.findall(name)
    if not found or len(found) > _MOST_WORDS or _SENTENCE.search(name) or any(map(str.isdecimal, name)):
        return None
    asks = name.lower() in known.questions
    strong = asks or _is_strong(name, found, label, known)
    named = _is_name(name, found, known)
    titled = found[0].lower() in known.articles and len(found) <= _TITLED
    if not (strong or named or titled):
        return None
    alone = titled or (named and found[0].lower() not in known.joining)
    return _label(text, paragraph, start, len(label), colon.end(), strong=strong, alone=alone, asks=asks)


def _label(
    text: str, paragraph: Paragraph, start: int, length: int, end: int, *, strong: bool, alone: bool, asks: bool
) -> _Label:
    said = start + end
    rest = text[said : said + _LOOKED_AT]
    said = min(paragraph.end, said + len(rest) - len(rest.lstrip("*_ \t\r\n\xa0\u3000")))
    name = " ".join(_BRACKETS.sub("", text[start : start + length]).lower().split())
    return _Label((start, start + length), said, name, strong, alone, asks)


def _is_addressed(article: Article, label: _Label, known: Words) -> bool:
    """Tell whether a label is an office with its article in capitals: "The President"."""
    first, _, office = article.text[slice(*label.span)].partition(" ")
    return first.lower() in known.articles and office[:1].isupper()


def _is_strong(name: str, found: list[str], label: str, known: Words) -> bool:
    if not name[0].isupper():
        return False
    if name.isupper() and (len(name) > 2 or len(name) == 1):
        return True
    if found[0].lower() in known.honorifics and len(found) > 1 and found[1][0].isupper():
        return True
    return label.endswith((")", "）")) and _is_name(name, found, known)


def _is_name(name: str, found: list[str], known: Words) -> bool:
    if known.language in ("zh", "ar"):
        return len(name) <= 25 and len(found) <= 5
    return found[0][0].isupper() and all(word[0].isupper() or word.lower() in known.joining for word in found)


def _is_transcript(article: Article, turns: list[_Turn]) -> bool:
    labels = [turn.label for turn in turns if turn.spans]
    counts = Counter(label.name for label in labels)
    if len(counts) < 2:
        return False
    if any(label.asks for label in labels) and any(not label.asks for label in labels):
        return True
    strong = len({label.name for label in labels if label.strong})
    again = sum(count > 1 for count in counts.values())
    if strong >= 2 and len(labels) >= 3:
        return True
    if again >= 2:
        return True
    body = article.body
    within = sum(paragraph.start >= turns[0].label.span[0] for paragraph in body)
    return strong >= 2 and within * 2 >= len(body)


def _find_asking(article: Article, turns: list[_Turn]) -> frozenset[str]:
    """Return the labels of those who only ask, as the paper does in an interview."""
    asked: defaultdict[str, list[bool]] = defaultdict(list)
    for turn in turns:
        if turn.spans:
            end = turn.spans[-1][1]
            asked[turn.label.name].append(article.text[end - 3 : end].rstrip("\"”’')*_ »")[-1:] in _ASKING)
    found = {name for name, each in asked.items() if len(each) > 1 and sum(each) >= _LEAST_ASKING * len(each)}
    return frozenset() if len(found) == len(asked) else frozenset(found)


def _is_stage_direction(text: str, paragraph: Paragraph) -> bool:
    return text[paragraph.start] in "([（" and bool(_STAGE.match(text, paragraph.start, paragraph.end))
