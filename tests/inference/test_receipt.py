from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.corpus.columns import Columns
from communique.corpus.source import read, read_texts
from communique.errors import DataError, ModelMissingError
from communique.inference import receipt as room
from communique.inference.bulk import answer
from communique.inference.prediction import Classifier, Options
from communique.inference.receipt import Ledger, Receipt, _Digest, read_receipt, receipt_of, verify
from communique.model import registry

OPTIONS = Options(threshold=0.5)


def classify(model: Path, inputs: list[str], options: Options = OPTIONS, output: Path | None = None) -> Receipt:
    saved = registry.find(str(model))
    classifier = Classifier(registry.open_saved(saved))
    ledger = Ledger(saved, classifier, options, Columns(), inputs, given=str(model), command=["communique", "classify"])
    batches = read(inputs, keep_unreadable=True) if Path(inputs[0]).exists() else [read_texts(inputs)]
    rows = [answered.rows for answered in ledger.watch(answer(classifier, batches, options))]
    if output is not None:
        output.write_text(str(sum(len(each) for each in rows)))
    return ledger.close(output)


@pytest.fixture
def source(labelled, tmp_path) -> Path:
    path = tmp_path / "in.csv"
    texts = labelled.texts.to_pylist()[:60]
    path.write_text("id,text\n" + "".join(f'r{number},"{text}"\n' for number, text in enumerate(texts)) + 'r60,""\n')
    return path


# What a receipt says


def test_a_receipt_says_what_went_in_and_what_came_out(saved, source, tmp_path):
    found = classify(saved, [str(source)], output=tmp_path / "out.txt")
    manifest = json.loads((saved / "manifest.json").read_text())
    assert found.model.sha256 == manifest["sha256"]["model.joblib"]
    assert found.model.codebook_sha256 == manifest["codebook"]["sha256"]
    assert (found.model.name, found.model.version) == (manifest["name"], manifest["version"])
    (given,) = found.sources
    assert given.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert (given.bytes, given.rows) == (source.stat().st_size, 61)
    assert found.output.sha256 == hashlib.sha256(b"61").hexdigest()
    assert found.counts.rows == 61
    assert sum(found.counts.labels.values()) == 60
    assert (found.counts.empty, found.counts.unreadable) == (1, 0)
    assert sum(found.answers.score_sums.values()) == pytest.approx(60, abs=1e-5)
    assert found.options == asdict(OPTIONS)
    assert set(found.versions) == {"python", "communique", "numpy", "scipy", "pyarrow"}


def test_counts_are_those_of_the_answers(saved, labelled):
    texts = labelled.texts.to_pylist()[:40]
    classifier = Classifier(registry.load(str(saved)))
    rows = classifier.classify(texts, OPTIONS)
    counts = classify(saved, texts).counts
    assert counts.labels == {name: sum(row["label"] == name for row in rows) for name in classifier.labels}
    assert counts.abstained == sum(row["abstained"] for row in rows)


def test_a_receipt_is_read_back_as_it_was(saved, source, tmp_path):
    found = classify(saved, [str(source)], output=tmp_path / "out.txt")
    (tmp_path / "r.json").write_bytes(found.to_json())
    assert read_receipt(tmp_path / "r.json") == found


def test_no_statement_of_a_file_stands_in_its_receipt(saved, source):
    assert "minister" in source.read_text()
    assert b"minister" not in classify(saved, [str(source)]).to_json()


def test_file_names_that_are_no_utf8_do_no_harm(saved, source):
    found = replace(classify(saved, [str(source)]), command=("caf\udce9",))
    assert receipt_of(json.loads(found.to_json())) == found


@given(st.lists(st.tuples(st.text(max_size=5), st.none() | st.text(max_size=5)), max_size=40), st.integers(1, 45))
def test_hashes_do_not_depend_on_batches_and_differ_for_other_rows(rows, size):
    rows = [(first.encode("utf-8", "replace").decode(), second) for first, second in rows]
    rows = [(first, None if second is None else second.encode("utf-8", "replace").decode()) for first, second in rows]

    def digest(rows: list, size: int) -> tuple[str, ...]:
        found = _Digest(7)
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            found.add(*(pa.array(column, pa.string()) for column in zip(*part, strict=True)))
        return found.blocks

    whole = digest(rows, 1000)
    assert digest(rows, size) == whole
    assert len(whole) == -(-len(rows) // 7)
    if rows:
        first, second = rows[-1]
        assert digest([*rows[:-1], (first + "x", second)], size)[-1] != whole[-1]
        assert digest([*rows[:-1], (first, "" if second is None else None)], size)[-1] != whole[-1]
        assert digest([*rows[:-1], (first[:-1], first[-1:] + (second or ""))], size)[-1] != whole[-1] or not first


# Doing it again


def test_the_same_again_is_the_same(saved, source):
    found = verify(classify(saved, [str(source)]))
    assert found.same
    assert found.differences == found.notes == ()


def test_texts_of_the_command_line_are_classified_again(saved):
    found = classify(saved, ["We are ready for talks.", "Any attack will be answered with force."])
    assert found.sources[0].sha256 is None
    assert verify(found).same


def test_a_changed_or_missing_file_is_named(saved, source, tmp_path):
    found = classify(saved, [str(source)], output=tmp_path / "out.txt")
    (tmp_path / "out.txt").write_text("other")
    with pytest.raises(DataError, match=r"out.txt, the file written, has changed"):
        verify(found)
    text = source.read_text()
    source.write_text(text.replace("minister", "envoy"))
    with pytest.raises(DataError, match=r"in.csv has changed, .*out.txt"):
        verify(found)
    source.unlink()
    with pytest.raises(DataError, match=r"in.csv is gone"):
        verify(found)


def test_a_written_file_that_is_gone_is_only_a_note(saved, source, tmp_path):
    found = classify(saved, [str(source)], output=tmp_path / "out.txt")
    (tmp_path / "out.txt").unlink()
    again = verify(found)
    assert again.same
    assert "out.txt, is gone" in again.notes[0]


def test_a_further_file_that_a_glob_now_finds_is_named(saved, source):
    found = classify(saved, [str(source)])
    found = replace(found, given=(str(source.parent / "*.csv"),))
    assert verify(found).same
    (source.parent / "more.csv").write_text("text\nWe talk.\n")
    with pytest.raises(DataError, match=r"more.csv was not there"):
        verify(found)


def test_a_model_that_is_not_there_is_refused(saved, source):
    found = classify(saved, [str(source)])
    lost = replace(found, model=replace(found.model, given="lost", sha256="0" * 64))
    with pytest.raises(ModelMissingError, match="is not there"):
        verify(lost)
    with pytest.raises(ModelMissingError, match="is another one"):
        verify(replace(lost, model=replace(lost.model, given=str(saved))))


def test_a_model_that_moved_is_found_by_its_hash_or_by_name(saved, trained, source, tmp_path, monkeypatch):
    found = classify(saved, [str(source)])
    moved = replace(found, model=replace(found.model, given=str(tmp_path / "nowhere")))
    monkeypatch.setenv("COMMUNIQUE_MODELS", str(tmp_path / "models"))
    with pytest.raises(ModelMissingError):
        verify(moved)
    assert verify(moved, model=str(saved)).same
    registry.save(replace(trained.model, name="other"), {}, folder=tmp_path / "unlike")
    with pytest.raises(ModelMissingError, match="unlike is another one"):
        verify(moved, model=str(tmp_path / "unlike"))
    registry.save(trained.model, trained.facts)
    assert verify(moved).same


def test_other_answers_are_told_with_their_place(saved, source, monkeypatch):
    monkeypatch.setattr(room, "BLOCK_ROWS", 25)
    found = classify(saved, [str(source)])
    assert len(found.answers.blocks) == 3
    blocks = (found.answers.blocks[0], "0" * 64, found.answers.blocks[2])
    labels = found.counts.labels | {"none": found.counts.labels["none"] + 1}
    sums = {name: total + 1e-3 * (name == "none") for name, total in found.answers.score_sums.items()}
    again = verify(
        replace(
            found,
            counts=replace(found.counts, labels=labels, abstained=99),
            answers=replace(found.answers, blocks=blocks, score_sums=sums),
        )
    )
    assert not again.same
    told = "; ".join(again.differences)
    assert "labels or ids differ in rows 26 to 50" in told
    assert f"rows labelled 'none': {labels['none']} then, {labels['none'] - 1} now" in told
    assert "rows abstained: 99 then" in told
    assert "scores of none" in told


def test_scores_may_differ_by_a_millionth_a_row(saved, source):
    found = classify(saved, [str(source)])
    nearly = {name: total + 2e-5 for name, total in found.answers.score_sums.items()}
    assert verify(replace(found, answers=replace(found.answers, score_sums=nearly))).same


def test_other_versions_are_noted(saved, source):
    found = classify(saved, [str(source)])
    again = verify(replace(found, versions=found.versions | {"numpy": "1.0"}))
    assert again.same
    assert again.notes[0].startswith("numpy was 1.0 and is ")


def test_options_of_a_later_version_are_refused(saved, source):
    found = classify(saved, [str(source)])
    with pytest.raises(DataError, match="options that this version does not know"):
        verify(replace(found, options=found.options | {"mood": 1}))


# What is no receipt


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda plain: [], "is not a receipt"),
        (lambda plain: plain | {"format": "other"}, "is not a receipt"),
        (lambda plain: plain | {"format_version": 2}, "has receipt format 2; expected format 1"),
        (lambda plain: {key: plain[key] for key in plain if key != "model"}, "is damaged"),
        (lambda plain: plain | {"more": 1}, "is damaged"),
        (lambda plain: plain | {"given": "in.csv"}, "given missing or of another type"),
        (lambda plain: plain | {"given": [1]}, "given missing or of another type"),
        (lambda plain: plain | {"counts": plain["counts"] | {"rows": "9"}}, "counts.rows missing"),
        (lambda plain: plain | {"counts": plain["counts"] | {"rows": True}}, "counts.rows missing"),
        (lambda plain: plain | {"sources": [{}]}, "sources missing"),
        (lambda plain: plain | {"output": 1}, "output missing"),
        (lambda plain: plain | {"options": {"threshold": []}}, "options.threshold missing"),
    ],
)
def test_what_is_no_receipt_is_refused(saved, source, tmp_path, change, words):
    plain = json.loads(classify(saved, [str(source)]).to_json())
    (tmp_path / "r.json").write_text(json.dumps(change(plain)))
    with pytest.raises(DataError, match=words):
        read_receipt(tmp_path / "r.json")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path, content):
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(DataError, match="is not JSON"):
        read_receipt(tmp_path / "r.json")


def test_a_receipt_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_receipt(tmp_path / "r.json")
