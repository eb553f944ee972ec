"""Saved models by name and version.

::

    models/<name>/<version>/model.joblib    the arrays
                            manifest.json   hashes, versions, recipe, data, scores
                            card.md         the same for a reader
    models/<name>/current                   a file that names the current version

A version is the first twelve digits of the model file's SHA-256: equal models have equal versions. A model is looked
for in the folder ``$COMMUNIQUE_MODELS`` (``models/`` of the working folder if it is not set), then among the bundled
ones.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from communique import bundled
from communique.errors import (
    ModelError,
    ModelIncompatibleError,
    ModelMissingError,
    ModelUnsafeError,
    OutputError,
    UsageError,
)
from communique.model import artefact
from communique.model.card import card
from communique.model.model import Model, model_of

DEFAULT = "stance"
MODEL_FILE, MANIFEST, CARD, CURRENT = "model.joblib", "manifest.json", "card.md", "current"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Saved:
    """A saved model: the file, the version, and the manifest (empty for a bare file)."""

    file: Path
    version: str
    manifest: dict[str, Any]

    @property
    def sha256(self) -> str | None:
        """The hash the manifest promises for the model file."""
        hashes = self.manifest.get("sha256")
        return hashes.get(MODEL_FILE) if isinstance(hashes, dict) else None


def roots() -> list[Path]:
    """List the folders where models are looked for, the user's first."""
    own = Path(os.environ.get("COMMUNIQUE_MODELS") or "models")
    return [own] if own.resolve() == bundled.MODELS.resolve() else [own, bundled.MODELS]


def find(model: str = DEFAULT) -> Saved:
    """Find a saved model by name, ``name@version``, or the path of a model folder or file.

    Raises
    ------
    ModelMissingError
        If there is none.
    ModelIncompatibleError, ModelUnsafeError
        If its manifest cannot be used.
    """
    path = Path(model)
    with contextlib.suppress(OSError):  # of a name that can be none of a file
        if path.is_file():
            return _saved(path)
        if (path / MODEL_FILE).is_file():
            return _saved(path / MODEL_FILE)
        if (path / CURRENT).is_file():
            return _saved(path / _current(path) / MODEL_FILE)
    name, _, version = model.partition("@")
    if _NAME.fullmatch(name):
        for root in roots():
            folder = root / name
            if not version and (folder / CURRENT).is_file():
                return _saved(folder / _current(folder) / MODEL_FILE)
            matching = [saved for saved in _versions(folder) if version and saved.name.startswith(version)]
            if len(matching) == 1:
                return _saved(matching[0] / MODEL_FILE)
    known = sorted({f"{saved.file.parent.parent.name}@{saved.version}" for saved in every()})
    raise ModelMissingError(
        f"no model {model!r}",
        expected=f"one of {', '.join(known)}, or the path of a model" if known else "the path of a model",
        remedy="" if known else "train one with: communique train",
    )


def load(model: str = DEFAULT) -> Model:
    """Find a saved model and read it, after checking its hash; see `find` for what ``model`` may be."""
    return open_saved(find(model))


def open_saved(saved: Saved) -> Model:
    """Read a saved model, after checking its hash against the manifest.

    Raises
    ------
    ModelUnsafeError
        If the file is not plain data, or not the bytes its manifest promises.
    ModelIncompatibleError
        If the format is another one than this version reads.
    """
    return model_of(artefact.read(saved.file, sha256=saved.sha256))


def every() -> Iterator[Saved]:
    """List every saved model of every root that has a sound manifest; what stands in two roots comes once."""
    seen = set()
    for root in roots():
        for folder in sorted(root.iterdir()) if root.is_dir() else []:
            for version in _versions(folder):
                if (folder.name, version.name) in seen:
                    continue
                seen.add((folder.name, version.name))
                with contextlib.suppress(ModelError):
                    yield _saved(version / MODEL_FILE)


def current_version(name: str) -> str | None:
    """Tell the current version of a name, None if there is no such name."""
    for root in roots():
        if (root / name / CURRENT).is_file():
            return _current(root / name)
    return None


def check_writable(target: Path, *, force: bool) -> None:
    """Find out before long work whether a model folder can be written.

    Raises
    ------
    OutputError
        If it exists already (and ``force`` is not given) or cannot be written.
    """
    if (target / MODEL_FILE).exists() and not force:
        raise OutputError(f"{target} already holds a model", remedy="choose another --output or give --force")
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target} is a file", expected="a folder for the model")
    existing = target
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f"{existing} cannot be written", remedy="choose another --output")


def check_name(name: str) -> None:
    """Refuse a model name that would be trouble as a folder.

    Raises
    ------
    UsageError
        If it has other characters than letters, digits, dot, underscore and hyphen.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"the model name {name!r}", expected="letters, digits, '.', '_' and '-', at most 64")


def save(model: Model, facts: dict[str, Any], *, folder: Path | None = None) -> Saved:
    """Write a model with its manifest and card, and make it the current version of its name.

    Parameters
    ----------
    facts
        What the manifest says beside hash and format: data, seed, versions, scores, the search.
    folder
        Where to put the three files; without it ``<first root>/<name>/<version>/``, and the name's pointer is moved.

    Raises
    ------
    OutputError
        If something cannot be written; an older model stays whole and current then.
    """
    root = roots()[0] / model.name
    draft = (folder.parent if folder else root) / f".new-{secrets.token_hex(8)}"
    _make(draft)
    try:
        saved = _fill(model, facts, draft)
        target = folder or root / saved.version
        _settle(draft, target)
        if folder is None:
            _write(root / CURRENT, saved.version + "\n")
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Saved(target / MODEL_FILE, saved.version, saved.manifest)


def _fill(model: Model, facts: dict[str, Any], target: Path) -> Saved:
    digest = artefact.write(model.to_tree(), target / MODEL_FILE)
    version = digest[:12]
    manifest = {
        "format": artefact.FORMAT,
        "format_version": artefact.FORMAT_VERSION,
        "name": model.name,
        "version": version,
        "sha256": {MODEL_FILE: digest},
        "labels": list(model.labels),
        "codebook": {"name": model.codebook.name, "sha256": model.codebook.fingerprint},
        "recipe": model.recipe,
        "terms": len(model.weights),
        "temperature": model.temperature,
        **facts,
    }
    _write(target / CARD, card(manifest, model.codebook))
    _write(target / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    return Saved(target / MODEL_FILE, version, manifest)


def _settle(draft: Path, target: Path) -> None:
    """Move the finished draft to its place; where a folder is already, its three files are replaced."""
    try:
        with contextlib.suppress(OSError):
            draft.rename(target)
            return
        for name in (MODEL_FILE, CARD, MANIFEST):
            (draft / name).replace(target / name)
    except OSError as problem:
        raise OutputError(f"{target} cannot be written ({problem.strerror})") from problem


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(
            f"{folder} cannot be made ({problem.strerror})", remedy="choose another --output"
        ) from problem


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    except OSError as problem:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"{path.parent} cannot be written ({problem.strerror})") from problem


def _versions(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        version for version in folder.iterdir() if (version / MODEL_FILE).is_file() and version.name[0] != "."
    )


def _current(folder: Path) -> str:
    version = (folder / CURRENT).read_text("utf-8", errors="replace").strip()
    if not _NAME.fullmatch(version):
        raise ModelUnsafeError(f"{folder / CURRENT} names {version!r}", expected="the name of a version beside it")
    return version


def _saved(file: Path) -> Saved:
    manifest_file = file.with_name(MANIFEST)
    if file.name != MODEL_FILE or not manifest_file.is_file():
        return Saved(file, file.stem, {})
    if not file.is_file():
        raise ModelMissingError(f"no file {file}", remedy="train the model again")
    try:
        manifest = json.loads(manifest_file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise ModelUnsafeError(
            f"{manifest_file} cannot be read ({problem})", remedy="train the model again"
        ) from problem
    if not isinstance(manifest, dict) or manifest.get("format") != artefact.FORMAT:
        raise ModelUnsafeError(f"{manifest_file} is not a manifest of communique", remedy="train the model again")
    if manifest.get("format_version") != artefact.FORMAT_VERSION:
        raise ModelIncompatibleError(
            f"{file.parent} has model format {manifest.get('format_version')}",
            expected=f"format {artefact.FORMAT_VERSION}",
            remedy="use the version of communique that wrote it, or train the model again",
        )
    saved = Saved(file, str(manifest.get("version", "")), manifest)
    if not isinstance(saved.sha256, str):
        raise ModelUnsafeError(
            f"{manifest_file} does not give the hash of {MODEL_FILE}", remedy="train the model again"
        )
    return saved
