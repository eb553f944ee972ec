"""Models at work: loaded, tested, and swapped for a newer version between two requests.

A model file is copied once into memory that only this process and its workers can reach, and mapped from there. So the
workers share one copy, and whatever happens to the file on disk later (overwritten in place, cut short, gone), what is
served does not change under anybody's hands: a mapped file that is cut short kills whoever looks at it.

Only the supervisor looks at the disk; the workers are handed what it has loaded and tested, see `hand` and `receive`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from communique.errors import CommuniqueError, ModelError, ModelMissingError, UsageError
from communique.inference.prediction import Classifier
from communique.model import artefact, registry
from communique.model.model import Model, model_of

_PLAIN = ("The two delegations met on Monday.", "-", "\N{SNOWMAN} 1,000 %")


@dataclass(frozen=True)
class Served:
    """One model at work. A request takes it once and keeps it to its end, whatever is swapped meanwhile."""

    classifier: Classifier
    name: str
    version: str
    sha256: str
    saved: registry.Saved

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class Change:
    """What came of looking for a newer version: the place on the shelf, what is there, and why not if it was refused.

    ``copy`` is a file descriptor of the new model's bytes, to be closed by who has handed it on; None if refused.
    """

    place: int
    model: str
    refused: str = ""
    copy: int | None = None


class Shelf:
    """The models that are served; the first is the default.

    Parameters
    ----------
    models
        Names, ``name@version`` or paths, as `registry.find` takes them.

    Raises
    ------
    ModelError
        If one cannot be used or fails its test.
    UsageError
        If one is named twice.
    """

    def __init__(self, models: Sequence[str]) -> None:
        self._given = tuple(models)
        self._marks = [_mark(model) for model in self._given]
        self._refused: set[int] = set()
        self._served: tuple[Served, ...] = ()
        for model in self._given:
            served, copy = _open(registry.find(model))
            os.close(copy)
            if str(served) in map(str, self._served):
                raise UsageError(f"the model {served} twice", expected="each once")
            self._served += (served,)

    @property
    def default(self) -> Served:
        """The model that answers if none is named."""
        return self._served[0]

    @property
    def ready(self) -> bool:
        """Whether every model is loaded and tested: the shelf is not made before."""
        return bool(self._served)

    def all(self) -> tuple[Served, ...]:
        """List the models in their order."""
        return self._served

    def get(self, model: str | None = None) -> Served:
        """Take a model by ``name`` or ``name@version``; no name reaches the disk.

        Raises
        ------
        ModelMissingError
            If it is not among those that are served.
        """
        if not model:
            return self._served[0]
        name, _, version = model.partition("@")
        for served in self._served:
            if served.name == name and served.version.startswith(version):
                return served
        raise ModelMissingError(
            f"no model {model[:80]!r} is served", expected=f"one of {', '.join(map(str, self._served))}"
        )

    def reload(self, *, again: bool = False) -> list[Change]:
        """Look for newer versions, and put those on the shelf that are sound; of the others the old ones stay.

        What was refused is looked at again only when it has changed, or with ``again``.
        """
        changes = []
        for place, given in enumerate(self._given):
            mark = _mark(given)
            if mark == self._marks[place] and not (again and place in self._refused):
                continue
            self._marks[place] = mark
            change = self._renew(place, given)
            (self._refused.add if change.refused else self._refused.discard)(place)
            changes.append(change)
        return changes

    def _renew(self, place: int, given: str) -> Change:
        try:
            served, copy = _open(registry.find(given))
            if str(served) in (str(other) for number, other in enumerate(self._served) if number != place):
                os.close(copy)
                raise ModelError(f"the model {served} stands on the shelf already")
        except (CommuniqueError, OSError) as problem:
            return Change(place, str(self._served[place]), refused=str(problem))
        self._put(place, served)
        return Change(place, str(served), copy=copy)

    def _put(self, place: int, served: Served) -> None:
        # One assignment: whoever takes a model at this moment gets the old or the new one, both whole.
        self._served = (*self._served[:place], served, *self._served[place + 1 :])
        _trim()

    def hand(self, change: Change) -> dict[str, Any]:
        """Say of a new model what a worker must know beside its bytes."""
        saved = self._served[change.place].saved
        return {
            "place": change.place,
            "sha256": self._served[change.place].sha256,
            "file": str(saved.file),
            "version": saved.version,
            "manifest": saved.manifest,
        }

    def receive(self, told: dict[str, Any], copy: int) -> Served:
        """Put a model on the shelf that the supervisor has loaded and tested; ``copy`` is closed.

        Raises
        ------
        ModelError
            If it cannot be used after all; the old one serves on.
        """
        saved = registry.Saved(Path(told["file"]), told["version"], told["manifest"])
        try:
            served = _serve(saved, copy, told["sha256"])
        finally:
            os.close(copy)
        self._put(told["place"], served)
        return served


def _open(saved: registry.Saved) -> tuple[Served, int]:
    """Copy a saved model into memory, check it and test it; the descriptor of the copy is the caller's to close."""
    copy = _copy(saved.file)
    try:
        with open(copy, "rb", closefd=False) as file:
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if saved.sha256 not in (None, digest):
            registry.open_saved(saved)  # says so in the registry's words
            raise ModelError(f"{saved.file} changed while it was read")
        return _serve(saved, copy, digest), copy
    except BaseException:
        os.close(copy)
        raise


def _serve(saved: registry.Saved, copy: int, sha256: str) -> Served:
    try:
        model = model_of(artefact.read(Path(f"/dev/fd/{copy}")))
    except ModelError:
        registry.open_saved(saved)  # says the same, and names the file
        raise
    classifier = Classifier(model)
    examine(classifier)
    for block in model.features.blocks:
        block.vocabulary.prepare()  # some megabytes that workers forked later share
    return Served(classifier, model.name, saved.version if saved.manifest else sha256[:12], sha256, saved)


def _copy(file: Path) -> int:
    try:
        with open(file, "rb", buffering=0, opener=_open_at_once) as source:
            if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
                artefact.read(file)  # says what it is instead
            copy = _memory()
            with open(copy, "wb", closefd=False) as target:
                shutil.copyfileobj(source, target, 1 << 20)
    except OSError as problem:
        artefact.read(file)
        raise ModelError(f"the model file {file} cannot be read ({problem.strerror})") from problem
    return copy


def _memory() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("communique-model", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:  # it has no name, so nobody else can open it
        return os.dup(file.fileno())


def _trim() -> None:
    """Give back what an old model leaves between what is still used: glibc keeps it, some 100 KB a swap."""
    import ctypes

    with suppress(OSError, AttributeError):  # other C libraries have no such function, and need none
        ctypes.CDLL(None).malloc_trim(0)


def _open_at_once(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # else a pipe without a writer blocks for ever


def examine(classifier: Classifier) -> None:
    """Test a loaded model on the boundary examples of its codebook.

    It must answer, with probabilities, and do better than guessing on the examples that mark where one label ends and
    the next begins. Better than guessing, not well: those examples are hard on purpose, and a good model may miss some;
    one whose labels or weights were mixed up gets no more than chance would.

    Raises
    ------
    ModelError
        If it does not.
    """
    model: Model = classifier.model
    examples = [(text, label.name) for label in model.codebook.labels for text in label.examples]
    texts = [*(text for text, _ in examples), *_PLAIN]
    try:
        with np.errstate(all="ignore"):
            probability = classifier.predict_proba(texts)
            rows = classifier.classify(texts)
    except CommuniqueError:
        raise
    except Exception as problem:
        raise ModelError(
            f"the model {model.name} cannot answer ({type(problem).__name__})", remedy="train it again"
        ) from problem
    sums = probability.sum(axis=1)
    if not (np.isfinite(probability).all() and (probability >= 0).all() and np.allclose(sums, 1)):
        raise ModelError(f"the model {model.name} answers with other numbers than probabilities")
    if any(row["label"] not in model.labels for row in rows):
        raise ModelError(f"the model {model.name} answers with other labels than its own")
    right = sum(row["label"] == label for row, (_, label) in zip(rows, examples, strict=False))
    if len(examples) >= 2 * len(model.labels) and right * len(model.labels) <= len(examples):
        raise ModelError(
            f"the model {model.name} gets {right} of the {len(examples)} examples of its own codebook right",
            expected="more than guessing would",
            remedy="train it again, and look whether its labels were mixed up",
        )


def _mark(given: str) -> tuple[str, ...]:
    """Tell which bytes a name stands for now, by looking at small files only."""
    try:
        saved = registry.find(given)
        status = saved.file.stat()
    except (CommuniqueError, OSError) as problem:
        return (str(problem),)
    return str(saved.file), saved.version, str(saved.sha256), f"{status.st_ino}.{status.st_size}.{status.st_mtime_ns}"
