"""The service under load, beside the obvious alternative: FastAPI with a scikit-learn pipeline from joblib.load.

    python tests/benchmarks/serve.py [--seconds 5] [--rounds 3] [--workers 2] [--peer FILE]

The alternative has the features of the default model (the same tokens, n-grams and weights) and a LinearSVC, fitted
here to the bundled statements; its handlers are ``def`` functions, as its own documentation has them. Both serve the
same statements to the same clients on loopback, on the same cores as the clients, in turns; the median round counts.
The clients are connections that ask again as soon as they are answered. Memory is the proportional share (Pss) of all
processes; what a worker more costs is the difference between one and two after both have answered. `ready` is the time
from the start of the process to the first answer; the better of three.

Needs fastapi, which nothing else here does. The fit takes a minute or two; --peer keeps it in a file.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

ROOT = Path(__file__).resolve().parents[2]
STATEMENTS = ROOT / "data" / "statements"
FIT = """
import json, sys
import joblib
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC
from communique.model import registry
from communique.text.tokens import pattern_of
features = [
    TfidfVectorizer(
        analyzer=block.block.terms.analyzer, ngram_range=block.block.terms.ngrams, min_df=block.block.min_df,
        sublinear_tf=block.block.sublinear, token_pattern=pattern_of(block.block.terms.tokens).pattern,
    )
    for block in registry.load("stance").features.blocks
]
rows = [json.loads(line) for file in sys.argv[2:] for line in open(file, encoding="utf-8")]
model = make_pipeline(make_union(*features), LinearSVC(C=0.15, tol=0.01))
joblib.dump(model.fit([row["text"] for row in rows], [row["label"] for row in rows]), sys.argv[1])
"""
PEER = """
import os
import joblib
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

model = joblib.load(os.environ["PEER"])
app = FastAPI()

class One(BaseModel):
    text: str

class Many(BaseModel):
    texts: list[str]

def answer(texts):
    raised = np.exp(model.decision_function(texts))
    shares = raised / raised.sum(axis=1, keepdims=True)
    return [
        {"text": text, "label": model.classes_[row.argmax()], "confidence": float(row.max()),
         "scores": dict(zip(model.classes_, map(float, row)))}
        for text, row in zip(texts, shares)
    ]

@app.get("/readyz")
def ready():
    return {"status": "ok"}

@app.post("/one")
def one(body: One):
    return answer([body.text])

@app.post("/many")
def many(body: Many):
    return answer(body.texts)
"""


@dataclass(frozen=True)
class Load:
    """What clients got: answers a second, and how long they waited (ms)."""

    rate: float
    p50: float
    p99: float
    failed: int


class Client(asyncio.Protocol):
    """A connection that asks again as soon as it is answered."""

    def __init__(self, requests: Iterator[bytes], waits: list[float], failed: list[bytes]) -> None:
        self._requests, self._waits, self._failed = requests, waits, failed
        self._held = b""
        self.closing = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        held = self._held = self._held + data if self._held else data
        head = held.find(b"\r\n\r\n")
        if head < 0:
            return
        at = held.index(b"content-length: ") + 16
        if len(held) < head + 4 + int(held[at : held.index(b"\r", at)]):
            return
        self._waits.append(time.perf_counter() - self._began)
        if not held.startswith(b"HTTP/1.1 200"):
            self._failed.append(held[:12])
        self._held = b""
        if self.closing:
            self._transport.close()
        else:
            self._ask()


def press(port: int, path: str, bodies: Sequence[Any], clients: int, seconds: float) -> Load:
    """Ask as much as these clients can."""
    written = []
    for body in bodies:
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        written.append(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)

    def forever() -> Iterator[bytes]:
        while True:
            yield from written

    async def run() -> tuple[list[float], int, float]:
        loop = asyncio.get_running_loop()
        waits: list[float] = []
        failed: list[bytes] = []
        requests = forever()
        made = [
            (await loop.create_connection(lambda: Client(requests, waits, failed), "127.0.0.1", port))[1]
            for _ in range(clients)
        ]
        await asyncio.sleep(min(1.0, seconds / 4))  # warm
        waits.clear()
        began = time.perf_counter()
        await asyncio.sleep(seconds)
        took, counted = time.perf_counter() - began, list(waits)
        for client in made:
            client.closing = True
        await asyncio.sleep(0.2)
        return counted, len(failed), took

    waits, failed, took = uvloop.run(run())
    ordered = sorted(waits) or [float("inf")]
    return Load(len(waits) / took, 1e3 * ordered[len(ordered) // 2], 1e3 * ordered[int(len(ordered) * 0.99)], failed)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(command: list[str], port: int, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Run a server; yield its process and how long it took to its first answer."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            with suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    break
            if process.poll() is not None or time.perf_counter() - began > 120:
                raise SystemExit(f"{' '.join(command)} did not come up")
            time.sleep(0.005)
        yield process, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()
        time.sleep(0.3)


def ours(port: int, workers: int) -> list[str]:
    return [sys.executable, "-m", "communique", "serve", "--port", str(port), "--workers", str(workers)]


def peer(port: int, workers: int) -> list[str]:
    uvicorn = [sys.executable, "-m", "uvicorn", "peer:app", "--no-access-log", "--log-level", "error"]
    return [*uvicorn, "--port", str(port), "--workers", str(workers)]


def memory(process: int) -> float:
    """Megabytes of a process and all below it, shared pages by their share."""
    out = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(pid): int(parent) for pid, parent in (line.split() for line in out.splitlines())}
    family = {process}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    total = 0
    for pid in family:
        with suppress(OSError):
            told = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
            total += int(re.search(r"^Pss:\s+(\d+)", told, re.MULTILINE)[1])  # type: ignore[index]
    return total / 1024


def statements(number: int) -> list[str]:
    """Make new statements: halves of two put together."""
    chance = random.Random(5)  # noqa: S311 - new sentences, not secrets
    with (STATEMENTS / "train-01.jsonl").open(encoding="utf-8") as file:
        words = [json.loads(line)["text"].split() for line in file]
    made = []
    for _ in range(number):
        first, second = chance.choice(words), chance.choice(words)
        made.append(" ".join([*first[: len(first) // 2], *second[len(second) // 2 :]]))
    return made


def measure(name: str, command: Any, texts: list[str], given: argparse.Namespace, environment: dict[str, str]) -> Any:
    """Press one server with everything."""
    port = free_port()
    one, many = ("/v1/classify", "/v1/classify") if name == "ours" else ("/one", "/many")
    with serving(command(port, given.workers), port, **environment):
        singles = {
            clients: press(port, one, [{"text": text} for text in texts], clients, given.seconds)
            for clients in given.clients
        }
        batches = [{"texts": texts[start : start + 100]} for start in range(0, len(texts) - 99, 100)]
        batch = press(port, many, batches, 4, given.seconds)
    return singles, batch


def weigh(command: Any, path: str, texts: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Give memory with one worker, memory with two, and the shortest time to the first answer of three."""
    port, seen, ready = free_port(), [], []
    for workers in (1, 2, 1):
        with serving(command(port, workers), port, **environment) as (process, took):
            if workers == 1:
                ready.append(took)
            press(port, path, [{"text": text} for text in texts], 8, 3)
            seen.append(memory(process.pid))
    return min(seen[0], seen[2]), seen[1], min(ready)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--peer", type=Path, help="keep the alternative's model in this file")
    given = parser.parse_args()
    texts = statements(5000)
    with tempfile.TemporaryDirectory() as work:
        model = given.peer or Path(work) / "peer.joblib"
        if not model.exists():
            files = [str(file) for file in sorted(STATEMENTS.glob("train-*.jsonl"))]
            subprocess.run([sys.executable, "-c", FIT, str(model), *files], check=True)
        (Path(work) / "peer.py").write_text(PEER, "utf-8")
        alone = {"OPENBLAS_NUM_THREADS": "1"}
        theirs = alone | {"PEER": str(model), "PYTHONPATH": f"{work}:{os.environ.get('PYTHONPATH', '')}"}
        rounds: dict[str, list[Any]] = {"peer": [], "ours": []}
        for number in range(given.rounds):
            for name, command, environment in (("peer", peer, theirs), ("ours", ours, alone)):
                rounds[name].append(measure(name, command, texts, given, environment))
                print(f"round {number + 1} {name}: {rounds[name][-1]}", file=sys.stderr, flush=True)
        found: dict[str, Any] = {"workers": given.workers}
        for clients in given.clients:
            loads = {name: [singles[clients] for singles, _ in rounds[name]] for name in rounds}
            found[f"single_statements_{clients}_clients"] = compare(loads, 1)
        found["batches_of_100_statements_a_second"] = compare({n: [b for _, b in rounds[n]] for n in rounds}, 100)
        for name, command, path, environment in (("peer", peer, "/one", theirs), ("ours", ours, "/v1/classify", alone)):
            single, two, ready = weigh(command, path, texts, environment)
            found[f"{name}_memory_mb"] = [round(single, 1), round(two, 1), round(two - single, 1)]
            found[f"{name}_ready_s"] = round(ready, 2)
        print(json.dumps(found, indent=2))


def compare(loads: dict[str, list[Load]], statements_each: int) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, seen in loads.items():
        told[name] = {
            "a_second": round(statements_each * statistics.median(load.rate for load in seen)),
            "p50_ms": round(statistics.median(load.p50 for load in seen), 2),
            "p99_ms": round(statistics.median(load.p99 for load in seen), 2),
            "failed": sum(load.failed for load in seen),
        }
    told["ratio"] = round(told["ours"]["a_second"] / max(told["peer"]["a_second"], 1), 1)
    return told


if __name__ == "__main__":
    main()
