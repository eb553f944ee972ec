"""Word's .docx and PDF files: their paragraphs, as far as the file has any.

A .docx is read by hand, out of the XML in its archive. python-docx passes over what was inserted with changes tracked,
content controls and text boxes, and a paragraph that is lost takes its statements with it. A PDF knows no paragraphs,
only where on a page each letter stands. They are found again by the gaps between lines; what stands at the edge of most
pages is no part of the article. PDFium reads faster than pypdf (six times, measured) and is fuzzed day and night.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from communique.errors import DataError, UsageError
from communique.extraction.article import Article
from communique.extraction.paragraphs import ends_sentence
from communique.extraction.pasted import Block, Mark, read_blocks

LARGEST_PART = 200 * 2**20
"""Bytes of a .docx's text once unpacked: an archive of some kilobytes can hold that much, a document does not."""

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"
_SIGNS = {"tab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_UNSAID = frozenset({"del", "moveFrom", "Fallback", "instrText", "delText", "rPr"})
_HEADINGS = ("heading", "title", "subtitle")

_EDGE = 2
"""Lines at the top and at the bottom of a page that may be the same on every page."""
_GAP = 1.25
"""A paragraph begins where lines are apart by this many times what they are within paragraphs."""
_HEIGHT = 8.0
"""Points. Lines are no closer than half of it; what is, stands raised in the same line."""
_INDENT = 6.0
"""Points that the first line of a paragraph stands further in, at least."""
_NUMBER = re.compile(r"\W*(?:\d+|[ivxlc]+)?\W*$", re.I)
_HYPHENS = ("\ufffe", "\xad", "\x02")


def read_docx(data: bytes, source: str = "") -> Article:
    """Read a .docx file.

    Raises
    ------
    DataError
        If it is damaged, locked with a password, no document of Word's, or has no text.
    """
    called = source or "the document"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            main = _find_main(archive)
            document = _parse(archive, main)
            styles = _read_styles(archive, main.rpartition("/")[0] + "/styles.xml")
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        ValueError,
        OSError,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as problem:
        raise DataError(
            f"{called} cannot be read as a .docx file ({problem or type(problem).__name__})",
            remedy="open it in a word processor and save it again",
        ) from problem
    blocks = list(_read_paragraphs(document, styles))
    if not blocks:
        raise DataError(f"{called} has no text in it", expected="an article")
    return read_blocks(blocks, source)


def read_pdf(data: bytes, source: str = "") -> Article:
    """Read a PDF file. PDFium must be called by one thread at a time.

    Raises
    ------
    UsageError
        If pypdfium2 is not installed.
    DataError
        If the file is damaged or locked with a password, or its pages are pictures.
    """
    called = source or "the document"
    try:
        import pypdfium2
    except ImportError:
        raise UsageError(
            f"{called} is a PDF, and pypdfium2 is not installed", remedy="run: pip install 'communique[documents]'"
        ) from None
    try:
        document = pypdfium2.PdfDocument(data)
        pages = [_read_page(document[number]) for number in range(len(document))]
    except pypdfium2.PdfiumError as problem:
        if "password" in str(problem).lower():
            raise DataError(f"{called} is locked with a password", remedy="save it without one") from problem
        raise DataError(
            f"{called} cannot be read as a PDF: it is damaged, cut short, or no PDF at all",
            remedy="open it in a viewer and print it to a new file",
        ) from problem
    blocks = list(_join_lines(pages))
    if not blocks:
        raise DataError(
            f"{called} has no text in it, only pictures of pages", remedy="have the text recognised (OCR) and save that"
        )
    return read_blocks(blocks, source)


def _find_main(archive: zipfile.ZipFile) -> str:
    """Return the part with the text: nearly always word/document.xml."""
    for relation in _parse(archive, "_rels/.rels"):
        if relation.get("Type", "").endswith("/officeDocument"):
            target: str = relation.get("Target", "").lstrip("/")
            if "xl/" in target or "ppt/" in target:
                raise ValueError("a workbook or slides")
            return target
    raise ValueError("an archive of something else")


def _parse(archive: zipfile.ZipFile, name: str) -> Any:
    from lxml import etree

    with archive.open(name) as part:
        data = part.read(LARGEST_PART + 1)
    if len(data) > LARGEST_PART:
        raise ValueError(f"more than {LARGEST_PART // 2**20} MB of text")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        return etree.fromstring(data.replace(_STRICT[1:-1].encode(), _W[1:-1].encode()), parser)
    except etree.XMLSyntaxError as problem:
        raise ValueError(f"{name} is damaged: {problem.msg}") from problem


def _read_styles(archive: zipfile.ZipFile, name: str) -> dict[str, str]:
    """Return the English names of the styles by what paragraphs call them, which is in the language of the writer."""
    if name not in archive.namelist():
        return {}
    styles: dict[str, str] = {}
    for style in _parse(archive, name).iter(f"{_W}style"):
        named = style.find(f"{_W}name")
        if named is not None:
            styles[style.get(f"{_W}styleId", "")] = named.get(f"{_W}val", "").lower()
    return styles


def _read_paragraphs(document: Any, styles: dict[str, str]) -> Iterator[Block]:
    from lxml import etree

    held: list[list[str]] = []  # a text box stands inside the paragraph that it is fastened to
    walk = etree.iterwalk(document, events=("start", "end"))
    for event, element in walk:
        tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
        if event == "start":
            if tag in _UNSAID:
                walk.skip_subtree()
            elif tag == "p":
                held.append([])
            elif held and tag in _SIGNS:
                held[-1].append(_SIGNS[tag])
            elif held and tag == "t":
                held[-1].append(element.text or "")
        elif tag == "p" and held:
            mark = _read_mark(element, styles)
            for line in "".join(held.pop()).split("\n"):
                if flat := " ".join(line.split()):
                    yield Block(flat, mark)


def _read_mark(paragraph: Any, styles: dict[str, str]) -> Mark:
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    name = style.get(f"{_W}val", "") if style is not None else ""
    if styles.get(name, name.lower()).startswith(_HEADINGS):
        return "heading"
    return "item" if paragraph.find(f"{_W}pPr/{_W}numPr") is not None else "plain"


class _Line(NamedTuple):
    """A line of a page: points from the left and from the bottom of it."""

    text: str
    left: float
    base: float


def _read_page(page: Any) -> list[_Line]:
    text_page = page.get_textpage()
    text: str = text_page.get_text_range()
    count: int = text_page.count_chars()
    lines: list[_Line] = []
    offset = 0
    for line in text.splitlines(keepends=True):
        if line.strip():
            first = min(offset + len(line) - len(line.lstrip()), count - 1)
            left, base, _, _ = text_page.get_charbox(first, loose=True)
            lines.append(_Line(line.strip("\r\n \t"), left, base))
        offset += len(line)
    return lines


def _join_lines(pages: list[list[_Line]]) -> Iterator[Block]:
    """Yield the paragraphs of all pages; one that goes on overleaf is one."""
    repeated = _find_repeated(pages)
    lines = [
        (number, line)
        for number, page in enumerate(pages)
        for at, line in enumerate(page)
        if not (_is_at_edge(at, page) and (_NUMBER.match(line.text) or _shape(line) in repeated))
    ]
    steps = [above.base - line.base for (_, above), (_, line) in pairwise(lines)]
    usual = _find_leading([step for step in steps if step > 0.5 * _HEIGHT])
    held = ""
    for at, (number, line) in enumerate(lines):
        if held:
            above = lines[at - 1][1]
            if steps[at - 1] < 0 or lines[at - 1][0] != number:  # another column or page
                begins = ends_sentence(held)
            else:
                begins = steps[at - 1] > _GAP * usual or line.left - above.left > _INDENT
            if begins:
                yield Block(_flatten(held))
                held = ""
        held = line.text if not held else _append(held, line.text)
    if held:
        yield Block(_flatten(held))


def _find_leading(steps: list[float]) -> float:
    """Return how far lines are apart within paragraphs: the lower quartile, for most paragraphs may be of a line."""
    return sorted(steps)[len(steps) // 4] if steps else _HEIGHT


def _append(held: str, line: str) -> str:
    if held.endswith(_HYPHENS):
        return held[:-1] + line
    return held + line if held.endswith("-") and held[-2:-1].isalpha() and line[0].islower() else f"{held} {line}"


def _flatten(text: str) -> str:
    return " ".join(text.translate(dict.fromkeys(map(ord, _HYPHENS))).split())


def _is_at_edge(at: int, page: list[_Line]) -> bool:
    return at < _EDGE or at >= len(page) - _EDGE


def _shape(line: _Line) -> str:
    return re.sub(r"\d+", "0", line.text)


def _find_repeated(pages: list[list[_Line]]) -> frozenset[str]:
    """Return what stands at the edge of most pages, but for the number of the page."""
    counts: Counter[str] = Counter()
    for page in pages:
        counts.update({_shape(line) for at, line in enumerate(page) if _is_at_edge(at, page)})
    return frozenset(shape for shape, count in counts.items() if count > 1 and 2 * count > len(pages))
