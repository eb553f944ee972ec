"""Parquet and Arrow: the columns as another program wrote them, in the types it gave them.

What comes from outside is checked in full before use: an offset that leads outside its buffer would crash, not raise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from communique.corpus.batch import Block
from communique.corpus.stream import BLOCK, Stream, jump_about
from communique.errors import DataError


def read_parquet(stream: Stream, batch_rows: int) -> Iterator[Block]:
    """Read a Parquet file, a row group's pages at a time."""
    import pyarrow.parquet as pq  # a tenth of the start-up of a process that may never need it

    with jump_about(stream) as source, _refusing(stream.name):
        file = pq.ParquetFile(source, pre_buffer=False, buffer_size=BLOCK)
        for batch in file.iter_batches(batch_rows):
            yield from slice_rows(batch, batch_rows, stream.name)


def read_arrow(stream: Stream, batch_rows: int) -> Iterator[Block]:
    """Read either form of Arrow's own format: with an index at its end, or to be read forwards."""
    indexed = stream.peek(6) == b"ARROW1"
    with jump_about(stream) as source, _refusing(stream.name):
        file = pa.memory_map(str(source)) if isinstance(source, Path) else pa.PythonFile(source)
        if indexed:
            opened = pa.ipc.open_file(file)
            batches: Iterator[pa.RecordBatch] = map(opened.get_batch, range(opened.num_record_batches))
        else:
            batches = iter(pa.ipc.open_stream(file))
        for batch in batches:
            yield from slice_rows(batch, batch_rows, stream.name)


def slice_rows(batch: pa.RecordBatch, batch_rows: int, source: str) -> Iterator[Block]:
    """Cut what another program wrote into blocks, once it has been seen to be sound; class numbers become class names.

    Raises
    ------
    DataError
        If an offset leads outside the data, or a string is not UTF-8.
    """
    classes = _read_classes(batch.schema)
    for start in range(0, batch.num_rows, batch_rows):
        rows = batch.slice(start, batch_rows)
        with _refusing(source):
            rows.validate(full=True)
            columns = rows.schema.names  # decodes them
        for column, names in classes.items():
            place = columns.index(column)
            numbers = rows.column(place)
            known = pc.and_(pc.greater_equal(numbers, 0), pc.less(numbers, len(names)))  # -1: not labelled
            rows = rows.set_column(place, column, pa.array(names, pa.string()).take(pc.if_else(known, numbers, None)))
        yield Block(rows.replace_schema_metadata(None))  # notes on columns as they were


def _read_classes(schema: pa.Schema) -> dict[str, list[str]]:
    """Find the columns that hold class numbers, and the names of the classes, as Hugging Face `datasets` notes them."""
    try:
        features = orjson.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {
            name: [str(each) for each in feature["names"]]
            for name, feature in features.items()
            if isinstance(feature, dict)
            and feature.get("_type") == "ClassLabel"
            and pa.types.is_integer(schema.field(name).type)
        }
    except (KeyError, TypeError, AttributeError, orjson.JSONDecodeError):
        return {}


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as problem:  # also names that are no UTF-8
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise DataError(f"{name} is damaged ({reason})", remedy="write it anew") from problem
