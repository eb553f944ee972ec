"""What every request passes before and after the routes: who may ask, how much, and what is said about it.

In this order a request is refused, before a byte of its body is read:

====  =====================================================================================================
421   a service on loopback is asked for under another name: a web page pointed its own name at 127.0.0.1
403   a page of another origin sends something, and the origin is not among those allowed
401   ``/v1/`` or ``/metrics`` without the token, if there is one
415   a compressed body: ten bytes could stand for ten thousand
413   a body that says it is too long; one that turns out to be is cut off where the limit is
====  =====================================================================================================

and with 503 when the body has come and too many others are in hand: only then, so that whoever sends slowly keeps
nobody else out. Everything that goes out carries the security headers, a request id, and is counted and logged.
"""

from __future__ import annotations

import hmac
import itertools
import logging
import os
import time
from collections import Counter
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from communique.service import log
from communique.service.metrics import Metrics
from communique.service.settings import Settings

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from communique.service.shelf import Served

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
MEDIA_TYPE = "application/problem+json"

_HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
_READABLE = b"communique-model, request-id, retry-after"  # by pages of allowed origins

_STREAMED = frozenset({b"application/x-ndjson", b"application/jsonl", b"application/x-jsonlines"})
_STREAMS = "/v1/classify"  # the one path that reads a body of any length, line by line
_BODIES = 32  # bodies of the largest size that a worker holds at once
_GONE = 499  # not an answer: the client left before there was one


class Refused(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """A request is turned away; the guard answers."""

    def __init__(self, status: int, found: str, expected: str = "", remedy: str = "", **headers: str) -> None:
        super().__init__(found)
        self.status = status
        self.body = problem(status, found, expected, remedy)
        self.headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]


def problem(status: int, found: str, expected: str = "", remedy: str = "") -> bytes:
    """Write a problem (RFC 9457) as JSON."""
    detail = "; ".join(part for part in (found, expected and f"expected {expected}", remedy) if part)
    return orjson.dumps(
        {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "found": found,
            "expected": expected,
            "remedy": remedy,
        }
    )


class Note:
    """What is remembered of a request for its log line and for the counters: numbers and names, no text."""

    __slots__ = ("_metrics", "id", "model", "rows")

    def __init__(self, identity: str, metrics: Metrics) -> None:
        self.id = identity
        self.rows = 0
        self.model = ""
        self._metrics = metrics

    def answer(self, served: Served, labels: Iterable[str | None], abstained: int = 0) -> None:
        """Count statements that have been answered: the label of each, None for one without a text."""
        counts = Counter(label or "" for label in labels)
        self.rows += counts.total()
        self.model = str(served)
        self._metrics.statements(served.name, counts, abstained)


def protect(app: Starlette, settings: Settings, metrics: Metrics | None = None) -> None:
    """Put the guard before an application, and the counters where its routes find them (``app.state.metrics``)."""
    app.state.metrics = metrics or Metrics(settings.processes + 1)  # the supervisor counts too
    app.add_middleware(Guard, settings=settings, metrics=app.state.metrics)


class Guard:
    """The ASGI middleware."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self.app = app
        self.settings = settings
        self.metrics = metrics
        self.busy = 0  # requests in hand
        self.held = 0  # bytes of bodies in memory
        self._hosts = settings.hosts if settings.loopback else None
        self._origins = {origin.encode() for origin in settings.allow_origin}
        self._bearer = None if settings.token is None else settings.token.encode()
        self._process, self._number = os.getpid(), itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                self._process = os.getpid()
                await self.app(scope, receive, send)
            return
        exchange = _Exchange(self, scope, receive, send)
        try:
            if not await exchange.answer_preflight():
                exchange.admit()
                await self.app(scope, exchange.receive, exchange.send)
        except Refused as refused:
            await exchange.refuse(refused)
        except ClientDisconnect:
            exchange.status = exchange.status or _GONE
        except Exception as problem_met:  # noqa: BLE001 - whatever it is, the client gets an answer
            log.fault(problem_met, request=exchange.note.id)
            if exchange.status:
                raise _Broken from None  # the answer has begun: only closing the connection can tell that it is torn
            await exchange.refuse(
                Refused(500, "a fault in the service", remedy=f"report it with the request id {exchange.note.id}")
            )
        finally:
            exchange.close()

    def name_request(self, given: bytes) -> str:
        """Take the client's request id if it is a plain word, else make one."""
        if 0 < len(given) <= 64 and given.replace(b"-", b"").replace(b"_", b"").isalnum():
            return given.decode()
        return f"{self._process:x}-{next(self._number):x}"


class _Broken(Exception):  # noqa: N818
    """An answer broke off; uvicorn closes the connection."""


class _Exchange:
    """One request and its answer."""

    def __init__(self, guard: Guard, scope: Scope, receive: Receive, send: Send) -> None:
        self.guard = guard
        self.scope = scope
        self.status = 0
        self._receive, self._send = receive, send
        self._began = time.perf_counter()
        self._refused: Refused | None = None
        self._busy = False
        self._held = 0
        self.host: list[bytes] = []
        self.origin = self.authorization = self.encoding = self.kind = self.length = named = b""
        for name, value in scope["headers"]:
            match name:
                case b"host":
                    self.host.append(value)
                case b"origin":
                    self.origin = value
                case b"authorization":
                    self.authorization = value
                case b"content-encoding":
                    self.encoding = value
                case b"content-type":
                    self.kind = value.partition(b";")[0].strip().lower()
                case b"content-length":
                    self.length = value
                case b"request-id" | b"x-request-id":
                    named = value
        self.note = scope["note"] = Note(guard.name_request(named), guard.metrics)
        self._streamed = self.kind in _STREAMED and scope["path"] == _STREAMS
        self._allowed = self.origin in guard._origins  # noqa: SLF001

    # Who may ask

    def admit(self) -> None:
        """Let a request in, or say why not.

        Raises
        ------
        Refused
            If it must not be answered.
        """
        self._check_host()
        path, method = self.scope["path"], self.scope["method"]
        if self.origin and method not in ("GET", "HEAD", "OPTIONS") and not self._allowed and not self._own_origin():
            raise Refused(
                403, "a page of another origin", "one that is allowed", "start the service with --allow-origin"
            )
        if self.guard._bearer is not None and (  # noqa: SLF001
            path.startswith("/v1/") or path == "/metrics" or method not in ("GET", "HEAD")
        ):
            self._check_token(self.guard._bearer)  # noqa: SLF001
        if self.encoding.strip().lower() not in (b"", b"identity"):
            raise Refused(
                415,
                "a compressed body",
                "one that is not",
                "send it without Content-Encoding",
                accept_encoding="identity",
            )
        limit = self.guard.settings.max_bytes
        if self.length.isdigit() and int(self.length) > limit and not self._streamed:
            raise self._too_long(f"a body of {int(self.length):,} bytes")

    def _check_host(self) -> None:
        hosts = self.guard._hosts  # noqa: SLF001
        if hosts is not None and not (self.host and all(_name_of(host) in hosts for host in self.host)):
            raise Refused(
                421,
                "a request for another host than this machine",
                "localhost or 127.0.0.1",
                "name the origin under which a proxy serves it with --allow-origin",
            )

    def _own_origin(self) -> bool:
        # The scheme is left out: behind a proxy that speaks TLS it is another one here.
        try:
            return self.host == [urlsplit(self.origin.decode("latin-1")).netloc.encode("latin-1")]
        except ValueError:
            return False

    def _check_token(self, bearer: bytes) -> None:
        scheme, _, token = self.authorization.partition(b" ")
        if not hmac.compare_digest(token.strip(), bearer) or scheme.lower() != b"bearer":
            raise Refused(
                401,
                "a wrong token" if token else "no token",
                "Authorization: Bearer and the token",
                "ask who runs the service for it",
                www_authenticate="Bearer",
            )

    async def answer_preflight(self) -> bool:
        """Answer a browser that asks whether a page of another origin may ask; False if nobody asked that."""
        if self.scope["method"] != "OPTIONS" or not self.origin:
            return False
        if not any(name == b"access-control-request-method" for name, _ in self.scope["headers"]):
            return False
        self._check_host()
        if not self._allowed:
            raise Refused(403, "a page of another origin", "one that is allowed")
        headers = [
            (b"access-control-allow-methods", b"GET, POST"),
            (b"access-control-allow-headers", b"authorization, content-type, request-id"),
            (b"access-control-max-age", b"600"),
        ]
        await self.send({"type": "http.response.start", "status": 204, "headers": headers})
        await self.send({"type": "http.response.body", "body": b""})
        return True

    # How much

    def _too_long(self, found: str) -> Refused:
        return Refused(
            413,
            found,
            f"at most {self.guard.settings.max_bytes:,}",
            f"send less at once, or stream it as JSON Lines to {_STREAMS}" if self.scope["path"] == _STREAMS else "",
        )

    def _turn_away(self, refused: Refused) -> Refused:
        self._refused = refused  # should somebody on the way make an answer of their own of it
        return refused

    async def receive(self) -> Message:
        """Hand on a piece of the body, and count it."""
        if self._refused is not None:
            raise self._refused
        message = await self._receive()
        if message["type"] != "http.request":
            return message
        guard = self.guard
        if not self._streamed:
            length = len(message.get("body", b""))
            self._held += length
            guard.held += length
            if self._held > guard.settings.max_bytes:
                raise self._turn_away(self._too_long(f"a body of more than {guard.settings.max_bytes:,} bytes"))
            if guard.held > _BODIES * guard.settings.max_bytes:
                raise self._turn_away(_busy())
        if not self._busy and (self._streamed or not message.get("more_body", False)):
            if guard.busy >= guard.settings.queue:
                raise self._turn_away(_busy())
            self._busy = True
            guard.busy += 1
        return message

    # What goes out

    async def send(self, message: Message) -> None:
        """Hand on a piece of the answer, with our headers."""
        if self._refused is not None and not self.status:
            await self.refuse(self._refused)
        if self._refused is not None:
            return
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *self._headers()]}
            self.status = message["status"]
        await self._send(message)

    async def refuse(self, refused: Refused) -> None:
        """Answer with a problem."""
        if self.status:
            return
        self._refused = refused
        self.status = refused.status
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(refused.body)).encode()),
            *refused.headers,
            *self._headers(),
        ]
        await self._send({"type": "http.response.start", "status": refused.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": refused.body})

    def _headers(self) -> list[tuple[bytes, bytes]]:
        headers = [*_HEADERS, (b"request-id", self.note.id.encode())]
        if self.scope["path"].startswith("/v1/"):
            headers.append((b"cache-control", b"no-store"))
        if self.guard._origins:  # noqa: SLF001
            headers.append((b"vary", b"Origin"))
            if self._allowed:
                headers += [
                    (b"access-control-allow-origin", self.origin),
                    (b"access-control-expose-headers", _READABLE),
                ]
        return headers

    def close(self) -> None:
        """Let go of what the request held; count and log it."""
        guard = self.guard
        guard.held -= self._held
        guard.busy -= self._busy
        seconds = time.perf_counter() - self._began
        route = getattr(self.scope.get("route"), "path", "-")  # as the code names it, not as the client wrote it
        status = self.status or _GONE
        guard.metrics.request(route, status, seconds)
        log.say(
            "request",
            level=logging.INFO if status < 500 else logging.WARNING,
            request=self.note.id,
            method=self.scope["method"],
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            rows=self.note.rows,
            model=self.note.model or "-",
        )


def _busy() -> Refused:
    return Refused(503, "too many requests at once", "fewer", "wait a second and try again", retry_after="1")


def _name_of(host: bytes) -> str:
    """Take the port from a Host header."""
    text = host.decode("latin-1").lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.rpartition(":")[0] if ":" in text else text
