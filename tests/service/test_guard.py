"""Who may ask, how much, and what is said about it: every refusal before anything is spent on the request."""

from __future__ import annotations

import asyncio
import gzip
import hmac
import json
import logging

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from communique.service import guard, log
from communique.service.settings import Settings

TOKEN = "correct-horse-battery"  # noqa: S105
SECRET = "a text that nobody may find in a log"  # noqa: S105


def make(**settings) -> Starlette:
    async def page(request: Request) -> Response:
        return PlainTextResponse("open")

    async def models(request: Request) -> Response:
        return PlainTextResponse("closed")

    async def classify(request: Request) -> Response:
        length = 0
        async for piece in request.stream():
            length += len(piece)
        return PlainTextResponse(str(length))

    async def hasty(request: Request) -> Response:
        """Makes an answer of its own of whatever goes wrong with the body."""
        try:
            return PlainTextResponse(str(len(await request.body())))
        except Exception:  # noqa: BLE001
            return PlainTextResponse("there was an error", 400)

    async def fault(request: Request) -> Response:
        raise ValueError((await request.body()).decode())

    app = Starlette(
        routes=[
            *(Route(path, page) for path in ("/", "/healthz", "/page/{name}")),
            *(Route(path, models) for path in ("/v1/models", "/metrics")),
            *(Route(path, classify, methods=["POST"]) for path in ("/v1/classify", "/v1/explain")),
            Route("/v1/hasty", hasty, methods=["POST"]),
            Route("/v1/fault", fault, methods=["POST"]),
        ]
    )
    guard.protect(app, Settings(**settings))
    return app


def client(**settings) -> TestClient:
    return TestClient(make(**settings), base_url="http://127.0.0.1:8000")


async def exchange(app, path="/v1/classify", *, headers=(), pieces=(), method="POST"):
    """Ask by ASGI, and tell what was answered and how many pieces of the body were taken."""
    sent, taken = [], 0

    async def receive():
        nonlocal taken
        taken += 1
        return {
            "type": "http.request",
            "body": pieces[taken - 1] if taken <= len(pieces) else b"",
            "more_body": taken < len(pieces),
        }

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }
    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], dict(sent[0]["headers"]), body, taken


def ask(app, *given, **named):
    return asyncio.run(exchange(app, *given, **named))


def assert_problem(status, headers, body):
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"content-security-policy"]
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["found"]
    assert problem["detail"]


# Headers


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/models", "/nowhere"])
def test_every_answer_carries_the_strict_policy_and_an_id(path):
    headers = client().get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    for name in ("script-src", "style-src", "connect-src"):
        assert policy[name] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["request-id"]


def test_answers_of_the_api_are_not_kept_by_browsers_or_proxies():
    assert client().get("/v1/models").headers["cache-control"] == "no-store"


def test_a_plain_request_id_is_kept_and_another_one_replaced():
    assert client().get("/", headers={"Request-Id": "abc-123_x"}).headers["request-id"] == "abc-123_x"
    for evil in ("a b", 'x"y', "x" * 65, SECRET, "ü".encode("latin-1").decode("latin-1")):
        given = client().get("/", headers={"Request-Id": evil.encode("latin-1")}).headers["request-id"]
        assert given != evil
        assert given.isascii()


# Host


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8000", "[::1]:8000", "LOCALHOST", "127.0.0.1:1"])
def test_this_machine_is_asked_for_by_its_names(host):
    assert client().get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "", "192.0.2.7"]
)
def test_a_name_that_was_pointed_at_this_machine_is_refused(host):
    answer = client().get("/v1/models", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"


def test_two_hosts_are_refused_if_one_is_strange():
    assert ask(make(), method="GET", path="/", headers=[(b"host", b"evil.example")])[0] == 421


def test_a_proxy_hands_on_the_name_of_an_allowed_origin():
    served = client(allow_origin=("https://stance.example",))
    assert served.get("/", headers={"Host": "stance.example"}).status_code == 200
    assert served.get("/", headers={"Host": "other.example"}).status_code == 421


def test_a_service_open_to_others_answers_under_any_name():
    assert client(host="192.0.2.7").get("/", headers={"Host": "stance.example"}).status_code == 200


# Origin


def test_pages_of_other_origins_may_not_read_by_default():
    answer = client().get("/v1/models", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:9000", "http://[", "http://127.0.0.1"]
)
def test_pages_of_other_origins_may_not_send(origin):
    assert client().post("/v1/classify", content=b"{}", headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8000", "https://127.0.0.1:8000"])
def test_the_page_itself_may_send(origin):
    assert client().post("/v1/classify", content=b"{}", headers={"Origin": origin}).status_code == 200


def test_an_allowed_origin_may_read_and_send_and_no_other():
    served = client(allow_origin=("https://desk.example",))
    answer = served.post("/v1/classify", content=b"{}", headers={"Origin": "https://desk.example"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://desk.example"
    assert answer.headers["vary"] == "Origin"
    other = served.get("/v1/models", headers={"Origin": "https://desk.example.evil.example"})
    assert "access-control-allow-origin" not in other.headers
    assert other.headers["vary"] == "Origin"


def test_a_preflight_is_answered_for_an_allowed_origin_only_and_without_the_token():
    served = client(allow_origin=("https://desk.example",), token=TOKEN)
    wish = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    good = served.options("/v1/classify", headers=wish | {"Origin": "https://desk.example"})
    assert good.status_code == 204
    assert "POST" in good.headers["access-control-allow-methods"]
    assert "authorization" in good.headers["access-control-allow-headers"]
    bad = served.options("/v1/classify", headers=wish | {"Origin": "https://evil.example"})
    assert bad.status_code == 403
    assert "access-control-allow-origin" not in bad.headers


def test_a_refusal_can_be_read_by_an_allowed_origin():
    served = client(allow_origin=("https://desk.example",), token=TOKEN)
    answer = served.get("/v1/models", headers={"Origin": "https://desk.example"})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == "https://desk.example"


# Token


@pytest.mark.parametrize("path", ["/", "/page/page.js", "/healthz"])
def test_page_and_health_are_open(path):
    assert client(token=TOKEN).get(path).status_code == 200


@pytest.mark.parametrize("path", ["/v1/models", "/metrics", "/v1/nowhere", "/%761/models"])
@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN]
)
def test_the_api_is_closed_without_the_token(path, given):
    answer = client(token=TOKEN).get(path, headers={} if given is None else {"Authorization": given})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in answer.text


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_the_token_opens_the_api(scheme):
    assert client(token=TOKEN).get("/v1/models", headers={"Authorization": f"{scheme} {TOKEN}"}).status_code == 200


def test_whatever_changes_something_is_closed_wherever_it_lies():
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client(token=TOKEN).request(method, "/somewhere").status_code == 401


def test_the_token_is_compared_in_constant_time(monkeypatch):
    compared = []

    def compare(a, b):
        compared.append((a, b))
        return hmac.compare_digest(a, b)

    monkeypatch.setattr("communique.service.guard.hmac", type("H", (), {"compare_digest": staticmethod(compare)}))
    client(token=TOKEN).get("/v1/models", headers={"Authorization": "Bearer wrong"})
    client(token=TOKEN).get("/v1/models")
    assert compared == [(b"wrong", TOKEN.encode()), (b"", TOKEN.encode())]


def test_nothing_of_a_body_is_read_without_the_token():
    status, headers, body, taken = ask(make(token=TOKEN), pieces=[b"x" * 1000] * 10)
    assert (status, taken) == (401, 0)
    assert_problem(status, headers, body)


# Bodies


@pytest.mark.parametrize(
    "encoding", [b"gzip", b"GZIP", b"deflate", b"br", b"zstd", b"gzip, identity", b"identity, gzip"]
)
def test_a_compressed_body_is_refused_unread(encoding):
    bomb = gzip.compress(b"0" * 10_000_000)
    status, headers, body, taken = ask(make(), headers=[(b"content-encoding", encoding)], pieces=[bomb])
    assert (status, taken) == (415, 0)
    assert headers[b"accept-encoding"] == b"identity"
    assert_problem(status, headers, body)


def test_a_body_that_says_it_is_too_long_is_refused_unread():
    status, headers, body, taken = ask(
        make(max_bytes=1000), headers=[(b"content-length", b"1001")], pieces=[b"x" * 1001]
    )
    assert (status, taken) == (413, 0)
    assert_problem(status, headers, body)


@pytest.mark.parametrize("path", ["/v1/classify", "/v1/explain", "/v1/hasty"])
def test_a_body_that_turns_out_too_long_is_cut_off_where_the_limit_is(path):
    pieces = [b"x" * 600] * 1000
    status, headers, body, taken = ask(make(max_bytes=1000), path, pieces=pieces)
    assert (status, taken) == (413, 2)
    assert_problem(status, headers, body)


def test_a_body_of_just_the_limit_is_read():
    assert ask(make(max_bytes=1000), pieces=[b"x" * 500] * 2)[::2] == (200, b"1000")


@pytest.mark.parametrize("kind", [b"application/x-ndjson", b"application/jsonl; charset=utf-8"])
def test_a_stream_may_be_of_any_length_where_it_is_read_line_by_line(kind):
    headers = [(b"content-type", kind), (b"content-length", b"60000")]
    app = make(max_bytes=1000)
    assert ask(app, headers=headers, pieces=[b"x" * 600] * 100)[::2] == (200, b"60000")
    assert ask(app, "/v1/explain", headers=headers, pieces=[b"x" * 600] * 100)[0] == 413


def test_all_bodies_together_are_limited_and_what_was_refused_is_given_back():
    app = make(max_bytes=1000)

    async def crowd():
        gates = [asyncio.Event() for _ in range(60)]

        async def one(gate):
            first = True

            async def receive():
                nonlocal first
                if first:
                    first = False
                    return {"type": "http.request", "body": b"x" * 999, "more_body": True}
                await gate.wait()
                return {"type": "http.request", "body": b"", "more_body": False}

            sent = []

            async def send(message):
                sent.append(message)

            scope = {"type": "http", "method": "POST", "path": "/v1/classify", "query_string": b"", "root_path": ""}
            scope |= {"headers": [(b"host", b"localhost")], "http_version": "1.1", "scheme": "http"}
            await app(scope, receive, send)
            return sent[0]["status"], dict(sent[0]["headers"]).get(b"retry-after")

        tasks = [asyncio.create_task(one(gate)) for gate in gates]
        await asyncio.sleep(0.05)
        for gate in gates:
            gate.set()
        return await asyncio.gather(*tasks)

    statuses = asyncio.run(crowd())
    assert statuses.count((200, None)) == 32
    assert statuses.count((503, b"1")) == 28
    assert ask(app, pieces=[b"x" * 999])[0] == 200


# The queue


def test_beyond_the_queue_requests_are_told_to_come_back_and_health_is_still_answered():
    async def classify(request: Request) -> Response:
        await request.body()
        await app.state.gate.wait()
        return PlainTextResponse("done")

    async def alive(request: Request) -> Response:
        return PlainTextResponse("alive")

    app = Starlette(routes=[Route("/v1/classify", classify, methods=["POST"]), Route("/healthz", alive)])
    guard.protect(app, Settings(queue=2))

    async def crowd():
        app.state.gate = asyncio.Event()
        waiting = [asyncio.create_task(exchange(app, pieces=[b"{}"])) for _ in range(5)]
        done, _ = await asyncio.wait(waiting, timeout=0.2)
        health = await exchange(app, "/healthz", method="GET")
        app.state.gate.set()
        later = await asyncio.gather(*waiting)
        return done, health, later, await exchange(app, pieces=[b"{}"])

    done, health, later, after = asyncio.run(crowd())
    assert sorted(answer[0] for answer in later) == [200, 200, 503, 503, 503]
    assert health[0] == 200
    assert after[0] == 200
    for task in done:
        status, headers, body, _ = task.result()
        assert (status, headers[b"retry-after"]) == (503, b"1")
        assert_problem(status, headers, body)


def test_who_sends_slowly_takes_no_place_in_the_queue():
    app = make(queue=1)

    async def crowd():
        never = asyncio.Event()

        async def drip():
            await never.wait()

        async def slow():
            scope = {"type": "http", "method": "POST", "path": "/v1/classify", "query_string": b"", "root_path": ""}
            scope |= {"headers": [(b"host", b"localhost")], "http_version": "1.1", "scheme": "http"}
            await app(scope, drip, drip)

        slow_ones = [asyncio.create_task(slow()) for _ in range(50)]
        await asyncio.sleep(0.01)
        answer = await exchange(app, pieces=[b"{}"])
        for task in slow_ones:
            task.cancel()
        await asyncio.gather(*slow_ones, return_exceptions=True)
        return answer

    assert asyncio.run(crowd())[0] == 200


# What is said about it


@pytest.fixture
def lines():
    """What is logged, laid out as it goes to stderr, in both forms."""
    said: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record):
            said.extend((log._Text().format(record), log._Json().format(record)))

    handler = Keep()
    log.logger.addHandler(handler)
    level = log.logger.level
    log.logger.setLevel(logging.INFO)
    yield said
    log.logger.removeHandler(handler)
    log.logger.setLevel(level)


def test_a_request_is_logged_with_its_facts_and_not_a_word_of_it(lines):
    served = client(token=TOKEN)
    sure = {"Authorization": f"Bearer {TOKEN}", "User-Agent": SECRET, "Referer": SECRET}
    answer = served.post("/v1/classify", params={"q": SECRET}, content=SECRET, headers=sure)
    served.post("/v1/fault", content=SECRET, headers=sure)
    served.get(f"/v1/{SECRET}", headers=sure)
    served.get("/v1/models", headers={"Authorization": f"Bearer {SECRET}"})
    said = "\n".join(lines)
    assert SECRET not in said
    assert SECRET.replace(" ", "%20") not in said
    assert TOKEN not in said
    facts = json.loads(lines[1])
    assert facts["request"] == answer.headers["request-id"]
    assert (facts["route"], facts["status"], facts["rows"], facts["level"]) == ("/v1/classify", 200, 0, "info")
    assert facts["ms"] >= 0
    assert f"request={facts['request']}" in lines[0]


def test_a_fault_is_answered_without_what_it_says_and_logged_with_its_place(lines):
    answer = client().post("/v1/fault", content=SECRET)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["request-id"] in answer.text
    assert SECRET not in answer.text
    said = "\n".join(lines)
    assert "ValueError" in said
    assert "test_guard.py:" in said


def test_a_line_is_one_line_whatever_a_fact_holds(lines):
    log.say("changed", model='a\nb "c" \x1b[31m', why="ünï")
    assert len(lines[0].splitlines()) == len(lines[1].splitlines()) == 1
    assert "\x1b" not in lines[0] + lines[1]
    assert json.loads(lines[1])["model"] == 'a\nb "c" \x1b[31m'


def test_requests_are_counted_by_route_as_it_is_written_in_the_code():
    app = make()
    served = TestClient(app, base_url="http://127.0.0.1")
    for name in ("a", "b", "c"):
        served.get(f"/page/{name}")
        served.get(f"/{name}")
    text = app.state.metrics.render().decode()
    assert 'communique_requests_total{route="/page/{name}",status="200"} 3' in text
    assert 'communique_requests_total{route="-",status="404"} 3' in text


def test_what_was_answered_is_counted_by_label():
    class Served:
        name = "small"

        def __str__(self):
            return "small@1"

    async def classify(request: Request) -> Response:
        await request.body()
        request.scope["note"].answer(Served(), ["none", "none", None, "dismissive"], 1)
        return PlainTextResponse("")

    app = Starlette(routes=[Route("/v1/classify", classify, methods=["POST"])])
    guard.protect(app, Settings())
    TestClient(app, base_url="http://127.0.0.1").post("/v1/classify", content=b"{}")
    text = app.state.metrics.render().decode()
    assert 'communique_statements_total{model="small",label="none"} 2' in text
    assert 'communique_statements_total{model="small",label=""} 1' in text
    assert 'communique_abstentions_total{model="small"} 1' in text
