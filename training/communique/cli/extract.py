"""The verb ``extract``: articles in, statements out, with who said them."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from communique.cli.options import Force, Jobs, Spacy
from communique.cli.rows import refuse_file, spare_pandas
from communique.cli.terminal import is_terminal, progress, say, table
from communique.errors import CommuniqueError, DataError, UsageError

if TYPE_CHECKING:
    from communique.corpus.sink import Format
    from communique.extraction.files import Extracted
    from communique.extraction.reading import Format as Kind

FORMATS = ("table", "jsonl", "csv", "tsv", "parquet", "article")
_MOST_NAMED = 5  # files named in a message
_BATCH = 1024
_WHO = 26  # columns of a terminal for who it was


def extract(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE|FOLDER|-", help="Articles: files, folders, globs, or - for stdin.", show_default=False
        ),
    ] = None,
    format: Annotated[  # noqa: A002 - the flag's name
        str | None,
        typer.Option("--format", "-f", help="table, jsonl, csv, tsv, parquet; article: the whole article as JSON."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead of stdout.")] = None,
    read_as: Annotated[
        str | None, typer.Option(help="Read the files as text, markdown, html, docx or pdf, whatever they look like.")
    ] = None,
    spacy: Spacy = None,
    jobs: Jobs = 0,
    force: Force = False,
) -> None:
    """Find the statements in articles and transcripts: who said what.

    Takes a page as it was copied, plain text, Markdown, HTML, .docx, and, with communique[documents], PDF. Each
    statement has its place in the text (start, end, spans), its kind (direct, partial, indirect or turn), speaker,
    office, actor and the cue that gave it away. Places count in the text as given; in that of --format article for
    HTML, .docx and PDF.

    Example: communique extract article.txt --format jsonl
    """
    form = _form(format, output)
    if form == "table":
        refuse_file(output)
    with found_in(inputs, read_as, jobs, spacy) as found:
        if form == "table":
            _show(found)
        elif form == "article" or (form == "jsonl" and output is None):
            # Lines straight out of the statements: short runs need no Arrow.
            with _lines(output, force) as out, progress("articles read") as advance:
                for number, extracted in enumerate(found, start=1):
                    out.write(_article(extracted) if form == "article" else _statements(extracted))
                    advance(number, 0)
        else:
            _write(found, output, form, force)


@contextmanager
def found_in(
    inputs: list[str] | None, read_as: str | None, jobs: int, spacy: str | None
) -> Iterator[Iterator[Extracted]]:
    """Find the statements of what was given, of stdin if nothing was; once all is written, name what could not be read.

    Raises
    ------
    UsageError, ModelError
        If nothing was given and nobody pipes anything in, the kind of file is none, or spaCy's pipeline of none that
        can be used.
    DataError
        At the end of the ``with`` block, so that whatever was written in it stands, if a file could not be read.
    """
    from communique.extraction.files import extract_files

    if not inputs and is_terminal(sys.stdin):
        raise UsageError("no article was given", remedy="try: communique extract article.txt")
    faults: list[CommuniqueError] = []
    files = silent = 0

    def pass_on(found: Iterator[Extracted]) -> Iterator[Extracted]:
        nonlocal files, silent
        for extracted in found:
            files += 1
            if extracted.fault is not None:
                faults.append(extracted.fault)
            else:
                silent += not extracted.statements
                yield extracted

    yield pass_on(extract_files(inputs or ["-"], format=_kind(read_as), jobs=jobs, spacy=spacy))
    if silent:
        say("communique: no statement found" + (f" in {silent:,} of {files:,} articles" if files > 1 else ""))
    if len(faults) == files == 1:
        raise faults[0]
    if faults:
        shown = "; ".join(map(str, faults[:_MOST_NAMED]))
        more = f"; and {len(faults) - _MOST_NAMED:,} more" if len(faults) > _MOST_NAMED else ""
        raise DataError(f"{len(faults):,} of {files:,} files could not be read: {shown}{more}")


def _form(name: str | None, output: Path | None) -> str | None:
    """Settle the format; None: as the output's suffix says."""
    if name is not None and name not in FORMATS:
        raise UsageError(f"the format {name!r}", expected=f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    if name is not None:
        return name
    if output is None:
        return "table" if is_terminal(sys.stdout) else "jsonl"
    return "jsonl" if str(output) == "-" else None


def _kind(name: str | None) -> Kind | None:
    match name:
        case None | "text" | "markdown" | "html" | "docx" | "pdf":
            return name
    raise UsageError(f"--read-as {name}", expected="text, markdown, html, docx or pdf")


def _lines(output: Path | None, force: bool) -> Any:
    if output is None or str(output) == "-":
        return nullcontext(sys.stdout.buffer)
    from communique.corpus.sink import open_file

    return open_file(output, force)


def _statements(extracted: Extracted) -> bytes:
    import orjson

    return b"".join(orjson.dumps(each.to_dict()) + b"\n" for each in extracted.statements)


def _article(extracted: Extracted) -> bytes:
    import orjson

    article = None if extracted.article is None else extracted.article.to_dict()
    return orjson.dumps({"article": article, "statements": [each.to_dict() for each in extracted.statements]}) + b"\n"


def _write(found: Iterator[Extracted], output: Path | None, form: str | None, force: bool) -> None:
    spare_pandas()
    import pyarrow as pa

    from communique.corpus.sink import open_sink
    from communique.inference.articles import EXTRACTED

    held: list[dict[str, Any]] = []
    with open_sink(output, cast("Format | None", form), force=force) as sink, progress("articles read") as advance:
        sink.write(pa.RecordBatch.from_pylist([], EXTRACTED))
        for number, extracted in enumerate(found, start=1):
            held += [statement.to_dict() for statement in extracted.statements]
            if len(held) >= _BATCH:
                sink.write(pa.RecordBatch.from_pylist(held, EXTRACTED))
                held = []
            advance(number, 0)
        sink.write(pa.RecordBatch.from_pylist(held, EXTRACTED))


def _show(found: Iterator[Extracted]) -> None:
    for extracted in found:
        article = extracted.article
        if article is None or not extracted.statements:
            continue
        head = " · ".join(filter(None, [article.title, article.outlet, article.date])) or extracted.source
        rows = [
            [each.text, textwrap.fill(", ".join(dict.fromkeys(filter(None, who))), _WHO), each.kind]
            for each in extracted.statements
            for who in [(each.speaker or "(unknown)", each.office, each.actor)]
        ]
        table(head, ["statement", "who", "kind"], rows, wide=0)
