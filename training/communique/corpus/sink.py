"""Rows out, as JSON Lines, CSV, TSV or Parquet, into a file or onto stdout.

A file is written beside its final place and takes it only once it is whole, so nobody ever sees half a file, and a run
that fails or is interrupted leaves what was there before. That there is such a place is known before the first row.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal, Protocol, cast

import pyarrow as pa
import pyarrow.compute as pc

from communique.corpus.batch import JSON
from communique.corpus.cells import find_bytes, format_cells, format_json, join_rows
from communique.corpus.stream import BLOCK, STDIN
from communique.errors import DataError, OutputError, UsageError

Format = Literal["jsonl", "csv", "tsv", "parquet"]
SUFFIXES: Mapping[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
}

_PIECE_BYTES = 2**28  # Arrow's strings hold at most 2 GiB together, and escaping may multiply a text by six
_GROUP_ROWS, _GROUP_BYTES = 2**16, 2**26


class _Writable(Protocol):
    def write(self, data: Any, /) -> Any: ...


class Sink:
    """Where rows go; made by `open_sink`."""

    def __init__(self, encoder: _Encoder, name: str) -> None:
        self._encoder, self._name = encoder, name

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
                self._encoder.write(rows.slice(start, size))


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
    form = form or _find_form(path)
    with _open_stdout() if path is None else open_file(path, force) as raw:
        stream = _Gzip(raw) if path is not None and path.suffix.lower() == ".gz" else raw
        with closing(_make_encoder(form, stream, path)) as encoder:
            yield Sink(encoder, name)
            with _refusing(name):
                encoder.finish()
                if isinstance(stream, _Gzip):
                    stream.finish()


def _find_form(path: Path | None) -> Format:
    if path is None:
        return "jsonl"
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix not in SUFFIXES:
        raise UsageError(
            f"the output {path} ends in {suffix or 'no suffix'}",
            expected=f"{', '.join(SUFFIXES)}, plain or .gz",
            remedy="rename it, or name the format with --format",
        )
    return SUFFIXES[suffix]


def _make_encoder(form: Format, stream: _Writable, path: Path | None) -> _Encoder:
    match form:
        case "jsonl":
            return _Lines(stream)
        case "csv":
            return _Delimited(stream, ",")
        case "tsv":
            return _Delimited(stream, "\t")
        case "parquet":
            return _Parquet(stream, None if path is None else path.parent)


# Places


@contextmanager
def _open_stdout() -> Iterator[IO[bytes]]:
    stream = sys.stdout.buffer
    yield stream
    with _refusing("standard output"):
        stream.flush()


@contextmanager
def open_file(path: Path, force: bool) -> Iterator[IO[bytes]]:
    """Open a file that takes its name only when the ``with`` block ends without an exception.

    Raises
    ------
    OutputError
        If it cannot be written to, now or when it is completed, or is there already and not ``force``.
    """
    with _refusing(str(path)):
        taken, folder, device = path.exists(), path.is_dir(), path.exists() and not path.is_file()
    if folder:
        raise OutputError(f"{path} is a folder", expected="a file to write")
    if device:  # or a named pipe: nothing else can take its place
        with _refusing(str(path)):
            stream = path.open("wb")
        try:
            yield stream
        finally:
            with _refusing(str(path)):
                stream.close()
        return
    if taken and not force:
        raise OutputError(f"{path} is there already", remedy="choose another name, or add --force to replace it")
    final = path.resolve()  # through a link, to what it points to
    draft = final.with_name(f".{final.name}.{secrets.token_hex(4)}.part")
    with _refusing(str(path)):
        stream = draft.open("xb")
    try:
        yield stream
        with _refusing(str(path)):
            stream.flush()
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
    """Zips what is written. Unlike `gzip.GzipFile` it writes nothing more when it is thrown away after a failure."""

    def __init__(self, stream: _Writable) -> None:
        self._stream = stream
        self._compressor = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)

    def write(self, data: Any, /) -> None:
        self._stream.write(self._compressor.compress(data))

    def finish(self) -> None:
        self._stream.write(self._compressor.flush())


# Formats


class _Encoder(ABC):
    def __init__(self, stream: _Writable) -> None:
        self._stream = stream

    @abstractmethod
    def write(self, rows: pa.RecordBatch) -> None:
        """Write some rows, at least one."""

    def finish(self) -> None:
        """Write what comes after the last row."""
        return

    def close(self) -> None:
        """Let go of everything, whether finished or not."""
        return


class _Lines(_Encoder):
    """JSON Lines in UTF-8: one object a line, its keys the columns in their order, each key in every line."""

    def write(self, rows: pa.RecordBatch) -> None:
        objects = pa.StructArray.from_arrays(rows.columns, names=rows.schema.names)
        self._stream.write(join_rows([format_json(objects), "\n"]))


class _Delimited(_Encoder):
    """CSV as RFC 4180 has it, but with the line ends of Unix; the first rows decide which columns there are."""

    def __init__(self, stream: _Writable, delimiter: str) -> None:
        super().__init__(stream)
        self._delimiter = delimiter
        self._names: list[str] = []

    def write(self, rows: pa.RecordBatch) -> None:
        columns = dict(_flatten(rows))
        if not self._names:
            self._names = list(columns)
            header = self._quote(pa.array(self._names, pa.string()), alone=len(columns) == 1).to_pylist()
            self._stream.write((self._delimiter.join(header) + "\n").encode())
        if new := next((name for name in columns if name not in self._names), None):
            raise DataError(
                f"the column {new!r} appears only after the first rows were written",
                expected=f"the columns {', '.join(self._names)}",
                remedy="write JSON Lines or Parquet instead",
            )
        pieces: list[str | pa.StringArray] = []
        for name in self._names:
            column = columns[name] if name in columns else pa.nulls(rows.num_rows)
            pieces += [self._quote(column, alone=len(self._names) == 1), self._delimiter]
        self._stream.write(join_rows([*pieces[:-1], "\n"]))

    def _quote(self, values: pa.Array, *, alone: bool) -> pa.StringArray:
        """Put a cell in quotation marks that has one, a delimiter or a line end, or is empty and alone in its line."""
        cells = format_cells(values)
        special = find_bytes(cells, f'"\r\n{self._delimiter}'.encode()).decode()
        if not special and not alone:
            return cells
        needs = pc.match_substring_regex(
            cells, "|".join((["^$"] if alone else []) + ([f"[{special}]"] if special else []))
        )
        doubled = pc.replace_substring(cells, '"', '""')
        return pc.if_else(needs, pc.binary_join_element_wise('"', doubled, '"', ""), cells)


class _Parquet(_Encoder):
    """Parquet, in row groups of tens of thousands of rows, by way of a spare file.

    A column that earlier rows lacked, or had in another type, is met too late: then what was written is written anew,
    in the wider type, which is JSON where nothing else holds both.
    """

    def __init__(self, stream: _Writable, folder: Path | None) -> None:
        super().__init__(stream)
        self._folder = folder
        self._schema = pa.schema([])
        self._held: list[pa.RecordBatch] = []
        self._spare: IO[bytes] | None = None
        self._writer: Any = None

    def write(self, rows: pa.RecordBatch) -> None:
        self._schema = _unite(self._schema, rows.schema)
        self._held.append(rows)
        if (
            sum(held.num_rows for held in self._held) >= _GROUP_ROWS
            or sum(h.nbytes for h in self._held) >= _GROUP_BYTES
        ):
            self._put_group()

    def finish(self) -> None:
        spare = self._put_group()
        self._writer.close()
        spare.seek(0)
        shutil.copyfileobj(spare, self._stream, BLOCK)

    def close(self) -> None:
        with suppress(OSError):
            if self._writer is not None:
                self._writer.close()
        with suppress(OSError):
            if self._spare is not None:
                self._spare.close()

    def _put_group(self) -> IO[bytes]:
        if self._spare is None or self._writer.schema != self._schema:
            self._begin()
        self._writer.write_table(pa.Table.from_batches([_fit(rows, self._schema) for rows in self._held], self._schema))
        self._held = []
        return cast("IO[bytes]", self._spare)

    def _begin(self) -> None:
        """Begin a spare file in the present schema with what the last one holds."""
        import pyarrow.parquet as pq

        if self._writer is not None:
            self._writer.close()
        last, self._spare = self._spare, tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - `close` closes it
        self._writer = pq.ParquetWriter(self._spare, self._schema)
        if last is not None:
            with last:
                for rows in pq.ParquetFile(last).iter_batches():
                    self._writer.write_batch(_fit(rows, self._schema))


def _flatten(rows: pa.RecordBatch) -> Iterator[tuple[str, pa.Array]]:
    """Yield the columns; of a struct of numbers, such as the scores, each field as a column ``scores.none``."""
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        kind = column.type
        if pa.types.is_struct(kind) and all(
            pa.types.is_integer(each.type) or pa.types.is_floating(each.type) for each in kind
        ):
            yield from ((f"{name}.{each.name}", part) for each, part in zip(kind, column.flatten(), strict=True))
        else:
            yield name, column


def _unite(known: pa.Schema, new: pa.Schema) -> pa.Schema:
    kinds = {field.name: field.type for field in known}
    for field in new:
        kinds[field.name] = _widen(kinds.get(field.name, field.type), field.type)
    return pa.schema(list(kinds.items()))


def _widen(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """Find the type that holds the values of both unchanged."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    families = (pa.types.is_signed_integer, pa.types.is_unsigned_integer, pa.types.is_floating)
    if any(is_kind(one) and is_kind(other) for is_kind in families):
        return max(one, other, key=lambda kind: int(kind.bit_width))
    return JSON


def _fit(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        _cast(rows.column(field.name), field.type)
        if field.name in rows.schema.names
        else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _cast(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if values.type == kind:
        return values
    return pa.ExtensionArray.from_storage(JSON, format_json(values)) if kind == JSON else values.cast(kind)
