"""Sentences as the grammar reads them: words with their classes, and every quotation counted as one word.

Sentence ends come from `sentencex`. It is given the text with the quotations blacked out: to the sentence around it a
quotation is one thing, and the library's time is not linear in the number of quotation marks.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate

import sentencex

from communique.extraction.article import Paragraph, Span
from communique.extraction.lexicon import Lexicon
from communique.extraction.quotes import Quote

DET, POSS, PRON, SUBJECT, REL, AUX, BE, NEG, PREP, CONJ, SUB, ADV, TIME, OPENER, COMPL, INF = (
    1 << i for i in range(16)
)
VERB, NOUN, SOURCE, VIEW, OWNER, CAP, WORD = (1 << i for i in range(16, 23))
COMMA, COLON, DASH, STOP, PAREN, UNPAREN, QUOTE = (1 << i for i in range(23, 30))
MODAL, OBJECT, PREDICATE, NUMBER, RELATION = (1 << i for i in range(30, 35))
"""Classes of words, as bits: a word may be of several. Those of the third line are marks; the last are the least asked
for, since Python takes twice as long over integers of more than 30 bits."""

BREAK = COMMA | COLON | DASH | STOP | PAREN | UNPAREN | QUOTE

_CLASSES = {
    "determiners": DET, "possessives": POSS, "pronouns": PRON, "subjects": SUBJECT, "relatives": REL,
    "auxiliaries": AUX, "be": BE, "modals": MODAL, "negations": NEG, "prepositions": PREP,
    "conjunctions": CONJ, "subordinators": SUB, "adverbs": ADV, "times": TIME, "clause_openers": OPENER,
    "complementizers": COMPL, "infinitives": INF, "objects": OBJECT, "predicates": PREDICATE, "views": VIEW,
    "relations": RELATION,
}  # fmt: skip

_MARKS = {",": COMMA, "，": COMMA, "、": COMMA, "،": COMMA, ":": COLON, "：": COLON, "(": PAREN, ")": UNPAREN}
_MARKS |= dict.fromkeys("—–―-‒―", DASH) | {"--": DASH, "---": DASH} | dict.fromkeys(";؛；!?。！？؟…", STOP)

_QUOTED = re.compile(r"[“”„‟«»‹›‘’‚「」『』〝〞＂\"'`]")
_CAPITAL = "[A-ZÀ-ÖØ-ÞА-ЯЁІЇЄҐ]"
_TOKEN = re.compile(
    r"([A-Za-z]++(?=[ ,\n])"
    r"|(?=[^\s\x00_])(?:[^\W_]++(?:[-’'.&/_@][^\W_]++|(?<=[0-9]),[0-9]++|[\u0300-\u036f\u064b-\u065f\u0670]++[^\W_]*+)*+"
    rf"(?:[’']|(?<![^\W_]{_CAPITAL})(?<={_CAPITAL})\.(?=\s{_CAPITAL}))?"  # an apostrophe, or an initial's full stop
    r"|\x01\x00*+|-{2,3}|[^\s\w\x00]))"
)
"""Plain words are told at once, and what begins no word is told by its first character: both are for speed only."""

_LONG = re.compile(r"[^\W\d_]{4,}")
LONGEST = 250
"""A sentence of more words is none, and is cut: the grammar may look at a whole sentence for each of its words."""

_MOST_WORDS = 1 << 16  # a bound on memory: more distinct words are looked up again
_ENDS = ".!?…。！？؟"


@dataclass
class Sentences:
    """The words of an article's paragraphs, in columns, and where its sentences begin and end.

    Parameters
    ----------
    text
        What the offsets count in.
    starts, ends
        Offsets of each word.
    forms
        Each word in lower case; "" for a quotation.
    kinds
        Classes of each word, as bits.
    bounds
        Numbers of the first word of each sentence and of the word after its last.
    paragraphs
        For each sentence, the number of its paragraph.
    quotes
        Number of a word that is a quotation -> the number of the quotation.
    wanted
        Numbers of the words of the classes that were asked for.
    """

    text: str
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    bounds: list[Span] = field(default_factory=list)
    paragraphs: list[int] = field(default_factory=list)
    quotes: dict[int, int] = field(default_factory=dict)
    wanted: list[int] = field(default_factory=list)


def read_sentences(
    text: str, paragraphs: Sequence[Paragraph], quotes: Sequence[Quote], lexicon: Lexicon, wanted: int = -1
) -> Sentences:
    """Return the sentences of the paragraphs, in order. No sentence crosses a paragraph or ends within a quotation.

    A paragraph that has no word of the classes `wanted` is left in one piece, whatever its sentences.
    """
    read = Sentences(text)
    starts, ends, forms, kinds = read.starts, read.ends, read.forms, read.kinds
    number_of = {quote.start: number for number, quote in enumerate(quotes)}
    classes = _classes(lexicon)
    first = 0
    for number, paragraph in enumerate(paragraphs):
        last = first
        while last < len(quotes) and quotes[last].start < paragraph.end:
            last += 1
        inside, first = quotes[first:last], last
        begin = len(starts)
        words, prose = _black_out(text, paragraph, inside)
        parts = _TOKEN.split(words)  # what stands between words, and words, in turns
        offsets = list(accumulate(map(len, parts), initial=paragraph.start))
        starts += offsets[1:-1:2]
        ends += offsets[2::2]
        forms += map(str.lower, parts[1::2])
        kinds += map(classes.__getitem__, parts[1::2])
        for quote in inside:
            at = bisect_left(starts, quote.start, begin)
            read.quotes[at], forms[at] = number_of[quote.start], ""
            if at > begin and kinds[at - 1] & WORD and not kinds[at - 1] & VERB and _is_title(text, quote):
                kinds[at] = WORD | CAP
            elif _is_term(text, quote, kinds, at, begin):
                forms[at], kinds[at] = text[slice(*quote.inner)].lower(), WORD
            else:
                kinds[at] = QUOTE
        met = [at for at, kind in enumerate(kinds[begin:], begin) if kind & wanted]
        read.wanted += met
        for end in _sentence_ends(prose, lexicon) if met else (len(prose),):
            until = bisect_left(starts, paragraph.start + end, begin)
            while begin < until:
                stop = min(until, begin + LONGEST)
                read.bounds.append((begin, stop))
                read.paragraphs.append(number)
                begin = stop
    return read


def _is_title(text: str, quote: Quote) -> bool:
    """Tell whether a quotation after a word of its clause is the title of a work: "the show “Ships at Night”"."""
    if quote.inner[1] - quote.inner[0] > 80:
        return False
    long = _LONG.findall(text, *quote.inner)
    return len(long) > 1 and all(word[0].isupper() for word in long)


def _is_term(text: str, quote: Quote, kinds: Sequence[int], at: int, begin: int) -> bool:
    """Tell whether a quotation is one noun of a phrase that a preposition carries on: "the “experts” on television"."""
    if at + 1 >= len(kinds) or not kinds[at + 1] & PREP or not (at == begin or kinds[at - 1] & DET):
        return False
    return text[slice(*quote.inner)].isalpha()


def _black_out(text: str, paragraph: Paragraph, quotes: Sequence[Quote]) -> tuple[str, str]:
    """Return the paragraph with each quotation as one word, for the grammar, and as a plain one, for the splitter."""
    if not quotes:
        rest = text[paragraph.start : paragraph.end]
        return rest, _QUOTED.sub("x", rest)
    words: list[str] = []
    prose: list[str] = []
    at = paragraph.start
    for quote in quotes:
        before, length = text[at : quote.start], quote.end - quote.start
        ended = text[quote.inner[1] - 1] in _ENDS
        words += before, "\x01", "\x00" * (length - 1)
        prose += before, "Q" + "q" * (length - 2), "." if ended else "q"
        at = quote.end
    rest = text[at : paragraph.end]
    return "".join((*words, rest)), _QUOTED.sub("x", "".join((*prose, rest)))


def _sentence_ends(prose: str, lexicon: Lexicon) -> list[int]:
    """Return where sentences end, as offsets into the paragraph.

    The splitter takes some words for abbreviations that are none in small letters: "he told me. “...”".
    """
    ends = list(_boundaries(prose, lexicon))
    stops = [stop.end() for stop in _stop(lexicon).finditer(prose)]
    return sorted({*ends, *stops}) if stops else ends


@cache
def _stop(lexicon: Lexicon) -> re.Pattern[str]:
    """Return what finds a full stop after one of the pronouns that are objects."""
    objects = sorted(lexicon.words.get("objects", ()))
    before = "|".join(rf"(?<=(?<!\S){re.escape(word)}\.)" for word in objects) or "(?!)"
    return re.compile(rf"\.(?:{before})\s+(?={_CAPITAL})")


def _boundaries(prose: str, lexicon: Lexicon) -> Iterator[int]:
    """Yield where the splitter ends sentences, but for abbreviations and what goes on in small letters."""
    abbreviations = lexicon.words.get("abbreviations", frozenset())
    for boundary in sentencex.get_sentence_boundaries(lexicon.language, prose):
        end: int = boundary["end_index"]
        if end < len(prose):
            words = prose[max(0, end - 12) : end].split()
            if words and words[-1].lower().rstrip(".").lstrip("(") in abbreviations:
                continue
            if prose[end].islower():
                continue  # "“Is it so?” she asked."
        yield end


def bits_of(lexicon: Lexicon, classes: Mapping[str, int]) -> dict[str, int]:
    """Return the classes of a language's closed-class words, as bits; ``classes`` gives each list of them its bit."""
    bits: dict[str, int] = {}
    for name, bit in classes.items():
        for word in lexicon.words.get(name, ()):
            bits[word] = bits.get(word, 0) | bit
    return bits


def look_of(word: str, lower: str, lexicon: Lexicon) -> int:
    """Return what a word's own letters tell of it: a name, a number or an adverb, as a bit."""
    if word[0].isupper():
        return CAP
    if word[0].isdigit():
        return NUMBER
    adverb = lower.endswith(lexicon.adverb_endings) and lower not in lexicon.words.get("not_adverbs", ())
    return ADV if adverb else 0


class _Classes(dict[str, int]):
    """The classes of the words met so far in a language, as they are written."""

    def __init__(self, lexicon: Lexicon) -> None:
        super().__init__()
        self.lexicon = lexicon
        self.bits = bits_of(lexicon, _CLASSES)

    def __missing__(self, word: str) -> int:
        if len(self) > _MOST_WORDS:
            self.clear()
        kind = self[word] = _classify(word, self.lexicon, self.bits)
        return kind


@cache
def _classes(lexicon: Lexicon) -> _Classes:
    return _Classes(lexicon)


def _classify(word: str, lexicon: Lexicon, bits: dict[str, int]) -> int:
    """Return the classes of a word as it is written, as bits."""
    if not word[0].isalnum():
        return _MARKS.get(word, 0)
    lower = word.lower()
    stem, mark, clitic = lower.replace("’", "'").partition("'")
    kind = WORD | bits.get(lower, 0)
    if mark:
        pronoun = bits.get(stem, 0) & PRON
        if stem.endswith("n") and clitic == "t":
            kind |= AUX | NEG
        elif clitic in ("s", "") and not pronoun:
            kind |= OWNER
        elif pronoun or clitic in ("re", "ve", "ll", "d", "m"):
            kind |= bits.get(stem, 0) | AUX
    kind |= look_of(word, lower, lexicon)
    if lower in lexicon.verbs:
        kind |= VERB
    if lower in lexicon.nouns:
        kind |= NOUN
    if lower in lexicon.sources:
        kind |= SOURCE
    return kind
