"""From bytes to rows, one reader a format. Every reader yields blocks of rows in their order, in constant memory.

Text formats are read with the parsers that rewrite nothing, not with Arrow's, which would infer types: a date stays the
text it was, ``NA`` stays Namibia, ``007`` keeps its zeros, and a column may hold text in one row and a number in the
next. What has no plain Arrow type travels as JSON (`batch.JSON`). A row that cannot be read keeps its place.

Two things are not kept: of a key twice in one JSON object the last value counts, and JSON integers beyond 64 bits become
floating-point numbers.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePath
from typing import Any, Literal

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from communique.corpus.batch import JSON, NONE_BROKEN
from communique.corpus.columns import ALIASES
from communique.corpus.stream import LINE_LIMIT, Stream, decode, jump_about, read_blocks
from communique.errors import DataError
from communique.statement import TEXT

Format = Literal["csv", "tsv", "jsonl", "json", "txt", "parquet", "arrow"]

DOCUMENT_LIMIT = 256 * 2**20
"""Bytes. A JSON array is one value and is read as a whole; beyond this size it must be JSON Lines."""

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
_BATCH_BYTES = 8 * 2**20
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


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows of a file as they came, and for those that could not be read, all null here, their index and why."""

    rows: pa.RecordBatch
    broken: Mapping[int, str] = NONE_BROKEN


def read_rows(stream: Stream, batch_rows: int, text: str | None = None) -> Iterator[Block]:
    """Read a stream in whatever format it is.

    Its first bytes decide, then the suffix of its name, then its first line.

    Parameters
    ----------
    stream
        The bytes.
    batch_rows
        The most rows in a block.
    text
        The column the user named as text: a first line with that cell is a header.

    Raises
    ------
    DataError
        If it is no format we read, or is damaged.
    """
    head = stream.peek(_HEAD)
    given = PurePath(stream.name.lower().removesuffix(".gz")).suffix
    known = next((kind for magic, kind in _OURS.items() if head.startswith(magic)), None) or SUFFIXES.get(given)
    if known in ("parquet", "arrow"):
        yield from (_read_parquet if known == "parquet" else _read_arrow)(stream, batch_rows)
        return
    stream = decode(stream)
    head = stream.peek(_HEAD)
    _refuse_binary(head, stream.name)
    kind = known or _sniff(head, text)
    if kind == "json":
        kind = _sniff_json(head)
    match kind:
        case "csv":
            yield from _read_delimited(stream, batch_rows, _sniff_delimiter(head))
        case "tsv":
            yield from _read_delimited(stream, batch_rows, "\t")
        case "jsonl":
            yield from _read_json_lines(stream, batch_rows)
        case "json":
            yield from _read_json_document(stream, batch_rows)
        case _:
            yield from _read_plain(stream, batch_rows)


# What is it?


def _refuse_binary(head: bytes, name: str) -> None:
    what = next((what for magic, what in _FOREIGN.items() if head.startswith(magic)), None)
    if what is None:
        controls = len(head) - len(head.translate(None, _CONTROLS))
        if controls > len(head) // 8 or (controls and not _is_utf8(head)):
            what = "a binary file, or UTF-16 without a byte order mark"
    if what:
        raise DataError(
            f"{name} is {what}",
            expected="csv, tsv, jsonl, json, parquet, arrow or txt, plain or .gz",
            remedy="save it as CSV in UTF-8",
        )


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as problem:
        return problem.end == len(head) and problem.reason == "unexpected end of data"
    return True


def _sniff(head: bytes, text: str | None) -> Format:
    start = head.lstrip()[:256]
    if start[:1] in (b"{", b"[") and start[1:].lstrip()[:1] in (b'"', b"{", b"}", b"]"):
        return "json"
    line = head.partition(b"\n")[0].decode("utf-8", "replace")
    cells = next(csv.reader([line], delimiter=_sniff_delimiter(head)), [])
    headers = {text.strip().casefold()} if text else set(ALIASES[TEXT])
    return "csv" if headers & {cell.strip().casefold() for cell in cells} else "txt"


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


# Text formats


def _read_delimited(stream: Stream, batch_rows: int, delimiter: str) -> Iterator[Block]:
    """Read CSV as RFC 4180 has it: every cell a string, cells in quotation marks may hold line ends."""
    lines = _Lines(stream)
    csv.field_size_limit(2 * LINE_LIMIT)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    names: list[str] = []
    rows: list[Sequence[str | None]] = []
    broken: dict[int, str] = {}
    row_number, began = 0, 0
    while True:
        try:
            row = next(reader, None)
        except csv.Error as problem:
            if not names:
                raise DataError(f"the header of {stream.name} cannot be read ({problem})") from problem
            row, fault = [], _explain(problem)
        else:
            fault = None
        ...
