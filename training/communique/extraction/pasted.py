"""A page as it was copied: headline, credits, buttons, article, comments, all in one run of text.

Where the article begins and ends is told by prose. Before its first paragraph stand the head (headline, byline, date)
and links; after its last, links, prompts and readers' comments; between them nearly everything belongs to it. In doubt
a paragraph is body: one that is lost takes its statements with it, a link that is kept does no harm.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from communique.extraction.article import Article, Kind, Paragraph, Span
from communique.extraction.datelines import find_alert, find_dateline, find_label, read_agency, read_reporter
from communique.extraction.dates import blank_dates, find_date, find_day, join_year
from communique.extraction.interviews import find_questions
from communique.extraction.language import detect
from communique.extraction.pages import Words, words
from communique.extraction.paragraphs import cut
from communique.extraction.signs import (
    Look,
    Sign,
    addresses_reader,
    drop_asides,
    in_capitals,
    is_comment,
    is_name,
    read_byline,
    read_sign,
)

_LOOKS: dict[Look, Kind] = {
    "prose": "body",
    "sentence": "body",
    "short": "heading",
    "byline": "byline",
    "date": "date",
    "issuer": "outlet",
    "caption": "caption",
    "links": "boilerplate",
    "prompt": "boilerplate",
    "section": "boilerplate",
    "comments": "boilerplate",
    "rights": "boilerplate",
    "note": "boilerplate",
}
_HEADLINE = 4
"""Words. Shorter lines are headlines only where there is no longer one."""
_INITIALS = 4
"""Characters. "Q: " and "AB: " are no place that news comes from."""
_LINKS = 3
"""Lines. So many in a row of a word or two each are a menu."""
_HEADING = 12
"""Words. Longer lines between body paragraphs are body, though they end without a full stop."""
_SIGNS_NEAR = 6
"""Paragraphs below a heading "Comments" in which two signs of comments must stand."""
_RUNNING_ON = re.compile(r"[\"“”„«‘'(\[「『…a-zа-яіїєґ]|[-*•‣–—]\s|\(?\w{1,3}[.)]\s")
_LETTER = re.compile(r"[^\W\d_]{5}|[^\W\d_A-z]")
_LABELLED = re.compile(r"[^:：]{1,60}(?:：|:(?:\s|$))")
_NUMBERED = re.compile(r"(?:\b[Nn]o\.?|№|\b[Nn]r\.?|\b[Nn]\.?[°º]|#)\s?\d[\d/.-]*$|第\d+[号號]$")
_TITLED = re.compile(r"(.{12,}?)\s+[|–—-]\s+([^|–—]{2,40})$")
_HOLDER = re.compile(
    r"(?:(?:©|\(c\)|copyright)[\s:]*)+(?:\d{4}(?:\s?[-–]\s?\d{4})?)?[\s,]*(?:by\s)?([^.,;|•·©\d][^.,;|•·©]{1,60})",
    re.I,
)
_QUOTED = re.compile(r"[\"“„«‘'][^.,!?…;:]*[^.,!?…;:\s][\"”“»’']$")


Mark = Literal["plain", "heading", "item", "strong"]
"""What a file says of a paragraph: a heading, an item of a list, all in bold or italics, or nothing."""


class Block(NamedTuple):
    """A paragraph of a file, without white space about it."""

    text: str
    mark: Mark = "plain"


@dataclass(frozen=True)
class _Page:
    """The paragraphs of a page and what each looks like."""

    text: str
    spans: Sequence[Span]
    signs: Sequence[Sign]
    marks: Sequence[Mark]
    words: Words

    def line(self, index: int) -> str:
        start, end = self.spans[index]
        return self.text[start:end]

    def is_strong(self, index: int) -> bool:
        """Tell whether all of a paragraph is set in bold or italics, in plain text with the marks of Markdown."""
        if self.marks:
            return self.marks[index] == "strong"
        start, end = self.spans[index]
        return self.text[start] in "*_" and self.text[end - 1] in "*_" and end - start > 2


def read_pasted(text: str, source: str = "") -> Article:
    """Read a plain or pasted text; offsets count in it as it is, and time is linear in it."""
    return read_spans(text, cut(text), source=source)


def read_blocks(blocks: Iterable[Block], source: str = "") -> Article:
    """Read the paragraphs of a file that says itself where they end: the text is theirs, with a blank line between."""
    spans: list[Span] = []
    marks: list[Mark] = []
    texts: list[str] = []
    offset = 0
    for block in blocks:
        marks.append(block.mark)
        spans.append((offset, offset + len(block.text)))
        texts.append(block.text)
        offset += len(block.text) + 2
    return read_spans("\n\n".join(texts), spans, marks, source)


def read_spans(text: str, spans: Sequence[Span], marks: Sequence[Mark] = (), source: str = "") -> Article:
    """Read a text whose paragraphs are known.

    Parameters
    ----------
    spans
        The paragraphs, in order, none of them empty.
    marks
        What each of them is marked as; nothing if the text has no marks.
    """
    language = detect(text)
    known = words(language)
    lines = [text[start:end] for start, end in spans]
    if marks:  # blanks within a line are no gaps between links, but where marks were
        lines = [" ".join(line.split()) for line in lines]
    looks = {line: read_sign(line, known) for line in dict.fromkeys(lines)}
    signs = [looks[line] for line in lines]
    for index, mark in enumerate(marks):
        if mark == "heading":
            signs[index] = Sign("short", signs[index].words, ends=False)
    page = _Page(text, spans, signs, marks, known)
    kinds, title = _sort(page)
    found = find_questions(lines, kinds, [page.is_strong(index) for index in range(len(lines))], known)
    for index in found.questions:
        kinds[index] = "question"
    for index in found.closing:
        kinds[index] = "boilerplate"
    paragraphs = tuple(_part(page, kinds))
    head = next((index for index, kind in enumerate(kinds) if kind == "body"), len(kinds))
    headline, suffix = _split_title(page, kinds, title)
    return Article(
        text,
        paragraphs,
        source,
        title=headline,
        byline=_find_byline(page, kinds, paragraphs),
        outlet=_find_outlet(page, kinds, paragraphs, suffix),
        date=_find_date(page, kinds, title, head) or _find_day(page, kinds, paragraphs),
        language=language,
    )


def _sort(page: _Page) -> tuple[list[Kind], int | None]:
    """Return the kind of each paragraph, and which is the headline."""
    kinds: list[Kind] = [_LOOKS[sign.look] for sign in page.signs]
    count = len(kinds)
    end = _find_comments(page)
    kinds[end:] = ["comment" if kind in ("body", "heading", "date", "byline") else kind for kind in kinds[end:]]
    first = _find_first(page, kinds, end)
    if first is None:  # not a sentence anywhere: a headline, a slogan, a list. Whatever is not the page's own is body
        kinds[:end] = ["body" if kind == "heading" else kind for kind in kinds[:end]]
        return kinds, None
    title = _find_title(page, kinds, first)
    _sort_head(page, kinds, first, title)
    last = max(index for index in range(first, end) if kinds[index] == "body")
    while last > first and (kinds[last] != "body" or _is_page_speaking(page, kinds, last)):
        if kinds[last] == "body":
            kinds[last] = "boilerplate"
        last -= 1
    _sort_middle(page, kinds, first, last)
    for index in range(last + 1, min(end, count)):
        if kinds[index] in ("heading", "outlet"):
            kinds[index] = (
                "body" if _RUNNING_ON.match(page.line(index)) and page.signs[index].words > 1 else "boilerplate"
            )
    return kinds, title


def _is_page_speaking(page: _Page, kinds: list[Kind], index: int) -> bool:
    """Tell whether the last paragraph is the page's own: of its newsletter, or how to comment, below "Comments"."""
    line = page.line(index)
    if addresses_reader(line, page.words):
        return True
    return (
        page.signs[index - 1].look == "comments"
        and kinds[index - 1] != "body"
        and addresses_reader(line, page.words, page.words.comments)
    )


def _find_comments(page: _Page) -> int:
    """Return where readers' comments begin; the number of paragraphs if nowhere.

    "214 comments" stands as well beside the share buttons. So there must be comments below it: "Reply", "2 hours ago".
    """
    for index, sign in enumerate(page.signs):
        if sign.look == "comments":
            near = range(index + 1, min(index + 1 + _SIGNS_NEAR, len(page.signs)))
            if sum(is_comment(page.line(other), page.words) for other in near) >= 2:
                return index
    return len(page.signs)


def _find_first(page: _Page, kinds: list[Kind], end: int) -> int | None:
    """Return the first paragraph of the article: the first of prose, else the first sentence."""
    for look in ("prose", "sentence"):
        for index in range(end):
            if page.signs[index].look == look and not (look == "prose" and _is_headline(page, index)):
                if not addresses_reader(page.line(index), page.words):
                    return index
                kinds[index] = "boilerplate"
    return None


def _find_title(page: _Page, kinds: list[Kind], first: int) -> int | None:
    """Return the headline: the first line of some length in the run of lines above a byline, a date or the article.

    The date of the day stands at the top of many pages, and the number of the release above its date: of several runs
    the first with a long line in it counts.
    """
    able = _find_able(page, first)
    runs = [
        run
        for end in range(first + 1)
        if end == first or kinds[end] in ("byline", "date")
        if (run := _find_run(able, kinds, end))
    ]
    for least in (_HEADLINE + 2, _HEADLINE):
        for run in runs:
            if any(page.signs[index].words >= least for index in run):
                return next(index for index in run if page.signs[index].words >= _HEADLINE)
    return max(
        (index for index in range(first) if able[index]), key=lambda index: page.signs[index].words, default=None
    )


def _find_run(able: list[bool], kinds: list[Kind], end: int) -> list[int]:
    """Return the lines that can be headlines next above `end`, over whatever buttons stand between."""
    begin = end
    while begin and not able[begin - 1] and kinds[begin - 1] not in ("byline", "date"):
        begin -= 1
    run: list[int] = []
    while begin and (able[begin - 1] or kinds[begin - 1] in ("outlet", "caption")):
        begin -= 1
        if able[begin]:
            run.insert(0, begin)
    return run


def _find_able(page: _Page, first: int) -> list[bool]:
    """Tell which lines above the article can be its headline: not three or more in a row of a word or two each."""
    able = [_can_be_title(page, index) for index in range(first)]
    begin = 0
    for index in range(first + 1):
        if index == first or page.signs[index].words > 2:
            if index - begin >= _LINKS:
                able[begin:index] = [False] * (index - begin)
            begin = index + 1
    return able


def _can_be_title(page: _Page, index: int) -> bool:
    sign = page.signs[index]
    if sign.look == "short":
        line = page.line(index)
        if _NUMBERED.search(line) and sign.words <= _HEADING:  # "Press Release No. 214/2025"
            return False
        if line.split()[0].lower() in page.words.yours:  # "Your daily read"
            return False
        return not line.endswith((":", "：")) and (
            not line[0].isdecimal() or bool(_LETTER.search(blank_dates(line)[:40]))
        )
    return _is_headline(page, index) or (
        sign.look == "sentence" and page.line(index)[-1] in "?!？！؟" and not _LABELLED.match(page.line(index))
    )


def _is_headline(page: _Page, index: int) -> bool:
    """Tell whether a sentence has the capitals of a headline: "Fleet Sails For Sunmar."."""
    line, sign = page.line(index), page.signs[index]
    return (
        sign.words <= 25
        and line != line.lower()
        and line[-1] in ".?!’'"
        and (in_capitals(line, page.words) and not _LABELLED.match(line))
    )


def _sort_head(page: _Page, kinds: list[Kind], first: int, title: int | None) -> None:
    headline = page.line(title) if title is not None else ""
    for index in range(first):
        if title is None:
            continue
        if page.line(index) == headline:
            kinds[index] = "title"
        elif index < title and kinds[index] in ("heading", "body"):
            kinds[index] = "body" if _is_statement(page, index) else "boilerplate"
        elif (
            kinds[index] == "heading"
            and is_name(page.line(index), page.words)
            and "date" in kinds[max(0, index - 1) : index + 2]
        ):
            kinds[index] = "byline"


def _is_statement(page: _Page, index: int) -> bool:
    """Tell whether a sentence above the headline may be body all the same: what came before the agenda was adopted."""
    sign = page.signs[index]
    return sign.look == "sentence" and sign.words >= _HEADLINE and not _can_be_title(page, index)


def _sort_middle(page: _Page, kinds: list[Kind], first: int, last: int) -> None:
    repeated = Counter(page.line(index) for index in range(first, last) if page.signs[index].words <= 3)
    for index in range(first, last + 1):
        if kinds[index] not in ("heading", "outlet"):
            continue
        line = page.line(index)
        if repeated[line] >= 3:
            kinds[index] = "boilerplate"
        elif page.marks and page.marks[index] in ("heading", "item"):
            kinds[index] = "body" if page.marks[index] == "item" else "heading"
        elif page.signs[index].words > _HEADING or (_RUNNING_ON.match(line) and not _QUOTED.match(line)):
            kinds[index] = "body"
        else:
            kinds[index] = "heading"


def _part(page: _Page, kinds: list[Kind]) -> Iterable[Paragraph]:
    """Yield the paragraphs, with datelines cut off; what begins several paragraphs is a speaker's label and stays."""
    seen: Counter[str] = Counter()
    cuts: dict[int, int] = {}
    before = 0  # body paragraphs
    for index, kind in enumerate(kinds):
        if kind != "body":
            continue
        before += 1
        if length := find_dateline(page.line(index), place_alone=before <= 3):
            cuts[index] = length
            seen[page.line(index)[:length]] += 1
    body = [index for index, kind in enumerate(kinds) if kind == "body"]
    length = find_label(page.line(body[0])) if len(body) > 2 and "title" in kinds else 0
    if length > _INITIALS and not any(find_label(page.line(index)) for index in body[1:]):
        cuts.setdefault(body[0], length)
        seen[page.line(body[0])[:length]] = 1
    for index, ((start, end), kind) in enumerate(zip(page.spans, kinds, strict=True)):
        length = cuts.get(index, 0)
        dateline = page.text[start : start + length]
        if alert := find_alert(page.line(index), page.words) if kind == "body" else 0:
            dateline, length = page.text[start : start + alert], alert
        if length and (alert or seen[dateline] == 1):
            yield Paragraph(start, start + len(dateline.rstrip()), "dateline")
            start += length
        yield Paragraph(start, end, kind)


def _split_title(page: _Page, kinds: list[Kind], title: int | None) -> tuple[str, str]:
    """Return the headline and, where it ends in it as in the title of a browser's window, the outlet."""
    if title is None:
        return "", ""
    line = " ".join(page.line(title).split())
    named = _TITLED.match(line)
    if named and _names_outlet(page, kinds, named[2]):
        return named[1], named[2]
    return line, ""


def _names_outlet(page: _Page, kinds: list[Kind], name: str) -> bool:
    sign = read_sign(name, page.words)
    return sign.look == "issuer" or any(
        kind == "boilerplate" and name in page.line(index) for index, kind in enumerate(kinds)
    )


def _find_byline(page: _Page, kinds: list[Kind], paragraphs: Sequence[Paragraph]) -> str:
    last = max((index for index, kind in enumerate(kinds) if kind == "body"), default=len(kinds))
    for index, kind in enumerate(kinds[:last]):
        if kind == "byline":
            line = " ".join(page.line(index).split())
            return read_byline(page.line(index), page.words) or drop_asides(line)
    for paragraph in paragraphs:
        if paragraph.kind == "dateline":
            return read_reporter(page.text[paragraph.start : paragraph.end])
    return ""


def _find_date(page: _Page, kinds: list[Kind], title: int | None, head: int) -> str:
    """Return the date: of a line of its own below the headline, else above it, else wherever the head has one."""
    dated = [index for index, kind in enumerate(kinds) if kind == "date"]
    below = [index for index in dated if (title or 0) <= index <= head]
    other = [index for index in range(min(head, len(kinds))) if kinds[index] != "boilerplate"]
    for index in (*below, *dated, *other, *range(head, min(head + 1, len(kinds)))):
        start, end = page.spans[index]
        if found := find_date(page.text[start : min(end, start + 300 if index < head else start + 80)]):
            return found.iso
    return ""


def _find_day(page: _Page, kinds: list[Kind], paragraphs: Sequence[Paragraph]) -> str:
    """Return the date of the dateline with the year of another one on the page, but not in what the article tells."""
    for paragraph in paragraphs:
        if paragraph.kind == "dateline" and (day := find_day(page.text[paragraph.start : paragraph.end])):
            for index, kind in enumerate(kinds):
                if kind not in ("body", "comment") and (found := find_date(page.line(index)[:300])):
                    return join_year(found.iso[:4], day)
            return ""
    return ""


def _find_outlet(page: _Page, kinds: list[Kind], paragraphs: Sequence[Paragraph], suffix: str) -> str:
    """Return the outlet: who holds the rights, else who stands behind the headline, at the top or in the dateline."""
    for index, sign in enumerate(page.signs):
        if sign.look == "rights" and (holder := _HOLDER.search(page.line(index))):
            name = re.split(r"\s+(?:all|todos|tous|все|усі)\s", holder[1], maxsplit=1, flags=re.I)[0]
            name = name.strip(" -–—0123456789")
            if 1 <= len(name.split()) <= 8 and in_capitals(name, page.words, 0.5):
                return name
    if suffix:
        return suffix
    for index, kind in enumerate(kinds):
        if kind == "outlet":
            return re.split(r"[:：]\s*", page.line(index))[-1]
        if kind == "body":
            break
    for paragraph in paragraphs:
        if paragraph.kind == "dateline" and (agency := read_agency(page.text[paragraph.start : paragraph.end])):
            return agency
    return ""
