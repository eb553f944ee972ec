"""Noun phrases around a word of report, found without a tagger: by closed classes, capitals and the order of words.

All of it counts in words of a `Sentences`, half-open. Nothing looks further than `REACH` words.
"""

from __future__ import annotations

from communique.extraction.article import Span
from communique.extraction.sentences import (
    ADV,
    AUX,
    BREAK,
    CAP,
    COMMA,
    COMPL,
    CONJ,
    DASH,
    DET,
    INF,
    NEG,
    NOUN,
    NUMBER,
    OBJECT,
    OPENER,
    OWNER,
    PAREN,
    POSS,
    PREDICATE,
    PREP,
    PRON,
    QUOTE,
    REL,
    RELATION,
    SUB,
    SUBJECT,
    TIME,
    UNPAREN,
    VERB,
    WORD,
    Sentences,
)  # fmt: skip

REACH = 40
"""How many words a noun phrase may be long, with what stands between its commas."""

_NOT_IN_NOUN = PREDICATE | SUBJECT | AUX | NEG | REL | SUB | OPENER
"""Words that no noun phrase runs over, unless they are prepositions too ("after", "since")."""

_NOT_IN_NAME = _NOT_IN_NOUN | BREAK | ADV | TIME | PREP | CONJ


def phrase_before(words: Sentences, last: int, first: int) -> Span | None:
    """Return the noun phrase whose last word is `last`, looking back to the word `first`.

    A relative pronoun stands for the phrase before it, and a comma closes an apposition: "the minister, Ada Orr,".
    """
    kinds = words.kinds
    first = max(first, last - REACH)
    if last < first:
        return None
    kind = kinds[last]
    if kind & REL:
        before = last - 1 - (last > first and kinds[last - 1] & COMMA > 0)
        found = phrase_before(words, before, first)
        return _person(words, found) if found and words.forms[last] == "who" else found
    if kind & (COMMA | DASH | UNPAREN):
        opening = PAREN if kind & UNPAREN else COMMA | DASH
        at = last - 1
        while at > first and not kinds[at] & opening:
            at -= 1
        head = phrase_before(words, at - 1, first) if at > first and kinds[at] & opening else None
        if head is not None and not kinds[at - 1] & BREAK:
            return head[0], last + (kind & UNPAREN > 0)
        return phrase_before(words, last - 1, first) if kind & COMMA and not kinds[last - 1] & COMMA else None
    if kind & (BREAK | CONJ):
        return None
    if kind & SUBJECT:
        return last, last + 1
    if kind & TIME:  # "the minister on Friday", "Orr last week"
        end = last
        while end > first and kinds[end] & (TIME | ADV | DET | PREP) and not kinds[end] & PRON:
            end -= 1
        if kinds[end] & WORD and not kinds[end] & (TIME | ADV | DET | PREP | CONJ | SUB | AUX):
            return phrase_before(words, end, first)
        if kinds[end] & (BREAK | CONJ):  # "he paused, then said"
            return None
    start = last
    while start > first and _continues(words, start, first):
        start -= 1
        if kinds[start] & UNPAREN:
            while start > first and not kinds[start] & PAREN:
                start -= 1
    while start < last and kinds[start] & (PREP | CONJ | ADV | TIME | SUB) and not kinds[start] & (DET | CAP):
        start += 1
    return _first_of_list(words, start, last, first) if kind & CAP else start, last + 1


def _first_of_list(words: Sentences, start: int, last: int, first: int) -> int:
    """Return where a list of names begins that ends with those from `start` on: "Orr, Vance and Poe".

    What stands before a comma is in the list only if it is a name and nothing more: not "In Sunmar, Vance and Poe".
    """
    kinds, begin, joint = words.kinds, start, start - 1
    if joint - 1 > first and kinds[joint] & CONJ:  # "Orr, Vance, and Poe"
        joint -= 1
    elif joint <= first or not kinds[joint] & COMMA or not any(kinds[at] & CONJ for at in range(start, last)):
        return start
    while joint > first and kinds[joint] & COMMA:
        at = joint
        while at > first and kinds[at - 1] & CAP and not kinds[at - 1] & _NOT_IN_NAME:
            at -= 1
        if at == joint:
            break
        at -= at > first and kinds[at - 1] & DET > 0
        if at > first and not kinds[at - 1] & (BREAK | CONJ | SUB):
            return start
        begin, joint = at, at - 1
    return begin


def _person(words: Sentences, phrase: Span) -> Span:
    """Return the person of a phrase that "who" stands for: in "the statement of the minister", it is the minister."""
    for at in range(phrase[0] + 1, phrase[1] - 1):
        if words.kinds[at] & PREP:
            return (at + 1, phrase[1]) if words.kinds[at - 1] & NOUN else phrase
    return phrase


def _continues(words: Sentences, at: int, first: int) -> bool:
    """Tell whether the noun phrase that has come to the word `at`, from the right, takes in the word before it."""
    kind, before = words.kinds[at], words.kinds[at - 1]
    further = words.kinds[at - 2] if at - 2 >= first else 0
    if before & UNPAREN:
        return True
    if before & (BREAK | SUBJECT | AUX | NEG | REL) or (before & _NOT_IN_NOUN and not before & (PREP | DET)):
        return False
    if before & CONJ:
        return bool(further & WORD and ((kind & CAP and further & CAP) or kind & POSS))
    if before & PREP:
        return bool(further & WORD and not further & (AUX | ADV | VERB | CONJ | PREP | TIME))
    if before & (ADV | TIME) and not before & CAP:
        return False
    if before & TIME and kind & (CAP | DET | POSS | SUBJECT):
        return False
    if before & VERB and not before & CAP and not further & (DET | POSS | OWNER | PREP | CAP) and at - 1 > first:
        return False
    return not kind & (DET | POSS) or bool(before & (PREP | CONJ))


def phrase_after(words: Sentences, first: int, last: int, *, hearer: bool = False) -> Span | None:
    """Return the noun phrase that begins with the word `first`, looking on to the word `last`, with its apposition.

    A `hearer` is followed by a clause: it has no apposition, and ends where another phrase can begin.
    """
    kinds, forms = words.kinds, words.forms
    last = min(last, first + REACH)
    if first >= last or kinds[first] & (BREAK | AUX | NEG | CONJ | PREP | TIME) or not kinds[first] & WORD:
        return None
    if hearer and kinds[first] & OBJECT and not (kinds[first] & POSS and first + 1 < last and kinds[first + 1] & WORD):
        return first, first + 1
    if kinds[first] & SUBJECT:
        return first, first + 1
    at = first
    while at < last:
        kind = kinds[at]
        if kind & PAREN:
            while at < last and not kinds[at] & UNPAREN:
                at += 1
        elif kind & PREP:
            tied = forms[at] in ("of", "for", "at", "from") or kinds[at - 1] & RELATION  # "a source close to Orr"
            if not tied or at + 1 >= last or kinds[at + 1] & BREAK:
                break
            if forms[at + 1].endswith("ing") and not kinds[at + 1] & CAP:  # "accused by Orr of threatening ..."
                break
        elif kind & CONJ:
            after = kinds[at + 1] if at + 1 < last else 0
            if not (after & (CAP | POSS) and kinds[at - 1] & CAP):
                break
        elif (
            kind & (BREAK | AUX | NEG | REL | INF)
            or (kind & _NOT_IN_NOUN and not kind & DET)
            or (at > first and kind & (ADV | TIME) and not kind & DET)
            or (at > first and _begins_another(kinds[at - 1], kind, words.forms[at - 1], hearer=hearer))
        ):
            break
        at += 1
    at = min(at, last)
    if at == first:
        return None
    return first, at if hearer else _apposition(words, at, last)


def _begins_another(before: int, kind: int, word: str, *, hearer: bool) -> bool:
    """Tell whether a word after another can only begin another noun phrase."""
    if before & (PREP | CONJ | OWNER | DET | POSS):
        return False
    return bool(kind & (DET | POSS | SUBJECT) or (hearer and kind & CAP and not before & CAP and word.endswith("s")))


def _apposition(words: Sentences, at: int, last: int) -> int:
    """Return where an apposition ends that begins at the comma `at`, else `at`."""
    kinds = words.kinds
    if at + 1 >= last or not kinds[at] & COMMA:
        return at
    opening = kinds[at + 1]
    if not opening & WORD or opening & (CONJ | AUX | NEG | REL | SUB | OPENER | ADV | PREP | SUBJECT | VERB | TIME):
        return at
    end = at + 1
    while end < last and not kinds[end] & (BREAK | AUX | REL):
        end += 1
    return end if end >= last or kinds[end] & (COMMA | PAREN) else at


def opening_phrase(words: Sentences, first: int, last: int) -> Span | None:
    """Return the noun phrase that a sentence has for its subject: its first, after what is set before it by a comma."""
    kinds = words.kinds
    at, last = first, min(last, first + REACH)
    while at < last and kinds[at] & (CONJ | ADV) and not kinds[at] & QUOTE:
        at += 1
    fronted = at < last and (kinds[at] & (PREP | SUB) or words.forms[at].endswith(("ing", "ed")))
    if fronted and not kinds[at] & DET:
        while at < last and not kinds[at] & COMMA:
            at += 1
        at += 1
    while at < last and kinds[at] & (ADV | COMMA | TIME):
        at += 1
    end = at
    while end < last and not kinds[end] & (BREAK | AUX | REL | VERB | NEG | INF):
        if end > at and (
            kinds[end] & PREDICATE
            or words.forms[end].endswith("ed")
            or (kinds[end - 1] & CAP and not kinds[end - 1] & DET and not kinds[end] & (CAP | PREP | CONJ))
        ):
            break
        end += 1
    return (at, end) if end > at else None


def skip_adjuncts(words: Sentences, at: int, last: int) -> int:
    """Return the first word after adverbs, times and prepositional phrases that stand at `at`."""
    kinds = words.kinds
    last = min(last, at + REACH)
    while at < last:
        kind = kinds[at]
        if kind & (ADV | TIME) and not kind & (DET | COMPL):
            at += 1
        elif kind & PREP and not kind & COMPL:
            at = _prepositional_end(words, at + 1, last)
        else:
            break
    return at


def _prepositional_end(words: Sentences, at: int, last: int) -> int:
    """Return where the noun phrase of a preposition ends: before what can only be another's."""
    kinds = words.kinds
    begin, named = at, False
    while at < last:
        kind = kinds[at]
        if (
            kind & (BREAK | AUX | NEG | PREP | SUBJECT)
            or (kind & VERB and words.forms[at].endswith("ing"))
            or (kind & (COMPL | REL | OPENER) and at > begin)
        ):
            break
        plain = kind & WORD and not kind & (DET | POSS | NUMBER | CAP)
        if at > begin and kind & (DET | POSS) and not kinds[at - 1] & (DET | CONJ):
            break
        if named and kind & CAP and not kinds[at - 1] & (CAP | CONJ | OWNER | NUMBER):
            break
        named = named or bool(plain)
        at += 1
    return at
