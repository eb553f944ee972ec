"""Columns as text: every cell of an Arrow array as JSON, or as a cell of CSV, without a Python loop over rows.

Strings are escaped by Arrow's string kernels, numbers cast by its shortest-round-trip formatter; only lists, maps and
bytes, which are rare, go through Python.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from communique.corpus.batch import JSON

_QUOTE, _BACKSLASH, _FIRST_PRINTABLE = 34, 92, 32
_ESCAPES = {chr(code): f"\\u{code:04x}" for code in range(_FIRST_PRINTABLE)} | {
    "\\": "\\\\",
    '"': '\\"',
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
}


def format_json(values: pa.Array) -> pa.StringArray:
    """Write each value as JSON, on one line and not escaped to ASCII; null where there is none.

    JSON has no NaN and no infinity, so they are null. Times are ISO 8601, bytes base64.
    """
    kind = values.type
    if pa.types.is_struct(kind):
        return _format_struct(values)
    if kind == JSON:
        return pc.replace_substring(values.storage, "\n", " ")  # only blanks between tokens can be line ends in JSON
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_finite(values), _format_plain(values), None)
    plain = _format_plain(values)
    if plain is None:
        cells = [None if cell is None else orjson.dumps(cell, default=_spell).decode() for cell in values.to_pylist()]
        return pa.array(cells, pa.string())
    return plain if _is_bare(kind) else pc.binary_join_element_wise('"', _escape(plain), '"', "")


def format_cells(values: pa.Array) -> pa.StringArray:
    """Write each value as a cell of CSV before quoting: text and numbers as they are, nested values as JSON; null as ""."""
    plain = _format_plain(values)
    return pc.fill_null(format_json(values) if plain is None else plain, "")


def find_bytes(values: pa.StringArray, wanted: bytes) -> bytes:
    """Tell which of the bytes `wanted` occur anywhere in the strings."""
    start, stop = np.frombuffer(values.buffers()[1], np.int32)[[values.offset, values.offset + len(values)]]
    data = np.frombuffer(values.buffers()[2] or b"", np.uint8)[start:stop]
    return bytes(byte for byte in wanted if (data == byte).any())


def join_rows(pieces: list[str | pa.StringArray]) -> pa.Buffer:
    """Put the pieces of every row together, then the rows, as UTF-8. At least one piece must be an array without nulls."""
    joined = pc.binary_join_element_wise(*pieces, "")
    offsets = np.frombuffer(joined.buffers()[1], np.int32)
    return joined.buffers()[2].slice(0, int(offsets[len(joined)]))
