"""Words as each language has them, and their classes.

Arabic writes "and" and "so" in one word with the next, French elides and turns round ("qu'il", "a-t-il"), Chinese has
no blanks at all: such runs are cut at the words that the language's file knows.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from communique.extraction.lexicon import Lexicon
from communique.extraction.sentences import (
    ADV,
    AUX,
    BE,
    COMPL,
    CONJ,
    DET,
    INF,
    NEG,
    POSS,
    PREP,
    QUOTE,
    REL,
    SUB,
    SUBJECT,
    TIME,
    VERB,
    WORD,
    Sentences,
    bits_of,
    look_of,
)  # fmt: skip

_TURNED = re.compile(r"(.+?)-(?:t-)?(ils?|elles?|on|je|nous|vous)", re.IGNORECASE)
_LONG = 40  # characters from which on a run of letters is not kept in memory
_STOPS = frozenset(".!?…。！？؟")


def cut_words(words: Sentences, lexicon: Lexicon) -> Sentences:
    """Return the same sentences with the words cut as the language has them: clitics, elisions, runs without blanks."""
    cut = Sentences(words.text)
    at = [0]
    starts, ends, forms, kinds, text = cut.starts, cut.ends, cut.forms, cut.kinds, words.text
    for number, (start, end, form, kind) in enumerate(
        zip(words.starts, words.ends, words.forms, words.kinds, strict=True)
    ):
        if number in words.quotes or not kind & WORD:
            if number in words.quotes:
                cut.quotes[len(forms)] = words.quotes[number]
                kind = QUOTE
            starts.append(start)
            ends.append(end)
            forms.append(form)
            kinds.append(kind)
        else:
            read = _read if end - start < _LONG else _read.__wrapped__
            for piece, length, known in read(text[start:end], lexicon):
                starts.append(start)
                start += length
                ends.append(start)
                forms.append(piece)
                kinds.append(known)
        at.append(len(cut.forms))
    short = lexicon.words.get("abbreviations", ())
    for (first, last), paragraph in zip(words.bounds, words.paragraphs, strict=True):
        begin = at[first]
        for until in range(begin + 1, at[last]):
            if (
                cut.kinds[until] & QUOTE
                and cut.forms[until - 1] in _STOPS
                and until - begin > 1
                and cut.forms[until - 2] not in short
            ):
                cut.bounds.append((begin, until))
                cut.paragraphs.append(paragraph)
                begin = until
        cut.bounds.append((begin, at[last]))
        cut.paragraphs.append(paragraph)
    return cut


@lru_cache(maxsize=1 << 16)
def _read(word: str, lexicon: Lexicon) -> tuple[tuple[str, int, int], ...]:
    """Return the pieces of a word: the form, the length and the classes of each."""
    pieces = cut_word(word, lexicon)
    return tuple((piece.lower().replace("’", "'"), length, classify(piece, lexicon)) for piece, length in pieces)


_CLASSES = {
    "determiners": DET, "possessives": POSS, "subjects": SUBJECT, "relatives": REL, "auxiliaries": AUX, "be": BE,
    "negations": NEG, "prepositions": PREP, "conjunctions": CONJ, "subordinators": SUB, "adverbs": ADV, "times": TIME,
    "complementizers": COMPL, "infinitives": INF,
}  # fmt: skip


@cache
def _bits(lexicon: Lexicon) -> dict[str, int]:
    """Return the classes of a language's words, as bits."""
    bits = bits_of(lexicon, _CLASSES)
    for word in lexicon.verbs:
        bits[word] = bits.get(word, 0) | VERB
    return bits


def classify(word: str, lexicon: Lexicon) -> int:
    """Return the classes of a word as it is written, as bits."""
    lower = word.lower().replace("’", "'")
    return WORD | _bits(lexicon).get(lower, 0) | look_of(word, lower, lexicon)


def cut_word(word: str, lexicon: Lexicon) -> list[tuple[str, int]]:
    """Cut a word as the language has it: each piece in the form that its file knows, and its length in the text."""
    if not word.isalpha():
        plain = "".join(sign for sign in word if not unicodedata.combining(sign) or sign in "\u0306\u0308")
        if plain != word and plain:  # without vowel signs, the last piece takes the rest
            pieces = cut_word(plain, lexicon)
            return [*pieces[:-1], (pieces[-1][0], len(word) - sum(length for _, length in pieces[:-1]))]
    elisions, clitics = lexicon.words.get("elisions"), lexicon.words.get("proclitics")
    if elisions:
        pieces = []
        apostrophe = max(word.find("'"), word.find("’"))
        if 0 < apostrophe < len(word) - 1 and word[:apostrophe].lower() in elisions:
            pieces.append((word[:apostrophe] + "'", apostrophe + 1))
            word = word[apostrophe + 1 :]
        if turned := _TURNED.fullmatch(word):
            verb, pronoun = turned.groups()
            return [*pieces, (verb, len(verb)), (pronoun, len(word) - len(verb))]
        return [*pieces, (word, len(word))]
    if clitics:
        bare = word.replace("ـ", "") or word
        known = _known(lexicon)
        if bare not in known and bare[:1] in clitics and bare[1:] in known and word[1:2] != "ـ":
            return [(word[0], 1), (bare[1:], len(word) - 1)]
        return [(bare, len(word))]
    if lexicon.language == "zh":
        return [(match.group(), len(match.group())) for match in _vocabulary(lexicon).finditer(word)]
    return [(word, len(word))]


@cache
def _known(lexicon: Lexicon) -> frozenset[str]:
    """Return the words that a longer run of letters may be cut at."""
    phrases = {phrase[0] for name in ("source", "accord") for phrase in read_phrases(lexicon, name)}
    return frozenset().union(lexicon.verbs, *lexicon.words.values(), phrases)


@cache
def _vocabulary(lexicon: Lexicon) -> re.Pattern[str]:
    """Return what cuts a run without blanks: numbers, known words, the longest first, and what stands between them."""
    words = _known(lexicon) | {word for phrase in read_phrases(lexicon, "as") for word in phrase}
    listed = sorted(words, key=lambda word: (-len(word), word))
    known = "|".join(map(re.escape, listed))
    signs = re.escape("".join(sorted({word[0] for word in listed})))
    return re.compile(rf"[0-9]+|(?=[{signs}])(?:{known})|(?:[^{signs}0-9]|(?![0-9]|{known}).)+", re.DOTALL)


def read_phrases(lexicon: Lexicon, name: str) -> list[tuple[str, ...]]:
    """Return the phrases of the language that stand under a name, as words, the longest first."""
    listed = lexicon.table("phrases").get(name, ())
    return sorted((tuple(phrase.split()) for phrase in listed), key=len, reverse=True)


def is_participle(form: str, lexicon: Lexicon) -> bool:
    """Tell whether a form of a verb reports only with an auxiliary before it: "a déclaré"."""
    return any(form.endswith(ending) for ending in lexicon.words.get("participle_endings", ()))
