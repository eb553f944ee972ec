"""Clauses that a trained parser finds and the grammar does not, by way of a spaCy pipeline that the user has installed.

The grammar goes by closed classes of words and by their order. It passes over a clause that stands far from its word of
report, or depends on a noun that no list has: "their acknowledgment that ...". A parser tells which word each clause
depends on, so those that nothing has attributed yet are looked at once more. What the grammar found stays as it is.

Other uses of a pipeline were tried on articles marked by people and brought nothing: its subjects and the ends of its
clauses were more often wrong than the grammar's, its named entities changed one speaker in seventy, as often as not for
the worse.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from communique.errors import ModelError, ModelMissingError, UsageError
from communique.extraction.article import Article, Span
from communique.extraction.attribution import Attribution
from communique.extraction.lexicon import Lexicon
from communique.extraction.quotes import find_quotes

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

_CONFIDENCE = 0.7
"""The share of the clauses found so that people had marked as attributed."""

_NOT_RUN = ("ner", "tagger", "morphologizer", "attribute_ruler", "lemmatizer", "senter", "textcat", "entity_linker")
_LONGEST = 1 << 14  # characters that are parsed at once
_BATCH = 32  # paragraphs
_UNBROKEN = re.compile(r"[^\s\u3000-\U0010ffff]{500}")  # no word of any script, and spaCy takes quadratic time for it
_CLIMB = 5  # verbs that share a subject
_MARKS = " \xa0\t\r\n,;:.—–-"
_FRAMES = ("say", "that", "tell")


class Parser:
    """A pipeline (`spacy.language.Language`) of which the dependencies are used; ``language`` as in `Article`."""

    def __init__(self, pipeline: Any) -> None:
        self.language: str = pipeline.lang
        self._pipeline = pipeline

    def complete(self, article: Article, found: Sequence[Attribution], lexicon: Lexicon) -> tuple[Attribution, ...]:
        """Return what was found in an article, and the reported clauses that none of it touches, in order.

        An article in another language than the pipeline's keeps what it has.
        """
        if article.language != self.language:
            return tuple(found)
        pieces = [
            (piece, start)
            for paragraph in article.body
            for start in range(paragraph.start, paragraph.end, _LONGEST)
            if not _UNBROKEN.search(piece := article.text[start : min(start + _LONGEST, paragraph.end)])
        ]
        reader = _Reader(article, found, lexicon)
        parsed = self._pipeline.pipe(pieces, as_tuples=True, batch_size=_BATCH)
        added = [one for doc, start in parsed for one in reader.read(doc, start)]
        return tuple(sorted((*found, *added), key=lambda one: one.spans[0]))


@cache
def load_parser(name: str) -> Parser:
    """Load a pipeline by the name of its package, or from its folder; each once in a process.

    It is code, which runs as it is loaded: who names one trusts it.

    Raises
    ------
    UsageError
        If spaCy is not installed.
    ModelMissingError
        If there is no such pipeline.
    ModelError
        If it cannot be loaded, or has no parser.
    """
    try:
        import spacy
    except ImportError as problem:
        found = "is not installed" if problem.name == "spacy" else f"cannot be imported ({problem})"
        raise UsageError(f"spaCy {found}", remedy="run: pip install 'communique[spacy]'") from problem
    if not Path(name).is_dir() and not spacy.util.is_package(name):
        installed = spacy.util.get_installed_models()
        raise ModelMissingError(
            f"no spaCy pipeline {name!r}",
            expected=" or ".join([*installed, "the folder of one"]),
            remedy=f"run: python -m spacy download {name if name.isidentifier() else 'en_core_web_sm'}",
        )
    try:
        pipeline = spacy.load(name, exclude=_NOT_RUN)
    except (AttributeError, ImportError, LookupError, OSError, TypeError, ValueError) as problem:
        raise ModelError(
            f"{name} cannot be loaded as a spaCy pipeline ({' '.join(str(problem).split())[:200]})",
            expected="one that was made for the spaCy installed",
        ) from problem
    if "parser" not in pipeline.pipe_names:
        raise ModelError(f"the spaCy pipeline {name} has no parser", remedy="name one that has")
    return Parser(pipeline)


class _Reader:
    """Reads the clauses of an article that nothing has attributed."""

    def __init__(self, article: Article, found: Sequence[Attribution], lexicon: Lexicon) -> None:
        self.text, self.lexicon = article.text, lexicon
        self.quotes = find_quotes(article.text, article.body)
        self.taken = bytearray(len(article.text))
        for one in found:
            self._take(one.spans[0][0], one.spans[-1][1])

    def _take(self, start: int, end: int) -> None:
        self.taken[start:end] = b"\1" * (end - start)

    def _words(self, name: str) -> frozenset[str]:
        return self.lexicon.words.get(name, frozenset())

    def read(self, doc: Doc, offset: int) -> Iterator[Attribution]:
        """Yield the attributions in a piece of text that was parsed, and where it begins."""
        for verb in doc:
            if not self._is_reported(verb) or (source := self._source(verb.head)) is None:
                continue
            cue = _span(verb.head, verb.head, offset)
            start, end = self._clause(verb, offset)
            first, last = min(start, cue[0]), max(end, cue[1])
            at = max(bisect_right(self.quotes, first, key=lambda quote: quote.start) - 1, 0)
            near = self.quotes[at : bisect_left(self.quotes, last, key=lambda quote: quote.start)]
            for quote in near:  # a quotation is one word of the clause, whatever the parser made of it
                start = quote.start if quote.start < start < quote.end else start
                end = quote.end if quote.start < end < quote.end else end
            apart = cue[1] <= start < end or start < end <= cue[0]
            if not apart or self.taken.find(1, min(start, cue[0]), max(end, cue[1])) >= 0:
                continue
            if any(quote.start < cue[0] < quote.end for quote in near):
                continue  # hearsay in a quotation is its speaker's
            partial = any(start <= quote.start < end for quote in near)
            self._take(start, end)
            yield Attribution(
                ((start, end),),
                "partial" if partial else "indirect",
                cue,
                (source[0] + offset, source[1] + offset),
                _CONFIDENCE,
            )

    def _is_reported(self, verb: Token) -> bool:
        """Tell whether the clause of a verb is reported.

        It has a subject, and depends on a verb of report, or on a noun to which "that" ties it. As in the grammar,
        nothing is said by "if she says that ...", and "he did not say whether ...".
        """
        if verb.dep_ not in ("ccomp", "acl") or _subject(verb) is None:
            return False
        head, opening = verb.head, verb.left_edge.lower_
        tied = opening in self._words("complementizers")
        if verb.dep_ == "acl":
            return tied
        known = self.lexicon.verbs.get(head.lower_, ())
        if not any(entry.frame in _FRAMES and not entry.particles for entry in known):
            return False
        beside = list(head.children)
        if not tied and opening in self._words("clause_openers") and any(child.dep_ == "neg" for child in beside):
            return False
        return self._words("conditions").isdisjoint(child.lower_ for child in beside)

    def _source(self, head: Token) -> Span | None:
        """Return the noun phrase of who reports: whose noun it is or who utters it, or the subject of the verb.

        Nobody is the writer, "I suspect that ...", or one whom a relative pronoun does not tell.
        """
        for child in head.children:
            if child.dep_ in ("poss", "nmod:poss"):
                return _span(child.left_edge, child)
        verb = head.head if head.dep_ in ("dobj", "obj") else head  # "she made the case that ..."
        for one in islice(_joined(verb), _CLIMB):
            if (subject := _subject(one)) is not None:
                if subject.lower_ in self._words("writers"):
                    return None
                if subject.lower_ not in self._words("relatives"):
                    return _span(subject.left_edge, subject.right_edge)
                return _span(one.head.left_edge, one.head) if one.dep_ == "relcl" else None
        return None

    def _clause(self, verb: Token, offset: int) -> Span:
        """Return where the clause of a verb stands, without the word that ties it and the marks around it."""
        start, end = _span(verb.left_edge, verb.right_edge, offset)
        if verb.left_edge.lower_ in self._words("complementizers"):
            start += len(verb.left_edge)
        while start < end and self.text[start] in _MARKS:
            start += 1
        while end > start and self.text[end - 1] in _MARKS:
            end -= 1
        return start, end


def _joined(verb: Token) -> Iterator[Token]:
    """Yield a verb, and those whose subject is its own, too: "she rose and began to say"."""
    yield verb
    while verb.dep_ in ("conj", "xcomp", "advcl"):
        verb = verb.head
        yield verb


def _subject(verb: Token) -> Token | None:
    return next((child for child in verb.children if child.dep_.startswith("nsubj")), None)


def _span(first: Token, last: Token, offset: int = 0) -> Span:
    return first.idx + offset, last.idx + len(last) + offset
