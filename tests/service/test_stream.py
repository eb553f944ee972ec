"""JSON Lines in and out, over a real connection where it matters."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from communique.cli.app import app as cli
from communique.service import stream
from communique.service.app import create_app
from communique.service.settings import Settings
from communique.service.shelf import Shelf

SETTINGS = "max_bytes=100_000, max_chars=2000"
LINES = {"Content-Type": "application/x-ndjson"}
BAD = [
    b'{"text": "We are ready for talks."}',
    b'{"text": "half a line',
    b"",
    b'{"text": "Never."}',
    b"[1, 2]",
    b'{"text": 5}',
    b'{"text": "\xff"}',
    b'{"text": null, "more": 1}',
    b'{"text": "\\ud800"}',
    b'{"text": "The harvest was good."}',
]


@pytest.fixture(scope="module")
def client(shop: Path) -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMMUNIQUE_MODELS", str(shop))
        settings = Settings(models=("small",), max_bytes=100_000, max_chars=2000)
        with TestClient(create_app(settings, Shelf(settings.models)), "http://127.0.0.1") as client:
            yield client


def rows_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.split("\n")[:-1]]


def test_a_broken_line_keeps_its_place_as_at_the_command_line_and_says_why(client, shop, tmp_path, monkeypatch):
    body = b"\n".join(BAD)
    monkeypatch.setenv("COMMUNIQUE_MODELS", str(shop))
    file = tmp_path / "rows.jsonl"
    file.write_bytes(body)
    told = CliRunner().invoke(cli, ["classify", "-m", "small", "-f", "jsonl", str(file)])
    answer = client.post("/v1/classify", content=body, headers=LINES)
    assert answer.status_code == 200
    rows = rows_of(answer.text)
    reasons = [row.pop("error", None) for row in rows]
    assert rows == rows_of(told.stdout)
    assert [reason is not None for reason in reasons] == [False, True, False, True, True, True, False, True, False]
    for reason in filter(None, reasons):
        assert reason in told.stderr or "more" in told.stderr


def test_lines_may_be_cut_anywhere(client):
    body = b"\xef\xbb\xbf" + b"\r\n".join(BAD) + b"\n"
    whole = client.post("/v1/classify", content=body, headers=LINES).text
    for size in (1, 7, 64):
        pieces = [body[start : start + size] for start in range(0, len(body), size)]

        async def parts(pieces: list[bytes] = pieces) -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        async def read(body: AsyncIterator[bytes]) -> list[bytes]:
            return [line for lines in [lines async for lines in stream._read_lines(body, 10_000)] for line in lines]

        assert asyncio.run(read(parts())) == body.removeprefix(b"\xef\xbb\xbf").split(b"\n")[:-1]
    assert client.post("/v1/classify", content=body[:20], headers=LINES).status_code == 200
    assert len(rows_of(whole)) == len(BAD) - 1


def test_a_text_too_long_is_told_in_its_row(client):
    body = json.dumps({"text": "é" * 2001}) + "\n" + json.dumps({"body": "x", "text": "é" * 2000})
    long, fine = rows_of(client.post("/v1/classify", content=body.encode(), headers=LINES).text)
    assert "2,001 characters" in long["error"]
    assert long["label"] is None
    assert long["text"] is None
    assert fine["label"]


def test_a_users_own_error_stays(client):
    body = b'{"text": "Never.", "error": "mine"}\n{"text": 1, "error": "mine"}\n'
    fine, wrong = rows_of(client.post("/v1/classify", content=body, headers=LINES).text)
    assert fine["error"] == "mine"
    assert "expected a string" in wrong["error"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"number": 1}\n', 422),
        (b'{"text": 1}\n{"text": 2}\n', 422),
        (json.dumps({f"k{n}": n for n in range(300)}).encode(), 422),
        (b'{"text": "' + b"a" * 90_001 + b"\n", 200),
        (b'{"text": "' + b"a" * 200_001, 413),
        (b"", 200),
        (b"\n\n \n", 200),
    ],
)
def test_what_is_wrong_from_the_first_line_on_is_answered_with_a_status(client, body, status):
    answer = client.post("/v1/classify", content=body, headers=LINES)
    assert answer.status_code == status
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"


def test_what_stops_a_stream_later_is_told_in_a_last_line_that_is_no_row(client):
    many = b'{"text": "We are ready."}\n' * 600
    keys = b'{"text": "a", ' + b",".join(b'"k%d": 1' % n for n in range(300)) + b"}\n"
    for bad in (keys, b"x" * 100_001, b"x" * 100_001 + b"\n" + many):
        answer = client.post("/v1/classify", content=many + bad, headers=LINES)
        assert answer.status_code == 200
        *rows, last = rows_of(answer.text)
        assert all(row["label"] for row in rows)
        assert len(rows) >= 512
        assert last["status"] in (413, 422)
        assert {"type", "title", "detail"} <= set(last)


# Over a connection


def begin(service: Any, path: str = "/v1/classify") -> socket.socket:
    connection: socket.socket = service.socket()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n"
    connection.sendall((head + "Transfer-Encoding: chunked\r\n\r\n").encode())
    return connection


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_a_row_is_answered_before_the_next_is_sent(service):
    with begin(service) as connection:
        answer = None
        for number in range(5):
            connection.sendall(chunk(b'{"text": "Number %d."}\n' % number))
            if answer is None:
                answer = http.client.HTTPResponse(connection)
                answer.begin()
                assert answer.status == 200
            row = json.loads(answer.readline())
            assert (row["id"], row["text"]) == (str(number + 1), f"Number {number}.")
        connection.sendall(b"0\r\n\r\n")
        assert answer is not None
        assert answer.read() == b""


def test_a_long_stream_takes_no_more_memory_than_a_short_one(service):
    def memory() -> int:
        pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in service.workers()]
        return sum(pages) * 4096

    line = json.dumps({"text": "We are ready for talks.", "more": "x" * 3000}).encode() + b"\n"

    def pour(lines: int) -> int:
        with begin(service) as connection:
            writer = threading.Thread(target=write, args=(connection, lines))
            writer.start()
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            rows = sum(1 for _ in answer)
            writer.join()
            return rows

    def write(connection: socket.socket, lines: int) -> None:
        for start in range(0, lines, 20):
            connection.sendall(chunk(line * min(20, lines - start)))
        connection.sendall(b"0\r\n\r\n")

    assert pour(4000) == 4000  # pieces are of any size up to half a thousand lines: the largest leaves room behind
    before = memory()
    assert pour(12_000) == 12_000  # 37 MB each way
    assert memory() - before < 18_000_000


def test_a_client_that_does_not_take_its_rows_is_not_read_from(service):
    """Else its rows would pile up in memory."""
    line = json.dumps({"text": "We are ready for talks.", "more": "x" * 3000}).encode() + b"\n"
    with begin(service) as connection:
        connection.settimeout(1.5)
        sent = 0
        with suppress(TimeoutError):
            for _ in range(1000):
                connection.sendall(chunk(line * 20))
                sent += 20 * len(line)
        assert sent < 40_000_000  # what the kernel's buffers hold


def test_a_client_that_leaves_in_the_middle_harms_nobody(service, wait: Callable[..., None]):
    for _ in range(5):
        connection = begin(service)
        connection.sendall(chunk(b'{"text": "We are ready."}\n' * 50) + b"40\r\n{")
        connection.close()
    status, body, _ = service.ask("/v1/classify", {"text": "We are ready."})
    assert status == 200
    assert json.loads(body)["rows"][0]["label"]
    wait(lambda: "fault" not in service.log)
