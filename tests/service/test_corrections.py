from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from communique.cli.app import app as cli
from communique.corpus.labelled import collect
from communique.corpus.source import read
from communique.errors import OutputError
from communique.service.app import create_app
from communique.service.corrections import Correction, Ledger
from communique.service.settings import Settings
from communique.service.shelf import Shelf

ANSWER = {"label": "none", "confidence": 0.5, "scores": {"none": 0.5, "escalatory": 0.5}}


def correction(text: str = "We will strike.", label: str = "escalatory") -> Correction:
    return Correction(text, label, ANSWER, "small", "ab" * 32, "a threat")


@pytest.fixture
def taking(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TestClient, Path]]:
    monkeypatch.setenv("COMMUNIQUE_MODELS", str(shop))
    file = tmp_path / "ledger.jsonl"
    settings = Settings(models=("small",), corrections=file)
    with TestClient(create_app(settings, Shelf(settings.models)), "http://127.0.0.1") as client:
        yield client, file


def lines_of(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text("utf-8").split("\n")[:-1]]


# The ledger


def test_an_event_is_one_line_with_all_that_it_stands_on(tmp_path):
    file = tmp_path / "ledger.jsonl"
    event = Ledger(file).append(correction("Two\nlines, “quoted” \u2028 🕊"))
    assert file.read_bytes().count(b"\n") == 1
    (line,) = lines_of(file)
    assert line == {
        "time": event.time,
        "id": event.id,
        "text": "Two\nlines, “quoted” \u2028 🕊",
        "label": "escalatory",
        "answer": ANSWER,
        "note": "a threat",
        "model": "small",
        "sha256": "ab" * 32,
    }
    assert abs(datetime.fromisoformat(event.time) - datetime.now(UTC)) < timedelta(minutes=1)


def test_events_are_only_ever_added(tmp_path):
    file = tmp_path / "ledger.jsonl"
    ledger = Ledger(file)
    before = b""
    for number in range(5):
        ledger.append(correction(f"Number {number}."))
        assert file.read_bytes().startswith(before)
        before = file.read_bytes()
    assert len({line["id"] for line in lines_of(file)}) == 5


def test_the_ledger_is_readable_by_its_owner_alone(tmp_path):
    file = tmp_path / "ledger.jsonl"
    Ledger(file).append(correction())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_event_is_on_the_disk_before_it_is_acknowledged(tmp_path, monkeypatch):
    kept: list[int] = []
    whole = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (kept.append(os.fstat(file).st_size), whole(file))[1])
    file = tmp_path / "ledger.jsonl"
    Ledger(file).append(correction())
    assert kept[-1] == file.stat().st_size
    assert len(kept) == 2  # the folder too, for the name


def test_a_line_that_somebody_left_unfinished_is_not_written_on(tmp_path):
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(b'{"text": "half')
    Ledger(file).append(correction())
    half, whole = file.read_bytes().splitlines()
    assert half == b'{"text": "half'
    assert json.loads(whole)["label"] == "escalatory"


@pytest.mark.parametrize("part", [0, 10])
def test_a_full_disk_leaves_nothing_of_the_event(tmp_path, monkeypatch, part):
    file = tmp_path / "ledger.jsonl"
    ledger = Ledger(file)
    ledger.append(correction())
    before = file.read_bytes()

    def write(descriptor: int, data: bytes) -> int:
        whole(descriptor, data[:part])
        if not part:
            raise OSError(28, "No space left on device")
        return part

    whole = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(OutputError, match="cannot be written"):
            ledger.append(correction())
    assert file.read_bytes() == before
    ledger.append(correction())
    assert len(lines_of(file)) == 2


def test_a_ledger_that_cannot_be_written_is_told_at_the_start(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere" / "ledger.jsonl", Path(os.devnull)):
        with pytest.raises(OutputError, match=str(path)):
            Ledger(path).check()
    Ledger(tmp_path / "ledger.jsonl").check()


APPEND = """
import sys
from pathlib import Path
from communique.service.corrections import Correction, Ledger
for number in range(40):
    text = f"{sys.argv[2]}-{number} " + "x" * 5000
    Ledger(Path(sys.argv[1])).append(Correction(text, "none", {}, "small", ""))
"""


def test_several_processes_may_write_at_once(tmp_path):
    file = tmp_path / "ledger.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", APPEND, str(file), str(mine)]) for mine in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    names = [line["text"].split()[0] for line in lines_of(file)]
    for mine in range(3):
        assert [name for name in names if name.startswith(f"{mine}-")] == [f"{mine}-{n}" for n in range(40)]


# The address


def test_a_correction_is_written_down_with_the_model_that_answered(taking, shop):
    client, file = taking
    asked = {"text": "The harvest was good.", "label": "none", "note": "a report"}
    answer = client.post("/v1/corrections", json=asked | {"answer": ANSWER | {"evidence": [], "top": 1}})
    assert answer.status_code == 201
    told = answer.json()
    (line,) = lines_of(file)
    assert {name: line[name] for name in asked} == asked
    assert line["answer"] == ANSWER
    assert (line["id"], line["time"]) == (told["id"], told["time"])
    assert (line["model"], line["sha256"]) == ("small", told["model"]["sha256"])
    assert len(line["sha256"]) == 64


def test_without_an_answer_the_model_is_asked(taking):
    client, file = taking
    text = "Any attack will be answered with force."
    assert client.post("/v1/corrections", json={"text": text, "label": "none"}).status_code == 201
    (row,) = client.post("/v1/classify", json={"text": text}).json()["rows"]
    assert lines_of(file)[0]["answer"] == {name: row[name] for name in ("label", "confidence", "scores")}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": "a", "label": "hostile"}, 409),
        ({"text": "a", "label": ""}, 409),
        ({"text": "a"}, 422),
        ({"label": "none"}, 422),
        ({"text": "", "label": "none"}, 422),
        ({"text": " \n", "label": "none"}, 422),
        ({"text": "a" * 100_001, "label": "none"}, 422),
        ({"text": "a", "label": "none", "note": "n" * 2001}, 422),
        ({"text": "a", "label": "none", "answer": {"confidence": 2}}, 422),
        ({"text": "a", "label": "none", "path": "/etc/passwd"}, 422),
        ({"text": "a", "label": "none", "model": "nobody"}, 404),
    ],
)
def test_what_is_no_correction_is_refused_and_not_written(taking, body, status):
    client, file = taking
    answer = client.post("/v1/corrections", json=body)
    assert answer.status_code == status, answer.text
    assert file.read_bytes() == b""


def test_where_no_ledger_is_named_corrections_are_not_taken(shop, monkeypatch):
    monkeypatch.setenv("COMMUNIQUE_MODELS", str(shop))
    settings = Settings(models=("small",))
    with TestClient(create_app(settings, Shelf(settings.models)), "http://127.0.0.1") as client:
        answer = client.post("/v1/corrections", json={"text": "a", "label": "none"})
        assert answer.status_code == 404
        assert "--corrections" in answer.json()["remedy"]
        assert client.get("/v1/models").json()["corrections"] is False


def test_a_disk_that_fails_is_a_problem_and_no_path_is_told(taking, monkeypatch):
    client, file = taking

    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device", str(file))

    monkeypatch.setattr(os, "write", fail)
    answer = client.post("/v1/corrections", json={"text": "a", "label": "none", "answer": ANSWER})
    assert answer.status_code == 507
    assert str(file.parent) not in answer.text


def test_training_reads_the_ledger_as_labelled_statements(taking, labelled, tmp_path, monkeypatch):
    client, file = taking
    texts, labels = labelled.texts.to_pylist()[:60], labelled.rows.column("label").to_pylist()[:60]
    for text, label in zip(texts, labels, strict=True):
        assert client.post("/v1/corrections", json={"text": text, "label": label}).status_code == 201
    found = collect(read([str(file)]))
    assert found.texts.to_pylist() == texts
    assert found.rows.column("label").to_pylist() == labels
    assert found.skipped == found.unlabelled == ()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COMMUNIQUE_MODELS", str(tmp_path / "models"))
    trained = CliRunner().invoke(cli, ["train", str(file), "--preset", "fast", "--name", "corrected"])
    assert trained.exit_code == 0, trained.stderr


def test_workers_share_one_ledger(serving: Callable, tmp_path):
    file = tmp_path / "ledger.jsonl"
    service = serving(f"workers=2, corrections=Path({str(file)!r})")
    for number in range(12):
        status, body, _ = service.ask("/v1/corrections", {"text": f"Number {number}.", "label": "none"})
        assert status == 201, body
    assert [line["text"] for line in lines_of(file)] == [f"Number {number}." for number in range(12)]
    assert "Number" not in service.log
