from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from communique.service import document, wire
from communique.service.app import create_app
from communique.service.settings import Settings
from communique.service.shelf import Shelf

SETTINGS = "workers=1, corrections=Path('corrections.jsonl'), queue=1000"
PAGES = ("/", "/page/", "/openapi.json", "/docs")


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document.describe(Settings())


def resolve(described: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    return schema | {"components": described["components"]}


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, told) for path, methods in described["paths"].items() for method, told in methods.items()]


def test_every_address_is_described_and_every_description_has_an_address(described, shop, monkeypatch):
    monkeypatch.setenv("COMMUNIQUE_MODELS", str(shop))
    app = create_app(Settings(models=("small",)), Shelf(("small",)))
    routes = {
        (route.path, method.lower())
        for route in app.routes
        if isinstance(route, Route) and not route.path.startswith(PAGES[1:]) and route.path != "/"
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert routes == {(path, method) for path, method, _ in operations(described)}


def test_examples_fit_their_schemas(described):
    checked = 0
    for path, _, told in operations(described):
        bodies = [told.get("requestBody", {}), *told["responses"].values()]
        for media in (media for body in bodies for media in body.get("content", {}).values()):
            if "example" in media:
                jsonschema_rs.validate(resolve(described, media["schema"]), media["example"])
                checked += 1
            elif "schema" in media:
                assert "$ref" in media["schema"] or media["schema"]["type"] == "string", path
    assert checked >= 12


def test_offsets_in_examples_are_true():
    for row in (document._EXTRACT, document._ATTRIBUTED):
        assert document._ARTICLE[row["start"] : row["end"]] == row["text"]
    for word in document._EVIDENCE:
        assert document._TEXT[word["start"] : word["end"]] == word["text"]


def test_problems_are_told_for_every_operation(described):
    for _, _, told in operations(described):
        refusals = {status: given for status, given in told["responses"].items() if not status.startswith("2")}
        assert "503" in refusals
        assert "Retry-After" in refusals["503"]["headers"]
        if "requestBody" in told:
            assert {"400", "413", "415", "422"} <= set(refusals)
        for given in refusals.values():
            assert list(given["content"]) == ["application/problem+json"]


def test_a_token_is_asked_for_in_the_document_only_where_it_is(described):
    assert "securitySchemes" not in described["components"]
    guarded = document.describe(Settings(token="t" * 20))
    for path, _, told in operations(guarded):
        assert ("security" in told) == ("401" in told["responses"]) == (path.startswith("/v1/") or path == "/metrics")


def test_limits_are_those_of_the_settings():
    schemas = document.describe(Settings(max_batch=7, max_chars=99))["components"]["schemas"]
    assert schemas["ToClassify"]["properties"]["texts"]["maxItems"] == 7
    assert schemas["ToExplain"]["properties"]["text"]["maxLength"] == 99


def test_what_is_answered_fits_what_is_described(described, shop, monkeypatch):
    monkeypatch.setenv("COMMUNIQUE_MODELS", str(shop))
    settings = Settings(models=("small",))
    asked: list[tuple[str, dict[str, Any] | None, type]] = [
        ("/v1/classify", {"texts": ["No.", "", {"id": 1, "text": None, "x": [1]}]}, wire.Classified),
        (
            "/v1/classify",
            {"text": "No.", "evidence": True, "top_k": 2, "max_error": 0.3, "coverage": 0.9},
            wire.Classified,
        ),
        ("/v1/explain", {"text": "We are ready for talks."}, wire.Explained),
        ("/v1/explain", {"text": ""}, wire.Explained),
        ("/v1/extract", {"article": "The minister said: “We are ready for talks.”"}, wire.Extracted),
        ("/v1/article", {"article": "The minister said: “We are ready for talks.”"}, wire.Read),
        ("/v1/models", None, wire.Models),
        ("/v1/models/small", None, wire.ModelPage),
        ("/v1/models/nobody", None, wire.Problem),
        ("/healthz", None, wire.State),
    ]
    with TestClient(create_app(settings, Shelf(settings.models)), "http://127.0.0.1") as client:
        assert client.get("/openapi.json").json() == json.loads(json.dumps(document.describe(settings)))
        for path, body, kind in asked:
            answer = client.get(path) if body is None else client.post(path, json=body)
            schema = described["components"]["schemas"][kind.__name__]
            jsonschema_rs.validate(resolve(described, schema), answer.json())
            kind.model_validate(answer.json())


def test_the_docs_page_needs_nothing_from_elsewhere_and_runs_nothing(shop, monkeypatch):
    monkeypatch.setenv("COMMUNIQUE_MODELS", str(shop))
    settings = Settings(models=("small",))
    with TestClient(create_app(settings, Shelf(settings.models)), "http://127.0.0.1") as client:
        page = client.get("/docs").text
    assert "<script" not in page
    assert " style=" not in page
    assert "http://" not in page.replace("http://127.0.0.1:8000", "")
    assert "https://" not in page
    for path, _, told in operations(document.describe(settings)):
        assert f"<code>{path}</code>" in page
        assert f'id="{told["operationId"]}"' in page
    for name in document.describe(settings)["components"]["schemas"]:
        assert f'id="schema-{name}"' in page


@pytest.mark.skipif(shutil.which("schemathesis", path=Path(sys.executable).parent) is None, reason="no schemathesis")
def test_schemathesis_finds_nothing(service, tmp_path):
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "run", f"http://127.0.0.1:{service.port}/openapi.json",
        "--max-examples", "4", "--seed", "7", "--no-color", "--phases", "examples,coverage,fuzzing",
    ]  # fmt: skip
    told = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        timeout=120,
    )
    assert told.returncode == 0, told.stdout[-5000:]
    assert "fault" not in service.log
    assert service.ask("/healthz")[0] == 200
