"""Speech that is broken off for its attribution without leaving the quotation marks: «..., — said X. — ...».

Russian, Ukrainian and Spanish set the attribution off with dashes, French with commas, and all of them may do without
marks of quotation and begin the paragraph with a dash. Here the attribution is cut out, so that to the grammar it is a
broken quotation like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from communique.extraction.article import Paragraph, Span
from communique.extraction.lexicon import Lexicon
from communique.extraction.quotes import Quote
from communique.extraction.segments import classify, cut_word, is_participle
from communique.extraction.sentences import ADV, AUX, CAP, DET, NEG, POSS, PREP, SUBJECT, VERB

ASIDE = 200
"""How many characters an attribution inside a quotation may be long."""

_ASIDE = re.compile(r"(?P<stop>[,.!?…]?)(?:(?P<dash>\s{0,2}[—–](?:\s|(?=\w))|\s-\s)|(?<=,)\s)")
_DASH_END = re.compile(r"[,.;:!?]?\s*(?:[—–]|\s-\s)\s*[,.;:]?\s*")
_COMMA_END = re.compile(r"[,.]\s+|[.]?$")
_OPENING_DASH = re.compile(r"[—–―-]\s*(?=\w)")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def open_up(text: str, body: Sequence[Paragraph], quotes: Sequence[Quote], lexicon: Lexicon) -> tuple[Quote, ...]:
    """Cut the attributions out of the quotations that hold them; speech that a dash introduces is a quotation, too."""
    found: list[Quote] = []
    at = 0
    for paragraph in body:
        inside = []
        while at < len(quotes) and quotes[at].start < paragraph.end:
            inside.append(quotes[at])
            at += 1
        dash = _OPENING_DASH.match(text, paragraph.start, paragraph.end)
        if dash:
            spoken = Quote(paragraph.start, paragraph.end, (dash.end(), paragraph.end))
            parts = list(_parts(text, spoken, lexicon))
            if parts != [spoken]:
                taken = parts[-1].end
                found += parts + [quote for quote in inside if quote.start >= taken]
                continue
        for quote in inside:
            found += _parts(text, quote, lexicon)
    return tuple(found)


def _parts(text: str, quote: Quote, lexicon: Lexicon) -> Iterator[Quote]:
    """Yield what is left of a quotation around the attributions in it; the quotation itself if there are none."""
    opened = quote.start
    begin, end = quote.inner
    at = begin
    while aside := _aside(text, at, end, lexicon):
        stop, resumed = aside
        if stop > begin:
            yield Quote(opened, stop, (begin, stop))
        opened = begin = at = resumed
    if begin < end:
        yield Quote(opened, quote.end, (begin, end), quote.closed, quote.continued) if opened != quote.start else quote


def _aside(text: str, begin: int, end: int, lexicon: Lexicon) -> Span | None:
    """Return where speech breaks off before an attribution in it, and where it goes on."""
    commas = "elisions" in lexicon.words  # French sets it off with commas as well
    for opening in _ASIDE.finditer(text, begin, end):
        start, dash = opening.end(), opening["dash"] is not None
        if not (dash or commas) or not _opens_aside(text, start, min(end, start + 60), lexicon, bare=dash):
            continue
        close = (_DASH_END if dash else _COMMA_END).search(text, start, min(end, start + ASIDE))
        if close is None and end - start > ASIDE:
            continue
        stop = opening.end("stop") if opening["stop"] and opening["stop"] in "!?…" else opening.start()
        return stop, min(close.end(), end) if close else end
    return None


def _opens_aside(text: str, start: int, end: int, lexicon: Lexicon, *, bare: bool) -> bool:
    """Tell whether a verb of report begins the words from `start` on; unless `bare`, with its subject behind it."""
    tokens = [token for match in _WORD.finditer(text, start, end) for token, _ in cut_word(match.group(), lexicon)]
    pronoun = False
    for number, token in enumerate(tokens[:5]):
        kind = classify(token, lexicon)
        if kind & VERB and not (is_participle(token.lower(), lexicon) and not number):
            after = classify(tokens[number + 1], lexicon) if number + 1 < len(tokens) else 0
            return bare or pronoun or bool(after & (DET | SUBJECT | POSS | CAP))
        if bare and not kind & (NEG | PREP) and number < 2:
            continue
        if not kind & (AUX | SUBJECT | ADV):
            return False
        pronoun = pronoun or bool(kind & SUBJECT and number)
    return False
