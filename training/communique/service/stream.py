"""JSON Lines in, JSON Lines out: as many rows as one likes, in the memory of a few hundred.

Rows are answered as they come. Nothing is read while the client does not take what was answered, so whoever sends much
must read while it writes (curl does; a program that sends everything first does not). A line that is no JSON keeps its
place, as at the command line: its cells are null, and here ``error`` says why. What makes all further rows unreadable
is told in a last line that is a problem and no row.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from communique.corpus.batch import Batch, Fault
from communique.corpus.objects import LineReader
from communique.corpus.source import BatchReader
from communique.errors import CommuniqueError
from communique.inference.prediction import Options
from communique.service import problems
from communique.service.desk import SOURCE, Desk, Rows, answer_batch
from communique.service.settings import Settings
from communique.service.wire import MOST_KEYS

if TYPE_CHECKING:
    from communique.service.guard import Note
    from communique.service.shelf import Served

MEDIA_TYPES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")
_BOM = b"\xef\xbb\xbf"
_LINES = 512  # answered at once


class LongLineError(problems.TooMuchError):
    """A line that is too long."""


class Answering:
    """Answers the lines of one request, in their order."""

    def __init__(self, settings: Settings, served: Served, options: Options) -> None:
        self._settings, self._served, self._options = settings, served, options
        self._lines = LineReader(MOST_KEYS)
        self._batches = BatchReader(SOURCE)

    def answer(self, lines: list[bytes]) -> Rows | None:
        """Answer lines without their ends; None if all are blank.

        Raises
        ------
        DataError
            If the rows have no text, or too many different keys.
        ModelError
            If the model cannot do what the options ask.
        """
        block = self._lines.read(lines)
        if block is None:
            return None
        batch = _leave_out_long(self._batches.read(block), self._settings.max_chars)
        rows = answer_batch(self._served.classifier, batch, self._options)
        for fault in batch.faults:
            place = fault.row - batch.first_row
            row = orjson.loads(rows.lines[place]) | {"error": fault.message}
            rows.lines[place] = orjson.dumps(row).decode()
        return rows


def _leave_out_long(batch: Batch, most: int) -> Batch:
    lengths = pc.utf8_length(batch.text).to_pylist()
    faults = {
        batch.first_row + place: f"the text has {length:,} characters, expected at most {most:,}"
        for place, length in enumerate(lengths)
        if length is not None and length > most
    }
    if not faults:
        return batch
    long = pa.array([batch.first_row + place in faults for place in range(len(lengths))])
    rows = batch.rows
    if (name := batch.columns.text) in rows.schema.names:
        place = rows.schema.names.index(name)
        rows = rows.set_column(place, name, pc.if_else(long, pa.scalar(None, pa.string()), batch.text))
    known = {fault.row: fault.message for fault in batch.faults} | faults
    return replace(
        batch,
        rows=rows,
        text=pc.if_else(long, pa.scalar(None, pa.string()), batch.text),
        faults=tuple(Fault(row, known[row]) for row in sorted(known)),
    )


async def answer_lines(
    body: AsyncIterator[bytes], answering: Answering, desk: Desk, settings: Settings, note: Note, served: Served
) -> AsyncIterator[bytes]:
    """Answer a body as it comes, piece by piece.

    Raises
    ------
    CommuniqueError
        As `Answering.answer`; and if a line is too long.
    """
    async for lines in _read_lines(body, settings.max_bytes):
        for start in range(0, len(lines), _LINES):
            part = lines[start : start + _LINES]
            rows = await desk.run(lambda part=part: answering.answer(part))  # type: ignore[misc]
            if rows is not None:
                note.answer(served, rows.labels, rows.abstained)
                yield "\n".join([*rows.lines, ""]).encode()


async def _read_lines(body: AsyncIterator[bytes], longest: int) -> AsyncIterator[list[bytes]]:
    """Cut a body into lines, as many as have come."""
    unfinished: list[bytes] = []
    held = number = 0
    async for piece in body:
        whole, end, rest = piece.rpartition(b"\n")
        if end:
            lines = b"".join([*unfinished, whole]).split(b"\n")
            if not number:
                lines[0] = lines[0].removeprefix(_BOM)
            unfinished, held = [], 0
            long = next((place for place, line in enumerate(lines) if len(line) > longest), None)
            if long != 0:
                yield lines[:long]
            if long is not None:
                raise _too_long(number + long + 1, longest)
            number += len(lines)
        unfinished.append(rest)
        held += len(rest)
        if held > longest:
            raise _too_long(number + 1, longest)
    if held:
        last = b"".join(unfinished)
        yield [last if number else last.removeprefix(_BOM)]


def _too_long(number: int, longest: int) -> LongLineError:
    return LongLineError(
        f"line {number} is longer than {longest:,} bytes", expected="one statement a line, and shorter"
    )


class Lines(StreamingResponse):
    """Lines that go out while others still come in.

    Starlette's own class would read what comes in to learn whether the client has left.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send all."""
        await self.stream_response(send)


async def begin(lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Wait for the first piece, so that what is wrong at once can still be answered with a status.

    Raises
    ------
    CommuniqueError
        If the first lines cannot be answered.
    """
    first = await anext(lines, None)
    return _go_on(first, lines)


async def _go_on(first: bytes | None, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first is None:
        return
    yield first
    try:
        async for piece in lines:
            yield piece
            await asyncio.sleep(0)  # a client that sends and takes quickly must not keep the others waiting
    except CommuniqueError as problem:
        yield problems.write(problem) + b"\n"
