"""Where requests are answered: those that wait for the same model and options are answered in one pass.

A pass over one statement costs nearly as much as one over thirty, for most of it is calls of numpy and Arrow, whatever
the length of their arrays. While a pass runs, requests pile up in their sockets; then all of them are read, each leaves
its statements here, and the next pass takes them together. Where the last pass served several, the next one waits for
as many again, but no longer than a millisecond: their clients have just been answered and are likely to ask once more.
Who asks alone never waits.

A light pass runs on the event loop: it is over in the time that handing it to a thread and fighting for the interpreter
would cost. What is heavier runs in one of a few threads, and the loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa

from communique.corpus.batch import Batch
from communique.corpus.cells import format_json
from communique.corpus.columns import Columns
from communique.corpus.objects import pack_objects
from communique.corpus.source import BatchReader
from communique.errors import DataError
from communique.inference.bulk import answer
from communique.inference.prediction import Classifier, Options
from communique.service.shelf import Served
from communique.service.wire import MOST_KEYS, Given
from communique.statement import ID, TEXT

T = TypeVar("T")

SOURCE = "the request"
_ROLES = Columns(text=TEXT)
_THREADS = 2  # more only fight for the interpreter
_LIGHT = 80_000  # characters of a pass that runs on the loop: about ten milliseconds
_PATIENCE = 0.001  # seconds that a pass is put off for the sake of company
_A_STATEMENT = 60  # characters that a statement costs beside its own
_EVIDENCE = 5  # times the cost of a label alone


@dataclass(frozen=True, eq=False)
class Rows:
    """Answered rows: each as JSON, its label (None without a text), and how many of them were left unanswered."""

    lines: list[str]
    labels: list[str | None]
    abstained: int


@dataclass(frozen=True, eq=False)
class _Asked:
    texts: Sequence[str]
    served: Served
    options: Options
    answer: asyncio.Future[Rows]

    @property
    def cost(self) -> int:
        cost = sum(map(len, self.texts)) + _A_STATEMENT * len(self.texts)
        return cost * _EVIDENCE if self.options.evidence else cost


class Desk:
    """Answers requests of one process. It may be made before the process forks: threads come with the first need."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, "desk")
        self._begun: dict[int, float] = {}  # when each thread that works began
        self._waiting: list[_Asked] = []
        self._expected = 1  # as many as the last pass served
        self._due: asyncio.Handle | None = None

    async def classify(self, served: Served, options: Options, given: Sequence[Given]) -> Rows:
        """Answer statements; bare texts together with those of other requests.

        Raises
        ------
        CommuniqueError
            If the model cannot do what the options ask, or the rows do not fit together.
        """
        if not given:
            return Rows([], [], 0)
        texts = [text for text in given if isinstance(text, str)]
        if len(texts) < len(given):
            return await self.run(lambda: answer_batch(served.classifier, make_batch(given), options))
        loop = asyncio.get_running_loop()
        asked = _Asked(texts, served, options, loop.create_future())
        self._waiting.append(asked)
        if len(self._waiting) == self._expected:
            if self._due is not None:
                self._due.cancel()
            self._due = loop.call_soon(self._begin)  # after all whose requests have been read by now have come here
        elif len(self._waiting) == 1:
            self._due = loop.call_later(_PATIENCE, self._begin)
        return await asked.answer

    async def run(self, work: Callable[[], T]) -> T:
        """Do heavy work in a thread. If nobody waits for it any more before it has begun, it is not done."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._do, work)

    def _do(self, work: Callable[[], T]) -> T:
        thread = threading.get_ident()
        self._begun[thread] = time.monotonic()
        try:
            return work()
        finally:
            del self._begun[thread]

    def stuck(self) -> float:
        """Tell for how many seconds the piece of work has been under way that takes longest."""
        now = time.monotonic()
        return now - min(list(self._begun.values()), default=now)

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self) -> None:
        waiting, self._waiting, self._due = self._waiting, [], None
        self._expected = max(1, len(waiting))
        groups: dict[tuple[int, Options], list[_Asked]] = {}
        for asked in waiting:
            if not asked.answer.done():  # else its client has left
                groups.setdefault((id(asked.served), asked.options), []).append(asked)
        for group in groups.values():
            for together in _cut(group):
                if sum(asked.cost for asked in together) <= _LIGHT:
                    _settle(together, _answer(together))
                else:
                    work = asyncio.ensure_future(self.run(lambda together=together: _answer(together)))  # type: ignore[misc]
                    work.add_done_callback(lambda done, together=together: _settle(together, done.result()))  # type: ignore[misc]


def make_batch(given: Sequence[Given]) -> Batch:
    """Make a batch of statements as the command line makes one of a file with the same rows.

    Raises
    ------
    DataError
        If they have too many different keys, or one cannot be read.
    """
    values = [{TEXT: statement} if isinstance(statement, str) else statement for statement in given]
    batch = BatchReader(SOURCE, _ROLES).read(pack_objects(values, {}, {}, MOST_KEYS))
    if batch.faults:
        raise DataError(f"texts.{batch.faults[0].row - 1} is {batch.faults[0].message}")
    return batch


def answer_batch(classifier: Classifier, batch: Batch, options: Options = Options()) -> Rows:
    """Answer a batch as the command line does, and write each row as it does.

    Raises
    ------
    ModelError
        If the model cannot do what the options ask.
    """
    (answered,) = answer(classifier, [batch], options, jobs=1)
    rows = answered.rows
    abstained = rows.column("abstained").true_count if "abstained" in rows.schema.names else 0
    return Rows(lay_out(rows), rows.column("label").to_pylist(), abstained)


def lay_out(rows: pa.RecordBatch) -> list[str]:
    """Write rows as JSON, as the command line's JSON Lines have them."""
    lines: list[str] = format_json(pa.StructArray.from_arrays(rows.columns, names=rows.schema.names)).to_pylist()
    return lines


def _cut(group: list[_Asked]) -> list[list[_Asked]]:
    """Cut a group so that what is light alone stays light together."""
    parts: list[list[_Asked]] = []
    size = 0
    for asked in group:
        if not parts or size + asked.cost > _LIGHT:
            parts.append([])
            size = 0
        parts[-1].append(asked)
        size += asked.cost
    return parts


def _answer(together: list[_Asked]) -> list[Rows | BaseException]:
    """Answer in one pass; should it fail, one by one, so that nobody suffers for another."""
    try:
        return list(_pass(together))
    except Exception as problem:  # noqa: BLE001 - it goes to who asked
        return [problem] if len(together) == 1 else [one for asked in together for one in _answer([asked])]


def _pass(together: list[_Asked]) -> list[Rows]:
    ids = [str(number) for asked in together for number in range(1, len(asked.texts) + 1)]
    texts = [text for asked in together for text in asked.texts]
    identity, text = pa.array(ids, pa.string()), pa.array(texts, pa.string())
    rows = pa.RecordBatch.from_arrays([identity, text], names=[ID, TEXT])
    batch = Batch(rows, identity, text, Columns(text=TEXT, id=ID), SOURCE)
    (answered,) = answer(together[0].served.classifier, [batch], together[0].options, jobs=1)
    lines, labels = lay_out(answered.rows), answered.rows.column("label").to_pylist()
    names = answered.rows.schema.names
    abstained = answered.rows.column("abstained").to_pylist() if "abstained" in names else []
    parts, begin = [], 0
    for asked in together:
        end = begin + len(asked.texts)
        parts.append(Rows(lines[begin:end], labels[begin:end], sum(map(bool, abstained[begin:end]))))
        begin = end
    return parts


def _settle(together: list[_Asked], answers: list[Rows | BaseException]) -> None:
    for asked, given in zip(together, answers, strict=True):
        if asked.answer.done():
            continue
        if isinstance(given, BaseException):
            asked.answer.set_exception(given)
        else:
            asked.answer.set_result(given)


async def unless_gone(work: asyncio.Future[T], gone: Callable[[], Any]) -> T:
    """Wait for work, but drop it if ``gone()``, awaited meanwhile, comes first.

    Raises
    ------
    asyncio.CancelledError
        If it does.
    """
    watch = asyncio.ensure_future(gone())
    try:
        await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
        return await work
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
