"""Markdown: offsets count in the text as it was given, so its marks are blanked out where they stand, not taken out.

``"**No**, he [said](https://…)."`` becomes ``"  No  , he  said           ."``: as long as before, and plain prose.
"""

from __future__ import annotations

import re
from dataclasses import replace

from communique.extraction.article import Article, Span
from communique.extraction.dates import find_date
from communique.extraction.paragraphs import BLANK
from communique.extraction.pasted import Mark, read_spans

_FRONT = re.compile(r"\ufeff?---[ \t]*\r?\n(?:[^\r\n]*\r?\n){0,60}?(?:---|\.\.\.)[ \t]*(?:\r?\n|$)")
_FIELD = re.compile(
    r"^(title|author|date|published|publisher|site|source)\s*:\s*[\"']?([^\r\n]*?)[\"']?\s*$", re.M | re.I
)
_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")
_UNDER = re.compile(r"[ ]{0,3}(?:=+|-+)\s*$")
_RULE = re.compile(r"[ ]{0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})\s*$")
_REFERENCE = re.compile(r"[ ]{0,3}\[[^\]\n]{1,200}\]:\s*\S")
_HEADING = re.compile(r"[ ]{0,3}#{1,6}(?=\s|$)")
_QUOTE = re.compile(r"[ ]{0,3}(?:>[ ]?)+")
_ITEM = re.compile(r"\s{0,12}(?:[-*+]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?")
_HARD = re.compile(r"(?: {2,}|\\)\r?\n?$")
_INLINE = re.compile(
    r"!\[[^\[\]\n]{0,500}\]\([^()\s]{0,2000}(?:\s\"[^\"\n]{0,300}\")?\)"  # a picture
    r"|(?P<open>\[)(?=[^\[\]\n]{1,1000}\](?:\(|\[))"  # a link, before its text
    r"|\]\([^()\s]{0,2000}(?:\([^()\s]{0,500}\)[^()\s]{0,500})?(?:\s\"[^\"\n]{0,300}\")?\)"  # and after it
    r"|\]\[[^\[\]\n]{0,200}\]"
    r"|\[\^[^\]\s]{1,40}\]"  # a footnote
    r"|<!--[^<>]{0,1000}-->|</?[a-zA-Z][^<>\n]{0,500}>|<https?://[^<>\s]{1,2000}>"
    r"|\\(?=[\r\n\\`*_{}\[\]()#+.!>~|-])"
    r"|(?<![\w\\])[*_]{1,3}(?=[^\s*_])|(?<=[^\s*_\\])[*_]{1,3}(?!\w)"  # emphasis
    r"|`+|~~"
)


def read_markdown(text: str, source: str = "") -> Article:
    """Read Markdown. Front matter gives title, byline and date if it has them. Time is linear in the text."""
    front = _FRONT.match(text)
    begin = front.end() if front else 0
    plain, spans, marks = _blank(text, begin)
    article = read_spans(plain, spans, marks, source)
    if front is None:
        return article
    fields = {found[1].lower(): found[2].strip() for found in _FIELD.finditer(front[0])}
    date = find_date(fields.get("date") or fields.get("published") or "")
    return replace(
        article,
        title=fields.get("title") or article.title,
        byline=fields.get("author") or article.byline,
        outlet=fields.get("publisher") or fields.get("site") or article.outlet,
        date=date.iso if date else article.date,
    )


def _blank(text: str, begin: int) -> tuple[str, list[Span], list[Mark]]:
    """Return the text with its marks blanked, the paragraphs, and what each of them is."""
    pieces = [_fill(text[:begin])]
    spans: list[Span] = []
    marks: list[Mark] = []
    offset, fence, opened = begin, "", False
    for line in text[begin:].splitlines(keepends=True):
        plain, closes = line, False
        mark: Mark | None = None
        fenced = _FENCE.match(line)
        if fence or fenced:
            if fenced and not fence:
                fence = fenced[1]
            elif fenced and fenced[1].startswith(fence):
                fence = ""
            plain = _fill(line)
        elif opened and spans and _UNDER.match(line):
            marks[-1] = "heading"
            plain = _fill(line)
        elif _RULE.match(line) or _REFERENCE.match(line):
            plain = _fill(line)
        else:
            plain, mark = _blank_marks(line)
            closes = mark == "heading" or bool(_HARD.search(line))
        pieces.append(plain)
        inner = plain.lstrip(BLANK)
        if inner:
            start = offset + len(plain) - len(inner)
            end = start + len(inner.rstrip(BLANK))
            if opened and mark is None:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
                marks.append(mark or "plain")
        opened = bool(inner) and not closes
        offset += len(line)
    for index, (start, end) in enumerate(spans):
        if marks[index] == "plain" and _is_strong(text, start, end):
            marks[index] = "strong"
    return "".join(pieces), spans, marks


def _is_strong(text: str, start: int, end: int) -> bool:
    """Tell whether the marks of bold or italics stand before and behind a whole paragraph, and not within it."""
    if text[start - 1 : start] not in ("*", "_"):
        return False
    mark = text[start - 1] * (2 if text[max(0, start - 2) : start] in ("**", "__") else 1)
    return text.startswith(mark, end) and mark not in text[start:end]


def _blank_marks(line: str) -> tuple[str, Mark | None]:
    """Return a line with its marks blanked, and what it is marked as, if it is."""
    kind: Mark | None = None
    if quote := _QUOTE.match(line):
        line = _fill(quote[0]) + line[quote.end() :]
    if mark := _HEADING.match(line):
        kind = "heading"
        stripped = line.rstrip()
        closing = len(stripped) - len(stripped.rstrip("#")) if stripped.rstrip("#").endswith((" ", "\t")) else 0
        kept = max(mark.end(), len(stripped) - closing)
        line = _fill(mark[0]) + line[mark.end() : kept] + _fill(line[kept : len(stripped)]) + line[len(stripped) :]
    elif mark := _ITEM.match(line):
        kind = "item"
        line = _fill(mark[0]) + line[mark.end() :]
    return _INLINE.sub(lambda found: " " * len(found[0]), line), kind


def _fill(text: str) -> str:
    """Return blanks for all but the line ends."""
    return re.sub(r"[^\r\n\v\f\x1c-\x1e\x85\u2028\u2029]", " ", text)
