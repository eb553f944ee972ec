"""One connection: how long the other side may take, and how much it may say before it is understood.

uvicorn limits the time between two requests and no other, and the size of no header. This is its protocol class with
three clocks and two scales. The clocks are looked at by a sweep every half second, so that a request pays for no timer.
"""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from communique.service.guard import problem
from communique.service.settings import Settings

_NO_LINGER = struct.pack("ii", 1, 0)
_MOST_WAITING = 32  # requests that a client sends before it has the answer to an earlier one
_PRESSES = 4  # times max_bytes: what is still read of a body that was refused, so that the client hears why


class _Unfit(Exception):  # noqa: N818
    """Stops the parser; the connection has noted why."""


class _Together:
    """A transport that sends the head and the body of an answer together.

    uvicorn writes one after the other. Each costs a system call, and wakes a client that can do nothing with a head.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send with the next that is written, or else at the end of this turn of the loop."""
        self._held.append(data)
        if len(self._held) == 1:
            self._loop.call_soon(self._send)
        else:
            self._send()

    def close(self) -> None:
        """Close once all is sent."""
        self._send()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._held = []
        self._transport.abort()

    def _send(self) -> None:
        held, self._held = self._held, []
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))


class Connection(HttpToolsProtocol):
    """A client's connection.

    Parameters
    ----------
    settings
        The limits.
    closed
        Called when the connection is gone.
    refused
        Called with the status of a request that was refused before it reached the application.
    given
        What uvicorn's protocol takes.
    """

    def __init__(
        self, settings: Settings, closed: Callable[[], None], refused: Callable[[int], None], **given: Any
    ) -> None:
        super().__init__(**given)
        self._limits, self._times = settings, settings.timeouts
        self._closed, self._refused = closed, refused
        self._stage = "head"  # head, body, or rest: between the end of one request and the first byte of the next
        self._head = 0  # bytes of a head that is not complete yet
        self._begun = False  # in this piece of data
        self._body = 0  # bytes of a body in this stretch of time
        self._spilled = 0  # bytes of a body after the answer
        self._status = 400
        self._running: RequestResponseCycle | None = None
        self._draining = False
        self._due = time.monotonic() + self._times.head
        self._stalled = math.inf  # since when the other side takes nothing
        self._closing = math.inf

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(cast(asyncio.Transport, _Together(transport, self.loop)))

    # The clocks

    def sweep(self, now: float) -> None:
        """Close the connection if its time is over."""
        if self.transport.is_closing():
            self._closing = min(self._closing, now)
        if now - min(self._stalled, self._closing) > self._times.answer:
            self._abort()
        elif now >= self._due and not self.transport.is_closing():
            if self.flow.read_paused or (self._stage == "body" and self._body >= self._pace):
                self._due, self._body = now + self._times.body, 0  # it is we who do not read, or all is well
            elif self._stage == "rest" or (self._stage == "head" and not self._head):
                self.transport.close()
            else:
                self._refuse(408)

    @property
    def _pace(self) -> float:
        return self._times.slowest * self._times.body

    def pause_writing(self) -> None:
        """Note that the other side takes nothing."""
        self._stalled = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that it does again."""
        self._stalled = math.inf
        super().resume_writing()

    def shutdown(self) -> None:
        """End after the request under way; a connection that was made this moment may still send one."""
        self._draining = True
        if self.cycle is None:
            self._due = min(self._due, time.monotonic() + 1)
        else:
            super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Say that the connection is gone."""
        self._part()
        super().connection_lost(exc)
        self._closed()

    # The scales

    def data_received(self, data: bytes) -> None:
        """Read a piece; of a head that does not end, so much and no more."""
        self._begun = False
        super().data_received(data)
        if self._stage != "head":
            return
        # Of a head that began somewhere in this piece, what matters is that it has begun.
        self._head = 1 if self._begun else self._head + len(data)
        if self._head > self._limits.max_head and not self.transport.is_closing():
            self._refuse(431 if self.headers else 414)

    def on_message_begin(self) -> None:
        """Start the clock of a head."""
        super().on_message_begin()
        self._stage, self._begun, self._due = "head", True, time.monotonic() + self._times.head

    def on_headers_complete(self) -> None:
        """Weigh the head, and start the clock of the body."""
        if len(self.url) > self._limits.max_head // 2:
            self._status = 414
            raise _Unfit
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > self._limits.max_head:
            self._status = 431
            raise _Unfit
        if len(self.pipeline) >= _MOST_WAITING:
            raise _Unfit  # each that waits is a hundred times as large in memory as on the wire
        super().on_headers_complete()
        if self._draining and self.cycle is not None:
            self.cycle.keep_alive = False
        self._stage, self._due, self._body = "body", time.monotonic() + self._times.body, 0

    def on_body(self, body: bytes) -> None:
        """Count a piece of a body."""
        self._body += len(body)
        if self.cycle.response_complete:
            self._spilled += len(body)
            if self._spilled > _PRESSES * self._limits.max_bytes:
                self._abort()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Rest until the next request."""
        super().on_message_complete()
        self._stage, self._spilled = "rest", 0
        self._due = time.monotonic() + self._times.idle if self.cycle.response_complete else math.inf

    def on_response_complete(self) -> None:
        """Start the clock between two requests."""
        super().on_response_complete()
        if self._stage == "rest" and not self.pipeline:
            self._due = time.monotonic() + self._times.idle

    # The refusals

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - ours says why
        """Refuse what the parser did not understand, or was stopped at."""
        self._refuse(self._status)

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: every visitor could fill the log with it."""

    def _abort(self) -> None:
        """Close at once: what the other side does not take would else stay in the kernel for minutes."""
        with suppress(OSError):
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._part()
        self.transport.abort()

    def _part(self) -> None:
        """Tell the request under way that nobody listens; uvicorn tells the last one that came, which may wait."""
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _refuse(self, status: int) -> None:
        self._refused(status)
        cycle = self._running
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started or self._stage != "body":
                self._abort()
                return
            self._part()
        found, expected = _REASONS[status]
        body = problem(status, found, expected)
        self.transport.write(
            b"HTTP/1.1 %d %s\r\ncontent-type: application/problem+json\r\nx-content-type-options: nosniff\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n%s"
            % (status, HTTPStatus(status).phrase.encode(), len(body), body)
        )
        self.transport.close()


_REASONS = {
    400: ("something else than HTTP", "a request in HTTP/1.1"),
    408: ("a request that does not come to its end", "all of it, and faster"),
    414: ("a long address", "a shorter one"),
    431: ("many or long headers", "fewer and shorter ones"),
}
