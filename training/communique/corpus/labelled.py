"""Labelled statements, all of them in memory: what training and evaluation work on."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from communique.codebook import Codebook
from communique.corpus.batch import Batch
from communique.corpus.cells import format_cells
from communique.errors import DataError
from communique.statement import GROUP, ID, LABEL, LABELLED, TEXT


@dataclass(frozen=True, eq=False)
class Labelled:
    """Labelled statements: ``rows`` in the schema ``LABELLED``, every one with a text and a label.

    ``skipped`` names (as ``file:row``) the rows that had no text, ``unlabelled`` those that had no label. ``extras``
    are the other columns of the user's files, row for row, if they were asked for.
    """

    rows: pa.Table
    skipped: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()
    extras: pa.Table | None = None

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    @property
    def texts(self) -> pa.Array:
        """The statements, one string array."""
        return _whole(self.rows.column(TEXT))

    @property
    def grouped(self) -> bool:
        """Whether the data came with groups."""
        return bool(self.rows.column(GROUP).null_count < len(self))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The distinct labels, sorted."""
        return tuple(sorted(pc.unique(self.rows.column(LABEL)).to_pylist()))

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many rows each label has, in the order of `labels`."""
        counted = {entry["values"]: entry["counts"] for entry in pc.value_counts(self.rows.column(LABEL)).to_pylist()}
        return {label: counted[label] for label in self.labels}

    def codes(self, codebook: Codebook) -> np.ndarray:
        """Number the labels as the codebook does: int64 (n,).

        Raises
        ------
        DataError
            If a label is not in the codebook.
        """
        if unknown := sorted(set(self.labels) - set(codebook.names)):
            near = difflib.get_close_matches(unknown[0], codebook.names, 1)
            raise DataError(
                f"the label {unknown[0]!r} on {self.counts[unknown[0]]:,} of {len(self):,} statements",
                expected=f"one of {', '.join(codebook.names)}",
                remedy=f"did you mean {near[0]!r}?" if near else "mend the label, or give a --codebook that has it",
            )
        return np.asarray(
            pc.index_in(_whole(self.rows.column(LABEL)), pa.array(codebook.names, pa.string())).to_numpy(), np.int64
        )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over texts, labels and groups, in their order."""
        digest = hashlib.sha256()
        for name in (TEXT, LABEL, GROUP):
            column = _whole(self.rows.column(name)).fill_null("")
            digest.update(np.asarray(pc.binary_length(column).to_numpy(), "<i8").tobytes())
            digest.update("".join(column.to_pylist()).encode())
        return digest.hexdigest()


def collect(batches: Iterable[Batch], what: str = "the data", *, extras: bool = False) -> Labelled:
    """Gather batches of labelled rows; rows without a text or a label are left out and named.

    ``extras``: keep the other columns too.

    Raises
    ------
    DataError
        If nothing is left, or all statements have the same label.
    """
    parts: list[pa.RecordBatch] = []
    others: list[pa.Table] = []
    skipped: list[str] = []
    unlabelled: list[str] = []
    for batch in batches:
        blank = pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(batch.text.fill_null(""))), 0)
        bare = pc.and_(pc.is_null(batch.label), pc.invert(blank))
        skipped += [batch.name_row(index) for index in pc.indices_nonzero(blank).to_pylist()]
        unlabelled += [batch.name_row(index) for index in pc.indices_nonzero(bare).to_pylist()]
        kept = pc.invert(pc.or_(blank, bare))
        parts.append(batch.labelled.filter(kept))
        if extras:
            others.append(pa.Table.from_batches([batch.rows]).filter(kept))
    rows = pa.Table.from_batches(parts, LABELLED)
    if not rows.num_rows:
        raise DataError(f"{what} holds no labelled statement", expected="rows with a text and a label")
    beside = _join_columns(others) if extras else None
    return Labelled(rows, tuple(skipped), tuple(unlabelled), beside)


def labelled_of(texts: Sequence[str], labels: Sequence[str], groups: Sequence[str | None] | None = None) -> Labelled:
    """Make labelled statements of plain sequences; ids are running numbers."""
    ids = list(map(str, range(1, len(texts) + 1)))
    columns = {ID: ids, TEXT: texts, LABEL: labels, GROUP: groups if groups is not None else [None] * len(ids)}
    return Labelled(pa.table([pa.array(columns[name], pa.string()) for name in LABELLED.names], schema=LABELLED))


def _join_columns(tables: list[pa.Table]) -> pa.Table:
    """Put the columns of several files under each other; where their types clash, as text."""
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException:
        plain = [pa.table({name: _text_of(table.column(name)) for name in table.column_names}) for table in tables]
        return pa.concat_tables(plain, promote_options="default")


def _text_of(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([format_cells(chunk) for chunk in column.chunks], pa.string())


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
