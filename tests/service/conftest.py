"""A service in a process of its own, on a free port, with a small model that can be swapped."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from communique.learning.training import Trained
from communique.model import registry

START = """
import os, sys
from pathlib import Path
os.environ["COMMUNIQUE_MODELS"] = models
os.chdir(folder)
os.dup2(os.open("stderr", os.O_CREAT | os.O_WRONLY), 2)
from communique.cli.rows import spare_pandas
spare_pandas()
from communique.service.server import serve
from communique.service.settings import Settings, Timeouts
exec(code)
serve(eval(settings), lambda url: told.send((url, frozenset(sys.modules))))
"""
# As the verb sets it, before Arrow is imported.
os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")
# Services are forked from a process that has imported what they need: each is ready in a fifth of the time.
forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["scipy.sparse", "communique.service.app", "communique.service.worker"])


@dataclass
class Service:
    process: BaseProcess
    port: int
    said: Path
    modules: frozenset[str]

    @property
    def log(self) -> str:
        return self.said.read_text("utf-8")

    def connect(self, timeout: float = 20) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def socket(self, timeout: float = 20) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def ask(self, path: str, body: Any = None, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        connection = self.connect()
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            kind = {} if body is None else {"Content-Type": "application/json"}
            connection.request("GET" if body is None else "POST", path, data, kind | headers)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, answer.read(), found
        finally:
            connection.close()

    def metric(self, name: str, **labels: str) -> float:
        """Add up the series of this name that have these labels."""
        text = self.ask("/metrics")[1].decode()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if re.match(rf"{name}[{{ ]", line) and all(part in line for part in wanted)
        )

    def workers(self) -> list[int]:
        out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(word) for word in out.stdout.split()]

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def wait(self, seconds: float = 20) -> int | None:
        """Wait for its end; its exit code, None if it does not end."""
        self.process.join(seconds)
        return self.process.exitcode

    def stop(self) -> int | None:
        self.process.terminate()
        return self.wait()


def end(service: Service) -> None:
    if service.stop() is None:
        service.process.kill()
        service.wait()


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def wait() -> Callable[..., None]:
    return until


@pytest.fixture(scope="session")
def start(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Service]:
    """Start a service with these settings, as they are written in Python; run some code before."""

    def start(settings: str = "", models: Path = shop, code: str = "") -> Service:
        folder = tmp_path_factory.mktemp("service")
        hear, tell = forks.Pipe(duplex=False)
        given = {"folder": folder, "models": str(models), "code": code, "told": tell}
        given["settings"] = f"Settings(('small',), port=0, {settings})"
        process = forks.Process(target=exec, args=(START, given))
        process.start()
        tell.close()
        with hear:
            try:
                url, modules = hear.recv()
            except EOFError:
                process.join()
                pytest.fail((folder / "stderr").read_text("utf-8"))
        return Service(process, int(url.rstrip("/").rpartition(":")[2]), folder / "stderr", modules)

    return start


@pytest.fixture
def serving(start: Callable[..., Service]) -> Iterator[Callable[..., Service]]:
    """Start services for one test, and end them."""
    begun: list[Service] = []

    def begin(settings: str = "", **named: Any) -> Service:
        begun.append(start(settings, **named))
        return begun[-1]

    yield begin
    for service in begun:
        end(service)


@pytest.fixture(scope="module")
def service(start: Callable[..., Service], request: pytest.FixtureRequest) -> Iterator[Service]:
    """One service for all tests of a module, with the settings that the module names ``SETTINGS``."""
    service = start(request.module.SETTINGS)
    yield service
    end(service)


@pytest.fixture(scope="module")
def swapping(
    start: Callable[..., Service], trained: Trained, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Service, Path, list[str]]]:
    """One service for all tests of a module that swap models, its folder of small, and the two versions there."""
    folder, versions = stock(tmp_path_factory.mktemp("swapped"), trained, 2)
    service = start("workers=2, log_format='json'", models=folder)
    yield service, folder / "small", versions
    end(service)


@pytest.fixture(scope="session")
def shop(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of saved models with one, called small."""
    return stock(tmp_path_factory.mktemp("models"), trained)[0]


@pytest.fixture
def own_shop(trained: Trained, tmp_path: Path) -> tuple[Path, list[str]]:
    """A folder of one's own, and the two versions of small in it; the first is the current one."""
    return stock(tmp_path / "models", trained, 2)


def stock(folder: Path, trained: Trained, versions: int = 1) -> tuple[Path, list[str]]:
    names = []
    before = os.environ.get("COMMUNIQUE_MODELS")
    os.environ["COMMUNIQUE_MODELS"] = str(folder)
    try:
        for number in range(versions):
            model = replace(trained.model, name="small", temperature=trained.model.temperature + number)
            names.append(registry.save(model, trained.facts).version)
    finally:
        os.environ.pop("COMMUNIQUE_MODELS")
        if before is not None:
            os.environ["COMMUNIQUE_MODELS"] = before
    (folder / "small" / "current").write_text(names[0] + "\n", "utf-8")
    return folder, names
