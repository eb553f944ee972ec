"""From an article to its statements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from communique.extraction.article import Article, Span
from communique.extraction.attribution import Attribution, Kind, attribute
from communique.extraction.lexicon import load_lexicon
from communique.extraction.speakers import Speaker, resolve
from communique.extraction.turns import find_turns

if TYPE_CHECKING:
    from communique.extraction.clauses import Parser

_REPORT = 300  # characters that speaker and cue may take; beyond it they stand elsewhere


@dataclass(frozen=True)
class Statement:
    """What somebody said, as an article gives it.

    Parameters
    ----------
    id
        The article's name and the running number in it: "article-01".
    text
        The content without outer quotation marks, on one line; broken quotations are joined by a blank.
    start, end
        Offsets of the content into the article's text, from its first character to its last.
    spans
        Its parts.
    kind
        "direct", "partial", "indirect" or "turn".
    speaker, office, actor
        Name, office, and country or organisation, in the fullest form that the article has; "" where it has none.
    cue
        The word or phrase of report as it stands there; "" if a quotation stands alone.
    confidence
        Between 0 and 1: that it was said, and by this speaker; 0 if nobody could be found.
    date, source
        Those of the article.
    clause
        From its speaker and cue to its end, or the other way round, for what is not quoted whole: "denied that it had
        fired" is said of "it had fired". Else as ``start`` and ``end``.
    """

    id: str
    text: str
    start: int
    end: int
    spans: tuple[Span, ...]
    kind: Kind
    speaker: str = ""
    office: str = ""
    actor: str = ""
    cue: str = ""
    confidence: float = 1.0
    date: str = ""
    source: str = ""
    clause: Span = (0, 0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON has them."""
        return {**vars(self), "spans": [list(span) for span in self.spans], "clause": list(self.clause)}


def extract(article: Article, parser: Parser | None = None) -> tuple[Statement, ...]:
    """Return the statements of an article, in the order of its text.

    A transcript's are its turns, and what is reported before and between them. Where a parser is given, an article has
    those as well that the grammar missed and it finds.
    """
    lexicon = load_lexicon(article.language)
    read, find_speakers = _grammar(article.language)
    turns, told = find_turns(article)
    if turns:
        reported = read(replace(article, paragraphs=told), lexicon)
        found = tuple(sorted((*reported, *turns), key=lambda one: one.spans[0]))
    else:
        found = read(article, lexicon)
        if parser is not None:
            found = parser.complete(article, found, lexicon)
    speakers = find_speakers(article, found, lexicon)
    stem = PurePath(article.source).stem
    return tuple(
        _state(article, f"{stem}-{number:02d}" if stem else f"{number:02d}", attribution, speaker)
        for number, (attribution, speaker) in enumerate(zip(found, speakers, strict=True), 1)
    )


def _grammar(language: str) -> tuple[Callable[..., tuple[Attribution, ...]], Callable[..., tuple[Speaker, ...]]]:
    """Return what reads attributions and what finds speakers in a language.

    The other languages have a plainer grammar than English, and no capitals to go by in some. It is imported when asked
    for: most runs are English, and short.
    """
    if language == "en":
        return attribute, resolve
    from communique.extraction.reported import report
    from communique.extraction.sources import resolve_sources

    return report, resolve_sources


def _clause(text: str, attribution: Attribution) -> Span:
    """Find where a statement stands together with what reports it, if that is one run of text."""
    start, end = attribution.spans[0][0], attribution.spans[-1][1]
    if attribution.kind in ("partial", "indirect"):
        for part in filter(None, (attribution.cue, attribution.source)):
            low, high = min(start, part[0]), max(end, part[1])
            if high - low <= end - start + _REPORT and "\n\n" not in text[low:high]:
                start, end = low, high
    return start, end


def _state(article: Article, name: str, attribution: Attribution, speaker: Speaker) -> Statement:
    text = article.text
    return Statement(
        id=name,
        text=" ".join(" ".join([text[start:end] for start, end in attribution.spans]).split()),
        start=attribution.spans[0][0],
        end=attribution.spans[-1][1],
        spans=attribution.spans,
        kind=attribution.kind,
        speaker=speaker.name,
        office=speaker.office,
        actor=speaker.actor,
        cue=text[slice(*attribution.cue)] if attribution.cue else "",
        confidence=round(attribution.confidence * speaker.confidence, 3),
        date=article.date,
        source=article.source,
        clause=_clause(text, attribution),
    )
