"""The recipe: everything that decides what a training run does, as frozen data, in TOML and out.

A recipe lists *alternatives*: feature sets and sets of classifiers. Cross-validation tries every pair and the best is
kept; a recipe with one of each leaves nothing to choose. Several classifiers in one set are averaged, which is again
one linear classifier. A model stores the recipe that was chosen, so that giving it back makes the same model::

    name = "mine"
    folds = 5

    [[features]]
    [[features.blocks]]
    analyzer = "word"
    ngrams = [1, 2]

    [[classifiers]]
    [[classifiers.members]]
    kind = "svm"
    C = 0.3
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from communique.errors import CommuniqueError, DataError, UsageError
from communique.learning.linear import Linear
from communique.text.counts import Terms
from communique.text.tfidf import Block

FeatureSet = tuple[Block, ...]
Ensemble = tuple[Linear, ...]

METRICS = ("macro_f1", "macro_f1_stances", "accuracy", "log_loss")


@dataclass(frozen=True)
class Recipe:
    """What is tried, and how it is judged.

    Attributes
    ----------
    name
        What it is called.
    features
        The feature sets to choose from.
    classifiers
        The sets of averaged classifiers to choose from.
    folds
        How many parts the training rows are cut into (2 or more).
    repeats
        How often they are cut anew (1 or more); out-of-fold scores are then means over the cuts.
    metric
        What is best: one of `METRICS` or ``f1:LABEL``.
    """

    name: str
    features: tuple[FeatureSet, ...]
    classifiers: tuple[Ensemble, ...]
    folds: int = 5
    repeats: int = 1
    metric: str = "macro_f1"

    def __post_init__(self) -> None:
        if not self.features or not all(self.features) or not self.classifiers or not all(self.classifiers):
            raise UsageError(f"the recipe {self.name!r} lacks features or classifiers", expected="at least one of each")
        if self.folds < 2:
            raise UsageError(f"{self.folds} folds in the recipe {self.name!r}", expected="2 or more")
        if self.repeats < 1:
            raise UsageError(f"{self.repeats} repeats in the recipe {self.name!r}", expected="1 or more")
        if self.metric not in METRICS and not self.metric.startswith("f1:"):
            raise UsageError(f"the metric {self.metric!r}", expected=f"{', '.join(METRICS)} or f1:LABEL")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they stand in TOML, a manifest and a model file."""
        return {
            "name": self.name,
            "folds": self.folds,
            "repeats": self.repeats,
            "metric": self.metric,
            "features": [{"blocks": [_block_dict(block) for block in chosen]} for chosen in self.features],
            "classifiers": [
                {
                    "members": [
                        {field.name: getattr(member, field.name) for field in fields(member)} for member in chosen
                    ]
                }
                for chosen in self.classifiers
            ],
        }

    def to_toml(self) -> str:
        """Write the recipe as TOML."""
        import tomli_w

        return tomli_w.dumps(self.to_dict())


def describe_features(chosen: FeatureSet) -> str:
    """Name a feature set in a few words: ``word 1-2 + char_wb 2-5``."""
    return " + ".join(map(_describe_block, chosen))


def describe_classifiers(chosen: Ensemble) -> str:
    """Name a set of classifiers in a few words: ``svm C=0.15 ratio=0.5 + bayes C=10``."""
    return " + ".join(
        f"{member.kind} C={member.C:g}"
        + (f" ratio={member.ratio:g}{' shared' if member.shared else ''}" if member.ratio else "")
        + (" unweighted" if member.class_weight == "none" else "")
        for member in chosen
    )


def _describe_block(block: Block) -> str:
    terms, usual = block.terms, Block()
    odd = [
        "" if terms.analyzer != "word" or terms.tokens == usual.terms.tokens else f"tokens={terms.tokens}",
        "" if terms.lowercase else "cased",
        *(
            "" if getattr(block, name) == getattr(usual, name) else f"{name}={getattr(block, name)}"
            for name in ("min_df", "max_df", "max_features", "sublinear", "idf", "normalise", "scale")
        ),
    ]
    return " ".join(filter(None, [f"{terms.analyzer} {terms.ngrams[0]}-{terms.ngrams[1]}", *odd]))


def recipe_of(plain: dict[str, Any], source: str = "the recipe") -> Recipe:
    """Read what `Recipe.to_dict` gives; what is left out has its default.

    Raises
    ------
    DataError
        If a part is unknown, of another type, or out of range.
    """
    try:
        _known(plain, {"name", "folds", "repeats", "metric", "features", "classifiers"})
        return Recipe(
            name=str(plain.get("name", "custom")),
            folds=_typed(plain.get("folds", 5), int, "folds"),
            repeats=_typed(plain.get("repeats", 1), int, "repeats"),
            metric=_typed(plain.get("metric", "macro_f1"), str, "metric"),
            features=tuple(tuple(map(_block_of, _part(chosen, "blocks"))) for chosen in _list(plain, "features")),
            classifiers=tuple(
                tuple(_made(Linear, member) for member in _part(chosen, "members"))
                for chosen in _list(plain, "classifiers")
            ),
        )
    except CommuniqueError as problem:
        raise DataError(f"{source}: {problem}") from problem


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from a TOML file.

    Raises
    ------
    DataError
        If it cannot be read or is not a recipe.
    """
    try:
        plain = tomllib.loads(path.read_text("utf-8"))
    except OSError as problem:
        raise DataError(f"the recipe {path} cannot be read ({problem.strerror})") from problem
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as problem:
        raise DataError(f"the recipe {path} is not TOML ({problem})") from problem
    return recipe_of(plain, f"the recipe {path}")


def _block_dict(block: Block) -> dict[str, Any]:
    terms = {field.name: getattr(block.terms, field.name) for field in fields(block.terms)}
    rest = {field.name: getattr(block, field.name) for field in fields(block) if field.name != "terms"}
    plain = terms | rest
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in plain.items() if value is not None
    }


def _block_of(plain: Any) -> Block:
    if not isinstance(plain, dict):
        raise UsageError(f"the block {plain!r}", expected="a table")
    own = {field.name for field in fields(Terms)}
    terms = {name: value for name, value in plain.items() if name in own}
    if isinstance(terms.get("ngrams"), list):
        terms["ngrams"] = tuple(terms["ngrams"])
    rest = {name: value for name, value in plain.items() if name not in own}
    return _made(Block, rest | {"terms": _made(Terms, terms)})


T = TypeVar("T")


def _made(kind: type[T], plain: Any) -> T:
    """Make a frozen dataclass of a table."""
    if not isinstance(plain, dict):
        raise UsageError(f"{plain!r} in a recipe", expected="a table")
    _known(plain, {field.name for field in fields(kind)})  # type: ignore[arg-type]
    return kind(**plain)


def _known(plain: dict[str, Any], names: set[str]) -> None:
    if unknown := sorted(set(plain) - names):
        raise UsageError(f"the unknown part {unknown[0]!r}", expected=f"one of {', '.join(sorted(names))}")


def _list(plain: dict[str, Any], name: str) -> list[Any]:
    return _typed(plain.get(name, []), list, name)


def _part(plain: Any, name: str) -> list[Any]:
    if not isinstance(plain, dict):
        raise UsageError(f"{plain!r} in a recipe", expected=f"a table with {name}")
    _known(plain, {name})
    return _list(plain, name)


def _typed(value: Any, kind: type[T], name: str) -> T:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise UsageError(f"{name} = {value!r}", expected=f"{kind.__name__}")
    return value
