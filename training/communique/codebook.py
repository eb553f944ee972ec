"""The codebook: which labels there are, what each means, and which one is the background.

A codebook is a TOML file (the bundled one is ``data/codebook.toml``)::

    name = "stance"
    question = "What does the statement do to the dispute?"
    background = "none"          # optional: the label that is no finding
    rules = ["The main act decides.", ...]

    [[labels]]
    name = "escalatory"
    definition = "raises the stakes ..."
    acts = ["threat", "ultimatum"]
    examples = ["Unless the posts are dismantled by noon ..."]

The **background** label is the one that says "nothing to report". Averages that matter are taken over the other
labels, as SemEval-2016 task 6 does with its class NONE (Mohammad et al. 2016).
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from communique import bundled
from communique.errors import DataError


@dataclass(frozen=True)
class Label:
    """One label: its name, what it means, the acts that earn it, and boundary examples."""

    name: str
    definition: str = ""
    acts: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Codebook:
    """The labels in their order, and the words that explain them."""

    labels: tuple[Label, ...]
    name: str = "labels"
    question: str = ""
    background: str | None = None
    rules: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = self.names
        if len(set(names)) != len(names) or not all(names):
            raise DataError(
                f"a codebook with the labels {', '.join(map(repr, names))}", expected="every label named once"
            )
        if self.background is not None and self.background not in names:
            raise DataError(
                f"the background label {self.background!r} is not among the labels {', '.join(names)}",
                remedy="name one of them as background, or none",
            )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The label names, in order."""
        return tuple(label.name for label in self.labels)

    @property
    def stances(self) -> tuple[str, ...]:
        """The label names without the background."""
        return tuple(name for name in self.names if name != self.background)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the codebook's content, whatever its layout on disk."""
        canonical = json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Plain values only, as they stand in TOML, in a manifest and in a model file."""
        return {
            "name": self.name,
            "question": self.question,
            "background": self.background,
            "rules": list(self.rules),
            "labels": [
                {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(label).items()}
                for label in self.labels
            ],
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Codebook:
        """Read what `to_dict` gives.

        Raises
        ------
        DataError
            If a part is missing, unknown or of another type.
        """
        known = {"name", "question", "background", "rules", "labels"}
        if unknown := set(plain) - known:
            raise DataError(
                f"a codebook with the unknown part {sorted(unknown)[0]!r}", expected=f"only {', '.join(sorted(known))}"
            )
        labels = plain.get("labels")
        if not isinstance(labels, list) or not labels:
            raise DataError("a codebook without labels", expected="one [[labels]] table a label")
        return cls(
            labels=tuple(_label(entry) for entry in labels),
            name=_text(plain, "name", "labels"),
            question=_text(plain, "question", ""),
            background=_text(plain, "background", "") or None,
            rules=_texts(plain, "rules"),
        )


def bundled_codebook() -> Codebook:
    """Read the codebook that comes with the package."""
    return read_codebook(bundled.CODEBOOK)


def read_codebook(path: Path) -> Codebook:
    """Read a codebook from a TOML file.

    Raises
    ------
    DataError
        If the file cannot be read or is not a codebook.
    """
    try:
        return Codebook.from_dict(tomllib.loads(path.read_text("utf-8")))
    except OSError as problem:
        raise DataError(f"the codebook {path} cannot be read ({problem.strerror})") from problem
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as problem:
        raise DataError(f"the codebook {path} is not TOML ({problem})") from problem


def codebook_of(names: Iterable[str]) -> Codebook:
    """Make the codebook of a label set that has none: the bundled one if it has just these labels, else bare names.

    A label called "none" or "neutral" is not taken for a background by its name alone: only a codebook says so.
    """
    names = sorted(set(names))
    ours = bundled_codebook()
    return ours if sorted(ours.names) == names else Codebook(tuple(Label(name) for name in names))


def _label(entry: object) -> Label:
    if not isinstance(entry, dict):
        raise DataError(f"the label {entry!r} in a codebook", expected="a table with a name")
    if unknown := set(entry) - {"name", "definition", "acts", "examples"}:
        raise DataError(
            f"a label with the unknown part {sorted(unknown)[0]!r}", expected="name, definition, acts, examples"
        )
    return Label(
        _text(entry, "name", ""), _text(entry, "definition", ""), _texts(entry, "acts"), _texts(entry, "examples")
    )


def _text(table: dict[str, Any], key: str, default: str) -> str:
    value = table.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise DataError(f"{key} = {value!r} in a codebook", expected="text in quotation marks")
    return value


def _texts(table: dict[str, Any], key: str) -> tuple[str, ...]:
    values = table.get(key, [])
    if not isinstance(values, (list, tuple)) or not all(isinstance(value, str) for value in values):
        raise DataError(f"{key} = {values!r} in a codebook", expected="a list of texts")
    return tuple(values)
