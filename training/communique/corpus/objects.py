"""JSON: one object a line, or an array of objects. A key is a column, in the order of first appearance in the file.

A column whose values are all strings, all whole numbers, all fractions or all booleans has that Arrow type; any other
(nested values, or kinds mixed) holds each cell as JSON. A date stays the text it was. Two things are not kept: of a key
twice in one object the last value counts, and whole numbers beyond 64 bits become floating-point numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

import orjson
import pyarrow as pa

from communique.corpus.batch import JSON, Block, describe
from communique.corpus.stream import BLOCK, Stream, find_bad_byte, read_lines
from communique.errors import DataError

DOCUMENT_LIMIT = 256 * 2**20
"""Bytes. An array is one value and is read as a whole; beyond this size it must be JSON Lines."""


def read_json_lines(stream: Stream, batch_rows: int) -> Iterator[Block]:
    """Read one object a line; blank lines are passed over."""
    reader = LineReader()
    for _, lines in read_lines(stream, batch_rows):
        if (block := reader.read(lines)) is not None:
            yield block


class LineReader:
    """Reads the lines of one source, some at a time, as they come.

    ``most_keys``: how many different ones there may be, for a source that is not trusted: each is a column of all rows.
    """

    def __init__(self, most_keys: int | None = None) -> None:
        self._names: dict[str, None] = {}
        self._most_keys = most_keys
        self._lines = self._rows = 0

    def read(self, lines: list[bytes]) -> Block | None:
        """Read one object a line, without its end; None if all are blank.

        Raises
        ------
        DataError
            If there are more different keys than there may be.
        """
        broken: dict[int, str] = {}
        try:
            values = list(map(orjson.loads, lines))
        except orjson.JSONDecodeError:
            values = []
            for number, line in enumerate(lines, self._lines + 1):
                if not line.strip():
                    continue
                try:
                    values.append(orjson.loads(line))
                except orjson.JSONDecodeError as problem:
                    where = "" if number == self._rows + len(values) + 1 else f"line {number}: "
                    broken[len(values)] = where + (find_bad_byte(line) or f"character {problem.colno}: {problem.msg}")
                    values.append(None)
        self._lines += len(lines)
        self._rows += len(values)
        return pack_objects(values, self._names, broken, self._most_keys) if values else None


def read_json_document(stream: Stream, batch_rows: int) -> Iterator[Block]:
    """Read an array of objects, or the one under "data"; one object alone is one row."""
    pieces, size = [], 0
    while piece := stream.read(BLOCK):
        pieces.append(piece)
        size += len(piece)
        if size > DOCUMENT_LIMIT:
            raise DataError(
                f"{stream.name} is one JSON value of more than {DOCUMENT_LIMIT // 2**20} MB",
                expected="at most that, as it must be read as a whole",
                remedy="save it as JSON Lines",
            )
    try:
        document = orjson.loads(b"".join(pieces))
    except orjson.JSONDecodeError as problem:
        raise DataError(
            f"{stream.name} is not JSON (line {problem.lineno}, character {problem.colno}: {problem.msg})",
            expected="an array of objects, or one object a line",
        ) from problem
    del pieces
    if isinstance(document, dict):
        document = document["data"] if isinstance(document.get("data"), list) else [document]
    if not isinstance(document, list):
        raise DataError(f"{stream.name} holds no more than {describe(document)}", expected="an array of objects")
    names: dict[str, None] = {}
    for start in range(0, len(document), batch_rows):
        yield pack_objects(document[start : start + batch_rows], names, {})


def pack_objects(
    values: list[Any], names: dict[str, None], broken: dict[int, str], most_keys: int | None = None
) -> Block:
    """Make columns of objects.

    Parameters
    ----------
    values
        What JSON can hold; what is no object is written down as broken.
    names
        Gathers the keys seen so far in the file, in order of appearance.
    broken
        Gathers why values are not rows, by their index.
    most_keys
        How many different ones there may be.

    Raises
    ------
    DataError
        If there are more.
    """
    if set(map(type, values)) != {dict}:
        for index, value in enumerate(values):
            if not isinstance(value, dict):
                broken.setdefault(index, f"{describe(value)}, expected an object")
                values[index] = {}
    names |= dict.fromkeys(chain.from_iterable(values))
    if most_keys is not None and len(names) > most_keys:
        raise DataError(f"rows with more than {most_keys} different keys", expected="at most that")
    try:
        columns = [_pack_values([row.get(name) for row in values]) for name in names]
    except orjson.JSONEncodeError:  # it reads what is nested four times deeper than what it writes
        for index, row in enumerate(values):
            if not _is_writable(row):
                broken.setdefault(index, "nested too deeply")
                values[index] = {}
        columns = [_pack_values([row.get(name) for row in values]) for name in names]
    fields = [pa.field(name, column.type) for name, column in zip(names, columns, strict=True)]
    if not fields:  # only a struct knows its length without columns
        return Block(pa.RecordBatch.from_struct_array(pa.array([{}] * len(values), pa.struct([]))), broken)
    return Block(pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields)), broken)


def _is_writable(row: dict[str, Any]) -> bool:
    try:
        orjson.dumps(list(row.values()))
    except orjson.JSONEncodeError:
        return False
    return True


def _pack_values(values: list[Any]) -> pa.Array:
    """Make an array of what JSON can hold: of one plain type if all are of one, else of JSON."""
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values))
    if len(kinds) == 1:
        kind = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}.get(kinds.pop())
        if kind is not None:
            with suppress(OverflowError):
                return pa.array(values, kind)
    return pa.array([None if value is None else orjson.dumps(value).decode() for value in values], JSON)
