"""A shelf holds good models only, swaps them between two requests, and never lets go of a good one for a bad one."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from communique.errors import ModelError, ModelMissingError, ModelUnsafeError, UsageError
from communique.inference.prediction import Classifier
from communique.model import artefact, registry
from communique.service.shelf import Shelf, examine

TEXT = "We state that any attack will be answered with force at the river."


@pytest.fixture
def models(own_shop, monkeypatch):
    """The folder of models, and the two versions of small in it."""
    folder, versions = own_shop
    monkeypatch.setenv("COMMUNIQUE_MODELS", str(folder))
    return folder / "small", versions


def point(folder: Path, version: str) -> None:
    draft = folder / ".draft"
    draft.write_text(version + "\n", "utf-8")
    draft.replace(folder / "current")


def answers(shelf: Shelf) -> list[float]:
    return shelf.default.classifier.predict_proba([TEXT])[0].tolist()


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_what_is_served_is_what_is_saved(models):
    _, versions = models
    served = Shelf(["small"]).default
    assert (served.name, served.version, str(served)) == ("small", versions[0], f"small@{versions[0]}")
    assert served.sha256 == served.saved.manifest["sha256"]["model.joblib"]
    np.testing.assert_array_equal(
        served.classifier.predict_proba([TEXT]), Classifier(registry.load("small")).predict_proba([TEXT])
    )


def test_a_model_is_taken_by_name_or_version_and_by_nothing_else(models):
    _, (first, second) = models
    shelf = Shelf(["small", f"small@{second}"])
    assert shelf.get() is shelf.get("") is shelf.get("small") is shelf.get(f"small@{first[:5]}") is shelf.default
    assert shelf.get(f"small@{second}") is shelf.all()[1]
    for name in ("other", "../small", "small/../small", str(models[0]), f"small@{first}x", "small\0", "@"):
        with pytest.raises(ModelMissingError):
            shelf.get(name)


def test_no_name_reaches_the_disk(models):
    from sys import addaudithook

    shelf, opened = Shelf(["small"]), []
    watching = [True]

    def watch(event, given):
        if watching[0] and event in ("open", "os.listdir", "os.scandir"):
            opened.append(given)

    addaudithook(watch)  # cannot be taken away again, only be told to look elsewhere
    for name in ("/etc/passwd", "../../etc/passwd", str(models[0]), "stance"):
        with pytest.raises(ModelMissingError):
            shelf.get(name)
    watching[0] = False
    assert not opened


def test_the_same_model_twice_is_refused(models):
    with pytest.raises(UsageError):
        Shelf(["small", f"small@{models[1][0]}"])


def test_a_missing_model_is_refused_at_the_start(models):
    with pytest.raises(ModelMissingError):
        Shelf(["small", "missing"])


def test_a_new_current_version_is_taken_up_once(models):
    folder, (first, second) = models
    shelf = Shelf(["small"])
    before = answers(shelf)
    assert not shelf.reload()
    point(folder, second)
    (change,) = shelf.reload()
    os.close(change.copy)
    assert (change.model, change.refused) == (f"small@{second}", "")
    assert shelf.default.version == second
    assert answers(shelf) != before
    assert not shelf.reload(again=True)
    point(folder, first)
    os.close(shelf.reload()[0].copy)
    assert answers(shelf) == before


def test_a_pinned_version_stays(models):
    folder, (first, second) = models
    shelf = Shelf([f"small@{first}"])
    point(folder, second)
    assert not shelf.reload()


def test_a_request_keeps_the_model_it_took(models):
    folder, (_, second) = models
    shelf = Shelf(["small"])
    taken, before = shelf.get(), answers(shelf)
    point(folder, second)
    os.close(shelf.reload()[0].copy)
    assert taken.classifier.predict_proba([TEXT])[0].tolist() == before


def spoil_bytes(folder: Path) -> None:
    file = folder / "model.joblib"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def spoil_length(folder: Path) -> None:
    os.truncate(folder / "model.joblib", 100)


def spoil_all(folder: Path) -> None:
    (folder / "model.joblib").write_bytes(b"cos\nsystem\n(S'true'\ntR.")


def spoil_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")


def take_away(folder: Path) -> None:
    (folder / "model.joblib").unlink()


def make_a_pipe(folder: Path) -> None:
    (folder / "model.joblib").unlink()
    os.mkfifo(folder / "model.joblib")


def mix_up_labels(folder: Path) -> None:
    tree = artefact.read(folder / "model.joblib", mmap=False)
    tree["weights"] = np.roll(tree["weights"], 1, axis=1)
    tree["intercepts"] = np.roll(tree["intercepts"], 1)
    digest = artefact.write(tree, folder / "model.joblib")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"sha256": {"model.joblib": digest}}))


EVILS = [spoil_bytes, spoil_length, spoil_all, spoil_manifest, take_away, make_a_pipe, mix_up_labels]


@pytest.mark.parametrize("spoil", EVILS)
def test_a_bad_file_is_refused_and_the_old_model_serves_on(models, spoil):
    folder, (first, second) = models
    shelf = Shelf(["small"])
    before, held = answers(shelf), open_files()
    spoil(folder / second)
    point(folder, second)
    (change,) = shelf.reload()
    assert change.refused
    assert change.copy is None
    assert "/dev/fd" not in change.refused
    assert change.model == f"small@{first}"
    assert shelf.default.version == first
    assert answers(shelf) == before
    assert open_files() == held
    assert not shelf.reload(), "what was refused is not tried every second"
    assert shelf.reload(again=True), "but when asked to"


@pytest.mark.parametrize("spoil", EVILS)
def test_whatever_happens_to_the_file_what_is_served_does_not_change(models, spoil):
    folder, (first, _) = models
    shelf = Shelf(["small"])
    before = answers(shelf)
    spoil(folder / first)
    assert answers(shelf) == before
    assert all(change.refused for change in shelf.reload(again=True))
    assert answers(shelf) == before


def test_a_refused_version_is_taken_up_when_it_is_mended(models):
    folder, (_, second) = models
    good = (folder / second / "model.joblib").read_bytes()
    spoil_bytes(folder / second)
    shelf = Shelf(["small"])
    point(folder, second)
    assert shelf.reload()[0].refused
    (folder / second / "model.joblib").write_bytes(good)
    (change,) = shelf.reload()
    os.close(change.copy)
    assert shelf.default.version == second


def test_a_bare_file_is_named_by_its_hash(models, tmp_path):
    folder, (first, _) = models
    bare = tmp_path / "bare.joblib"
    bare.write_bytes((folder / first / "model.joblib").read_bytes())
    served = Shelf([str(bare)]).default
    assert served.version == first
    assert served.sha256.startswith(first)


def test_a_worker_puts_up_what_it_is_handed_and_nothing_else(models):
    folder, (_, second) = models
    supervisor, worker = Shelf(["small"]), Shelf(["small"])
    point(folder, second)
    (change,) = supervisor.reload()
    told = json.loads(json.dumps(supervisor.hand(change)))
    other = os.memfd_create("other")
    os.write(other, (folder / second / "model.joblib").read_bytes()[:-1])
    before = answers(worker)
    with pytest.raises(ModelUnsafeError):
        worker.receive(told, other)
    assert answers(worker) == before
    spoil_all(folder / second)  # the worker looks at what it is handed, not at the disk
    worker.receive(told, change.copy)
    assert answers(worker) == answers(supervisor) != before
    assert worker.default.sha256 == supervisor.default.sha256


# The test of a loaded model


def test_the_bundled_model_passes():
    examine(Classifier(registry.load("stance")))


def test_a_model_that_misses_some_hard_examples_passes(trained):
    classifier = Classifier(trained.model)
    examples = [(text, label.name) for label in trained.model.codebook.labels for text in label.examples]
    right = sum(classifier.predict([text])[0] == label for text, label in examples)
    assert right < len(examples)
    examine(classifier)


def test_a_model_without_examples_passes(trained):
    codebook = trained.model.codebook
    bare = replace(codebook, labels=tuple(replace(label, examples=()) for label in codebook.labels))
    examine(Classifier(replace(trained.model, codebook=bare)))


def test_a_model_that_guesses_is_refused(trained):
    model = trained.model
    with pytest.raises(ModelError, match="right"):
        examine(Classifier(replace(model, weights=model.weights * 0, intercepts=np.array([1.0, 0, 0, 0]))))


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_model_without_numbers_is_refused(trained, number):
    model = trained.model
    with pytest.raises(ModelError, match="probabilities"):
        examine(Classifier(replace(model, intercepts=np.array([number, 0, 0, 0]))))


def test_a_model_that_breaks_is_refused(trained):
    model = trained.model
    with pytest.raises(ModelError, match="cannot answer"):
        examine(Classifier(replace(model, weights=model.weights[:-7])))
