"""One of the processes that answer: it accepts connections, serves them, and takes the models it is handed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import uvicorn

from communique.errors import CommuniqueError
from communique.service import log
from communique.service.balance import Balance
from communique.service.channel import Channel
from communique.service.connection import Connection
from communique.service.metrics import Metrics
from communique.service.pulse import Pulse
from communique.service.settings import Settings
from communique.service.shelf import Shelf

if TYPE_CHECKING:
    from starlette.applications import Starlette

_MOST = 64  # connections accepted in a turn of the loop
_PAUSE = 0.0015  # seconds until a worker that has its share looks again whether the others have taken theirs
_PATIENCE = 30  # such looks: after them it takes what waits, for the others may be stuck
_SWEEP = 5  # ticks of a tenth of a second
_FULL = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Worker(uvicorn.Server):
    """Serves an application on a socket that it shares with the other workers.

    Connections are accepted while this worker has no more of them than its share: workers that wait at the same socket
    then share a burst, where uvicorn would give all of it to the one that wakes first. What no worker has accepted is
    nobody's loss if one dies.
    """

    def __init__(
        self,
        app: Starlette,
        shelf: Shelf,
        settings: Settings,
        metrics: Metrics,
        listener: socket.socket,
        channel: Channel,
        balance: Balance,
        pulse: Pulse,
        slab: int,
    ) -> None:
        times = settings.timeouts
        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                loop="uvloop",
                ws="none",
                lifespan="on",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=max(1, round(times.idle)),
                timeout_graceful_shutdown=max(1, round(times.drain)),
            )
        )
        self._shelf, self._settings, self._metrics = shelf, settings, metrics
        self._listener, self._channel = listener, channel
        self._balance, self._pulse, self._slab = balance, pulse, slab
        self._stuck = app.state.stuck
        self._accepting = False
        self._waited, self._others = 0, balance.told()  # looks in vain, and what was seen at the last one
        self.servers: list[asyncio.base_events.Server] = []

    # Connections

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application and accept connections."""
        del sockets
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(1)
        self._loop = asyncio.get_running_loop()
        self._make = partial(
            Connection,
            self._settings,
            self._note_closed,
            self._note_refused,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        self.started = True
        self._resume()
        threading.Thread(target=self._listen, daemon=True).start()
        self._channel.tell({"ready": True})

    def _resume(self) -> None:
        if not self._accepting and not self.should_exit and len(self.server_state.connections) < self._limit:
            self._accepting = True
            self._publish()
            self._loop.add_reader(self._listener, self._take)

    def _pause(self) -> None:
        if self._accepting:
            self._accepting = False
            self._balance.leave(self._slab)
            self._loop.remove_reader(self._listener)

    def _publish(self) -> None:
        if self._accepting:
            self._balance.tell(self._slab, len(self.server_state.connections))

    def _note_closed(self) -> None:
        self._publish()
        self._resume()

    @property
    def _limit(self) -> int:
        return self._settings.connections

    def _take(self) -> None:
        """Take of the connections that wait what is this worker's share."""
        for _ in range(_MOST):
            if not self._accepting:
                return
            if not self._may_take():
                self._loop.remove_reader(self._listener)
                self._loop.call_later(_PAUSE, self._look_again)
                return
            if not self._accept():
                break
        self._waited = 0

    def _may_take(self) -> bool:
        """Tell whether it is this worker's turn, or the others do not take theirs."""
        if self._balance.has_room(self._slab):
            return True
        others = self._balance.told()
        self._waited = self._waited + 1 if others == self._others else 0
        self._others = others
        return self._waited >= _PATIENCE

    def _look_again(self) -> None:
        if self._accepting:
            self._loop.add_reader(self._listener, self._take)

    def _accept(self) -> bool:
        """Take one connection, if there still is one."""
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False  # another worker was faster, or the client left
        except OSError as problem:
            if problem.errno not in _FULL:
                raise
            self._pause()
            self._loop.call_later(1, self._resume)
            return False
        client.setblocking(False)
        connection = self._make(_loop=self._loop)
        self.server_state.connections.add(connection)
        self._publish()
        if len(self.server_state.connections) >= self._limit:
            self._pause()
        task = self._loop.create_task(self._connect(connection, client))
        self.server_state.tasks.add(task)
        task.add_done_callback(self.server_state.tasks.discard)
        return True

    async def _connect(self, connection: Connection, client: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: connection, client)
        except OSError:
            self.server_state.connections.discard(connection)
            client.close()
            self._note_closed()

    def _note_refused(self, status: int) -> None:
        self._metrics.request("-", status, 0.0)
        log.say("refused", status=status)

    async def on_tick(self, counter: int) -> bool:
        """Look at the clocks of all connections, and say that this worker lives, unless its work does not get on."""
        if counter % _SWEEP == 0:
            now = time.monotonic()
            if self._stuck() < self._settings.endless:
                self._pulse.beat(self._slab)
            for connection in list(self.server_state.connections):
                if connection.transport is not None:
                    connection.sweep(now)  # type: ignore[union-attr]
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is under way; what waits at the socket is still accepted."""
        del sockets
        self._pause()
        while self._accept():
            await asyncio.sleep(0)
        self._listener.close()
        sweeping = self._loop.create_task(self._sweep_on())
        await super().shutdown()
        sweeping.cancel()

    async def _sweep_on(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP / 10)
            await self.on_tick(0)

    # Signals, and what the supervisor says

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Be stopped by SIGTERM and SIGINT; they were held back since the fork."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        yield

    def _stop(self) -> None:
        self.should_exit = True

    def _listen(self) -> None:
        """Take new models until the supervisor is gone; in a thread, so that requests go on meanwhile."""
        for told, copy in self._channel.hear():
            if copy is None:
                continue
            try:
                served = self._shelf.receive(told, copy)
            except (CommuniqueError, OSError) as problem:
                log.say("swap failed", level=logging.ERROR, why=str(problem))
                continue
            log.say("swapped", model=str(served))
        self._loop.call_soon_threadsafe(self._stop)
