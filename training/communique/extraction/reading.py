"""Articles out of whatever they came in: text, a pasted page, Markdown, HTML, .docx, PDF.

What a file is, its first bytes say; where they leave it open, its name; where that says nothing, the text itself.
"""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePath
from typing import Literal, get_args

from communique.errors import DataError, UsageError
from communique.extraction.article import Article
from communique.extraction.decoding import decode
from communique.extraction.pasted import read_pasted

Format = Literal["text", "markdown", "html", "docx", "pdf"]

FORMATS: tuple[str, ...] = get_args(Format)
SUFFIXES: dict[str, Format] = {
    ".txt": "text",
    ".text": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".docx": "docx",
    ".pdf": "pdf",
}
LARGEST = 256 * 2**20
"""Bytes. A file beyond it holds no article: the longest volume of a parliament's proceedings is a tenth of it."""

_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive or an office file",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Word or Excel file",
    b"{\\rtf": "an RTF file",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x1f\x8b": "compressed with gzip",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"SQLite": "a SQLite database",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"\x7fELF": "a program",
}
_TABLES = {".csv": b",;\t|", ".tsv": b"\t", ".json": b"", ".jsonl": b"", ".ndjson": b""}
_PARSED = 2**24  # bytes
_OPENS_JSON = re.compile(rb"[{\[]\s*(?:[{\[]\s*)?\"[^\"\n]{1,100}\"\s*:")
_PROMISED = {".docx": "a .docx file", ".pdf": "a PDF"}
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--[^>]{0,2000}-->\s*)*<(?:!doctype\s+html|html|head|body|article|div|main|meta)\b",
    re.I,
)
_MARKDOWN = re.compile(r"^#{1,6} \S|\*\*[^*\n]{1,80}\*\*|\[[^\[\]\n]{1,200}\]\((?:https?:|/|#)[^)\s]{0,400}\)", re.M)
_HEAD = 4096


def open_article(given: str | Path | bytes, name: str = "", format: Format | None = None) -> Article:  # noqa: A002
    """Read an article out of a file, or out of its bytes.

    Parameters
    ----------
    given
        A path, or the bytes themselves.
    name
        What to call it in `Article.source` and in messages; the path if it is not given.
    format
        What it is; told by its content and its name if not given.

    Raises
    ------
    DataError
        If the file cannot be read, is empty, is no text nor a document that is read here, or has no article in it.
    UsageError
        If there is no such format.
    """
    if isinstance(given, bytes):
        return _read(given, name, format)
    path = Path(given)
    try:
        if path.stat().st_size > LARGEST:
            raise _too_large(name or str(given))
        data = path.read_bytes()
    except OSError as problem:
        raise DataError(f"{name or given} cannot be read ({problem.strerror})") from problem
    return _read(data, name or str(given), format)


def read_article(text: str, source: str = "", format: Format | None = None) -> Article:  # noqa: A002
    """Read an article out of text: plain, pasted, Markdown or HTML.

    Raises
    ------
    DataError
        If there is nothing in it, or it is HTML without an article.
    UsageError
        If the format is not one of text.
    """
    called = source or "the text"
    if not text.strip("\ufeff \t\r\n\f\v\xa0\u3000\u200b\0"):
        raise DataError(f"{called} is empty", expected="an article")
    kind = format or _tell_text(text, source)
    if kind == "text":
        return read_pasted(text, source)
    if kind == "markdown":
        from communique.extraction.markdown import read_markdown

        return read_markdown(text, source)
    if kind == "html":
        from communique.extraction.markup import read_html

        return read_html(text, source)
    raise UsageError(f"{kind!r} is no format of text", expected="text, markdown or html")


def _read(data: bytes, name: str, format: str | None) -> Article:  # noqa: A002
    called = name or "the input"
    if format is not None and format not in FORMATS:
        raise UsageError(f"{format!r} is no format of articles", expected=", ".join(FORMATS))
    if len(data) > LARGEST:
        raise _too_large(called)
    if not data:
        raise DataError(f"{called} is empty", expected="an article")
    if format == "pdf" or data[:1024].lstrip().startswith(b"%PDF-"):
        from communique.extraction.documents import read_pdf

        return read_pdf(data, name)
    if format == "docx" or _is_docx(data, name):
        from communique.extraction.documents import read_docx

        return read_docx(data, name)
    for magic, what in _FOREIGN.items():
        if data.startswith(magic):
            raise DataError(
                f"{called} is {what}", expected="text, Markdown, HTML, .docx or PDF", remedy="save it as one of them"
            )
    if format is None:
        _refuse_others(data, name, called)
    if format == "html" or (format is None and _is_html(data, name)):
        from communique.extraction.markup import decode_html, read_html

        return read_html(decode_html(data, called), name)
    return read_article(decode(data, called), name, format)  # type: ignore[arg-type]


def _refuse_others(data: bytes, name: str, called: str) -> None:
    """Raise if a file is a table or a program, or not what its name says.

    Raises
    ------
    DataError
        If it is one of them.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix in _PROMISED:
        raise DataError(
            f"{called} is not {_PROMISED[suffix]}, as its name says",
            expected="text, Markdown, HTML, .docx or PDF",
            remedy="save it again, or rename it if it is text",
        )
    head = data[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"#!/"):
        raise DataError(f"{called} is a program", expected="text, Markdown, HTML, .docx or PDF")
    separators = _TABLES.get(suffix, b"")
    if _is_json(data, head) or any(mark in head.partition(b"\n")[0] for mark in separators):
        raise DataError(
            f"{called} is a table, or JSON", expected="an article", remedy="for a table use: communique classify"
        )


def _is_json(data: bytes, head: bytes) -> bool:
    """Tell whether a file is JSON, or its first line an object. A text in brackets is none, nor is one below "[1]"."""
    if head[:1] not in (b"{", b"["):
        return False
    try:
        if isinstance(json.loads(head.partition(b"\n")[0]), dict):
            return True
    except (ValueError, RecursionError):
        pass
    if len(data) > _PARSED:
        return bool(_OPENS_JSON.match(head))
    try:
        return isinstance(json.loads(data), dict | list)
    except (ValueError, RecursionError):
        return False


def _tell_text(text: str, source: str) -> Format:
    head = text[:_HEAD].lstrip("\ufeff")
    if _HTML.match(head):
        return "html"
    named = SUFFIXES.get(PurePath(source).suffix.lower()) if source else None
    if named in ("text", "markdown", "html"):
        return named
    marked = "#" in head or "**" in head or "](" in head
    return "markdown" if marked and len(_MARKDOWN.findall(head)) >= 2 else "text"


def _is_html(data: bytes, name: str) -> bool:
    if PurePath(name).suffix.lower() in (".html", ".htm", ".xhtml"):
        return True
    return bool(_HTML.match(data[:_HEAD].replace(b"\0", b"").decode("latin-1").lstrip("ï»¿þÿ")))


def _is_docx(data: bytes, name: str) -> bool:
    if not data.startswith(b"PK\x03\x04"):
        return False
    return b"word/document.xml" in data or PurePath(name).suffix.lower() == ".docx"


def _too_large(called: str) -> DataError:
    return DataError(
        f"{called} is larger than {LARGEST // 2**20} MB", expected="one article", remedy="cut it into its articles"
    )
