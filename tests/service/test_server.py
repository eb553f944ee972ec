"""Workers die and are replaced, models are swapped, the service is stopped: under load, and no request is lost."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from communique.errors import CommuniqueError, ModelMissingError
from communique.service.server import serve, url_of
from communique.service.settings import Settings

TEXT = "We state that any attack will be answered with force at the river."
JSON = {"Content-Type": "application/json"}
SETTINGS = "workers=2"


class Load:
    """Clients that ask again and again, each on a connection it keeps; what they were told, and what failed."""

    def __init__(self, service, clients: int = 4, pause: float = 0) -> None:
        self.answers: list[dict] = []
        self.failed: list[tuple[str, str]] = []  # the worker that was asked, and what happened
        self._service, self._pause, self._stop = service, pause, threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def _ask(self) -> None:
        body = json.dumps({"text": TEXT})
        connection, worker = self._service.connect(), "none"
        while not self._stop.wait(self._pause):
            try:
                connection.request("POST", "/v1/classify", body, JSON)
                answer = connection.getresponse()
                told = json.loads(answer.read())
                worker = answer.headers["request-id"].partition("-")[0]
                if answer.status != 200:
                    self.failed.append((worker, f"{answer.status} {told}"))
                self.answers.append(told | {"worker": worker})
            except (OSError, http.client.HTTPException) as problem:
                if not self._stop.is_set():
                    self.failed.append((worker, repr(problem)))
                connection.close()
                connection, worker = self._service.connect(), "none"
        connection.close()

    @contextmanager
    def running(self) -> Iterator[Load]:
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()


def memory(process: int, kind: str = "Pss") -> int:
    """Bytes that belong to this process: as a rule, shared pages by their share."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text("ascii")
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(f"{kind}:"))


def point(folder: Path, version: str) -> None:
    draft = folder / ".draft"
    draft.write_text(version + "\n", "utf-8")
    draft.replace(folder / "current")


def swap(service, folder: Path, version: str, wait) -> None:
    """Make a version the current one, and wait until it has been taken up."""
    done = service.metric("communique_reloads_total", result="ok")
    point(folder, version)
    service.signal(signal.SIGHUP)
    wait(lambda: service.metric("communique_reloads_total", result="ok") > done)


needs_proc = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="asks the kernel of Linux")


def test_no_request_fails_during_100_swaps_under_load(swapping, wait):
    service, folder, versions = swapping
    with Load(service, 3, pause=0.01).running() as load:
        wait(lambda: len(load.answers) > 20)
        for number in range(1, 101):
            swap(service, folder, versions[number % 2], wait)
        wait(lambda: load.answers[-1]["model"]["version"] == versions[0])
    assert not load.failed
    assert {answer["model"]["version"] for answer in load.answers} == set(versions)
    said = {(answer["model"]["version"], json.dumps(answer["rows"])) for answer in load.answers}
    assert len(said) == 2, "an answer is all of one model"
    assert len(service.workers()) == 2
    assert "worker died" not in service.log


@needs_proc
def test_hundreds_of_requests_and_dozens_of_swaps_leave_memory_flat(swapping, wait):
    """The short form of tests/benchmarks/soak.py."""
    service, folder, versions = swapping

    def rounds(number: int) -> int:
        with closing(service.connect()) as connection:
            for turn in range(number):
                connection.request("POST", "/v1/classify", json.dumps({"text": f"{TEXT} {turn}"}), JSON)
                assert connection.getresponse().read()
        for turn in range(8):
            swap(service, folder, versions[(turn + 1) % 2], wait)
        return sum(map(memory, service.workers()))

    before = rounds(100)
    assert rounds(500) - before < 2 * 3_000_000


def test_a_bad_version_is_refused_logged_counted_and_the_old_one_serves_on(swapping, wait):
    service, folder, (first, second) = swapping
    swaps = service.metric("communique_reloads_total", result="ok")
    wait(lambda: service.log.count('"swapped"') == 2 * swaps)  # the supervisor counts, then both workers follow
    file, spoilt = (folder / version / "model.joblib" for version in (second, first))
    good = file.read_bytes()
    file.write_bytes(good[:-100])
    with Load(service).running() as load:
        point(folder, second)
        wait(lambda: service.metric("communique_reloads_total", result="refused") == 1)
        # Nor does it harm when the file of the model at work is spoilt.
        os.truncate(spoilt, 0)
        service.signal(signal.SIGHUP)
        wait(lambda: service.metric("communique_reloads_total", result="refused") >= 2)
        count = len(load.answers)
        wait(lambda: len(load.answers) > count + 20)
    assert not load.failed
    assert {answer["model"]["version"] for answer in load.answers} == {first}
    # And a good one that follows is taken up, without a signal.
    file.write_bytes(good)
    wait(lambda: service.metric("communique_model_info", version=second) == 1)
    assert service.metric("communique_reloads_total", result="ok") == swaps + 1
    refused = [json.loads(line) for line in service.log.splitlines() if "model refused" in line]
    assert refused[0]["level"] == "error"
    assert "SHA-256" in refused[0]["why"]
    assert service.ask("/readyz")[0] == 200


def test_a_killed_worker_is_replaced_and_no_other_request_fails(service, wait):
    before = service.metric("communique_worker_restarts_total")
    killed = set()
    with Load(service, 6).running() as load:
        for _ in range(3):
            count = len(load.answers)
            wait(lambda seen=count: len(load.answers) > seen + 40)
            (victim, *_) = service.workers()
            os.kill(victim, signal.SIGKILL)
            killed.add(f"{victim:x}")
            wait(lambda gone=victim: len(found := service.workers()) == 2 and gone not in found)
        count = len(load.answers)
        wait(lambda: len(load.answers) > count + 40)
    assert {worker for worker, _ in load.failed} <= killed
    assert len(load.failed) <= 3 * 6
    assert service.metric("communique_worker_restarts_total") == before + 3
    # An answer is counted once it is sent, so that of a killed worker may not be.
    sent = sum(answer["worker"] not in killed for answer in load.answers)
    wait(lambda: service.metric("communique_requests_total", route="/v1/classify", status="200") >= sent)


def test_a_killed_worker_takes_no_connection_along_that_it_has_not_accepted(service, wait):
    """All workers are stopped, so that connections pile up at the socket; then one is killed."""
    first, second = service.workers()
    for worker in (first, second):
        os.kill(worker, signal.SIGSTOP)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(service.ask("/healthz")[0])) for _ in range(20)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    os.kill(first, signal.SIGKILL)
    wait(lambda: first not in service.workers())
    os.kill(second, signal.SIGCONT)
    for thread in threads:
        thread.join()
    assert answers == [200] * 20
    wait(lambda: len(service.workers()) == 2)


def test_requests_under_way_are_finished_when_the_service_is_told_to_stop(serving, wait):
    service = serving("workers=2")
    body = json.dumps({"text": TEXT}).encode()
    head = (
        b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    clients = [service.socket() for _ in range(8)]
    for client in clients:
        client.sendall(head % len(body) + body[:10])
    time.sleep(0.1)
    service.signal(signal.SIGTERM)
    wait(lambda: refuses(service))
    for client in clients:
        client.sendall(body[10:])
        with closing(client), client.makefile("rb") as stream:
            answer = stream.read()
            assert answer.startswith(b"HTTP/1.1 200 OK")
            assert b"connection: close" in answer
            assert b'"rows"' in answer
    assert service.wait(10) == 0


def test_a_look_for_newer_versions_that_finds_none_says_so(service, wait):
    service.signal(signal.SIGHUP)
    wait(lambda: "nothing newer" in service.log)


def refuses(service) -> bool:
    """Tell whether nobody listens any more."""
    try:
        service.socket(1).close()
    except OSError:
        return True
    return False


def test_no_answer_is_torn_when_the_service_stops_under_load(serving):
    service = serving("workers=2")
    failed, done = [], []

    def ask() -> None:
        while True:
            try:
                client = service.socket()
            except OSError:
                return  # nobody listens any more: that is told before a request is sent
            with closing(client):
                try:
                    body = json.dumps({"text": TEXT}).encode()
                    client.sendall(
                        b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    )
                    client.sendall(b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                    heard = b""
                    while piece := client.recv(65536):
                        heard += piece
                    (done if heard.endswith(b"}]}") else failed).append(heard)
                except OSError as problem:
                    failed.append(problem)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    assert service.stop() == 0
    for thread in threads:
        thread.join()
    assert len(done) > 10
    # A connection that the kernel made in the very moment the socket was closed cannot be saved.
    assert len(failed) <= 1, failed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_at_once_when_nothing_is_under_way(serving, number):
    service = serving("workers=2")
    with closing(service.connect()) as idle:
        idle.request("GET", "/healthz")
        idle.getresponse().read()
        began = time.monotonic()
        service.signal(number)
        assert service.wait(10) == 0
        assert time.monotonic() - began < 2


def test_what_does_not_come_to_an_end_is_cut_off(serving):
    service = serving("workers=1, timeouts=Timeouts(drain=1, body=60)")
    with service.socket() as client:
        client.sendall(b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\n")
        client.sendall(b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n")
        time.sleep(0.1)
        began = time.monotonic()
        assert service.stop() == 0
        assert 0.8 < time.monotonic() - began < 5


def test_workers_do_not_outlive_their_supervisor(serving, wait):
    service = serving("workers=2")
    workers = service.workers()
    service.process.kill()
    service.wait()
    wait(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), 15)


def test_workers_that_do_not_live_end_the_service_with_a_reason(start):
    code = """
from communique.service import worker
def die(self): raise RuntimeError("a text")
worker.Worker.run = die
"""
    with pytest.raises(pytest.fail.Exception, match="CommuniqueError: the workers do not stay alive") as met:
        start("workers=2", code=code)
    assert "RuntimeError" in str(met.value)
    assert "a text" not in str(met.value)


def test_counters_of_all_workers_are_shown_by_each(service, wait):
    asked = service.metric("communique_requests_total", route="/v1/classify", status="200")
    counted = service.metric("communique_statements_total", model="small")
    with Load(service, 6).running() as load:  # at the same time, so that each worker has its share
        wait(lambda: len(load.answers) >= 60)
    assert not load.failed
    number = len(load.answers)
    # A request is counted when its answer is out.
    wait(lambda: service.metric("communique_requests_total", route="/v1/classify", status="200") == asked + number)
    for _ in range(6):
        assert service.metric("communique_requests_total", route="/v1/classify", status="200") == asked + number
        assert service.metric("communique_statements_total", model="small") == counted + number


@pytest.mark.parametrize("connections", [8, 40])
def test_connections_are_shared_evenly_by_the_workers(service, connections):
    time.sleep(0.1)  # the workers notice that those of the test before are closed
    fewer, more = sorted(served_by(service, connections).values())
    assert more - fewer <= 2 + fewer // 8


def served_by(service, connections: int) -> Counter[str]:
    """Open connections, all of them before the first request, and count which worker answers them."""
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(service.connect())) for _ in range(connections)]
        for client in clients:
            client.connect()
        workers: Counter[str] = Counter()
        for client in clients:
            client.request("GET", "/healthz")
            answer = client.getresponse()
            answer.read()
            workers[answer.headers["request-id"].partition("-")[0]] += 1
    return workers


def test_a_worker_that_is_stopped_keeps_nobody_waiting_for_long(service):
    stopped = service.workers()[0]
    os.kill(stopped, signal.SIGSTOP)
    try:
        began = time.monotonic()
        workers = served_by(service, 20)
        assert time.monotonic() - began < 5
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert f"{stopped:x}" not in workers
    assert workers.total() == 20


def test_a_worker_that_hangs_is_replaced_and_only_what_it_had_in_hand_is_lost(serving, wait):
    endless = """
from communique.service import routes
whole = routes._extract
def extract(body):
    while "for ever" in body.article: pass
    return whole(body)
routes._extract = extract
"""
    service = serving("workers=3, timeouts=Timeouts(hung=2), max_bytes=1000", code=endless)
    with Load(service, pause=0.05).running() as load:
        wait(lambda: len({answer["worker"] for answer in load.answers}) == 3)
        before = service.workers()
        os.kill(before[0], signal.SIGSTOP)
        with pytest.raises((OSError, http.client.HTTPException)):
            service.ask("/v1/extract", {"article": "It went on for ever."})
        wait(lambda: service.metric("communique_worker_hangs_total") == 2, 20)
        wait(lambda: len(service.workers()) == 3)
    hung = {f"{worker:x}" for worker in set(before) - set(service.workers())}
    assert f"{before[0]:x}" in hung
    assert len(hung) == service.log.count("worker hung") == 2
    assert {worker for worker, _ in load.failed} <= hung
    assert service.ask("/v1/extract", {"article": "It came to its end."})[0] == 200


def test_scikit_learn_and_its_like_are_not_in_the_process(service):
    guests = {
        "sklearn",
        "pandas",
        "datasets",
        "joblib",
        "typer",
        "rich",
        "communique.learning",
        "communique.evaluation",
    }
    assert not service.modules & (guests - {"typer"})  # the verb brings Typer, and this service its flags' file
    service.ask("/v1/classify", {"text": TEXT, "evidence": True})
    for worker in service.workers():
        maps = Path(f"/proc/{worker}/maps").read_text("utf-8")
        assert not [guest for guest in guests if f"/{guest}/" in maps]


@needs_proc
def test_the_supervisor_runs_no_thread_that_a_fork_would_lose(service):
    names = [file.read_text() for file in Path(f"/proc/{service.process.pid}/task").glob("*/comm")]
    assert len(names) == 1, names


@needs_proc
def test_a_worker_more_costs_a_small_part_of_a_process(service):
    for _ in range(20):
        service.ask("/v1/classify", {"text": TEXT})
    for worker in service.workers():
        whole, own = memory(worker, "Rss"), memory(worker, "Private_Clean") + memory(worker, "Private_Dirty")
        assert own < whole / 3  # most of which are the pages that Python's reference counts touch


def test_neither_texts_nor_the_token_are_logged(serving):
    secret, token = "a confidential remark of the envoy", "correct-horse-battery"
    service = serving(f"workers=1, token={token!r}, log_format='json'")
    bearer = {"Authorization": f"Bearer {token}"}
    for path in ("/v1/classify", "/v1/explain", "/v1/extract", "/v1/article", "/v1/corrections", "/v1/nowhere"):
        for body in ({"text": secret}, {"texts": [secret]}, {"article": secret}, {secret: secret}, secret.encode()):
            service.ask(path, body, **bearer)
            service.ask(f"{path}?model={secret.replace(' ', '%20')}", body, **bearer)
    service.ask("/v1/classify", {"text": secret, "model": secret}, **bearer)
    service.ask(f"/v1/models/{secret.replace(' ', '%20')}", **bearer)
    service.ask("/v1/classify", {"text": secret}, Authorization=f"Bearer {secret}")
    lines = [json.loads(line) for line in service.log.splitlines()]
    assert sum(line["event"] == "request" for line in lines) >= 60
    assert any(line.get("rows") == 1 and line["model"].startswith("small@") for line in lines)
    for word in (secret, secret.replace(" ", "%20"), "confidential", token):
        assert word not in service.log


def test_an_address_in_use_is_said_to_be_so():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommuniqueError, match=f"port {port} cannot be listened at") as met:
            serve(Settings(port=port), print)
    assert met.value.exit_code == 1


@pytest.mark.parametrize("host", ["no such host", "192.0.2.7", "x" * 300])
def test_an_address_that_is_not_ours_is_said_to_be_so(host):
    with pytest.raises(CommuniqueError, match="cannot be listened at"):
        serve(Settings(host=host, port=0), print)


def test_a_missing_model_is_said_to_be_so():
    with pytest.raises(ModelMissingError):
        serve(Settings(models=("no-such-model",), port=0), print)


def test_the_address_is_written_for_a_browser():
    assert url_of("127.0.0.1", 80) == "http://127.0.0.1:80/"
    assert url_of("::1", 80) == url_of("[::1]", 80) == "http://[::1]:80/"
    assert url_of("0.0.0.0", 80) == url_of("::", 80) == "http://localhost:80/"  # noqa: S104


def test_it_listens_at_ipv6_too(serving):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    service = serving("workers=1, host='::1'")
    with closing(http.client.HTTPConnection("::1", service.port, timeout=5)) as connection:
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
