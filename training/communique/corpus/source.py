"""Statements from anywhere: files of any format, globs, stdin, Hugging Face datasets; as batches, in constant memory.

Rows leave in the order they came, one for one. A row that cannot be read is either an error that names it (where an
unread row would make a wrong model or a wrong mark) or keeps its place as a row without a text (where one row out is
owed for every row in).
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from communique.corpus import hub
from communique.corpus.batch import Batch, Block, make_batch
from communique.corpus.columnar import slice_rows
from communique.corpus.columns import Columns
from communique.corpus.formats import read_rows
from communique.corpus.stream import STDIN, open_stream
from communique.errors import DataError
from communique.statement import TEXT

BATCH_ROWS = 4096
BY_ALIAS = Columns()


def read(
    inputs: Sequence[str],
    columns: Columns = BY_ALIAS,
    *,
    need: frozenset[str] = frozenset({TEXT}),
    keep_unreadable: bool = False,
    batch_rows: int = BATCH_ROWS,
) -> Iterator[Batch]:
    """Read every input, one after the other.

    Parameters
    ----------
    inputs
        Paths, globs, "-" for stdin, ``hf://dataset[:split]``, folders (saved by `datasets`, or of data files).
    columns
        Which column plays which role, as far as the user said so; the rest is found by alias, in each input anew.
    need
        Roles that every input must have a column for.
    keep_unreadable
        Keep the place of a row that cannot be read (`Batch.faults`) instead of raising.
    batch_rows
        The most rows in a batch.

    Raises
    ------
    DataError
        If an input is not there or cannot be read, lacks a needed column, or, unless `keep_unreadable`, has a row that
        cannot be read.
    """
    number = 1
    for given in inputs:
        for name, blocks in _find(given, columns, batch_rows):
            reader = BatchReader(name, columns, need=need, number=number)
            for block in blocks:
                batch = reader.read(block)
                if batch.faults and not keep_unreadable:
                    fault = batch.faults[0]
                    raise DataError(
                        f"row {fault.row} of {name} cannot be read ({fault.message})", remedy="mend it, or take it out"
                    )
                yield batch
                number += batch.rows.num_rows


class BatchReader:
    """Sees the roles in the blocks of one source, one after the other.

    Parameters
    ----------
    source
        Its name.
    columns, need
        As in `read`.
    number
        The number of its first row over all inputs, from 1.
    """

    def __init__(
        self, source: str, columns: Columns = BY_ALIAS, *, need: frozenset[str] = frozenset({TEXT}), number: int = 1
    ) -> None:
        self._source, self._roles, self._need = source, columns, need
        self._seen: set[str] = set()
        self._row, self._before = 1, number - 1

    def read(self, block: Block) -> Batch:
        """Make a batch of the next block.

        Raises
        ------
        DataError
            If it lacks a needed column, or one that cannot play its role.
        """
        names = block.rows.schema.names
        if not self._seen.issuperset(names) or (not self._seen and len(block.broken) < block.rows.num_rows):
            # What was found in earlier rows stays; keys that JSON rows bring later may fill what is open.
            known = [*sorted(self._seen.difference(names)), *names]
            self._roles = self._roles.settle(known, self._source, self._need)
            self._seen.update(names)
        batch = make_batch(block, self._roles, self._source, first_row=self._row, number=self._before + self._row)
        self._row += batch.rows.num_rows
        return batch


def read_texts(texts: Sequence[str]) -> Batch:
    """Make a batch of texts given on the command line, or by a caller.

    Raises
    ------
    DataError
        If a text cannot be written in UTF-8: it holds half a surrogate pair.
    """
    try:
        column = pa.array(texts, pa.string())
    except UnicodeEncodeError as problem:
        raise DataError("a text given as an argument is not UTF-8", remedy="check the terminal's encoding") from problem
    return make_batch(Block(pa.RecordBatch.from_arrays([column], names=[TEXT])), Columns(text=TEXT), "the command line")


def _find(given: str, columns: Columns, batch_rows: int) -> Iterator[tuple[str, Iterator[Block]]]:
    """Yield the name and the rows of every file, or dataset, that an input stands for."""
    name, _, split = given.removeprefix(hub.SCHEME).partition(":") if given.startswith(hub.SCHEME) else (given, "", "")
    try:
        there, folder = Path(name).exists(), Path(name).is_dir()
    except OSError as problem:  # a name too long, a folder that may not be looked into
        raise DataError(f"{given} cannot be read ({problem.strerror})") from problem
    if hub.is_saved(Path(name)) if folder else given.startswith(hub.SCHEME) and not there:
        batches = hub.read_dataset(name, split, batch_rows)
        yield given, (block for batch in batches for block in slice_rows(batch, batch_rows, given))
        return
    if folder:
        files = hub.list_files(Path(name), split)
    else:
        files = [name] if there or not glob.has_magic(name) else _match(name)
    for file in files:
        yield ("standard input" if file == STDIN else file), _read_file(file, columns, batch_rows)


def _match(pattern: str) -> list[str]:
    found = glob.iglob(pattern, recursive=True)  # noqa: PTH207 - "**" and absolute patterns
    files = sorted(file for file in found if Path(file).is_file())
    if not files:
        raise DataError(f"no file matches {pattern}")
    return files


def _read_file(file: str, columns: Columns, batch_rows: int) -> Iterator[Block]:
    with open_stream(file) as stream:
        yield from read_rows(stream, batch_rows, columns.text)
