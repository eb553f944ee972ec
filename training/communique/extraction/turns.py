"""Transcripts in blocks: whose turn it is stands before what is said, "Q:", "MS. LEE:", "The PRESIDENT.", "— Smith:".

One line with a colon makes no transcript, nor do five in an article: "Correction: ...", "Sunmar: 12 ships". It takes
labels that come again, or look like those of persons and offices, or somebody who asks. In an interview the questions
are enough: what stands between them is said by whom they are put to.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Literal, NamedTuple

from communique.extraction.article import Article, Paragraph, Span
from communique.extraction.attribution import Attribution
from communique.extraction.interviews import asks, find_interviewee
from communique.extraction.pages import Words, words

CONFIDENCE = 0.95

_LOOKED_AT = 120  # characters
_COLON = re.compile(r"\s?[:：]")
_MARKUP = "*_ \t\xa0—–-•>"
_BRACKETS = re.compile(r"\s*[(（\[][^)）\]]{0,60}[)）\]]")
_POINTED = re.compile(  # The PRESIDENT. Mr. SMITH of Korsume. The SPEAKER pro tempore. Q. A.
    r"(?:(?:(?:The|Mr|Mrs|Ms|Miss|Dr|Sir|Madam)\b\.?\s){1,2}[^\W\d_a-zà-ÿ][^\W\d_a-zà-ÿ'’-]+"
    r"(?:\s[^\W\d_a-zà-ÿ][^\W\d_a-zà-ÿ'’-]+){0,3}(?: of [^\W\d_]+(?: [^\W\d_]+)?| pro tempore)?|Q|A)\.(?=\s)"
    r"|Q(?=\s{2,}\S|\s[^\W\d_a-zà-ÿ])"
)
_SENTENCE = re.compile(r"[^\W\d_]{5,}[.!?…]|[!?\"“”„«»;]")
_WORD = re.compile(r"[^\W_]+")
_STAGE = re.compile(r"[(\[（][^()\[\]（）]*[)\]）][.]?$")
_RECORDED = re.compile(
    r"(?:(?:A|An|The) )?((?:[\w-]+ ){1,6}?)(?:(?:was|were)(?: then)? \w+(?:ed|en|ld|ut|un)|rose|resumed)\b"
)
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
    addressed: bool  # and like one of a person or an office: "MR. LEE", "The President", "Smith (Korsume)"
    alone: bool  # it may be one though it comes but once
    asks: bool


class _Turn(NamedTuple):
    label: _Label
    spans: tuple[Span, ...]


class Transcript(NamedTuple):
    """What is said turn by turn, and the paragraphs before and between that tell of it."""

    turns: tuple[Attribution, ...] = ()
    told: tuple[Paragraph, ...] = ()


def find_turns(article: Article) -> Transcript:
    """Return what each speaker of a transcript says, turn by turn; nothing if the text is no transcript.

    The spans of a turn are its paragraphs, without the label; ``cue`` and ``source`` are the label without its colon.
    Where the label names nobody ("A:"), or there is none, ``source`` is where the interviewee is named above the first
    question, None if nobody is. Questions of the press are left out, and so are paragraphs in brackets: "(Laughter.)".
    Time is linear in the text.
    """
    turns, told = _cut_turns(article, _find_labels(article))
    if not _is_transcript(turns):
        return _read_interview(article)
    asking = _find_asking(article, turns)
    answers = words(article.language).answers
    unnamed = any(turn.label.name in answers for turn in turns)
    named = find_interviewee(article) if unnamed else None
    said = tuple(
        Attribution(
            turn.spans,
            "turn",
            turn.label.span,
            named if turn.label.name in answers else turn.label.span,
            CONFIDENCE,
        )
        for turn in turns
        if turn.spans and not turn.label.asks and turn.label.name not in asking
    )
    return Transcript(said, told)


def _read_interview(article: Article) -> Transcript:
    """Return what stands between the questions of an interview whose answers have no labels, or not all of them."""
    known = words(article.language)
    first = next((paragraph for paragraph in article.paragraphs if paragraph.kind == "question"), None)
    if first is None or ((label := _read_label(article.text, first, known)) and label.asks):
        return Transcript()
    named = find_interviewee(article)
    names = set(_WORD.findall(article.text[slice(*named)])) if named else set()
    turns: list[tuple[Span | None, list[Span]]] = []
    cue: Span | None = None
    spans: list[Span] = []
    told: list[Paragraph] = []
    asked = False
    for paragraph in article.paragraphs:
        if paragraph.kind == "question":
            turns.append((cue, spans))
            cue, spans, asked = None, [], True
        elif not asked:
            told.append(paragraph)
        elif paragraph.kind == "body" and not _is_stage_direction(article.text, paragraph):
            label = _read_label(article.text, paragraph, known)
            opening = article.text[paragraph.start : min(paragraph.end, paragraph.start + _LOOKED_AT)]
            if not spans and label is not None and (not named or names & set(_WORD.findall(opening[:60]))):
                cue = label.span
                if label.said < paragraph.end:
                    spans.append((label.said, paragraph.end))
            elif not spans or names.isdisjoint(_WORD.findall(opening)[:3]):  # not "Velden pauses, then adds ..."
                spans.append((paragraph.start, paragraph.end))
            else:
                told.append(paragraph)
    turns.append((cue, spans))
    said = (Attribution(tuple(spans), "turn", cue, cue or named, CONFIDENCE) for cue, spans in turns if spans)
    return Transcript(tuple(said), tuple(told))


def _find_labels(article: Article) -> dict[int, _Label]:
    """Return the labels by the beginnings of their paragraphs.

    Between labels that look like nothing else, "On the cable: we ..." is one only if it comes again, but "The
    President:" is. "A. Kolmari" is a name where nobody asks.
    """
    known = words(article.language)
    labels: dict[int, _Label] = {}
    for paragraph in article.paragraphs:
        # "Spokesperson: Liv Adrell" in the head says who is there; "MS. LEE: No" further down is a turn
        if paragraph.kind in ("body", "question") or (paragraph.kind == "heading" and labels):
            label = _read_label(article.text, paragraph, known)
            if label is not None:
                labels[paragraph.start] = label
    counts = Counter(label.name for label in labels.values())
    if not any(label.asks for label in labels.values()):
        labels = {start: label for start, label in labels.items() if label.name not in known.answers}
    certain = any(label.strong and not label.asks for label in labels.values())
    return {
        start: label
        for start, label in labels.items()
        if label.strong or counts[label.name] > 1 or (label.addressed if certain else label.alone)
    }


def _cut_turns(article: Article, labels: dict[int, _Label]) -> tuple[list[_Turn], tuple[Paragraph, ...]]:
    """Return the turns, and the paragraphs that are none: those before the first, and what is recorded between."""
    known = words(article.language)
    turns: list[tuple[_Label, list[Span]]] = []
    told: list[Paragraph] = []
    spoken = False
    for paragraph in article.paragraphs:
        label = labels.get(paragraph.start)
        if label is not None:
            spoken = True
            turns.append((label, [(label.said, paragraph.end)] if label.said < paragraph.end else []))
        elif spoken and paragraph.kind == "body" and not _is_stage_direction(article.text, paragraph):
            if turns[-1][1] and _is_recorded(article.text[paragraph.start : paragraph.end], known):
                spoken = False
                told.append(paragraph)
            else:
                turns[-1][1].append((paragraph.start, paragraph.end))
        elif not spoken:
            told.append(paragraph)
    return [_Turn(label, tuple(spans)) for label, spans in turns], tuple(told)


def _read_label(text: str, paragraph: Paragraph, known: Words) -> _Label | None:
    start = paragraph.start
    head = text[start : min(paragraph.end, start + _LOOKED_AT)]
    inner = head.lstrip(_MARKUP)
    start += len(head) - len(inner)
    if pointed := _POINTED.match(inner):
        name = pointed[0].rstrip(".")
        return _label(text, paragraph, start, len(name), pointed.end(), "addressed", alone=True, asks=name == "Q")
    if ":" not in inner and "：" not in inner:
        return None
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
    strength = "addressed" if asks else _weigh(name, found, label, known)
    named = _is_name(name, found, known)
    titled = found[0].lower() in known.articles and len(found) <= _TITLED
    if not (strength or named or titled):
        return None
    alone = titled or (named and found[0].lower() not in known.joining)
    return _label(text, paragraph, start, len(label), colon.end(), strength, alone=alone, asks=asks, titled=titled)


def _label(
    text: str,
    paragraph: Paragraph,
    start: int,
    length: int,
    end: int,
    strength: str,
    *,
    alone: bool,
    asks: bool,
    titled: bool = False,
) -> _Label:
    said = start + end
    rest = text[said : said + _LOOKED_AT]
    said = min(paragraph.end, said + len(rest) - len(rest.lstrip("*_ \t\r\n\xa0\u3000")))
    label = " ".join(_BRACKETS.sub("", text[start : start + length]).split())
    addressed = strength == "addressed" or (titled and label.partition(" ")[2][:1].isupper())
    name = label.lower()
    return _Label((start, start + length), said, name, bool(strength), addressed, alone, asks)


def _weigh(name: str, found: list[str], label: str, known: Words) -> Literal["addressed", "strong", ""]:
    """Tell whether a label looks like one of a person or an office, or like a label at least, by its capitals."""
    if not name[0].isupper():
        return ""
    first = found[0].lower()
    called = first in known.honorifics or (first in known.articles and name.isupper())
    if called and len(found) > 1 and found[1][0].isupper():
        return "addressed"
    if name.isupper() and (len(name) > 2 or len(name) == 1):
        return "strong"
    return "addressed" if label.endswith((")", "）")) and _is_name(name, found, known) else ""


def _is_name(name: str, found: list[str], known: Words) -> bool:
    if known.language in ("zh", "ar"):
        return len(name) <= 25 and len(found) <= 5
    return found[0][0].isupper() and all(word[0].isupper() or word.lower() in known.joining for word in found)


def _is_transcript(turns: list[_Turn]) -> bool:
    labels = [turn.label for turn in turns if turn.spans]
    counts = Counter(label.name for label in labels)
    if len(counts) < 2:
        return False
    if any(label.asks for label in labels) and any(not label.asks for label in labels):
        return True
    again = sum(count > 1 for count in counts.values())
    if again >= 2 or (again and len({label.name for label in labels if label.strong}) >= 2):
        return True
    addressed = {label.name: label.strong for label in labels if label.addressed}
    return len(addressed) >= 2 and any(addressed.values())


def _find_asking(article: Article, turns: list[_Turn]) -> frozenset[str]:
    """Return the labels of those who only ask, as the paper does in an interview."""
    asked: defaultdict[str, list[bool]] = defaultdict(list)
    for turn in turns:
        if turn.spans:
            end = turn.spans[-1][1]
            asked[turn.label.name].append(asks(article.text[max(0, end - 8) : end]))
    found = {name for name, each in asked.items() if len(each) > 1 and sum(each) >= _LEAST_ASKING * len(each)}
    return frozenset() if len(found) == len(asked) else frozenset(found)


def _is_recorded(paragraph: str, known: Words) -> bool:
    """Tell whether a paragraph tells of the proceedings instead of being said: "A vote was taken by show of hands."."""
    found = _RECORDED.match(paragraph[:_LOOKED_AT]) if known.recorded else None
    return bool(
        found
        and not known.recorded.isdisjoint(found[1].lower().split())
        and len(paragraph) <= 2 * _LOOKED_AT
        and not _SENTENCE.search(paragraph.rstrip()[:-1])
    )


def _is_stage_direction(text: str, paragraph: Paragraph) -> bool:
    return text[paragraph.start] in "([（" and bool(_STAGE.match(text, paragraph.start, paragraph.end))
