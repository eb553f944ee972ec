"""How the tests knock on the door: within the process where that is enough, as a process of its own where it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from communique.cli.app import app
from communique.corpus.labelled import Labelled

Check = Callable[..., Any]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder; models are saved beside it."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COMMUNIQUE_MODELS", str(tmp_path / "models"))
    monkeypatch.delenv("COMMUNIQUE_MODEL", raising=False)
    monkeypatch.delenv("COMMUNIQUE_DEBUG", raising=False)
    return folder


@pytest.fixture
def run(here: Path) -> Callable[..., Result]:
    """Run a command line within this process."""

    def run(*arguments: object, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, list(map(str, arguments)), input=stdin)

    return run


@pytest.fixture
def spawn(here: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command line as a process of its own."""

    def spawn(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "communique", *map(str, arguments)]
        usual: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            # Without the COLUMNS that readline sets behind Python's back, and buffered as at home.
            "env": {name: value for name, value in dict(os.environ).items() if name != "PYTHONUNBUFFERED"},
            "text": True,
            "timeout": 120,
            "check": False,
        }
        return subprocess.run(command, **(usual | options))

    return spawn


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def refused(run: Callable[..., Result], tmp_path: Path) -> Check:
    """Run a command line that must fail: with this exit code, one sentence with these words, and no file touched."""

    def refused(arguments: list[object], code: int, *words: str, stdin: str | bytes | None = None) -> Result:
        before = files(tmp_path)
        result = run(*arguments, stdin=stdin)
        check_refusal(result.exit_code, result.stderr, code, *words)
        assert files(tmp_path) == before
        return result

    return refused


def check_refusal(exit_code: int, stderr: str, code: int, *words: str) -> None:
    assert exit_code == code, stderr
    assert "Traceback" not in stderr
    assert "a fault in communique" not in stderr
    lines = stderr.splitlines()
    assert all(line.startswith("communique: ") for line in lines), stderr
    for word in words:
        assert word in lines[-1]


@pytest.fixture
def told() -> Check:
    """Check the exit code and the one sentence of a process that failed."""

    def told(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
        check_refusal(done.returncode, done.stderr, code, *words)

    return told


@pytest.fixture(scope="session")
def model(saved: Path) -> str:
    """The folder of the small model."""
    return str(saved)


@pytest.fixture(scope="session")
def data(labelled: Labelled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty labelled statements in ``labels.csv``, forty others in ``holdout.csv``."""
    folder = tmp_path_factory.mktemp("data")
    rows = labelled.rows.to_pylist()
    for name, part in (("labels.csv", rows[:80]), ("holdout.csv", rows[80:120])):
        lines = [f'"{row["text"]}",{row["label"]},{row["group"]}\n' for row in part]
        (folder / name).write_text("text,label,scenario\n" + "".join(lines), "utf-8")
    return folder


@pytest.fixture(scope="session")
def plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("COMMUNIQUE_")}


@pytest.fixture(scope="session")
def measured() -> list[str]:
    """Begin a command line of a process that says on stdout, at its end, how many kB of memory it held at most."""
    if not Path("/proc/self/status").exists():
        pytest.skip("memory is looked up in /proc")
    script = (
        "from pathlib import Path; from communique.cli.app import app\n"
        "try: app()\n"
        "finally: print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )
    return [sys.executable, "-c", script]
