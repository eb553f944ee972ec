"""The supervisor: it loads the models, opens the socket, and keeps the workers alive.

It imports everything, loads and tests the models and makes the application, and only then forks. So a worker is there
in milliseconds, the first one as well as one that replaces a dead one, and all share the memory of what was loaded
before. The supervisor itself answers nobody and runs no thread, and looks at the disk once a second for a newer
version of a model; the workers look at no disk at all.

===========  ======================================================================================================
SIGTERM      stop: no new connection, requests under way are finished (so does SIGINT, Ctrl-C)
SIGHUP       look for newer versions now, also for such as were refused before
SIGCHLD      a worker is gone: another one takes its place and its counters; one that hangs is made to go
===========  ======================================================================================================
"""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from communique.errors import CommuniqueError, UsageError
from communique.service import log
from communique.service.balance import Balance
from communique.service.channel import Channel, make_channels
from communique.service.metrics import Metrics
from communique.service.pulse import Pulse
from communique.service.settings import Settings
from communique.service.shelf import Shelf

if TYPE_CHECKING:
    from starlette.applications import Starlette

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_BACKLOG = 1024
_SEND_BUFFER = 1 << 17  # bytes; Linux doubles it
_LOOK = 1.0  # seconds between two looks at the models
_YOUNG = 2.0  # seconds: a worker that dies younger is restarted only after as many
_MOST_YOUNG = 5  # deaths of young workers in a row, then something is wrong that restarting does not mend
_GRACE = 2.0  # seconds a worker is given beyond the time to drain


def serve(
    settings: Settings,
    ready: Callable[[str], None],
    create: Callable[[Settings, Shelf], Starlette] | None = None,
) -> None:
    """Serve until told to stop.

    Parameters
    ----------
    settings
        What to serve, where, and how.
    ready
        Called once with the URL, when requests are answered.
    create
        Makes the application; `app.create_app` if None.

    Raises
    ------
    ModelError
        If a model cannot be used or fails its test.
    UsageError
        If this system cannot fork.
    CommuniqueError
        If the address cannot be listened at, or the workers do not live.
    """
    if not hasattr(os, "fork"):
        raise UsageError("this system has no fork", expected="Linux or macOS", remedy="run the service in a container")
    with _listen(settings.host, settings.port) as listener:
        shelf = Shelf(settings.models)
        if create is None:
            from communique.service.app import create_app  # brings the web framework: after what may fail

            create = create_app
        app = create(settings, shelf)
        log.set_up(settings.log_format)
        Supervisor(settings, app, shelf, listener).run(ready)


def _listen(host: str, port: int) -> socket.socket:
    """Open the socket.

    Raises
    ------
    CommuniqueError
        If that cannot be done.
    """
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Inherited by every connection. The kernel would else keep up to 4 MB for each client that does not read.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except (OSError, UnicodeError) as problem:
        if listener is not None:
            listener.close()
        reason = getattr(problem, "strerror", None) or "no such host"
        raise CommuniqueError(
            f"{host} port {port} cannot be listened at ({reason})",
            remedy="choose another --host or --port; --port 0 takes any that is free",
        ) from problem
    return listener


@dataclass
class _Child:
    slab: int
    channel: Channel
    born: float
    ready: bool = False


class Supervisor:
    """Keeps as many workers as the settings ask for."""

    def __init__(self, settings: Settings, app: Starlette, shelf: Shelf, listener: socket.socket) -> None:
        self._settings, self._app, self._shelf, self._listener = settings, app, shelf, listener
        self._metrics: Metrics = app.state.metrics
        self._balance = Balance(settings.processes + 1)
        self._pulse = Pulse(settings.processes + 1, settings.timeouts.hung)
        self._children: dict[int, _Child] = {}
        self._due: dict[int, float] = {}  # when to fill the place of a dead worker, by slab
        self._young = 0
        self._running = False  # all workers have been ready once
        self._stopping: float | None = None

    def run(self, ready: Callable[[str], None]) -> None:
        """Fork the workers and look after them until a signal says to stop.

        Raises
        ------
        CommuniqueError
            If the workers die again and again.
        """
        bell, ringer = os.pipe()
        os.set_blocking(ringer, False)
        os.set_blocking(bell, False)
        before = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
        wakeup = signal.set_wakeup_fd(ringer, warn_on_full_buffer=False)
        try:
            gc.collect()
            gc.freeze()  # what was made until now is never collected: its pages stay shared
            for slab in range(1, self._settings.processes + 1):
                self._fork(slab)
            self._watch(bell, ready)
        finally:
            self._kill()
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(bell)
            os.close(ringer)
            gc.unfreeze()

    def _watch(self, bell: int, ready: Callable[[str], None]) -> None:
        look = time.monotonic() + _LOOK
        while self._children or self._stopping is None:
            unborn = [child.channel.fileno() for child in self._children.values() if not child.ready]
            pause = _LOOK / 4 if self._stopping or self._due else _LOOK
            readable, _, _ = select.select([bell, *unborn], [], [], pause)
            now = time.monotonic()
            for child in self._children.values():
                child.ready = child.ready or (child.channel.fileno() in readable and child.channel.has_word())
            if bell in readable:
                self._answer(os.read(bell, 4096))
            for slab in [slab for slab, due in self._due.items() if due <= now and self._stopping is None]:
                self._due[slab] = now + _YOUNG  # should there be no memory for another process
                with suppress(OSError):
                    self._fork(slab)
                    del self._due[slab]
            if not self._running and self._children and all(child.ready for child in self._children.values()):
                self._running = True
                ready(url_of(self._settings.host, self._listener.getsockname()[1]))
                log.say("ready", workers=len(self._children), models=",".join(map(str, self._shelf.all())))
            if self._stopping is not None and now > self._stopping:
                self._kill()
            elif self._stopping is None and now >= look:
                look = now + _LOOK
                self._end_hung(self._pulse.listen(now))
                self._renew()

    def _answer(self, rung: bytes) -> None:
        """Do what the signals ask for."""
        if signal.SIGCHLD in rung:
            self._reap()
        if signal.SIGTERM in rung or signal.SIGINT in rung:
            self._stop()
        if signal.SIGHUP in rung and self._stopping is None:
            self._renew(again=True)

    # Workers

    def _fork(self, slab: int) -> None:
        ours, theirs = make_channels()
        self._pulse.begin(slab)
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # the child unblocks them when it can obey
        identity = os.fork()
        if identity == 0:
            ours.close()
            _work(self, slab, theirs)
        theirs.close()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        self._children[identity] = _Child(slab, ours, time.monotonic())

    def work(self, slab: int, channel: Channel) -> None:
        """Be a worker."""
        signal.set_wakeup_fd(-1)
        for child in self._children.values():
            child.channel.close()
        from communique.service.worker import Worker

        self._metrics.use(slab)
        Worker(
            self._app,
            self._shelf,
            self._settings,
            self._metrics,
            self._listener,
            channel,
            self._balance,
            self._pulse,
            slab,
        ).run()

    def _reap(self) -> None:
        """Bury dead workers, and arrange for others.

        Raises
        ------
        CommuniqueError
            If too many died young.
        """
        while self._children:
            identity, status = os.waitpid(-1, os.WNOHANG)
            if identity == 0:
                break
            child = self._children.pop(identity, None)
            if child is None:
                continue
            child.channel.close()
            self._balance.leave(child.slab)
            if self._stopping is not None:
                continue
            code = os.waitstatus_to_exitcode(status)
            age = time.monotonic() - child.born
            self._young = self._young + 1 if age < _YOUNG else 0
            log.say("worker died", level=logging.ERROR, worker=identity, code=code, seconds=age)
            if self._young >= _MOST_YOUNG or not self._running:
                raise CommuniqueError("the workers do not stay alive", remedy="see the lines above for why")
            self._metrics.add("communique_worker_restarts_total", {})
            self._due[child.slab] = time.monotonic() + (_YOUNG if self._young > 1 else 0)

    def _end_hung(self, silent: list[int]) -> None:
        """End workers that live but do nothing; what they had in hand is lost, as nobody would have answered it."""
        for identity, child in self._children.items():
            if child.slab in silent:
                log.say("worker hung", level=logging.ERROR, worker=identity, seconds=self._settings.timeouts.hung)
                self._metrics.add("communique_worker_hangs_total", {})
                self._pulse.begin(child.slab)
                with suppress(ProcessLookupError):
                    os.kill(identity, signal.SIGKILL)

    def _stop(self) -> None:
        if self._stopping is None:
            log.say("stopping", workers=len(self._children))
            self._stopping = time.monotonic() + self._settings.timeouts.drain + _GRACE
            self._listener.close()  # when the workers have closed theirs too, new connections are refused
            for identity in self._children:
                with suppress(ProcessLookupError):
                    os.kill(identity, signal.SIGTERM)

    def _kill(self) -> None:
        for identity, child in self._children.items():
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(identity, signal.SIGKILL)
                os.waitpid(identity, 0)
            child.channel.close()
        self._children.clear()

    # Models

    def _renew(self, *, again: bool = False) -> None:
        """Put newer versions on the shelf, and hand them to the workers."""
        changes = list(self._shelf.reload(again=again))
        if again and not changes:
            log.say("nothing newer", models=",".join(map(str, self._shelf.all())))
        for change in changes:
            self._metrics.reload(refused=bool(change.refused))
            if change.copy is None:
                log.say("model refused", level=logging.ERROR, serving=change.model, why=change.refused)
                continue
            told = self._shelf.hand(change)
            for child in self._children.values():
                child.channel.tell(told, change.copy)
            os.close(change.copy)
            log.say("model changed", model=change.model)


def _work(supervisor: Supervisor, slab: int, channel: Channel) -> None:
    """Run a worker to its end; never returns into what the supervisor was doing."""
    code = 1
    try:
        supervisor.work(slab, channel)
        code = 0
    except SystemExit as problem:
        code = problem.code if isinstance(problem.code, int) else 1
    except BaseException as problem:  # noqa: BLE001 - nobody above may see it
        log.fault(problem)
    finally:
        os._exit(code)


def url_of(host: str, port: int) -> str:
    """Write the address for a browser: of a service that listens everywhere, the one on this machine."""
    host = host.strip("[]")
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - read, not bound
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
