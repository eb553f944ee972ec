"""Many articles: files, folders, globs and stdin, one after the other, in constant memory, on all cores.

The grammar is Python, which runs on one core at a time: so many files are read by processes. Few are not worth their
start and are read here.
"""

from __future__ import annotations

import glob
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from communique.errors import CommuniqueError, DataError
from communique.extraction.article import Article
from communique.extraction.extraction import Statement, extract
from communique.extraction.reading import SUFFIXES, Format, open_article

if TYPE_CHECKING:
    from concurrent.futures import Future

    from communique.extraction.clauses import Parser

STDIN = "-"
_FEW = 128  # files that one process reads sooner than others can be started
_CHUNK = 16  # files handed over at once


@dataclass(frozen=True)
class Extracted:
    """What came out of one file: an article and its statements, or, where it could not be read, `fault`."""

    source: str
    article: Article | None = None
    statements: tuple[Statement, ...] = ()
    fault: CommuniqueError | None = None


def find_files(inputs: Sequence[str]) -> Iterator[str]:
    """Name every file that the inputs stand for, those of a folder or a glob in the order of their names.

    Of a folder, with all below it, the files whose suffix is one of `SUFFIXES`; hidden ones are left out.

    Raises
    ------
    DataError
        If an input is not there, or holds no such file.
    """
    for given in inputs:
        path = Path(given)
        try:
            found = [given] if given == STDIN or path.is_file() else None
            if found is None and path.is_dir():
                found = sorted(_list_folder(given))
                if not found:
                    raise DataError(f"the folder {given} holds no article", expected=f"files ending in {_suffixes()}")
        except (OSError, ValueError) as problem:  # a name too long, a NUL in it, a folder that may not be looked into
            raise DataError(f"{given[:80]} cannot be read ({problem})", expected="a file of an article") from problem
        if found is None and glob.has_magic(given):
            found = sorted(filter(os.path.isfile, glob.glob(given, recursive=True)))  # noqa: PTH207 - as they were given
        if not found:
            name = given if given.isprintable() else repr(given)
            raise DataError(f"no file {name}", expected="a file, a folder or a glob of articles, or - for stdin")
        yield from found


def extract_files(
    inputs: Sequence[str],
    *,
    format: Format | None = None,  # noqa: A002
    jobs: int = 0,
    spacy: str | None = None,
) -> Iterator[Extracted]:
    """Find the statements of every file, in order; ``jobs`` as everywhere, 0 for one a core.

    ``spacy``: the pipeline whose parser helps; see `clauses.load_parser`.

    Raises
    ------
    DataError
        As `find_files`. A file that cannot be read is no error here but an `Extracted.fault`.
    UsageError, ModelError
        As `clauses.load_parser`.
    """
    _parser(spacy)  # what is wrong with it is said before anything is read
    files = find_files(inputs)
    first = list(islice(files, _FEW + 1))
    jobs = jobs if jobs > 0 else os.cpu_count() or 1
    if jobs == 1 or len(first) <= _FEW:
        return (_extract_file(name, format, spacy) for name in chain(first, files))
    return _extract_on_cores(chain(first, files), format, jobs, spacy)


def _list_folder(folder: str) -> Iterator[str]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield str(Path(root, name))


def _suffixes() -> str:
    return ", ".join(SUFFIXES)


def _parser(name: str | None) -> Parser | None:
    if name is None:
        return None
    from communique.extraction.clauses import load_parser

    return load_parser(name)


def _extract_file(name: str, form: Format | None, spacy: str | None) -> Extracted:
    try:
        if name == STDIN:
            article = open_article(sys.stdin.buffer.read(), "stdin", form)
        else:
            article = open_article(name, format=form)
        return Extracted(name, article, extract(article, _parser(spacy)))
    except CommuniqueError as problem:
        return Extracted(name, fault=problem)
    except Exception as problem:  # noqa: BLE001 - one article must not cost the others
        fault = CommuniqueError(
            f"{name}: a fault in communique ({type(problem).__name__}: {problem})",
            remedy="run it alone with --debug, and report it",
        )
        fault.__cause__ = problem
        return Extracted(name, fault=fault)


def _extract_chunk(names: Sequence[str], form: Format | None, spacy: str | None) -> list[Extracted]:
    return [_extract_file(name, form, spacy) for name in names]


def _extract_on_cores(files: Iterable[str], form: Format | None, jobs: int, spacy: str | None) -> Iterator[Extracted]:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    names = iter(files)
    # Not by fork: the threads that Arrow or numpy keep would be copied in the middle of what they do.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting: deque[Future[list[Extracted]]] = deque()
        try:
            while chunk := list(islice(names, _CHUNK)):
                if STDIN in chunk:  # another process has another stdin
                    while waiting:
                        yield from waiting.popleft().result()
                    yield from _extract_chunk(chunk, form, spacy)
                    continue
                waiting.append(pool.submit(_extract_chunk, chunk, form, spacy))
                if len(waiting) > 2 * jobs:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
