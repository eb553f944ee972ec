"""CSV and TSV. Every cell is a string: nothing is inferred, so nothing is rewritten; an empty cell is an empty string.

The parser is Python's, in its strict mode, not Arrow's: it tells a record that it cannot read by its number, and a cell
in quotation marks may hold line ends wherever the blocks of the file happen to end.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from communique.corpus.batch import Block
from communique.corpus.stream import BATCH_BYTES, LINE_LIMIT, Stream, find_bad_byte, read_blocks
from communique.errors import DataError


class _Lines:
    """The lines of a stream as text, their ends kept. A byte that is no UTF-8 becomes a lone surrogate, found later."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.taken = 0  # bytes handed out
        self.settled = 0  # bytes handed out when the last record ended

    def __iter__(self) -> Iterator[str]:
        for block in read_blocks(self._stream):
            self.taken += len(block)
            if self.taken - self.settled > 2 * LINE_LIMIT:
                raise DataError(
                    f"{self._stream.name} has a quotation mark that opens a cell of over {LINE_LIMIT // 2**20} MB",
                    remedy="close it, or double it if it belongs to the text",
                )
            yield from io.StringIO(block.decode("utf-8", "surrogateescape"), newline="")


def read_delimited(stream: Stream, batch_rows: int, delimiter: str) -> Iterator[Block]:
    """Read CSV as RFC 4180 has it: every cell a string, and cells in quotation marks may hold line ends."""
    csv.field_size_limit(max(csv.field_size_limit(), 4 * LINE_LIMIT))  # `_Lines` is to stop first, it does not go on
    lines = _Lines(stream)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    records = _read_records(reader, lines)
    header = next(records, None)
    if header is None:
        return
    fault = header if isinstance(header, str) else find_bad_byte("\0".join(header).encode("utf-8", "surrogateescape"))
    if isinstance(header, str) or fault:
        raise DataError(f"the header of {stream.name} cannot be read ({fault})", remedy="save it as CSV in UTF-8")
    names = [name or f"column {place}" for place, name in enumerate(header, 1)]
    blank = (None,) * len(names)
    rows: list[Sequence[str | None]] = []
    broken: dict[int, str] = {}
    began = lines.taken
    for cells in records:
        if isinstance(cells, str):
            broken[len(rows)] = cells
            rows.append(blank)
        elif len(cells) != len(names):
            broken[len(rows)] = f"line {reader.line_num}: {len(cells)} cells, expected {len(names)} as in the header"
            rows.append(blank)
        else:
            rows.append(cells)
        if len(rows) == batch_rows or lines.taken - began > BATCH_BYTES:
            yield _pack_cells(names, rows, broken)
            rows, broken, began = [], {}, lines.taken
    if rows:
        yield _pack_cells(names, rows, broken)


def _read_records(reader: Any, lines: _Lines) -> Iterator[list[str] | str]:
    """Yield the cells of every record that is not a blank line, or why they cannot be told apart."""
    line = 0
    while True:
        try:
            for cells in reader:
                lines.settled, line = lines.taken, reader.line_num
                if cells:
                    yield cells
        except csv.Error as problem:
            lines.settled = lines.taken
            yield f"line {line + 1}: {_explain(str(problem))}"
            line = reader.line_num
        else:
            return


def _explain(problem: str) -> str:
    if problem == "unexpected end of data":
        return "the opening quotation mark of a cell is never closed"
    if problem.endswith("expected after '\"'"):
        return "a quotation mark within a quoted cell is not doubled"
    return problem


def _pack_cells(names: list[str], rows: list[Sequence[str | None]], broken: dict[int, str]) -> Block:
    try:
        columns = [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)]
    except UnicodeEncodeError:
        for index, cells in enumerate(rows):
            text = "\0".join(cell or "" for cell in cells)
            try:
                text.encode()
            except UnicodeEncodeError:
                broken[index] = find_bad_byte(text.encode("utf-8", "surrogateescape")) or "not UTF-8"
                rows[index] = (None,) * len(names)
        return _pack_cells(names, rows, broken)
    return Block(pa.RecordBatch.from_arrays(columns, names=names), broken)
