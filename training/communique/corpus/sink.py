"""Rows out, as JSON Lines, CSV, TSV or Parquet, into a file or onto stdout.

A file is written beside its final place and takes it only once it is whole, so nobody ever sees half a file, and a run that
fails or is interrupted leaves what was there before. That the place can be written to is known before the first row.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal, Protocol, get_args

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from communique.corpus.batch import JSON
from communique.corpus.cells import find_bytes, format_cells, format_json, join_rows
from communique.corpus.formats import SUFFIXES
from communique.corpus.stream import BLOCK, STDIN
from communique.errors import DataError, OutputError, UsageError

Format = Literal["jsonl", "csv", "tsv", "parquet"]

_PIECE_BYTES = 2**28  # Arrow's strings hold at most 2 GiB together, and escaping may multiply a text by six
_GROUP_ROWS, _GROUP_BYTES = 2**16, 2**26


class _Writable(Protocol):
    def write(self, data: Any, /) -> Any: ...


class _Encoder(Protocol):
    def write(self, rows: pa.RecordBatch, stream: _Writable) -> None: ...
    def finish(self, stream: _Writable) -> None: ...


class Sink:
    """Where rows go; made by `open_sink`."""

    def __init__(self, encoder: _Encoder, stream: _Writable, name: str) -> None:
        self._encoder, self._stream, self._name = encoder, stream, name

    def write(self, rows: pa.RecordBatch) -> None:
        """Write some rows.

        Raises
        ------
        OutputError
            If there is no room, or the disk fails.
        DataError
            If CSV or TSV is written and these rows have a column that the first ones lacked.
        BrokenPipeError
            If whoever reads stdout has gone: the caller may end in peace.
        """
        with _refusing(self._name):
            pieces = rows.nbytes // _PIECE_BYTES + 1
            size = -(-rows.num_rows // pieces)
            for start in range(0, rows.num_rows, size or 1):
                self._encoder.write(rows.slice(start, size), self._stream)


@contextmanager
def open_sink(target: str | Path | None, form: Format | None = None, *, force: bool = False) -> Iterator[Sink]:
    """Open a place for rows; it is complete when the ``with`` block ends without an exception, else untouched.

    Parameters
    ----------
    target
        A path, or None or "-" for stdout. A path that ends in ``.gz`` is zipped.
    form
        The format; None: as the path's suffix says, JSON Lines on stdout.
    force
        Whether a file that is there already may be replaced.

    Raises
    ------
    OutputError
        If the place cannot be written to, now or when the file is completed, or is taken and not `force`.
    UsageError
        If the suffix names no format that is written.
    """
    path = None if target is None or str(target) == STDIN else Path(target)
    name = "standard output" if path is None else str(path)
    encoder = _make_encoder(form or _find_form(path), path)
    with _open_stdout() if path is None else _open_file(path, force) as raw:
        stream = _Gzip(raw) if path is not None and path.suffix.lower() == ".gz" else raw
        yield Sink(encoder, stream, name)
        with _refusing(name):
            encoder.finish(stream)
            if isinstance(stream, _Gzip):
                stream.finish()


def _find_form(path: Path | None) -> Format:
    if path is None:
        return "jsonl"
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    found = SUFFIXES.get(suffix)
    if found not in get_args(Format):
        raise UsageError(
            f"the output {path} ends in {suffix or 'no suffix'}",
            expected=".jsonl, .csv, .tsv or .parquet, plain or .gz",
            remedy="rename it, or name the format with --format",
        )
    return found


def _make_encoder(form: Format, path: Path | None) -> _Encoder:
    match form:
        case "jsonl":
            return _Lines()
        case "csv":
            return _Delimited(",")
        case "tsv":
            return _Delimited("\t")
        case "parquet":
            return _Parquet(None if path is None else path.parent)


# Places


@contextmanager
def _open_stdout() -> Iterator[IO[bytes]]:
    stream = sys.stdout.buffer
    yield stream
    with _refusing("standard output"):
        stream.flush()


@contextmanager
def _open_file(path: Path, force: bool) -> Iterator[IO[bytes]]:
    final = path.resolve()  # through a link, to what it points to
    taken = final.exists()
    if final.is_dir():
        raise OutputError(f"{path} is a folder", expected="a file to write")
    if taken and not final.is_file():  # a device or a named pipe: there is nothing to put in its place
        with _refusing(str(path)):
            stream = final.open("wb", buffering=0)
        with stream:
            yield stream
        return
    if taken and not force:
        raise OutputError(f"{path} is there already", remedy="choose another name, or add --force to replace it")
    draft = final.with_name(f".{final.name}.{secrets.token_hex(4)}.part")
    with _refusing(str(path)):
        stream = draft.open("xb", buffering=0)
    try:
        yield stream
        with _refusing(str(path)):
            os.fsync(stream.fileno())
            stream.close()
            if taken:
                shutil.copymode(final, draft)
            draft.replace(final)
    except BaseException:
        with suppress(OSError):
            stream.close()
        with suppress(OSError):
            draft.unlink()
        raise


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise OutputError(f"{name} cannot be written ({problem.strerror or problem})") from problem


class _Gzip:
    """Zips what is written. Unlike `gzip.GzipFile` it writes nothing more when a run has failed and it is thrown away."""

    def __init__(self, stream: _Writable) -> None:
        self._stream = stream
        self._compressor = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)

    def write(self, data: Any, /) -> None:
        self._stream.write(self._compressor.compress(data))

    def finish(self) -> None:
        self._stream.write(self._compressor.flush())


# Formats


class _Lines:
    """JSON Lines in UTF-8: one object a line, its keys the columns in their order, each key in every line."""

    def write(self, rows: pa.RecordBatch, stream: _Writable) -> None:
        objects = pa.StructArray.from_arrays(rows.columns, names=rows.schema.names)
        stream.write(join_rows([format_json(objects), "\n"]))

    def finish(self, stream: _Writable) -> None:
        """All is written."""


class _Delimited:
    """CSV as RFC 4180 has it, but with the line ends of Unix; the first rows decide which columns there are."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._names: list[str] = []

    def write(self, rows: pa.RecordBatch, stream: _Writable) -> None:
        cells = {name: self._quote(column) for name, column in _flatten(rows)}
        if not self._names:
            self._names = list(cells)
            header = self._quote(pa.array(self._names, pa.string())).to_pylist()
            stream.write((self._delimiter.join(header) + "\n").encode())
        if new := next((name for name in cells if name not in self._names), None):
            raise DataError(
                f"the column {new!r} appears only after the first rows were written",
                expected=f"the columns {', '.join(self._names)}",
                remedy="write JSON Lines or Parquet instead",
            )
        blank = pa.array([""] * rows.num_rows, pa.string())
        pieces: list[str | pa.StringArray] = []
        for name in self._names:
            pieces += [cells.get(name, blank), self._delimiter]
        stream.write(join_rows([*pieces[:-1], "\n"]))

    def finish(self, stream: _Writable) -> None:
        """All is written."""

    def _quote(self, values: pa.Array, *, alone: bool = False) -> pa.StringArray:
        """Put what needs it in quotation marks: a cell with one, a delimiter or a line end; an empty one in a line alone."""
        cells = format_cells(values)
        special = find_bytes(cells, b'"\r\n' + self._delimiter.encode())
        if not special and not alone:
            return cells
        needs = pc.match_substring_regex(cells, f"^$|[{special.decode()}]" if alone else f"[{special.decode()}]")
        doubled = pc.replace_substring(cells, '"', '""')
        return pc.if_else(needs, pc.binary_join_element_wise('"', doubled, '"', ""), cells)


class _Parquet:
    """Parquet, in row groups of tens of thousands of rows, written to a spare file first.

    What earlier rows lacked, or had in another type, is known only later: then what was written is written anew in the wider
    type, which is JSON where nothing else holds both.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._schema = pa.schema([])
        self._held: list[pa.RecordBatch] = []
        self._spare: IO[bytes] | None = None
        self._writer: Any = None

    def write(self, rows: pa.RecordBatch, stream: _Writable) -> None:
        self._schema = _unite(self._schema, rows.schema)
        self._held.append(rows)
        if sum(each.num_rows for each in self._held) >= _GROUP_ROWS or sum(each.nbytes for each in self._held) >= _GROUP_BYTES:
            self._put_group()

    def finish(self, stream: _Writable) -> None:
        self._put_group()
        self._writer.close()
        assert self._spare is not None
        self._spare.seek(0)
        shutil.copyfileobj(self._spare, stream, BLOCK)
        self._spare.close()

    ...
