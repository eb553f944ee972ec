"""HTML: what trafilatura takes for the article of the page, and what the page says of itself in its head.

Time of trafilatura grows with the elements of a page times their depth. A page that would cost minutes, and one that it
finds nothing in, are read as if somebody had copied all their text; then the paragraphs themselves tell the article.
"""

from __future__ import annotations

import codecs
import json
import logging
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

from communique.errors import DataError
from communique.extraction.article import Article
from communique.extraction.dates import find_date
from communique.extraction.decoding import decode
from communique.extraction.paragraphs import ends_sentence
from communique.extraction.pasted import Block, Mark, read_blocks
from communique.extraction.signs import FEW, count_words

LARGEST = 20 * 2**20
"""Bytes or characters of one page."""
MOST_TAGS = 1_000_000
"""Tags. A page of more, half a gigabyte in memory, is refused."""
DEEPEST = 200
"""Elements within elements. Pages made by people have thirty; libxml2 itself stops at 256."""
HEAVIEST = 100_000
"""Elements, each counted as often as it is deep: some seconds of trafilatura at worst. An article's page has 20,000."""
LONGEST = 2_000_000
"""Characters that trafilatura is given. It reads them several times."""

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.I)
_BLOCKS = frozenset(
    [
        "p",
        "head",
        "item",
        "quote",
        "cell",
        "code",
        "ab",
        "div",
        "list",
        "table",
        "row",
        "body",
        "li",
        "ul",
        "ol",
        "dl",
        "dt",
        "dd",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "td",
        "th",
        "tr",
        "blockquote",
        "pre",
        "section",
        "article",
        "main",
        "header",
        "figure",
        "figcaption",
        "caption",
        "address",
        "center",
        "details",
        "summary",
        "fieldset",
        "hr",
    ]
)
_BREAKS = frozenset({"lb", "br"})
_SILENT = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "nav",
        "footer",
        "aside",
        "button",
        "svg",
        "math",
        "select",
        "textarea",
        "iframe",
        "object",
    ]
)
_MARKS: dict[str, Mark] = {
    "head": "heading", "h1": "heading", "h2": "heading", "h3": "heading", "h4": "heading", "h5": "heading",
    "h6": "heading", "item": "item", "li": "item",
}  # fmt: skip
_PUBLISHED = (
    "article:published_time",
    "datepublished",
    "date",
    "dc.date",
    "dc.date.issued",
    "dcterms.issued",
    "pubdate",
    "parsely-pub-date",
)
_COMMENTS = "//*[@id='comments' or @id='disqus_thread' or {}]".format(
    " or ".join(
        f"contains(concat(' ', normalize-space(@class), ' '), ' {name} ')"
        for name in ("comments", "comment-list", "commentlist", "comments-area", "comment-section")
    )
)
"""Readers' comments, as most pages name them. Where there is no article, trafilatura takes them for one."""
_STRONG = frozenset({"hi", "b", "strong", "em", "i"})
_NEVER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def decode_html(data: bytes, called: str) -> str:
    """Make text of the bytes of a page: as its mark says, else UTF-8 if it is that, else as its head says.

    Raises
    ------
    DataError
        If it is none of them.
    """
    _weigh_size(len(data), called)
    declared = _CHARSET.search(data[:4096])
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        if declared and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            try:
                return data.decode(declared[1].decode("ascii"), "replace")
            except LookupError:
                pass
    return decode(data, called)


def read_html(text: str, source: str = "") -> Article:
    """Read the article of a page; `Article.text` is what was read out of it.

    Raises
    ------
    DataError
        If there is no article on it, or it is no page that people wrote: too large, nested too deep.
    """
    from lxml import html

    called = source or "the page"
    _weigh_size(len(text), called)
    if text.count("<") > MOST_TAGS:
        raise _refuse(called, f"has more than {MOST_TAGS:,} tags")
    try:
        tree = html.document_fromstring(_NEVER.sub(" ", _XML.sub("", text, count=1)))
    except (ValueError, html.etree.ParserError) as problem:
        raise _find_nothing(called) from problem
    if tree.find("body") is None:
        raise _find_nothing(called)
    for element in tree.xpath(_COMMENTS):
        if element.getparent() is not None and not element.xpath(".//h1"):
            element.drop_tree()
    told = _read_head(tree)
    found = _extract(tree) if len(text) <= LONGEST and _is_light(tree) else None
    blocks = list(_read_blocks(found.body if found is not None else tree.find("body")))
    title = (_flatten(found.title) if found else "") or told.get("title", "")
    if title and not any(block.text == title for block in blocks[:5]):
        blocks.insert(0, Block(title, "heading"))
    article = read_blocks(blocks, source)
    if not any(_is_prose(article, start, end) for start, end in ((p.start, p.end) for p in article.body)):
        raise _find_nothing(called)
    return replace(
        article,
        title=title or article.title,
        byline=told.get("byline", "") or article.byline or (_flatten(found.author) if found else ""),
        outlet=told.get("outlet", "") or article.outlet or (_flatten(found.sitename) if found else ""),
        date=told.get("date", "") or article.date or (found.date or "" if found else ""),
    )


_XML = re.compile(r"^\s*<\?xml[^>]{0,200}\?>")


def _weigh_size(size: int, called: str) -> None:
    if size > LARGEST:
        raise _refuse(called, f"is larger than {LARGEST // 2**20} MB")


def _refuse(called: str, why: str) -> DataError:
    return DataError(f"{called} {why}", expected="an HTML page with an article", remedy="save its text instead")


def _find_nothing(called: str) -> DataError:
    return DataError(f"{called} is an HTML page without an article", remedy="copy the text that you see and give that")


def _is_prose(article: Article, start: int, end: int) -> bool:
    text = article.text[start:end]
    return ends_sentence(text) and count_words(text[:400], article.language) >= FEW // 2


def _is_light(tree: Any) -> bool:
    """Tell whether trafilatura can be expected to be done with a page in some seconds."""
    weight = 0
    stack = [iter((tree,))]
    while stack:
        element = next(stack[-1], None)
        if element is None:
            stack.pop()
            continue
        weight += len(stack)
        if weight > HEAVIEST or len(stack) > DEEPEST:
            return False
        stack.append(iter(element))
    return True


def _extract(tree: Any) -> Any:
    """Return what trafilatura finds, None if that is nothing or it fails. It takes the tree apart only in a copy."""
    import trafilatura

    for name in ("trafilatura", "htmldate", "courlan", "justext"):
        logging.getLogger(name).addHandler(logging.NullHandler())
    try:
        found = trafilatura.bare_extraction(
            deepcopy(tree), include_comments=False, include_formatting=True, with_metadata=True, favor_recall=True
        )
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return None
    return None if found is None or isinstance(found, dict) or found.body is None or not len(found.body) else found


def _read_blocks(body: Any) -> Iterator[Block]:
    """Yield the paragraphs of a tree, HTML or what was extracted from it: its innermost blocks, cut at each <br>."""
    held: list[str] = []
    loose = [False]  # whether a line has words that are neither bold nor in italics
    deep = 0

    def hold(text: str | None) -> None:
        if text:
            held.append(text.replace("\n", " "))
            loose[-1] = loose[-1] or (not deep and not text.isspace())

    def flush(mark: Mark = "plain") -> Iterator[Block]:
        for line, plain in zip("".join(held).split("\n"), loose, strict=True):
            if flat := _flatten(line):
                yield Block(flat, "strong" if mark == "plain" and not plain else mark)
        held.clear()
        loose[:] = [False]

    walk: list[tuple[Any, bool]] = [(body, False)]
    while walk:
        element, done = walk.pop()
        if not isinstance(element.tag, str) or element.tag in _SILENT:
            hold(element.tail)
            continue
        block = element.tag in _BLOCKS
        if done:
            if block:
                yield from flush(_MARKS.get(element.tag, "plain"))
            deep -= element.tag in _STRONG
            if element is not body:
                hold(element.tail)
            continue
        if block:
            yield from flush()
        if element.tag in _BREAKS:
            held.append("\n")
            loose.append(False)
        deep += element.tag in _STRONG
        hold(element.text)
        walk.append((element, True))
        walk += [(child, False) for child in reversed(element)]


def _read_head(tree: Any) -> dict[str, str]:
    """Return what the page says of itself: of title, byline, outlet and date what there is."""
    said: dict[str, str] = {}
    for meta in tree.iter("meta"):
        name = (meta.get("property") or meta.get("name") or meta.get("itemprop") or "").lower()
        said.setdefault(name, _flatten(meta.get("content")))
    found = {
        "title": said.get("og:title", ""),
        "outlet": said.get("og:site_name", "") or said.get("application-name", ""),
        "byline": said.get("author", ""),
        "date": next((date for name in _PUBLISHED if (date := _to_iso(said.get(name, "")))), ""),
    }
    for key, value in _read_linked_data(tree).items():
        found[key] = found.get(key) or value
    if not found["date"]:
        times = (time.get("datetime") or time.text_content() for time in tree.iter("time"))
        found["date"] = next((date for time in times if (date := _to_iso(time))), "")
    return {key: value for key, value in found.items() if value and not value.startswith("http")}


def _read_linked_data(tree: Any) -> dict[str, str]:
    """Return what a script of linked data (schema.org) says of the article."""
    for script in tree.iterfind(".//script[@type='application/ld+json']"):
        try:
            data = json.loads((script.text or "")[: 2**20], strict=False)
        except (ValueError, RecursionError):
            continue
        listed = data.get("@graph", [data]) if isinstance(data, dict) else data
        for each in listed if isinstance(listed, list) else []:
            if isinstance(each, dict) and "datePublished" in each:
                return {
                    "title": _name(each.get("headline")),
                    "byline": _name(each.get("author")),
                    "outlet": _name(each.get("publisher")),
                    "date": _to_iso(_name(each["datePublished"])),
                }
    return {}


def _name(value: object) -> str:
    """Return the name in a value of linked data: a string, an object with a name, or several of them."""
    if isinstance(value, dict):
        value = value.get("name")
    if isinstance(value, list):
        return ", ".join(filter(None, (_name(each) for each in value[:20] if not isinstance(each, list))))
    return _flatten(value) if isinstance(value, str) else ""


def _to_iso(text: str) -> str:
    found = find_date(text[:80])
    return found.iso if found else ""


def _flatten(text: str | None) -> str:
    return " ".join((text or "").split())
