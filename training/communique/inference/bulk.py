"""Many rows: batch by batch, on all cores, in constant memory, out in the order they came in."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from communique.corpus.batch import Batch
from communique.inference.prediction import Classifier, Options
from communique.text.tokens import is_blank

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True)
class Answered:
    """A batch of the user's rows with the verdict columns behind them; ``empty`` names the rows that had no text."""

    rows: pa.RecordBatch
    batch: Batch
    empty: tuple[str, ...]


def answer(classifier: Classifier, batches: Iterable[Batch], options: Options, *, jobs: int = 0) -> Iterator[Answered]:
    """Label batches of rows; a row without a text keeps its place and gets nulls."""
    return ordered(lambda batch: _answer(classifier, batch, options), batches, jobs)


def ordered(work: Callable[[In], Out], items: Iterable[In], jobs: int = 0) -> Iterator[Out]:
    """Map with ``jobs`` threads (0: one a core), yielding in order and never holding more than two items a thread.

    Threads, not processes: the work is in numpy, Arrow and scipy, which let go of the interpreter; nothing is copied.
    """
    jobs = jobs if jobs > 0 else os.cpu_count() or 1
    if jobs == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(jobs) as pool:
        waiting: deque[Future[Out]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 2 * jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _answer(classifier: Classifier, batch: Batch, options: Options) -> Answered:
    empty = is_blank(batch.text)
    verdicts = classifier.verdicts(batch.text, options)
    columns = dict(zip(batch.rows.schema.names, batch.rows.columns, strict=True))
    answers = dict(zip([field.name for field in verdicts.type], verdicts.flatten(), strict=True))
    if options.evidence:
        from communique.inference.explanation import evidence_column

        answers["evidence"] = evidence_column(classifier, batch.text, label=answers["label"].to_pylist())
    if empty.any():
        gone = pa.array(empty)
        answers = {name: pc.if_else(gone, pa.scalar(None, column.type), column) for name, column in answers.items()}
    # What the user's file called "label" is kept, but the answer has the name.
    columns = {f"given_{name}" if name in answers else name: column for name, column in columns.items()}
    columns |= answers
    rows = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    broken = {fault.row for fault in batch.faults}
    where = [index for index in np.flatnonzero(empty).tolist() if batch.first_row + index not in broken]
    return Answered(rows, batch, tuple(map(batch.name_row, where)))
