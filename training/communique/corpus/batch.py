"""A batch of the user's rows, and the same rows as statements.

`Batch.rows` has the columns of the file under their own names, so that what is written out later is what came in.
`Batch.text`, `id`, `label` and `group` are the roles that some of these columns play. A row that could not be read
keeps its place: a `Fault` says why, its text is null, and so are its other cells if they could not be told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from communique.errors import DataError
from communique.statement import ID, LABELLED

if TYPE_CHECKING:
    from communique.corpus.columns import Columns

JSON = pa.json_(pa.string())
"""The type of a column that Arrow has no plain type for (nested values, text and numbers mixed): each cell as JSON."""


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows of a file as they came; for those that could not be read, all null here, their index and why."""

    rows: pa.RecordBatch
    broken: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """A row that could not be read: its number in its source, from 1, and why."""

    row: int
    message: str


@dataclass(frozen=True, eq=False)
class Batch:
    """Some consecutive rows of one source.

    Parameters
    ----------
    rows
        The columns as they came, in their order and types. Only if none plays the id, a first column `id` with the
        running number of the row over all inputs, from 1; where an id column has gaps, that number fills them.
    id, text
        The statements, n strings each. A text is null if the row had none; an id never is.
    columns
        Which column plays which role; `columns.id` is never None.
    source
        The file as the user named it.
    first_row
        The number in its source, from 1, of the first row. The header of a CSV file and blank lines are not counted.
    faults
        The rows that could not be read, or whose text is none, such as a number, in order.
    """

    rows: pa.RecordBatch
    id: pa.StringArray
    text: pa.StringArray
    columns: Columns
    source: str
    first_row: int = 1
    faults: tuple[Fault, ...] = ()

    @property
    def label(self) -> pa.StringArray:
        """The labels, n strings; null where there is none."""
        return self._role(self.columns.label)

    @property
    def group(self) -> pa.StringArray:
        """The groups, n strings; null where there is none."""
        return self._role(self.columns.group)

    @property
    def error(self) -> pa.StringArray:
        """Why each row could not be read, n strings; null for a good row."""
        messages: list[str | None] = [None] * self.rows.num_rows
        for fault in self.faults:
            messages[fault.row - self.first_row] = fault.message
        return pa.array(messages, pa.string())

    @property
    def labelled(self) -> pa.RecordBatch:
        """The four roles alone, in the schema `LABELLED`: so batches of files of any shape fit together."""
        return pa.RecordBatch.from_arrays([self.id, self.text, self.label, self.group], schema=LABELLED)

    def name_row(self, index: int) -> str:
        """Name the row at `index` of this batch as ``file:row``."""
        return f"{self.source}:{self.first_row + index}"

    def _role(self, column: str | None) -> pa.StringArray:
        if column is None or column not in self.rows.schema.names:
            return pa.nulls(self.rows.num_rows, pa.string())
        return _read_names(self.rows.column(column), f"column {column!r} of {self.source}")


def make_batch(block: Block, columns: Columns, source: str, *, first_row: int = 1, number: int = 1) -> Batch:
    """See the roles in a block.

    Parameters
    ----------
    block
        The rows as they came.
    columns
        The settled roles; a column that these rows lack counts as null.
    source, first_row
        As in `Batch`.
    number
        The number of the first row over all inputs, from 1.

    Raises
    ------
    DataError
        If a column cannot play its role: no text in the whole text column, a list for an id.
    """
    rows, broken = block.rows, dict(block.broken)
    names = rows.schema.names
    text = pa.nulls(rows.num_rows, pa.string())
    if columns.text in names:
        text, wrong = _read_texts(rows.column(columns.text))
        if first_row == 1 and wrong and text.null_count == rows.num_rows:
            kind = rows.schema.field(columns.text).type
            raise DataError(
                f"column {columns.text!r} of {source} holds {'no text' if kind == JSON else kind}",
                expected="statements",
                remedy="say which column holds them",
            )
        broken |= wrong
    running = pa.array(np.arange(number, number + rows.num_rows)).cast(pa.string())
    if columns.id in names:
        given = rows.column(columns.id)
        known = _read_names(given, f"column {columns.id!r} of {source}")
        ids = pc.coalesce(known, running)
        if known.null_count and given.type in (pa.string(), pa.int64(), pa.null()):
            filled = ids.cast(given.type) if given.type == pa.int64() else ids
            rows = rows.set_column(names.index(columns.id), columns.id, filled)
    else:
        ids = running
        rows = rows.add_column(0, columns.id or ID, ids)
    faults = tuple(Fault(first_row + index, broken[index]) for index in sorted(broken))
    return Batch(rows, ids, text, replace(columns, id=columns.id or ID), source, first_row, faults)


def describe(value: object) -> str:
    """Name the kind of a value as JSON has them."""
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "an object",
    }
    return "null" if value is None else kinds.get(type(value), f"of type {type(value).__name__}")


def _read_texts(values: pa.Array) -> tuple[pa.StringArray, dict[int, str]]:
    """Return the texts of a column, null where there is none, and the index of each cell that holds something else."""
    texts = _decode(values)
    if texts is not None:
        return texts, {}
    cells = _load(values) if values.type == JSON else values.to_pylist()
    wrong = {
        index: f"the text is {describe(cell)}, expected a string"
        for index, cell in enumerate(cells)
        if cell is not None and not isinstance(cell, str)
    }
    return pa.array([cell if isinstance(cell, str) else None for cell in cells], pa.string()), wrong


def _read_names(values: pa.Array, what: str) -> pa.StringArray:
    """Return a column of labels, ids or groups as strings, null where the cell is empty.

    Raises
    ------
    DataError
        If its type has no plain way of being written.
    """
    names = _decode(values)
    if values.type == JSON:
        cells = [cell if isinstance(cell, str | None) else orjson.dumps(cell).decode() for cell in _load(values)]
        names = pa.array(cells, pa.string())
    if names is None:
        try:
            names = values.cast(pa.string())
        except pa.ArrowException as problem:
            raise DataError(f"{what} holds {values.type}", expected="a name or a number in every row") from problem
    return pc.if_else(pc.equal(names, ""), None, names)


def _decode(values: pa.Array) -> pa.StringArray | None:
    """Return a column as strings if it is one of Arrow's several kinds of strings, or of bytes that are UTF-8."""
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if kind not in (pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.null()):
        return None
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        return None


def _load(values: pa.Array) -> list[Any]:
    return [None if cell is None else orjson.loads(cell) for cell in values.storage.to_pylist()]
