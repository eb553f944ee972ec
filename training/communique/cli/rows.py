"""Rows in and out of the verbs that work on statements: what was given, and what could not be read of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from communique.cli.terminal import is_terminal, say
from communique.errors import DataError, UsageError

if TYPE_CHECKING:
    from communique.corpus.batch import Batch
    from communique.corpus.columns import Columns
    from communique.inference.bulk import Answered

_MOST_NAMED = 5  # rows named in a message


def spare_pandas() -> None:
    """Keep pyarrow from importing pandas.

    Where pandas is installed, pyarrow imports it before it makes its first array, only to ask whether it was given a
    Series. That takes as long as all the rest of a short command, and nobody here has a Series.
    """
    if "pandas" in sys.modules:
        return
    import pyarrow as pa

    class NoPandas:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "pandas":
                raise ModuleNotFoundError(name)

    sys.meta_path.insert(0, NoPandas())
    pa.array([""])
    del sys.meta_path[0]


def spare_imports() -> None:
    """Keep from importing what no classification needs: pandas, and what scipy would wake of numpy."""
    spare_pandas()
    _spare_f2py()


def _spare_f2py() -> None:
    """Keep scipy from importing numpy's Fortran compiler and its test tools.

    scipy.sparse, which every classification needs, looks at each name of numpy, and so wakes what numpy imports only
    when asked for: half the time of its own import.
    """
    import numpy as np

    lazy = [name for name in ("f2py", "testing") if name not in vars(np)]
    vars(np).update(dict.fromkeys(lazy))
    try:
        import scipy.sparse  # noqa: F401
    finally:
        for name in lazy:
            delattr(np, name)


def read_inputs(inputs: list[str], wanted: Columns) -> Iterable[Batch]:
    """Read what was given: texts, or files, or stdin if nothing was.

    Raises
    ------
    UsageError
        If nothing was given and nobody pipes anything in.
    DataError
        If texts stand among files, which is a file name with a slip.
    """
    from communique.corpus.source import read, read_texts

    if not inputs:
        if is_terminal(sys.stdin):
            raise UsageError("no statement was given", remedy='try: communique classify "We are ready for talks."')
        inputs = ["-"]
    files = [given for given in inputs if _is_file(given)]
    texts = [given for given in inputs if not _is_file(given)]
    if files and texts:
        raise DataError(f"no file {texts[0]!r} among the files given", remedy="classify texts and files in two runs")
    if files:
        return read(files, wanted, keep_unreadable=True)
    return [read_texts(texts)]


def _is_file(given: str) -> bool:
    """Tell a file from a text; a missing one by its look: nobody wants the stance of "statments.csv"."""
    if given == "-" or given.startswith("hf://"):
        return True
    try:
        if given and Path(given).exists():  # "" is the working folder to Path, but nobody's file
            return True
    except OSError:  # a text too long for a file name
        return False
    if len(given.split()) == 1 and any(mark in given for mark in "*?[") and "/" in given:
        return True
    return re.fullmatch(r"\S+(\.[A-Za-z][A-Za-z0-9]{1,7}|/)", given) is not None


@contextmanager
def told(answers: Iterable[Answered]) -> Iterator[Iterator[Answered]]:
    """Pass answers on; at the end name the rows that could not be read or had no text.

    Raises
    ------
    DataError
        At the end of the ``with`` block. Within that of a file, so that nobody takes it for complete.
    """
    unread: list[str] = []
    empty: list[str] = []
    rows = 0

    def pass_on() -> Iterator[Answered]:
        nonlocal rows
        for answered in answers:
            rows += answered.rows.num_rows
            unread.extend(f"{answered.batch.source}:{fault.row} ({fault.message})" for fault in answered.batch.faults)
            empty.extend(answered.empty)
            yield answered

    yield pass_on()
    if empty:
        say(f"communique: {_named(empty)} without a text; there the label is empty")
    if unread:
        raise DataError(
            f"{_named(unread)} could not be read; there the label is empty", remedy="mend them and classify again"
        )
    if rows and len(empty) == rows:
        raise DataError("no row has a text", expected="a statement in each")


def refuse_file(output: Path | None) -> None:
    """Refuse to write a table to a file.

    Raises
    ------
    UsageError
        If there is one.
    """
    if output is not None:
        raise UsageError("a table cannot be written to a file", remedy="choose --format jsonl, csv, tsv or parquet")


def _named(rows: list[str]) -> str:
    shown = ", ".join(rows[:_MOST_NAMED])
    more = f" and {len(rows) - _MOST_NAMED:,} more" if len(rows) > _MOST_NAMED else ""
    return f"{len(rows):,} row{'s' if len(rows) != 1 else ''} ({shown}{more})"
