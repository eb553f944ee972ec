"""What format an input has: its first bytes decide, then the suffix of its name, then its first line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Literal

import orjson
import pyarrow as pa

from communique.corpus.batch import Block
from communique.corpus.columnar import read_arrow, read_parquet
from communique.corpus.columns import ALIASES
from communique.corpus.delimited import read_delimited
from communique.corpus.objects import read_json_document, read_json_lines
from communique.corpus.stream import LINE_LIMIT, Stream, decode, find_bad_byte, read_lines
from communique.errors import DataError
from communique.statement import TEXT

Format = Literal["csv", "tsv", "jsonl", "json", "txt", "parquet", "arrow"]

SUFFIXES: Mapping[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".txt": "txt",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}

_HEAD = 2**16
_OURS: Mapping[bytes, Format] = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\xff\xff\xff\xff": "arrow"}
_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"%PDF": "a PDF",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"FEA1": "a Feather file of version 1",
    b"SQLite": "a SQLite database",
}
_CONTROLS = bytes({*range(9), *range(14, 27), *range(28, 32)})


def read_rows(stream: Stream, batch_rows: int, text: str | None = None) -> Iterator[Block]:
    """Read a stream in whatever format it is.

    Parameters
    ----------
    stream
        The bytes.
    batch_rows
        The most rows in a block.
    text
        The column the user named as text: a first line with that cell is a header; the lines of plain text go by it.

    Raises
    ------
    DataError
        If it is no format we read, or is damaged.
    """
    head = stream.peek(_HEAD)
    suffix = PurePath(stream.name.lower().removesuffix(".gz")).suffix
    kind = next((kind for magic, kind in _OURS.items() if head.startswith(magic)), SUFFIXES.get(suffix))
    if kind not in ("parquet", "arrow"):
        stream = decode(stream)
        head = stream.peek(_HEAD)
        if b"\n" not in head:
            head = stream.peek(LINE_LIMIT)
        _refuse_binary(head, stream.name)
        kind = kind or _sniff(head, text)
        kind = _sniff_json(head) if kind == "json" else kind
    match kind:
        case "parquet":
            return read_parquet(stream, batch_rows)
        case "arrow":
            return read_arrow(stream, batch_rows)
        case "csv":
            return read_delimited(stream, batch_rows, _sniff_delimiter(head))
        case "tsv":
            return read_delimited(stream, batch_rows, "\t")
        case "jsonl":
            return read_json_lines(stream, batch_rows)
        case "json":
            return read_json_document(stream, batch_rows)
        case _:
            return _read_plain(stream, batch_rows, text or TEXT)


def _read_plain(stream: Stream, batch_rows: int, name: str) -> Iterator[Block]:
    """Read one statement a line; a blank line is an empty statement, so that row and line have one number."""
    for _, lines in read_lines(stream, batch_rows):
        cells: list[bytes | None] = [line.removesuffix(b"\r") for line in lines]
        broken: dict[int, str] = {}
        try:
            column = pa.array(cells, pa.string())
        except pa.ArrowInvalid:
            broken = {index: fault for index, line in enumerate(lines) if (fault := find_bad_byte(line))}
            column = pa.array([None if index in broken else cell for index, cell in enumerate(cells)], pa.string())
        yield Block(pa.RecordBatch.from_arrays([column], names=[name]), broken)


def _refuse_binary(head: bytes, name: str) -> None:
    what = next((what for magic, what in _FOREIGN.items() if head.startswith(magic)), None)
    if what is None:
        controls = len(head) - len(head.translate(None, _CONTROLS))
        # In UTF-16 every second byte may be 0. A stray control character makes no file binary, one in fifty does.
        if 4 * head.count(0) > len(head) or (50 * controls > len(head) and not _is_utf8(head)):
            what = "a binary file, or UTF-16 without a byte order mark"
    if what is not None:
        raise DataError(
            f"{name} is {what}",
            expected="csv, tsv, jsonl, json, parquet, arrow or txt, plain or .gz",
            remedy="save it as CSV in UTF-8",
        )


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as problem:
        return problem.reason == "unexpected end of data"  # only that the head was cut there
    return True


def _sniff(head: bytes, text: str | None) -> Format:
    start = head.lstrip()[:256]
    if start[:1] in (b"{", b"[") and start[1:].lstrip()[:1] in (b'"', b"{", b"}", b"]"):
        return "json"
    line = head.partition(b"\n")[0].decode("utf-8", "replace")
    try:
        cells = next(csv.reader(io.StringIO(line, newline=""), delimiter=_sniff_delimiter(head)), [])
    except csv.Error:  # a first line longer than a header can be
        return "txt"
    headers = {text} if text else set(ALIASES[TEXT])
    return (
        "csv" if {name.strip().casefold() for name in headers} & {cell.strip().casefold() for cell in cells} else "txt"
    )


def _sniff_json(head: bytes) -> Format:
    """Tell JSON Lines from a document: Lines begin with a whole object that is not itself ``{"data": [...]}``."""
    try:
        first = orjson.loads(head.lstrip().partition(b"\n")[0])
    except orjson.JSONDecodeError:
        return "json"
    return "jsonl" if isinstance(first, dict) and not isinstance(first.get("data"), list) else "json"


def _sniff_delimiter(head: bytes) -> str:
    """Find what parts the header's cells: a comma, or the semicolon of a European Excel, or a tab."""
    line = head.partition(b"\n")[0].decode("utf-8", "replace")
    return max(",;\t", key=line.count)
