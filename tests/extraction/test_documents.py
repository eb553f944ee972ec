""".docx and PDF files: every paragraph that a reader of them sees, and a clear word on those that cannot be read."""

from __future__ import annotations

import io
import sys
import zipfile
import zlib

import pytest

from communique.errors import DataError, UsageError
from communique.extraction.documents import read_docx, read_pdf
from communique.extraction.reading import open_article

PROSE = [
    "The ships left the harbour of Sunmar on Friday, the ministry said in a statement.",
    "“We will not wait,” the president told reporters on the quay, and left without another word.",
    "Nobody in the town could say where they had gone, or when they would be back.",
]
SPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship '
    'Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/>'
    "</Relationships>"
)
STYLES = (
    f'<w:styles {SPACE}><w:style w:type="paragraph" w:styleId="berschrift1">'
    '<w:name w:val="heading 1"/></w:style></w:styles>'
)


def run_of(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def docx_of(*paragraphs: str, document: str = "", **parts: str) -> bytes:
    body = document or f"<w:document {SPACE}><w:body>{''.join(paragraphs)}</w:body></w:document>"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", parts.get("relations", RELATIONS))
        archive.writestr("word/styles.xml", STYLES)
        archive.writestr("word/document.xml", body)
    return packed.getvalue()


def plain(*texts: str) -> list[str]:
    return [f"<w:p>{run_of(text)}</w:p>" for text in texts]


def body_of(data: bytes) -> list[str]:
    article = open_article(data, "x.docx")
    return [article.text[each.start : each.end] for each in article.body]


def test_the_paragraphs_of_a_document_are_read() -> None:
    title = f'<w:p><w:pPr><w:pStyle w:val="berschrift1"/></w:pPr>{run_of("Will they sail?")}</w:p>'
    article = read_docx(docx_of(title, *plain("By Liv Adrell", *PROSE)), "x.docx")
    assert article.title == "Will they sail?"
    assert article.byline == "Liv Adrell"
    assert [article.text[each.start : each.end] for each in article.body] == PROSE


def test_what_was_inserted_is_there_and_what_was_deleted_is_not() -> None:
    changed = f"<w:p><w:ins>{run_of(PROSE[0])}</w:ins><w:del><w:r><w:delText>Gone.</w:delText></w:r></w:del></w:p>"
    controlled = f"<w:sdt><w:sdtContent>{plain(PROSE[1])[0]}</w:sdtContent></w:sdt>"
    boxed = f"<w:p><w:r><w:txbxContent>{plain('A box.')[0]}</w:txbxContent></w:r>{run_of(PROSE[2])}</w:p>"
    parted = "<w:r><w:tab/><w:t>so.</w:t><w:br/><w:t>So he did.</w:t></w:r>"
    linked = f"<w:p><w:hyperlink>{run_of('He ')}</w:hyperlink>{run_of('said')}{parted}</w:p>"
    cell = f"<w:tbl><w:tr><w:tc>{plain('In a cell.')[0]}</w:tc></w:tr></w:tbl>"
    found = body_of(docx_of(changed, controlled, boxed, linked, cell))
    assert found == [PROSE[0], PROSE[1], "A box.", PROSE[2], "He said so.", "So he did.", "In a cell."]


def test_text_boxes_are_read_once() -> None:
    [box] = plain(PROSE[0])
    both = (
        '<w:p><w:r><mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        f"<mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r></w:p>"
    )
    assert body_of(docx_of(both)) == [PROSE[0]]


BOMB = (
    f'<!DOCTYPE x [<!ENTITY a "{"a" * 999}"><!ENTITY b "{"&a;" * 999}">]>'
    f"<w:document {SPACE}><w:body><w:p><w:r><w:t>{'&b;' * 999}</w:t></w:r></w:p></w:body></w:document>"
)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (docx_of(*plain(*PROSE))[:-300], "cannot be read as a .docx file"),
        (docx_of(*plain(*PROSE))[:60] + bytes(80) + docx_of(*plain(*PROSE))[140:], "cannot be read as a .docx file"),
        (docx_of(document="<w:document"), "is damaged"),
        (docx_of(relations="<Relationships/>"), "an archive of something else"),
        (docx_of(relations=RELATIONS.replace("word/document", "xl/workbook")), "a workbook or slides"),
        (docx_of(relations=RELATIONS.replace("word/document", "word/none")), "cannot be read as a .docx file"),
        (docx_of(), "has no text in it"),
        (docx_of(*plain(" ")), "has no text in it"),
        (docx_of(document=BOMB), "x.docx"),
    ],
    ids=["cut off", "damaged", "no xml", "no part", "workbook", "part missing", "no paragraph", "blank", "bomb"],
)
def test_a_document_that_cannot_be_read_is_named(data: bytes, why: str) -> None:
    with pytest.raises(DataError, match=why):
        open_article(data, "x.docx")


def test_a_document_that_unpacks_to_a_flood_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("communique.extraction.documents.LARGEST_PART", 100_000)
    with pytest.raises(DataError, match="MB of text"):
        open_article(docx_of(*plain("a" * 200_000)), "x.docx")


def pdf_of(pages: list[list[tuple[float, float, str]]], extra: bytes = b"") -> bytes:
    """Return a PDF with lines of Helvetica at points from the left and the bottom."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    kids = []
    for page in pages:
        drawn = "".join(f"BT /F 11 Tf {x} {y} Td ({text}) Tj ET\n" for x, y, text in page)
        stream = zlib.compress(drawn.encode("cp1252"))
        objects.append(b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(stream), stream))
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>/Contents %d 0 R>>"
            % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), b" ".join(kids))
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1, table, len(objects) + 1, extra, len(out)
    )  # fmt: skip


def page_of(number: int, *paragraphs: list[str]) -> list[tuple[float, float, str]]:
    lines, y = [(50.0, 800.0, "The Meridian Courier, 14 May 2031")], 760.0
    for paragraph in paragraphs:
        for line in paragraph:
            lines.append((50.0, y, line))
            y -= 14
        y -= 8
    return [*lines, (290.0, 30.0, f"- {number} -")]


PDF = pdf_of(
    [
        page_of(
            1,
            ["Ships sail from Sunmar"],
            ["The ships left the harbour of Sunmar on Friday, the", "ministry said in a statement."],
            ["“We will not wait,” the president told reporters on"],
        ),
        page_of(
            2,
            ["the quay, and left without another word."],
            ["Nobody in the town could say where they had gone,", "or when they would be back."],
        ),
        page_of(3, ["That was all."]),
    ]
)


@pytest.fixture(autouse=True)
def _need_pdfium(request: pytest.FixtureRequest) -> None:
    if "pdf" in request.node.name.lower():
        pytest.importorskip("pypdfium2")


def test_a_pdf_has_its_paragraphs_again_and_no_running_heads() -> None:
    article = open_article(PDF, "x.pdf")
    assert [article.text[each.start : each.end] for each in article.body] == [*PROSE, "That was all."]
    assert article.title == "Ships sail from Sunmar"
    assert "Courier" not in article.text
    assert "- 1 -" not in article.text


def test_a_pdf_of_pictures_is_named() -> None:
    with pytest.raises(DataError, match="no text in it, only pictures"):
        open_article(pdf_of([[]]), "x.pdf")


@pytest.mark.parametrize(
    "data", [b"%PDF-1.7\n", PDF[:200], b"%PDF-1.4\n" + bytes(500), PDF[: len(PDF) // 2].replace(b"obj", b"ojb")]
)
def test_a_damaged_pdf_is_named(data: bytes) -> None:
    with pytest.raises(DataError, match=r"x\.pdf (cannot be read as a PDF|has no text in it)"):
        open_article(data, "x.pdf")


def test_a_pdf_with_a_password_is_named() -> None:
    locked = b"/Encrypt<</Filter/Standard/V 1/R 2/Length 40/P -4/O<%s>/U<%s>>>/ID[<00><00>]" % (b"41" * 32, b"42" * 32)
    with pytest.raises(DataError, match=r"x\.pdf is locked with a password"):
        open_article(pdf_of([page_of(1, PROSE)], locked), "x.pdf")


def test_a_pdf_without_its_reader_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    with pytest.raises(UsageError, match=r"pip install 'communique\[documents\]'"):
        read_pdf(PDF, "x.pdf")
