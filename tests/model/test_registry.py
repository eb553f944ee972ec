from __future__ import annotations

import hashlib
import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from communique import bundled
from communique.errors import ModelMissingError, ModelUnsafeError, OutputError, UsageError
from communique.model import artefact, registry
from communique.model.model import Model


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("COMMUNIQUE_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(bundled, "MODELS", tmp_path / "bundled")
    return tmp_path / "models"


@pytest.fixture
def model(trained) -> Model:
    return replace(trained.model, name="mine")


def heated(model: Model, heat: float) -> Model:
    return replace(model, temperature=heat)


def test_a_saved_model_has_three_files_and_the_hash_of_its_manifest(root, model):
    saved = registry.save(model, {"seed": 3})
    folder = root / "mine" / saved.version
    assert saved.file == folder / "model.joblib"
    assert sorted(path.name for path in folder.iterdir()) == ["card.md", "manifest.json", "model.joblib"]
    digest = hashlib.sha256(saved.file.read_bytes()).hexdigest()
    assert digest.startswith(saved.version)
    assert saved.sha256 == digest
    assert json.loads((folder / "manifest.json").read_text()) == saved.manifest
    assert saved.manifest["seed"] == 3
    assert (root / "mine" / "current").read_text() == saved.version + "\n"
    assert sorted(path.name for path in (root / "mine").iterdir()) == sorted(["current", saved.version])


def test_what_was_saved_is_found_and_read(root, model):
    saved = registry.save(model, {})
    for name in ("mine", f"mine@{saved.version}", f"mine@{saved.version[:6]}", str(saved.file), str(saved.file.parent)):
        assert registry.find(name) == saved
        assert registry.load(name).name == "mine"
    assert registry.find(str(root / "mine")) == saved


def test_equal_models_have_one_version_and_others_another(root, model):
    first, again, other = (
        registry.save(one, {}) for one in (model, heated(model, model.temperature), heated(model, 9.0))
    )
    assert first.version == again.version != other.version
    assert registry.current_version("mine") == other.version
    registry.save(model, {})
    assert registry.current_version("mine") == first.version
    assert registry.current_version("nobody") is None


def test_every_model_is_listed_once_the_users_own_first(root, model):
    versions = {registry.save(heated(model, heat), {}).version for heat in (1.0, 2.0)}
    shutil.copytree(root / "mine", bundled.MODELS / "mine")
    shutil.copytree(root / "mine", bundled.MODELS / "theirs")
    listed = list(registry.every())
    assert [(saved.file.parent.parent.name, saved.version) for saved in listed] == [
        (name, version) for name in ("mine", "theirs") for version in sorted(versions)
    ]
    assert [root in saved.file.parents for saved in listed] == [True, True, False, False]


def test_the_users_own_model_hides_the_bundled_one(root, model):
    registry.save(heated(model, 1.0), {})
    shutil.move(root, bundled.MODELS)
    assert registry.load("mine").temperature == 1.0
    registry.save(heated(model, 2.0), {})
    assert registry.load("mine").temperature == 2.0
    assert len({saved.version for saved in registry.every()}) == 2


def test_an_ambiguous_version_is_not_guessed(root, model):
    saved = registry.save(model, {})
    shutil.copytree(saved.file.parent, root / "mine" / (saved.version[:11] + "x"))
    with pytest.raises(ModelMissingError):
        registry.find(f"mine@{saved.version[:6]}")


@pytest.mark.parametrize("name", ["", "nobody", "mine@0", "a/b", "..", "\x00"])
def test_a_missing_model_is_told(root, model, name):
    registry.save(model, {})
    with pytest.raises(ModelMissingError, match="one of mine@"):
        registry.find(name)


def test_a_name_longer_than_a_file_name_may_be_is_a_missing_model(root, model):
    registry.save(model, {})
    with pytest.raises(ModelMissingError):
        registry.find("x" * 5000)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-a", "a b", "x" * 65, "ä", "a\n"])
def test_a_name_that_makes_no_folder_is_refused(name):
    with pytest.raises(UsageError):
        registry.check_name(name)


@pytest.mark.parametrize("name", ["stance", "a", "0.1", "A_b-c.D", "x" * 64])
def test_a_good_name_passes(name):
    registry.check_name(name)


def test_what_cannot_be_written_is_known_before(tmp_path, model):
    (tmp_path / "file").write_text("kept")
    registry.save(model, {}, folder=tmp_path / "there")
    for target in (tmp_path / "there", tmp_path / "file", tmp_path / "file" / "deep" / "er"):
        with pytest.raises(OutputError):
            registry.check_writable(target, force=False)
    registry.check_writable(tmp_path / "there", force=True)
    registry.check_writable(tmp_path / "new" / "deep", force=False)
    assert not (tmp_path / "new").exists()


def test_a_folder_of_ones_own_gets_the_files_and_no_pointer(root, tmp_path, model):
    saved = registry.save(model, {}, folder=tmp_path / "own")
    assert saved.file == tmp_path / "own" / "model.joblib"
    assert not root.exists()
    registry.save(heated(model, 2.0), {}, folder=tmp_path / "own")
    assert registry.load(str(tmp_path / "own")).temperature == 2.0
    assert len(list((tmp_path / "own").iterdir())) == 3


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


STEPS = ["artefact.write", "card", "manifest.json", "_settle", "current"]


def break_at(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a save fail at one of its steps, as a full disk would."""

    def fail(*_: object, **__: object) -> None:
        raise OutputError("no space left")

    if step in ("manifest.json", "current"):
        write = registry._write

        def write_others(path: Path, text: str) -> None:
            fail() if path.name == step else write(path, text)

        monkeypatch.setattr(registry, "_write", write_others)
    else:
        monkeypatch.setattr(*((artefact, "write") if step == "artefact.write" else (registry, step)), fail)


@pytest.mark.parametrize("step", STEPS)
def test_a_save_that_fails_leaves_the_old_model_current(root, model, monkeypatch, step):
    old = registry.save(heated(model, 1.0), {})
    before = files(root)
    with monkeypatch.context() as broken:
        break_at(step, broken)
        with pytest.raises(OutputError):
            registry.save(heated(model, 2.0), {})
    assert registry.find("mine") == old
    assert registry.load("mine").temperature == 1.0
    after = files(root)
    assert before.items() <= after.items()
    assert not list(root.rglob(".*"))
    registry.save(heated(model, 2.0), {})
    assert registry.load("mine").temperature == 2.0


@pytest.mark.parametrize("step", ["card", "manifest.json"])
def test_a_save_that_fails_leaves_the_old_model_in_a_folder_of_ones_own(tmp_path, model, monkeypatch, step):
    registry.save(heated(model, 1.0), {}, folder=tmp_path / "own")
    with monkeypatch.context() as broken:
        break_at(step, broken)
        with pytest.raises(OutputError):
            registry.save(heated(model, 2.0), {}, folder=tmp_path / "own")
    assert registry.load(str(tmp_path / "own")).temperature == 1.0


def test_a_save_that_fails_leaves_no_folder(tmp_path, model, monkeypatch):
    break_at("artefact.write", monkeypatch)
    with pytest.raises(OutputError):
        registry.save(model, {}, folder=tmp_path / "own")
    assert not list(tmp_path.iterdir())


def save_together(models: list[Model]) -> list[BaseException]:
    problems: list[BaseException] = []
    ready = threading.Barrier(len(models))

    def save(model: Model) -> None:
        ready.wait()
        try:
            registry.save(model, {})
        except BaseException as problem:  # noqa: BLE001
            problems.append(problem)

    threads = [threading.Thread(target=save, args=[model]) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems


@pytest.mark.parametrize("heats", [(1.0, 2.0, 3.0), (1.0, 1.0, 1.0)], ids=["different", "equal"])
def test_saves_at_the_same_time_do_not_mix(root, model, heats):
    for _ in range(3):
        assert save_together([heated(model, heat) for heat in heats]) == []
    listed = list(registry.every())
    assert len(listed) == len(set(heats))
    assert {registry.open_saved(saved).temperature for saved in listed} == set(heats)
    assert registry.load("mine").temperature in heats
    assert not list(root.rglob(".*"))


@pytest.mark.parametrize("pointer", ["", "../..", "a b", "\x00", "/"])
def test_a_pointer_that_names_no_version_is_refused(root, model, pointer):
    registry.save(model, {})
    (root / "mine" / "current").write_text(pointer)
    with pytest.raises(ModelUnsafeError):
        registry.find("mine")


def test_a_changed_file_is_refused(root, model):
    saved = registry.save(model, {})
    saved.file.write_bytes(saved.file.read_bytes()[:-1] + b"!")
    with pytest.raises(ModelUnsafeError, match="SHA-256"):
        registry.load("mine")


def test_another_model_under_the_same_manifest_is_refused(root, model):
    one, other = (registry.save(heated(model, heat), {}) for heat in (1.0, 2.0))
    shutil.copy(one.file, other.file)
    with pytest.raises(ModelUnsafeError, match="SHA-256"):
        registry.load("mine")


def test_a_damaged_neighbour_does_not_hide_the_others(root, model):
    one, other = (registry.save(heated(model, heat), {}) for heat in (1.0, 2.0))
    one.file.with_name("manifest.json").write_text("{")
    assert other.version in {saved.version for saved in registry.every()}
    with pytest.raises(ModelMissingError, match=f"mine@{other.version}"):
        registry.find("nobody")
