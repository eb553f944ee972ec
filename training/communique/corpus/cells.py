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

_FIRST_PRINTABLE = 32
_ESCAPES = {"\\": "\\\\", '"': '\\"'}  # the backslash first: the others bring new ones
_ESCAPES |= {chr(code): f"\\u{code:04x}" for code in range(_FIRST_PRINTABLE)} | {
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
        return pc.replace_substring(values.storage, "\n", " ")  # a line end in JSON can only be a blank between tokens
    plain = _format_plain(values)
    if plain is None:
        cells = [None if cell is None else orjson.dumps(cell, default=_spell).decode() for cell in values.to_pylist()]
        return pa.array(cells, pa.string())
    if pa.types.is_floating(kind):
        finite = np.isfinite(values.to_numpy(zero_copy_only=False))
        return plain if finite.all() else pc.if_else(pa.array(finite), plain, None)
    return plain if _is_bare(kind) else pc.binary_join_element_wise('"', _escape(plain), '"', "")


def format_cells(values: pa.Array) -> pa.StringArray:
    """Write each value as a cell of CSV, not yet quoted: text and numbers as they are, nested as JSON, null as ""."""
    if values.type == JSON and pc.any(pc.starts_with(values.storage, '"')).as_py():  # text among numbers
        cells = values.storage.to_pylist()
        return pa.array([orjson.loads(cell) if cell and cell[0] == '"' else cell or "" for cell in cells], pa.string())
    plain = _format_plain(values)
    return pc.fill_null(format_json(values) if plain is None else plain, "")


def find_bytes(values: pa.StringArray, wanted: bytes) -> bytes:
    """Tell which of the bytes `wanted`, in their order, occur anywhere in the strings."""
    offsets = np.frombuffer(values.buffers()[1], np.int32)
    data = np.frombuffer(values.buffers()[2] or b"", np.uint8)[
        offsets[values.offset] : offsets[values.offset + len(values)]
    ]
    low = data[data < _FIRST_PRINTABLE]  # one pass for all of the control characters
    found = np.unique(low).tobytes() if len(low) else b""
    return bytes(byte for byte in wanted if byte in found or (byte >= _FIRST_PRINTABLE and (data == byte).any()))


def join_rows(pieces: list[str | pa.StringArray]) -> pa.Buffer:
    """Put the pieces of every row together, then the rows, as UTF-8; at least one is an array, and none has nulls."""
    joined = pc.binary_join_element_wise(*pieces, "")
    offsets = np.frombuffer(joined.buffers()[1], np.int32)
    return joined.buffers()[2].slice(0, int(offsets[len(joined)]))


def _format_plain(values: pa.Array) -> pa.StringArray | None:
    """Write values that are neither nested nor bytes; None for the others."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _format_plain(values.dictionary_decode())
    if isinstance(kind, pa.BaseExtensionType):
        return _format_plain(values.storage) if kind != JSON else None
    if pa.types.is_timestamp(kind):
        return pc.replace_substring(values.cast(pa.string()), " ", "T")
    if pa.types.is_floating(kind):
        text, numbers = values.cast(pa.string()), values.to_numpy(zero_copy_only=False)
        if not (numbers == np.trunc(numbers)).any():
            return text
        bare = pc.match_substring_regex(text, r"^-?\d+$")  # a fraction stays one when it is whole: 1.0, not 1
        return pc.if_else(bare, pc.binary_join_element_wise(text, ".0", ""), text) if pc.any(bare).as_py() else text
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return None
    if pa.types.is_fixed_size_binary(kind) or pa.types.is_binary_view(kind):
        return None
    return values.cast(pa.string())


def _format_struct(values: pa.StructArray) -> pa.StringArray:
    pieces = _take_apart(values)
    columns = [piece for piece in pieces if not isinstance(piece, str)]
    formatted = iter(_format_columns(columns) if columns else [pa.array([""] * len(values), pa.string())])
    pieces = [piece if isinstance(piece, str) else next(formatted) for piece in pieces]
    whole = pc.binary_join_element_wise(*pieces, *formatted, "", null_handling="replace", null_replacement="null")
    return pc.if_else(values.is_valid(), whole, None) if values.null_count else whole


def _take_apart(values: pa.StructArray) -> list[str | pa.Array]:
    """Give what a row is made of, in order: names, and columns; of a struct within too, unless it is null somewhere."""
    pieces: list[str | pa.Array] = []
    for place, (field, column) in enumerate(zip(values.type, values.flatten(), strict=True)):
        pieces.append(f"{',' if place else '{'}{orjson.dumps(field.name).decode()}:")
        pieces += [column] if column.null_count or not pa.types.is_struct(column.type) else _take_apart(column)
    return [*pieces, "}"] if pieces else ["{}"]


def _format_columns(columns: list[pa.Array]) -> list[pa.StringArray]:
    """Write columns of one length; texts, and numbers, in one go, for a call costs as much for one row as for many."""
    cells: dict[int, pa.StringArray] = {}
    for kind in (pa.string(), pa.float64()):
        places = [place for place, column in enumerate(columns) if column.type == kind]
        if len(places) > 1:
            together, size = format_json(pa.concat_arrays([columns[place] for place in places])), len(columns[0])
            cells |= {place: together.slice(number * size, size) for number, place in enumerate(places)}
    return [cells[place] if place in cells else format_json(column) for place, column in enumerate(columns)]


def _is_bare(kind: pa.DataType) -> bool:
    """Tell whether JSON writes the type without quotation marks."""
    return bool(
        pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)
    )


def _escape(texts: pa.StringArray) -> pa.StringArray:
    """Escape what JSON demands, in as many passes as there are different characters to escape: mostly one or two."""
    for byte in find_bytes(texts, "".join(_ESCAPES).encode()):
        texts = pc.replace_substring(texts, chr(byte), _ESCAPES[chr(byte)])
    return texts


def _spell(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
