"""Interviews: which paragraphs ask, set in bold, labelled or known by their question marks, and who is asked.

An explainer asks too: "What happened?" So those who ask have to call somebody "you", or those who answer say "I", and
not in quotations. Who answers is named above the first question, or it is left open.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from communique.extraction.article import Article, Kind, Span
from communique.extraction.pages import Words, function_words, words
from communique.extraction.signs import in_capitals

_LONGEST = 800
"""Characters. What runs on for longer asks nothing, whatever it ends with."""
_FEWEST_SET, _FEWEST_PLAIN = 2, 3
"""Questions of an interview that are set in bold or italics; that are not."""
_MOST_ANSWERS = 6
"""Paragraphs to a question, over the whole of an interview without any marks."""

_ASKING = frozenset("?؟？")
_CLOSING = "\"'”’»)]*_ "
_QUOTED = re.compile(r"[“\"„«「][^”\"»」]{0,600}[”\"»」]")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_LABEL = re.compile(r"[*_]{0,3}([^:：!?？“\"«]{1,60})(?:[*_]{0,3}：|[*_]{0,3}:(?=[\s*_]|$))")
_LETTER = re.compile(r"Q(?:\.(?=\s)|(?=\s{2,}\S)|(?=\s[^\W\d_a-zà-ÿ]))")
_BRACKETS = re.compile(r"\s*[(（\[][^)）\]]{0,60}[)）\]]")
_CAPITALISED = r"[^\W\d_a-zа-яёіїєґà-öø-ÿ][^\W\d_]+(?:[-’'][^\W\d_]{2,})*"
_NAME = re.compile(
    rf"(?<!\w){_CAPITALISED}(?:[ \xa0](?:(?:de|del|la|du|van|von|da|dos|al|bin|y)[ \xa0]){{0,2}}{_CAPITALISED}){{1,5}}"
)


class Found(NamedTuple):
    """Numbers of paragraphs: those that ask, and what stands below the last answer about the interview itself."""

    questions: frozenset[int] = frozenset()
    closing: frozenset[int] = frozenset()


def asks(line: str) -> bool:
    """Tell whether a paragraph ends in a question mark, also in one before what closes after it."""
    return line[-8:].rstrip(_CLOSING)[-1:] in _ASKING


def find_questions(lines: Sequence[str], kinds: Sequence[Kind], marked: Sequence[bool], known: Words) -> Found:
    """Find what asks in an interview or a transcript; nothing if the text is neither.

    Parameters
    ----------
    lines, kinds
        The paragraphs. Only body and headings are looked at.
    marked
        Whether the whole of each is set in bold or italics.
    """
    body = [index for index, kind in enumerate(kinds) if kind == "body" or (kind == "heading" and marked[index])]
    if labelled := _find_labelled(lines, body, known):
        return Found(labelled)
    if not any(asks(lines[index]) for index in body):
        return Found()
    return _find_marked(lines, body, marked, known) or _find_plain(lines, body, known)


def find_interviewee(article: Article) -> Span | None:
    """Return where the one who is asked is named: in the headline, else above the first question if nobody else is."""
    known = words(article.language)
    intro: dict[str, Span] = {}
    title: dict[str, Span] = {}
    for paragraph in article.paragraphs:
        if paragraph.kind == "question":
            break
        if paragraph.kind in ("title", "body", "heading"):
            line = article.text[paragraph.start : min(paragraph.end, paragraph.start + 2 * _LONGEST)]
            if paragraph.kind == "body" or not in_capitals(line, known):
                names = title if paragraph.kind == "title" else intro
                for start, end in _find_names(line, article.byline, known):
                    surname = _WORD.findall(line[start:end])[-1].lower()
                    names.setdefault(surname, (paragraph.start + start, paragraph.start + end))
    for names in (title, title | intro):
        if len(names) == 1:
            [surname] = names
            return intro.get(surname, names[surname])
    return None


def _find_labelled(lines: Sequence[str], body: Sequence[int], known: Words) -> frozenset[int]:
    """Return the paragraphs labelled as questions, if somebody with a label answers one."""
    labels = {index: _read_label(lines[index]) for index in body}
    found = frozenset(index for index, label in labels.items() if label in known.questions)
    answered = any(index in found and labels[below] and below not in found for index, below in pairwise(body))
    return found if answered else frozenset()


def _read_label(line: str) -> str:
    if _LETTER.match(line):
        return "q"
    head = line[:90]
    label = _LABEL.match(head) if ":" in head or "：" in head else None
    return _BRACKETS.sub("", label[1]).strip("*_ ").lower() if label else ""


def _find_marked(lines: Sequence[str], body: Sequence[int], marked: Sequence[bool], known: Words) -> Found | None:
    """Find questions in bold or italics; the first of them asks, and so do half of them."""
    first = next((index for index in body if marked[index] and asks(lines[index])), None)
    if first is None:
        return None
    within = [index for index in body if index >= first]
    last = max((index for index in within if not marked[index]), default=first)
    found = [index for index in within if marked[index] and index < last]
    if len(found) < _FEWEST_SET or 2 * sum(asks(lines[index]) for index in found) < len(found):
        return None
    if not _is_interview(lines, found, [index for index in within if not marked[index]], known):
        return None
    return Found(frozenset(found), frozenset(index for index in within if index > last))


def _find_plain(lines: Sequence[str], body: Sequence[int], known: Words) -> Found:
    """Find questions that nothing marks but their question marks: each is answered, and none is a quotation."""
    found = [
        index
        for index, below in pairwise(body)
        if asks(lines[index])
        and len(lines[index]) <= _LONGEST
        and not _QUOTED.search(lines[index])
        and not asks(lines[below])
    ]
    if len(found) < _FEWEST_PLAIN:
        return Found()
    questions = frozenset(found)
    answers = [index for index in body if index > found[0] and index not in questions]
    if len(answers) > _MOST_ANSWERS * len(found) or not _is_interview(lines, found, answers, known):
        return Found()
    return Found(questions)


def _is_interview(lines: Sequence[str], questions: Sequence[int], answers: Sequence[int], known: Words) -> bool:
    called = sum(_holds(lines[index], known.addressed, known) for index in questions)
    speaking = sum(_holds(_QUOTED.sub(" ", lines[index][:_LONGEST]), known.speaking, known) for index in answers)
    return called > 0 and 3 * speaking >= len(answers) > 0


def _holds(line: str, some: frozenset[str], known: Words) -> bool:
    if known.language == "zh":
        return any(word in line for word in some)
    return not some.isdisjoint(_WORD.findall(line.lower().replace("’", "'")))


def _find_names(line: str, byline: str, known: Words) -> list[Span]:
    """Return what can be the names of persons in a paragraph: two words with capitals or more, of no place or paper."""
    placed = known.placed | known.articles
    small = placed | known.joining | function_words().get(known.language, frozenset())
    found: list[Span] = []
    for run in _NAME.finditer(line):
        start, end = run.span()
        parts = list(_WORD.finditer(line, start, end))
        while parts and (parts[0][0].lower() in small or parts[0][0].isupper() or parts[0][0].endswith(("’s", "'s"))):
            del parts[0]
        if len(parts) < 2:
            continue
        start = parts[0].start()
        before = line[max(0, start - 12) : start].lower().split()[-1:]
        if parts[-1][0].isupper() or line[start:end] in byline or not placed.isdisjoint(before):
            continue
        if known.issuers.isdisjoint(part[0].lower() for part in parts):
            found.append((start, end))
    return found
