"""Whatever an article comes in is told by its content, and what holds none is named."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from communique.errors import CommuniqueError, DataError, UsageError
from communique.extraction.reading import open_article, read_article

PLAIN = "Ships sail from Sunmar\n\nThe ships left the harbour of Sunmar on Friday, the ministry said.\n"
MARKDOWN = (
    "# Ships sail from Sunmar\n\nThe ships *left* the harbour of [Sunmar](https://x.example), the ministry said.\n\n"
    "> “No,” he said.\n"
)
PAGE = (
    "<!DOCTYPE html><html><head><title>Ships sail</title></head><body><article><h1>Ships sail from Sunmar</h1>"
    + "<p>The ships left the harbour of Sunmar on Friday, the ministry said in a statement.</p>" * 3
    + "</article></body></html>"
)


def body_of(text: str, **told: str) -> list[str]:
    article = read_article(text, **told)  # type: ignore[arg-type]
    return [article.text[each.start : each.end] for each in article.body]


def test_content_tells_the_format_before_the_name_does() -> None:
    assert body_of(PAGE, source="page.txt") == body_of(PAGE)
    assert body_of(PAGE)[0].startswith("The ships left")
    assert read_article(MARKDOWN).title == read_article(PLAIN).title == "Ships sail from Sunmar"


def test_a_name_tells_where_content_leaves_it_open() -> None:
    starred = "The *ships* left the harbour of Sunmar on Friday, the ministry said."
    assert body_of(starred) == body_of(starred, source="a.txt") == [starred]
    assert body_of(starred, source="a.md") == [starred.replace("*", " ")]


def test_a_format_that_is_given_is_not_guessed() -> None:
    assert read_article(MARKDOWN, format="text").text == MARKDOWN
    assert "<p>" in read_article(PAGE, format="text").text


def test_an_unknown_format_is_a_misuse() -> None:
    with pytest.raises(UsageError, match="'rtf' is no format of articles; expected text, markdown"):
        open_article(b"Ships sail.", "x", format="rtf")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no format of text"):
        read_article("Ships sail.", format="pdf")


@pytest.mark.parametrize("suffix", [".txt", ".md", ".html", ".dat", ""])
def test_a_file_is_read_by_its_path(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"article{suffix}"
    path.write_text({".md": MARKDOWN, ".html": PAGE}.get(suffix, PLAIN), "utf-8")
    article = open_article(path)
    assert article.source == str(path)
    assert article.title == "Ships sail from Sunmar"
    assert open_article(str(path), "mine").source == "mine"
    assert open_article(path.read_bytes(), "mine").source == "mine"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\r", "\r\r\n"])
def test_line_ends_are_never_changed(end: str) -> None:
    text = PLAIN.replace("\n", end) + "Mixed.\nEnds.\r\n"
    assert open_article(text.encode()).text == text
    assert read_article(text).text == text


def test_text_is_the_given_one_but_for_its_byte_order_mark() -> None:
    assert open_article(PLAIN.encode("utf-8-sig")).text == PLAIN
    assert open_article(PLAIN.encode("utf-16")).text == PLAIN
    assert read_article("\ufeff" + PLAIN).text == "\ufeff" + PLAIN


@pytest.mark.parametrize(
    "data", [b"", b"\n \n", "\ufeff".encode(), "\ufeff".encode("utf-16-le"), b"\0", "\u200b\n".encode()]
)
def test_an_empty_file_is_named(data: bytes) -> None:
    with pytest.raises(DataError, match=r"x\.txt is (empty|a binary file)"):
        open_article(data, "x.txt")


def archive_of(name: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, "x")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "a PNG image"),
        (gzip.compress(PLAIN.encode(), mtime=0), "compressed with gzip"),
        (archive_of("xl/workbook.xml"), "a ZIP archive"),
        (b"\xd0\xcf\x11\xe0" + bytes(200), "an old Word or Excel file"),
        (b"{\\rtf1 Ships sail.}", "an RTF file"),
        (bytes(range(256)) * 20, "a binary file"),
        (b"\x7fELF" + bytes(300), "a program"),
        (b"#!/bin/sh\necho Ships sail.\n", "a program"),
        (b'{"text": "Ships sail."}\n{"text": "They sail."}\n', "a table, or JSON"),
        (b'[\n  {"text": "Ships sail."}\n]\n', "a table, or JSON"),
    ],
)
def test_a_file_of_another_kind_is_named(data: bytes, what: str) -> None:
    with pytest.raises(DataError, match=f"x.txt is {what}"):
        open_article(data, "x.txt")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("x.docx", "not a .docx file"),
        ("x.pdf", "not a PDF"),
        ("x.csv", "a table"),
        ("x.tsv", "a table"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_named(name: str, what: str) -> None:
    with pytest.raises(DataError, match=f"{name} is {what}"):
        open_article(b"id,text\tlabel\n1,Ships sail.\tnone\n", name)


@pytest.mark.parametrize("text", ["[1]\n\nShips sail.\n", "[Applause] Ships sail.", "{We} sail, he said."])
def test_brackets_make_no_json(text: str) -> None:
    assert open_article(text.encode()).text == text


def test_a_file_that_is_not_there_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        open_article(tmp_path / "none.txt")
    with pytest.raises(DataError, match="cannot be read"):
        open_article(tmp_path)


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(300 * 2**20)
    with pytest.raises(DataError, match="larger than 256 MB"):
        open_article(path)


@settings(deadline=None)  # the first import of trafilatura takes a while
@given(st.binary(max_size=400), st.sampled_from(["", "a.txt", "a.html", "a.md", "a.docx", "a.pdf"]))
def test_any_bytes_are_an_article_or_a_clear_error(data: bytes, name: str) -> None:
    with suppress(CommuniqueError):
        article = open_article(data, name)
        assert all(0 <= each.start < each.end <= len(article.text) for each in article.paragraphs)


@settings(deadline=None)
@given(
    st.sampled_from([b"%PDF-1.7\n", b"PK\x03\x04", b"<html>", b"<!doctype html><body><p>", b"---\ntitle: x\n---\n"]),
    st.binary(max_size=300),
)
def test_nor_do_the_first_bytes_of_a_document_mislead(magic: bytes, rest: bytes) -> None:
    with suppress(CommuniqueError):
        open_article(magic + rest, "x")


def test_plain_text_costs_no_heavy_import() -> None:
    code = (
        "import sys; from communique.extraction.reading import read_article; read_article('Ships sail.');"
        "heavy = {'lxml', 'trafilatura', 'pypdfium2', 'numpy', 'pyarrow', 'zipfile'};"
        "print(*{name.partition('.')[0] for name in sys.modules} & heavy)"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.split() == []
