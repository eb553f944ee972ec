from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from communique.cli.app import app as cli
from communique.inference.prediction import Classifier
from communique.service import guard
from communique.service.app import create_app
from communique.service.settings import Settings
from communique.service.shelf import Shelf

EXAMPLE = Path(__file__).parents[2] / "data" / "examples" / "article.txt"
BASE = "http://127.0.0.1"
STATEMENTS = [
    "Any attack will be answered with force.",
    "Our offer of a ceasefire stands; we are ready for talks.",
    "",
    "The claim is “false” and absurd.\nThere is nothing to discuss 🕊.",
    "   ",
    '\u202eThe harvest was good\u0000, \\ and / "so" on.',
]
ROWS: list[Any] = [
    {"when": "2031-04-01", "text": STATEMENTS[0], "label": "mine", "n": 1, "deep": {"a": [1, None, 2.50]}},
    {"text": STATEMENTS[1], "id": "b", "n": 2.0},
    {"id": None, "text": None, "confidence": "high"},
    {"text": STATEMENTS[3], "id": 7, "": 1e-05, "🔑": True},
]


@pytest.fixture(scope="module")
def make(shop: Path) -> Callable[..., TestClient]:
    def make(**settings: Any) -> TestClient:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("COMMUNIQUE_MODELS", str(shop))
            chosen = Settings(models=("small",), **settings)
            return TestClient(create_app(chosen, Shelf(chosen.models)), BASE)

    return make


@pytest.fixture(scope="module")
def client(make: Callable[..., TestClient]) -> Iterator[TestClient]:
    with make() as client:
        yield client


@pytest.fixture
def run(shop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[str]]:
    monkeypatch.setenv("COMMUNIQUE_MODELS", str(shop))
    monkeypatch.chdir(tmp_path)

    def run(*words: object, stdin: str | None = None) -> list[str]:
        """Run a command line and give its lines."""
        return CliRunner().invoke(cli, list(map(str, words)), input=stdin).stdout.split("\n")[:-1]

    return run


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["status"] == status
    assert set(told) == {"type", "title", "status", "detail", "found", "expected", "remedy"}
    assert told["found"]
    assert told["found"] in told["detail"]
    return told


# Rows to the letter


@pytest.mark.parametrize(
    ("asked", "flags"),
    [
        ({}, []),
        ({"evidence": True, "top_k": 2}, ["--evidence", "--top-k", "2"]),
        ({"min_confidence": 0.6, "max_error": 0.3}, ["--min-confidence", "0.6", "--max-error", "0.3"]),
        ({"coverage": 0.8}, ["--coverage", "0.8"]),
    ],
)
def test_rows_are_those_of_the_command_line_to_the_letter(client, run, tmp_path, asked, flags):
    file = tmp_path / "rows.jsonl"
    for given in ([{"text": text} for text in STATEMENTS], ROWS):
        file.write_text("".join(json.dumps(row) + "\n" for row in given), "utf-8")
        lines = run("classify", "-m", "small", *flags, "-f", "jsonl", file)
        assert len(lines) == len(given)
        answer = client.post("/v1/classify", json={"texts": given, **asked})
        assert answer.text.partition('"rows":')[2] == f"[{','.join(lines)}]}}"
        query = {name: str(value).lower() for name, value in asked.items()}
        streamed = client.post(
            "/v1/classify", content=file.read_bytes(), params=query, headers={"Content-Type": "application/x-ndjson"}
        )
        assert streamed.text == "".join(line + "\n" for line in lines)


def test_one_text_is_the_row_of_the_command_line(client, run):
    for text in (STATEMENTS[0], STATEMENTS[3], STATEMENTS[5].replace("\0", "")):
        (line,) = run("classify", "-m", "small", "-f", "jsonl", text)
        answer = client.post("/v1/classify", json={"text": text})
        assert answer.text.partition('"rows":')[2] == f"[{line}]}}"


def test_texts_and_rows_may_stand_side_by_side(client):
    rows = client.post("/v1/classify", json={"texts": ["We are ready.", {"id": "x", "text": "Never."}]}).json()["rows"]
    assert [row["id"] for row in rows] == ["1", "x"]


def test_no_texts_are_no_rows(client):
    assert client.post("/v1/classify", json={"texts": []}).json()["rows"] == []


def test_an_explanation_is_that_of_the_command_line_to_the_letter(client, run):
    flags = ["--label", "none", "--against", "dismissive"]
    for text in (STATEMENTS[1], STATEMENTS[3]):
        for asked, given in (({}, []), ({"label": "none", "against": "dismissive"}, flags)):
            (line,) = run("explain", "-m", "small", "-f", "jsonl", *given, text)
            told = client.post("/v1/explain", json={"text": text, **asked}).text
            assert told.startswith('{"model":{"name":"small"')
            assert "{" + told.partition("},")[2] == line


def test_statements_of_an_article_are_those_of_the_command_line_to_the_letter(client, run):
    text = EXAMPLE.read_text("utf-8")
    lines = run("extract", "-f", "jsonl", EXAMPLE)
    found = client.post("/v1/extract", json={"article": text, "source": str(EXAMPLE)})
    assert found.text.partition('"rows":')[2] == f"[{','.join(lines)}]}}"
    article = found.json()["article"]
    assert article["text"] == text
    assert article["title"]
    for row in found.json()["rows"]:
        assert row["text"] == " ".join(text[start:end] for start, end in row["spans"])

    lines = run("classify", "--article", "-m", "small", "--coverage", "0.8", "-f", "jsonl", EXAMPLE)
    read = client.post("/v1/article", json={"article": text, "source": str(EXAMPLE), "coverage": 0.8})
    assert read.text.partition('"rows":')[2] == f"[{','.join(lines)}]}}"
    assert read.json()["article"] == article


@pytest.mark.parametrize("kind", ["text/plain", "text/markdown", "text/html; charset=utf-8"])
def test_an_article_may_be_the_body_itself(client, kind):
    text = "The minister said: “We are ready for talks about the river — today.”"
    body = f"<html><body><article><p>{text}</p></article></body></html>" if "html" in kind else text
    options = {"source": "wire", "max_error": "0.3", "evidence": "true"}
    for path in ("/v1/extract", "/v1/article"):
        given = {k: v for k, v in options.items() if path == "/v1/article" or k == "source"}
        answer = client.post(path, content=body.encode(), params=given, headers={"Content-Type": kind})
        assert answer.status_code == 200, answer.text
        (row,) = answer.json()["rows"]
        assert row["text"] == "We are ready for talks about the river — today."
        assert row["source"] == "wire"
        assert ("evidence" in row) == (path == "/v1/article")


def test_where_there_is_no_article_there_is_no_statement(client):
    for text, kind in (("", None), (" \n", None), ("x", "html"), ("<p>", "html"), ("\0" * 9, "text")):
        for path in ("/v1/extract", "/v1/article"):
            answer = client.post(path, json={"article": text, "format": kind})
            assert (answer.status_code, answer.json()["rows"]) == (200, [])


# Who answers


def test_every_answer_names_model_and_hash(client, shop):
    (version,) = (path.name for path in (shop / "small").iterdir() if path.is_dir())
    asked = [
        client.post("/v1/classify", json={"text": "No."}),
        client.post("/v1/explain", json={"text": "No."}),
        client.post("/v1/article", json={"article": "He said: “No, never.”"}),
        client.get("/v1/models/small"),
        client.get(f"/v1/models/small@{version}"),
    ]
    for answer in asked:
        assert answer.headers["communique-model"] == f"small@{version}"
        block = answer.json().get("model", answer.json())
        assert block["name"] == "small"
        assert block["version"] == version == block["sha256"][:12]
    streamed = client.post("/v1/classify", content=b'{"text":"No."}', headers={"Content-Type": "application/jsonl"})
    assert streamed.headers["communique-model"] == f"small@{version}"


def test_models_are_listed_with_labels_and_shown_with_card_codebook_and_recipe(client, trained):
    listed = client.get("/v1/models").json()
    assert listed["default"] == "small"
    assert listed["corrections"] is False
    (one,) = listed["models"]
    assert one["labels"] == list(trained.model.labels)
    shown = client.get("/v1/models/small").json()
    assert {name: shown[name] for name in one} == one
    assert shown["codebook"] == trained.model.codebook.to_dict()
    assert shown["codebook_sha256"] == trained.model.codebook.fingerprint
    assert shown["card"].startswith("# small ")
    assert shown["recipe"] == trained.model.recipe


def test_gets_answer_head_too(client):
    for path in ("/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics", "/v1/models", "/v1/models/small"):
        got, head = client.get(path), client.head(path)
        assert (got.status_code, head.status_code) == (200, 200), path
        assert head.content == b""
        assert head.headers["content-type"] == got.headers["content-type"]


def test_answers_are_counted_by_label(client):
    before = client.get("/metrics").text
    client.post("/v1/classify", json={"texts": [*STATEMENTS, *STATEMENTS]})
    after = client.get("/metrics").text

    def count(text: str) -> float:
        lines = [line for line in text.splitlines() if line.startswith("communique_statements_total{")]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    assert count(after) - count(before) == 2 * len(STATEMENTS)


# What is refused


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "neither 'text' nor 'texts'"),
        ({"text": "a", "texts": ["b"]}, "a text and texts at once"),
        ({"text": None}, "text is null"),
        ({"text": 1}, "text is 1"),
        ({"texts": "a"}, "texts is 'a'"),
        ({"texts": ["a", 1]}, "texts.1 is a number"),
        ({"texts": ["a", ["b"]]}, "texts.1 is a list"),
        ({"texts": [{"text": 1}]}, "texts.0.text is a number"),
        ({"texts": [{"statement": "a"}]}, "texts.0 has no 'text'"),
        ({"texts": [{"text": "a", "id": [1]}]}, "id in texts.0.text"),
        ({"text": "a", "max_eror": 0.1}, "the unknown field 'max_eror'"),
        ({"text": "a", "max_error": "0.1"}, "max_error is '0.1'"),
        ({"text": "a", "max_error": 0}, "max_error is 0"),
        ({"text": "a", "max_error": True}, "max_error is true"),
        ({"text": "a", "min_confidence": 1.1}, "min_confidence is 1.1"),
        ({"text": "a", "coverage": -1}, "coverage is -1"),
        ({"text": "a", "top_k": 0}, "top_k is 0"),
        ({"text": "a", "top_k": 1.5}, "top_k is 1.5"),
        ({"text": "a", "evidence": 1}, "evidence is 1"),
        ({"text": "a", "model": ["small"]}, "model is a list"),
        ([], "a body that is a list"),
        ("a", "a body that is a string"),
        (None, "a body that is null"),
    ],
)
def test_a_body_of_another_shape_is_refused_by_name(client, body, told):
    answer = client.post("/v1/classify", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert told in problem(answer, 422)["found"]


def test_two_faults_are_told_at_once_and_what_there_may_be(client):
    told = problem(client.post("/v1/extract", json={"text": "a"}), 422)
    assert told["found"] == "no 'article' and the unknown field 'text'"
    assert told["expected"] == "one of source, format, article"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"text": NaN}',
        b'{"text": "a", "max_error": Infinity}',
        b'{"texts": [{"text": "a", "n": 1e400}]}',
        b'{"text": "\\ud800"}',
        b'{"text": "\\udc00\\ud800"}',
        b'{"text": "\xff"}',
        '{"text": "a"}'.encode("utf-16"),
        b'{"text": "a"}{"text": "b"}',
        b'{"text": "a",}',
        b'{"texts": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"texts": [' + b'{"text":' * 5000 + b"1" + b"}" * 5000 + b"]}",
        b"\x1f\x8b\x08\x00",
        b"'{text: 1}'",
    ],
)
def test_what_is_no_json_is_refused_as_such(client, body):
    answer = client.post("/v1/classify", content=body, headers={"Content-Type": "application/json"})
    problem(answer, 400)


def test_json_that_is_odd_but_sound_is_read_as_the_command_line_reads_it(client):
    def classify(body: str | bytes) -> Any:
        data = body.encode() if isinstance(body, str) else body
        answer = client.post("/v1/classify", content=data, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200, answer.text
        return answer.json()["rows"]

    assert classify('{"text": "a", "text": "Never."}')[0]["text"] == "Never."  # the last counts
    assert classify(b"\xef\xbb\xbf" + b'{"text": "Never."}')[0]["text"] == "Never."
    huge = classify('{"texts": [{"text": "a", "n": 123456789012345678901234567890, "z": -0.0}]}')[0]
    assert huge["n"] == pytest.approx(1.2345678901234568e29)
    assert huge["z"] == 0
    deep = classify('{"texts": [{"text": "a", "deep": ' + "[" * 200 + "]" * 200 + "}]}")[0]["deep"]
    assert json.dumps(deep) == "[" * 200 + "]" * 200


@pytest.mark.parametrize("depth", [250, 260, 600, 1000])
def test_a_row_nested_deeper_than_can_be_written_again_is_refused(client, depth):
    row = '{"text": "a", "deep": ' + "[" * depth + "]" * depth + "}"
    answer = client.post("/v1/classify", content=f'{{"texts": [{row}]}}', headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 422)
    lines = client.post("/v1/classify", content=row + '\n{"text": "b"}', headers={"Content-Type": "application/jsonl"})
    assert lines.status_code == 200
    first, second = map(json.loads, lines.text.splitlines())
    assert ("error" in first) == (answer.status_code == 422)
    assert second["label"]


def test_no_answer_ever_holds_nan(client):
    for text in ("", " ", "\0", "a", "1e999", "x" * 90_000):
        answer = client.post("/v1/classify", json={"texts": [text, {"text": text, "n": 1.5}], "coverage": 0.9})
        json.loads(answer.text, parse_constant=pytest.fail)


def test_rows_with_too_many_different_keys_are_refused_before_they_cost_memory(client):
    rows = [{"text": "a"} | {f"k{n}": n} for n in range(900)]
    assert "different keys" in problem(client.post("/v1/classify", json={"texts": rows}), 422)["found"]


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_body_of_another_type_is_refused(client, kind):
    headers = {"Content-Type": kind} if kind else {}
    told = problem(client.post("/v1/classify", content=b'{"text":"a"}', headers=headers), 415)
    assert "application/json" in told["expected"]


def test_an_article_in_an_unknown_charset_or_broken_is_refused(client):
    odd = {"Content-Type": "text/plain; charset=utf-7"}
    problem(client.post("/v1/extract", content=b"a", headers=odd), 415)
    problem(client.post("/v1/extract", content=b"\xff\xfe\xff", headers={"Content-Type": "text/plain"}), 400)
    latin = {"Content-Type": 'text/plain; charset="ISO-8859-1"'}
    text = "Le ministre a déclaré : « Nous répondrons à toute attaque. »"
    answer = client.post("/v1/extract", content=text.encode("latin-1"), headers=latin)
    assert answer.json()["article"]["text"] == text


def test_texts_too_many_or_too_long_are_refused(make):
    with make(max_batch=3, max_chars=20) as client:
        told = problem(client.post("/v1/classify", json={"texts": ["a"] * 4}), 422)
        assert (told["found"], told["expected"]) == ("4 texts", "at most 3 in a request")
        for body in ({"text": "é" * 21}, {"texts": ["a", "é" * 21]}, {"texts": [{"text": "é" * 21}]}):
            assert "21 characters" in problem(client.post("/v1/classify", json=body), 422)["found"]
        problem(client.post("/v1/explain", json={"text": "a" * 21}), 422)
        assert client.post("/v1/classify", json={"texts": ["é" * 20] * 3}).status_code == 200


def test_a_body_too_large_is_refused(make):
    with make(max_bytes=1000) as client:
        for path in ("/v1/classify", "/v1/extract", "/v1/article", "/v1/explain"):
            told = problem(client.post(path, json={"text": "a" * 1000}), 413)
            assert ("stream" in told["remedy"]) == (path == "/v1/classify")


def test_unknown_models_labels_addresses_and_methods_are_refused_by_name(client):
    told = problem(client.post("/v1/classify", json={"text": "a", "model": "../../etc/passwd"}), 404)
    assert "small@" in told["expected"]
    problem(client.get("/v1/models/nobody"), 404)
    problem(client.get("/v1/models/..%2F..%2Fetc"), 404)
    problem(client.get("/page/../app.py"), 404)
    problem(client.get("/v1/nothing"), 404)
    problem(client.get("/v1/models/"), 404)
    told = problem(client.post("/v1/explain", json={"text": "a", "label": "hostile"}), 409)
    assert "escalatory" in told["expected"]
    problem(client.post("/v1/explain", json={"text": "a", "label": "none", "against": "none"}), 422)
    answer = client.get("/v1/classify")
    problem(answer, 405)
    assert answer.headers["allow"] == "POST"
    answer = client.delete("/v1/models")
    problem(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD"


def test_options_in_the_query_count_and_are_held_to_the_same_rules(client):
    def ask(query: str, body: dict[str, Any] | None = None) -> Any:
        return client.post(f"/v1/classify?{query}", json={"text": "We are ready."} | (body or {}))

    assert len(ask("top_k=2").json()["rows"][0]["top"]) == 2
    lines = {"Content-Type": "application/x-ndjson"}
    for query in ("max_eror=0.1", "max_error=2", "max_error=nan", "evidence=maybe", "top_k=1&top_k=2", "model="):
        answer = client.post(f"/v1/classify?{query}", content=b'{"text":"a"}', headers=lines)
        if query == "model=":
            assert answer.status_code == 200
        else:
            problem(answer, 422)


def test_a_promise_that_the_model_cannot_make_is_a_conflict(shop, trained, monkeypatch):
    monkeypatch.setenv("COMMUNIQUE_MODELS", str(shop))
    shelf = Shelf(("small",))
    bare = Classifier(replace(trained.model, held_out=None))
    shelf._put(0, replace(shelf.default, classifier=bare))
    with TestClient(create_app(Settings(models=("small",)), shelf), BASE) as client:
        for options in ({"max_error": 0.1}, {"coverage": 0.9}):
            told = problem(client.post("/v1/classify", json={"text": "a", **options}), 409)
            assert "held-out" in told["found"]
            lines = {"Content-Type": "application/jsonl"}
            problem(client.post("/v1/classify", content=b'{"text":"a"}', params=options, headers=lines), 409)
        assert client.post("/v1/classify", json={"text": "a"}).status_code == 200


# The service itself


def test_health_readiness_and_metrics_answer(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}
    assert "communique_model_info" in client.get("/metrics").text


def test_no_request_leaves_its_text_in_the_log(make, caplog, capsys):
    quirk = "Zanzibarquux"
    with caplog.at_level("DEBUG"), make() as client:
        for path, body in (
            ("/v1/classify", {"text": quirk}),
            ("/v1/classify", {"texts": [{"text": quirk, "id": [quirk]}]}),
            ("/v1/classify", {"text": quirk, "model": quirk}),
            ("/v1/explain", {"text": quirk, "label": quirk}),
            ("/v1/article", {"article": f"He said: “{quirk} will be {quirk}.”", "source": quirk}),
            ("/v1/" + quirk, {}),
        ):
            client.post(path, json=body)
        client.post("/v1/classify", content=quirk.encode(), headers={"Content-Type": "application/x-ndjson"})
    captured = capsys.readouterr()
    ours = [record for record in caplog.records if record.name.startswith("communique")]
    assert ours
    assert not any(quirk in record.getMessage() + str(vars(record).get("facts")) for record in ours)
    assert quirk not in captured.out + captured.err


def test_a_fault_of_ours_is_a_problem_without_a_trace(make, monkeypatch):
    monkeypatch.setattr("communique.service.routes.answer_batch", lambda *_: np.zeros(1)[2])
    with make() as client:
        told = problem(client.post("/v1/explain", json={"text": "private words"}), 500)
        assert "private words" not in json.dumps(told)
        assert "routes.py" not in json.dumps(told)


def test_the_page_and_its_parts_are_sent_with_a_type_and_a_name_for_their_bytes(client):
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    parts = [part for part in page.text.replace("'", '"').split('"') if part.startswith("page/")]
    assert parts
    for part in parts:
        sent = client.get(f"/{part}")
        assert sent.status_code == 200, part
        again = client.get(f"/{part}", headers={"If-None-Match": sent.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert page.headers["content-security-policy"] == guard.POLICY
