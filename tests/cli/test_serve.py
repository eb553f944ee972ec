"""The verb ``serve``: its flags reach the service, and what is wrong or unwise is said before it starts."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from communique.cli.app import _guarded
from communique.cli.serve import serve
from communique.service.settings import Settings


@pytest.fixture
def started(monkeypatch):
    """The settings the service would have been started with."""
    found: list[Settings] = []

    def start(settings, ready):
        found.append(settings)
        ready("http://127.0.0.1:8000/")

    monkeypatch.setattr("communique.service.server.serve", start)
    return found


def run(*arguments: str):
    app = typer.Typer()
    app.command()(_guarded(serve))
    return CliRunner().invoke(app, list(arguments))


def test_without_flags_it_serves_the_default_model_to_this_machine(started):
    done = run()
    assert done.exit_code == 0
    assert started == [Settings(workers=0)]
    assert started[0].loopback
    assert done.stdout == "Serving stance at http://127.0.0.1:8000/ (Ctrl-C ends it)\n"
    assert done.stderr == ""


def test_every_flag_reaches_the_service(started, tmp_path):
    token = tmp_path / "token"
    token.write_text("correct-horse-battery\n")
    token.chmod(0o600)
    flags = ["one", "two@abc", "--host", "::1", "--port", "0", "--workers", "3", "--max-batch", "10"]
    flags += ["--max-bytes", "1MB", "--token-file", str(token), "--log-format", "json"]
    flags += ["--allow-origin", "https://a.example", "--allow-origin", "https://b.example"]
    flags += ["--corrections", str(tmp_path / "ledger.jsonl")]
    assert run(*flags).exit_code == 0
    assert started == [
        Settings(
            models=("one", "two@abc"),
            host="::1",
            port=0,
            workers=3,
            max_batch=10,
            max_bytes=1_000_000,
            token="correct-horse-battery",  # noqa: S106
            allow_origin=("https://a.example", "https://b.example"),
            log_format="json",
            corrections=tmp_path / "ledger.jsonl",
        )
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "desk.example"])  # noqa: S104
def test_it_warns_when_it_is_opened_to_others_without_a_token(started, host, tmp_path):
    done = run("--host", host)
    assert done.exit_code == 0
    assert "anyone who reaches it may use it" in done.stderr
    token = tmp_path / "token"
    token.write_text("correct-horse-battery\n")
    token.chmod(0o600)
    assert run("--host", host, "--token-file", str(token)).stderr == ""


def test_it_warns_of_a_token_that_others_can_read(started, tmp_path):
    token = tmp_path / "token"
    token.write_text("correct-horse-battery\n")
    token.chmod(0o644)
    assert "chmod 600" in run("--token-file", str(token)).stderr


@pytest.mark.parametrize(
    "flags",
    [
        ["--max-bytes", "much"],
        ["--max-batch", "0"],
        ["--port", "70000"],
        ["--workers", "-1"],
        ["--log-format", "xml"],
        ["--allow-origin", "*"],
        ["--token-file", "/no/such/file"],
    ],
)
def test_what_cannot_be_meant_is_refused(started, flags):
    done = run(*flags)
    assert done.exit_code == 2
    assert not started
    assert len(done.stderr.strip().splitlines()) == 1


def test_its_help_shows_an_example():
    assert "Example: communique serve" in serve.__doc__


def begin(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    code = "import typer; from communique.cli.app import _guarded; from communique.cli.serve import serve\n"
    code += "app = typer.Typer(); app.command()(_guarded(serve)); app()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def test_a_port_in_use_ends_it_with_one_sentence(saved):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = begin(str(saved), "--port", str(port))
        out, said = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, "")
    assert said.strip().splitlines()[-1].startswith(f"communique: 127.0.0.1 port {port} cannot be listened at (Address")


def test_a_missing_model_ends_it_with_one_sentence():
    process = begin("no-such-model", "--port", "0")
    out, said = process.communicate(timeout=30)
    assert (process.returncode, out) == (4, "")
    assert "no model 'no-such-model'" in said
    assert "Traceback" not in said


def test_one_line_says_where_it_serves_and_ctrl_c_ends_it(saved):
    process = begin(str(saved), "--port", "0", "--workers", "1")
    line = process.stdout.readline()
    assert line.startswith(f"Serving {saved} at http://127.0.0.1:")
    port = int(line.split()[3].strip("/").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert client.recv(15) == b"HTTP/1.1 200 OK"
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in said
