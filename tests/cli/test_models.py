from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from communique import bundled
from communique.model import artefact, registry


@pytest.fixture
def shelf(trained, tmp_path, monkeypatch) -> dict[str, str]:
    """Two versions of "mine", the later current, and no bundled models."""
    monkeypatch.setenv("COMMUNIQUE_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(bundled, "MODELS", tmp_path / "none")
    versions = {}
    for which, heat in (("old", 1.0), ("new", 2.0)):
        saved = registry.save(replace(trained.model, name="mine", temperature=heat), trained.facts)
        versions[which] = saved.version
    return versions


def test_every_version_is_listed_and_the_current_marked(run, shelf):
    for arguments in (["models"], ["models", "list"], ["models", "list", "--json"]):
        result = run(*arguments)
        assert (result.exit_code, result.stderr) == (0, "")
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        assert {(row["name"], row["version"], row["current"]) for row in rows} == {
            ("mine", shelf["old"], False),
            ("mine", shelf["new"], True),
        }
        assert all(Path(row["path"]).is_dir() for row in rows)


def test_a_model_is_found_by_name_version_and_path(run, shelf, tmp_path):
    folder = tmp_path / "models" / "mine"
    names = {
        "mine": "new",
        f"mine@{shelf['old']}": "old",
        f"mine@{shelf['new']}": "new",
        f"mine@{shelf['old'][:8]}": "old",
        str(folder): "new",
        str(folder / shelf["old"]): "old",
        str(folder / shelf["old"] / "model.joblib"): "old",
    }
    for name, which in names.items():
        facts = json.loads(run("models", "inspect", name).stdout)
        assert facts["version"] == shelf[which]
        assert facts["temperature"] == {"old": 1.0, "new": 2.0}[which]
        assert facts["labels"] == ["escalatory", "conciliatory", "dismissive", "none"]


def test_the_older_version_is_used_when_asked_for(run, shelf):
    def confidence(name: str) -> float:
        return json.loads(run("classify", "-m", name, "We are ready for talks").stdout)["confidence"]

    assert confidence(f"mine@{shelf['old']}") > confidence("mine") == confidence(f"mine@{shelf['new']}")


def test_no_models_at_all_is_told(refused, monkeypatch, tmp_path):
    monkeypatch.setattr(bundled, "MODELS", tmp_path / "none")
    refused(["models"], 4, "no saved models", "communique train")
    refused(["classify", "hello"], 4, "no model 'stance'", "communique train")


@pytest.mark.parametrize("name", ["nobody", "mine@ffff", "no/such/folder", "", "@", "../mine"])
def test_a_missing_model_is_told_with_those_there(refused, shelf, name):
    refused(["models", "inspect", name], 4, f"no model {name!r}", f"mine@{shelf['new']}")


def spoil(model: str, to: Path) -> Path:
    shutil.copytree(model, to)
    return to


@pytest.mark.parametrize("verb", [["classify", "hello", "-m"], ["evaluate"], ["models", "inspect"]])
def test_a_model_that_was_tampered_with_is_refused(refused, model, here, verb):
    file = spoil(model, here / "m") / "model.joblib"
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)
    refused([*verb, "m"], 4, "model.joblib has the SHA-256", "train the model again")


def change(manifest: Path, **parts: object) -> None:
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **parts}))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"format_version": 2}, "has model format 2; expected format 1"),
        ({"format_version": "1"}, "has model format 1"),
        ({"format": "other"}, "is not a manifest of communique"),
        ({"sha256": {"model.joblib": "0" * 64}}, "has the SHA-256"),
        ({"sha256": {}}, "does not give the hash"),
        ({"sha256": "x"}, "does not give the hash"),
        ({"sha256": {"model.joblib": 5}}, "does not give the hash"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(refused, model, here, parts, words):
    change(spoil(model, here / "m") / "manifest.json", **parts)
    refused(["models", "inspect", "m"], 4, words)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null", b'"x"', b"[" * 100_000])
def test_a_manifest_that_is_none_is_refused(refused, model, here, content):
    (spoil(model, here / "m") / "manifest.json").write_bytes(content)
    refused(["models", "inspect", "m"], 4, "manifest.json")


def test_a_model_file_of_a_newer_format_is_refused(refused, model, here, monkeypatch):
    tree = artefact.read(Path(model) / "model.joblib")
    with monkeypatch.context() as future:
        future.setattr(artefact, "FORMAT_VERSION", 2)
        artefact.write(tree, here / "newer.joblib")
    refused(
        ["classify", "hello", "-m", "newer.joblib"], 4, "has model format 2; expected format 1", "upgrade communique"
    )


def test_a_bare_model_file_will_do(run, model, here):
    shutil.copy(Path(model) / "model.joblib", here / "bare.joblib")
    facts = json.loads(run("models", "inspect", "bare.joblib").stdout)
    assert (facts["version"], facts["sha256"]) == ("bare", None)


def test_a_model_folder_without_its_file_is_missing(refused, model, here):
    (spoil(model, here / "m") / "model.joblib").unlink()
    refused(["models", "inspect", "m"], 4, "no model 'm'")


@pytest.mark.parametrize("content", ["../../elsewhere", "", "gone", "a\x00b", "/etc"])
def test_a_pointer_that_leads_astray_is_refused(refused, shelf, tmp_path, content):
    (tmp_path / "models" / "mine" / "current").write_text(content)
    refused(["models", "inspect", "mine"], 4)
