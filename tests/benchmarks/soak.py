"""Endurance: 200,000 requests, 20 swaps of the model, ten workers killed; is memory flat?

Run: python tests/benchmarks/soak.py [--requests 200000] [--clients 8] [--workers 2]

Every tenth request is a batch of 50, every hundredth a wrong one. Kills fall into the first half, for a killed worker's
successor is small again and hides what grows; swaps go on to the end. Memory is what is private to the supervisor and
its workers: a proportional share (Pss) would rise and fall with every other process that maps the same libraries. It is
read every tenth part of the run. The run fails if a request fails that was not a killed worker's, or if a line through
the second half rises by more than 3 %; what the first half added is printed, not judged.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from communique.model import registry

TEXT = "We state that any attack at the {} will be answered with force, and that talks stay open until day {}."
_WORDS = 5_000  # different numbers: what the classifier remembers of words is bounded, but far beyond one run
PLACES = ("river", "dam", "border", "strait", "ridge")


def stock(folder: Path) -> list[str]:
    """Save two versions of the default model."""
    model = registry.load("stance")
    os.environ["COMMUNIQUE_MODELS"] = str(folder)
    second = replace(model, temperature=model.temperature + 0.01)
    return [registry.save(each, {}).version for each in (model, second)]


def point(folder: Path, version: str) -> None:
    """Make a version the current one."""
    draft = folder / "stance" / ".draft"
    draft.write_text(version + "\n", "utf-8")
    draft.replace(folder / "stance" / "current")


def workers_of(process: int) -> list[int]:
    """List the children of a process."""
    out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False)
    return [int(word) for word in out.stdout.split()]


def memory(processes: list[int]) -> float:
    """Megabytes that are private to these processes."""
    total = 0
    for process in processes:
        text = Path(f"/proc/{process}/smaps_rollup").read_text("ascii")
        total += sum(map(int, re.findall(r"^Private_\w+:\s+(\d+)", text, re.MULTILINE)))
    return total / 1024


class Clients:
    """Threads that ask, each on a connection it keeps."""

    def __init__(self, port: int, number: int, requests: int) -> None:
        self.done = 0
        self.failed: list[tuple[str, str]] = []
        self.seconds: list[float] = []
        self._port, self._left, self._lock = port, requests, threading.Lock()
        self.threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(number)]
        for thread in self.threads:
            thread.start()

    def _take(self) -> int:
        with self._lock:
            self._left -= 1
            return self._left

    def _ask(self) -> None:
        connection, worker = None, "none"
        while (turn := self._take()) >= 0:
            text = TEXT.format(PLACES[turn % 5], turn % _WORDS)
            body: dict[str, object] = {"text": text}
            expected = 200
            if turn % 10 == 0:
                body = {"texts": [f"{text} {number}" for number in range(50)]}
            elif turn % 100 == 1:
                body, expected = {"texts": turn}, 422
            began = time.perf_counter()
            try:
                if connection is None:
                    connection, worker = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60), "none"
                connection.request("POST", "/v1/classify", json.dumps(body), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                worker = answer.headers["request-id"].partition("-")[0]
                if answer.status != expected:
                    self.failed.append((worker, str(answer.status)))
            except (OSError, http.client.HTTPException) as problem:
                self.failed.append((worker, repr(problem)))
                connection = None
            self.seconds.append(time.perf_counter() - began)
            self.done += 1


def main() -> None:
    """Run it and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        versions = stock(folder)
        with (folder / "stderr").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "communique", "serve", "--port", "0", "--workers", str(given.workers)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | {"COMMUNIQUE_MODELS": str(folder)},
            )
        port = int(re.search(r":(\d+)/", process.stdout.readline())[1])
        try:
            clients = Clients(port, given.clients, given.requests)
            seen, killed, swaps, kills = [], set(), 0, 0
            began, step = time.monotonic(), max(1, given.requests // 10)
            while any(thread.is_alive() for thread in clients.threads):
                time.sleep(0.05)
                if swaps < 20 and clients.done >= (swaps + 1) * given.requests / 21:
                    swaps += 1
                    point(folder, versions[(swaps - 1) % 2])
                    process.send_signal(signal.SIGHUP)
                if (
                    kills < 10
                    and clients.done >= (kills + 1) * given.requests / 22
                    and len(workers := workers_of(process.pid)) == given.workers
                ):
                    kills += 1
                    killed.add(f"{workers[0]:x}")
                    os.kill(workers[0], signal.SIGKILL)
                if clients.done >= (len(seen) + 1) * step and len(workers := workers_of(process.pid)) == given.workers:
                    with suppress(OSError):  # one is gone this very moment
                        seen.append(memory([process.pid, *workers]))
                        print(f"{clients.done:9,} requests  {seen[-1]:7.1f} MB", flush=True)
            took = time.monotonic() - began
        finally:
            process.terminate()
            process.wait()
    strangers = [failure for failure in clients.failed if failure[0] not in killed]
    half = np.array(seen[len(seen) // 2 :])
    growth = np.polyfit(np.linspace(0, 1, len(half)), half, 1)[0] / half.mean() if len(half) > 1 else 0.0
    p50, p99 = np.percentile(clients.seconds, [50, 99]) * 1000
    print(f"{given.requests:,} requests in {took:.0f} s, {given.requests / took:,.0f} a second")
    print(f"p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    print(f"{swaps} swaps; {kills} workers killed, {len(clients.failed) - len(strangers)} requests lost with them")
    print(f"{len(strangers)} other requests failed")
    print(f"memory in the first half: {min(seen[: len(seen) // 2]):.1f} to {max(seen[: len(seen) // 2]):.1f} MB")
    print(f"memory in the second half: {half.min():.1f} to {half.max():.1f} MB, {growth:+.1%}")
    if strangers or growth > 0.03:
        print("FAILED", strangers[:5])
        raise SystemExit(1)
    print("no request lost that was not a killed worker's, and memory is flat")


if __name__ == "__main__":
    main()
