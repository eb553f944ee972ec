"""Slow and talkative clients are shown the door, and nobody else notices."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from contextlib import closing, suppress

import pytest

from communique.service import connection

SETTINGS = (
    "workers=1, max_bytes=20_000, connections=64, "
    "timeouts=Timeouts(head=0.5, body=0.5, slowest=500, answer=1, idle=1, drain=5)"
)
BODY = b'{"text": "We are ready for talks."}'
HEAD = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def hear(client: socket.socket) -> bytes:
    """Read to the end of the connection."""
    heard = b""
    try:
        while piece := client.recv(65536):
            heard += piece
    except ConnectionResetError:
        pass
    return heard


def status(heard: bytes) -> int:
    return int(re.match(rb"HTTP/1.1 (\d+)", heard)[1]) if heard else 0


def drip(service, start: bytes, drop: bytes, seconds: float = 6) -> tuple[bytes, float]:
    """Send something, and then drop by drop, until the other side has enough."""
    began = time.monotonic()
    with service.socket() as client:
        client.sendall(start)
        client.settimeout(0.1)
        heard = b""
        while time.monotonic() - began < seconds:
            try:
                piece = client.recv(65536)
                heard += piece
                if not piece:
                    break
            except TimeoutError:
                pass
            except ConnectionResetError:
                break
            try:
                client.sendall(drop)
            except OSError:
                break
        return heard, time.monotonic() - began


def test_a_head_that_never_ends_is_timed_out(service):
    heard, took = drip(service, b"POST /v1/classify HTTP/1.1\r\n", b"X-A: b\r\n")
    assert status(heard) == 408
    assert b"application/problem+json" in heard
    assert 0.4 < took < 3


def test_a_connection_that_says_nothing_is_closed(service):
    with service.socket() as client:
        began = time.monotonic()
        assert hear(client) == b""
        assert 0.4 < time.monotonic() - began < 3


def test_line_breaks_before_a_request_keep_no_connection_open(service):
    _, took = drip(service, b"\r\n", b"\r\n")
    assert took < 3


def test_a_slow_body_is_timed_out(service):
    heard, took = drip(service, HEAD + b"Content-Length: 10000\r\n\r\n", b"x")
    assert status(heard) == 408
    assert 0.4 < took < 3


def test_a_slow_chunked_body_is_timed_out(service):
    heard, took = drip(service, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")
    assert status(heard) == 408
    assert 0.4 < took < 3


def test_a_body_that_is_merely_long_is_not(service):
    text = b'{"text": "' + b"We are ready for talks. " * 500 + b'"}'
    with service.socket() as client:
        client.sendall(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(text))
        for place in range(0, len(text), 1500):
            client.sendall(text[place : place + 1500])
            time.sleep(0.12)
        assert status(hear(client)) == 200


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(service):
    with closing(service.connect()) as connection:
        for _ in range(4):
            connection.request("POST", "/v1/classify", BODY, {"Content-Type": "application/json"})
            assert connection.getresponse().read()
            time.sleep(0.3)
        began = time.monotonic()
        assert connection.sock.recv(1) == b""
        assert 0.5 < time.monotonic() - began < 3


def test_who_does_not_take_the_answer_is_cut_off(service):
    """The answers to a few large requests fill every buffer on the way, if nobody reads them."""
    body = b'{"texts": [' + b",".join([b'"We reject it."'] * 500) + b"]}"
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", service.port))
        client.settimeout(20)
        client.sendall((HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body) * 25)
        began = time.monotonic()
        while time.monotonic() - began < 10:
            try:
                client.send(b"\r\n")
            except OSError:
                break  # reset
            time.sleep(0.1)
        else:
            pytest.fail("the connection is still there")
    assert service.ask("/healthz")[0] == 200


def test_requests_by_the_thousand_in_one_piece_end_the_connection(service):
    with service.socket() as client, suppress(OSError):
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20_000)
        assert hear(client).count(b"HTTP/1.1 200") < 1000
    assert service.ask("/healthz")[0] == 200


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET /" + b"x" * 1_000_000, 414),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 4_000 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 1_000_000, 431),
        (b"hello\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40, 400),
        (b"CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n123456", 400),
        (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Content-Length: 20001\r\n\r\n", 413),
        (HEAD + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 10, 413),
        (b"GET / HTTP/1.1\r\n\r\n", 421),
    ],
)
def test_what_is_too_much_or_no_http_is_refused(service, head, expected):
    with service.socket(5) as client:
        with suppress(OSError):
            client.sendall(head)
        heard = client.recv(65536)
    assert status(heard) == expected, heard[:200]
    assert b"application/problem+json" in heard


def test_a_head_of_just_the_limit_is_read(service):
    assert service.ask("/healthz", **{"X-Long": "x" * 15_000})[0] == 200


def test_a_client_that_sends_all_of_a_body_hears_why_it_was_refused(service):
    for _ in range(20):
        code, body, _ = service.ask("/v1/classify", b"x" * 60_000)
        assert code == 413
        assert b"max" in body or b"20,000" in body


def test_after_a_refused_body_the_connection_goes_on(service):
    with closing(service.connect()) as connection:
        for body, expected in ((b"x" * 50_000, 413), (BODY, 200), (b"x" * 50_000, 413), (BODY, 200)):
            connection.request("POST", "/v1/classify", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == expected


def test_a_refused_body_that_does_not_end_ends_the_connection(service):
    _, took = drip(service, HEAD + b"Content-Length: 100000000\r\n\r\n", b"x" * 20_000)
    assert took < 3


def test_requests_sent_in_a_row_are_answered_in_a_row(service):
    one = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    last = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
    with service.socket() as client:
        client.sendall(one * 20 + last)
        assert hear(client).count(b"HTTP/1.1 200 OK") == 21


def test_slow_clients_keep_nobody_out(service):
    """Three times as many as there is room for, all of them silent: who waits behind them is answered in the end."""
    idle = []
    for _ in range(192):
        client = socket.create_connection(("127.0.0.1", service.port), 5)
        client.sendall(HEAD)
        idle.append(client)
    took = []

    def ask() -> None:
        began = time.monotonic()
        assert service.ask("/healthz")[0] == 200
        took.append(time.monotonic() - began)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for client in idle:
        client.close()
    assert len(took) == 4
    assert max(took) < 10
    assert service.ask("/healthz")[0] == 200


def test_strangers_fill_no_log_with_their_words(service):
    with service.socket() as client:
        client.sendall(b"GET /secret-words?secret-words HTTP/1.1\r\nHost: localhost\r\nsecret-words\r\n\r\n")
        assert status(hear(client)) == 400
    service.ask("/secret-words?secret-words=secret-words", Upgrade="websocket", Connection="Upgrade")
    service.ask("/secret-words", Upgrade="h2c", Connection="Upgrade")
    assert "secret-words" not in service.log
    assert "Traceback" not in service.log


def test_what_is_written_is_sent_together_and_not_after_the_end():
    class Wire:
        def __init__(self) -> None:
            self.sent: list[bytes] = []
            self.closed = False

        def write(self, data: bytes) -> None:
            assert not self.closed
            self.sent.append(data)

        def is_closing(self) -> bool:
            return self.closed

        def close(self) -> None:
            self.closed = True

    async def talk() -> list[list[bytes]]:
        heard = []
        for ends in (False, True):
            wire = Wire()
            together = connection._Together(wire, asyncio.get_running_loop())
            together.write(b"head ")
            together.write(b"body")
            together.write(b"piece")
            wire.closed = ends  # the other side leaves before the turn is over
            await asyncio.sleep(0)
            heard.append(wire.sent)
            wire.closed = False
            together.write(b"last")
            together.close()
            assert wire.closed
            assert wire.sent[-1] == b"last"
        return heard

    whole, cut = asyncio.run(talk())
    assert whole == [b"head body", b"piece", b"last"]
    assert cut == [b"head body", b"last"]
