"""How the service is set up: everything a person may decide, checked once, before anything is opened."""

from __future__ import annotations

import ipaddress
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from communique.errors import UsageError

LogFormat = Literal["text", "json"]

_CRAWL = 10_000  # bytes a second: the heaviest work (evidence for all of a body) does 240,000 on a core of its own
_SHORTEST_TOKEN = 16  # characters: as few can be guessed over a network
_UNITS = {"": 1, "B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}


@dataclass(frozen=True)
class Timeouts:
    """How long the other side may take, in seconds.

    ``head``: to send request line and headers, from the first moment of a connection. ``body``: each such stretch must
    bring ``slowest`` bytes a second of a body. ``answer``: to take what has been sent. ``idle``: between two requests.
    ``drain``: for requests under way when the service is told to stop. ``hung``: for a worker to show no sign of life.
    """

    head: float = 10.0
    body: float = 10.0
    slowest: int = 500
    answer: float = 20.0
    idle: float = 15.0
    drain: float = 20.0
    hung: float = 60.0


@dataclass(frozen=True)
class Settings:
    """What is served, where, to whom, and how much of it at once.

    Attributes
    ----------
    models
        Names, ``name@version`` or paths; the first is the default.
    host, port
        Where to listen; port 0 is any free one.
    workers
        Processes that answer; 0 for one a core.
    max_batch
        Most statements in one request that is not streamed.
    max_bytes
        Longest body of a request, and longest line of a streamed one.
    max_chars
        Longest single text, in characters.
    max_head
        Longest request line and headers, in bytes.
    token
        What ``Authorization: Bearer`` must hold, or None if anyone may ask.
    allow_origin
        Web origins whose pages may call the API, and under whose names a proxy may hand requests on.
    log_format
        Lines for a person or for a machine.
    corrections
        The ledger of corrections, or None if they are not taken.
    queue
        Most requests one worker has in hand; the next is told to come back.
    connections
        Most connections one worker holds; more wait in the kernel's queue.
    timeouts
        How long the other side may take.
    """

    models: tuple[str, ...] = ("stance",)
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    max_batch: int = 1000
    max_bytes: int = 2_000_000
    max_chars: int = 100_000
    max_head: int = 16_384
    token: str | None = field(default=None, repr=False)
    allow_origin: tuple[str, ...] = ()
    log_format: LogFormat = "text"
    corrections: Path | None = None
    queue: int = 128
    connections: int = 1024
    timeouts: Timeouts = Timeouts()

    def __post_init__(self) -> None:
        if not self.models:
            raise UsageError("no model to serve", remedy="name one, such as stance")
        if not 0 <= self.port <= 65535:
            raise UsageError(f"port {self.port}", expected="a number from 0 to 65535")
        if not 0 <= self.workers <= 256:
            raise UsageError(f"{self.workers} workers", expected="1 to 256, or 0 for one a core")
        for name, least in (("max_batch", 1), ("max_bytes", 1000), ("max_chars", 1), ("max_head", 1000), ("queue", 1)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} of {getattr(self, name)}", expected=f"{least} or more")
        for origin in self.allow_origin:
            _check_origin(origin)

    @property
    def processes(self) -> int:
        """How many workers that makes on this machine."""
        if hasattr(os, "sched_getaffinity"):  # the cores this process may use
            return self.workers or len(os.sched_getaffinity(0))
        return self.workers or os.cpu_count() or 1

    @property
    def endless(self) -> float:
        """Seconds after which work on one request is taken to have no end."""
        return self.timeouts.hung + self.max_bytes / _CRAWL

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return is_loopback(self.host)

    @property
    def hosts(self) -> frozenset[str]:
        """Names, without ports, under which a service on loopback may be asked for; see `guard`."""
        proxied = {urlsplit(origin).hostname or "" for origin in self.allow_origin}
        return frozenset({"localhost", "127.0.0.1", "::1", self.host.lower(), *proxied})


def is_loopback(host: str) -> bool:
    """Tell whether an address is one of this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def read_size(text: str) -> int:
    """Read a number of bytes, such as ``2MB``, ``512 KiB`` or ``2000000``.

    Raises
    ------
    UsageError
        If it is anything else.
    """
    digits = text.strip().rstrip("BKMGIbkmgi ")
    unit = text.strip()[len(digits) :].strip().upper()
    try:
        return round(float(digits) * _UNITS[unit])
    except (KeyError, ValueError, OverflowError) as problem:
        raise UsageError(f"the size {text!r}", expected="bytes, such as 2MB, 512KiB or 2000000") from problem


def read_token(path: Path) -> tuple[str, str]:
    """Read the token a file holds, and say what is unwise about the file (empty if nothing).

    Raises
    ------
    UsageError
        If the file cannot be read, or what it holds cannot be sent in a header or is too easily guessed.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            token = file.read(4097).strip().decode("ascii")
    except OSError as problem:
        raise UsageError(f"the token file {path} cannot be read ({problem.strerror})") from problem
    except UnicodeDecodeError as problem:
        raise UsageError(f"the token file {path} holds other letters than ASCII") from problem
    if not _SHORTEST_TOKEN <= len(token) <= 4096 or any(not 33 <= ord(letter) <= 126 for letter in token):
        raise UsageError(
            f"the token in {path} has {len(token)} characters",
            expected=f"one word of {_SHORTEST_TOKEN} to 4096 printable characters",
            remedy=f"write one with: head -c 32 /dev/urandom | base64 > {path}",
        )
    if mode & (stat.S_IRGRP | stat.S_IROTH) and stat.S_ISREG(mode):
        return token, f"{path} can be read by others (chmod 600 {path})"
    return token, ""


def _check_origin(origin: str) -> None:
    try:
        parts = urlsplit(origin)
        plain = f"{parts.scheme}://{parts.netloc}" == origin == origin.lower() and "@" not in origin
        if plain and parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return
    except ValueError:
        pass
    raise UsageError(f"the origin {origin!r}", expected="scheme and host in small letters, such as https://example.org")
