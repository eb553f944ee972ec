from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from communique.errors import CommuniqueError, ModelIncompatibleError
from communique.inference.prediction import Classifier
from communique.model import artefact
from communique.model.model import Model, model_of
from communique.text.counts import Terms
from communique.text.tfidf import Block, fit

TEXTS = [
    "We are ready for talks.",
    "",
    "Any attack will be answered with force in the valley; we reject this.",
    "и 和 é",
]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return type(other) is np.ndarray and one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@pytest.fixture(scope="module")
def model(trained) -> Model:
    return trained.model


@pytest.fixture(scope="module")
def tree(model) -> dict[str, Any]:
    return model.to_tree()


def test_a_model_comes_back_bit_by_bit(model, tree, labelled):
    again = model_of(copy.deepcopy(tree))
    assert same(again.to_tree(), tree)
    texts = [*labelled.texts.to_pylist(), *TEXTS]
    for ask in ("decision_function", "predict_proba"):
        one, other = (getattr(Classifier(each), ask)(texts) for each in (model, again))
        assert one.tobytes() == other.tobytes()


def test_a_model_file_comes_back_bit_by_bit(model, tree, tmp_path, labelled):
    artefact.write(tree, tmp_path / "m")
    again = model_of(artefact.read(tmp_path / "m"))
    assert same(again.to_tree(), tree)
    assert (
        Classifier(model).predict_proba(labelled.texts).tobytes()
        == Classifier(again).predict_proba(labelled.texts).tobytes()
    )
    assert again.codebook == model.codebook
    assert again.features.blocks[0].block == model.features.blocks[0].block


@pytest.mark.parametrize(
    "blocks",
    [
        (Block(Terms("word", (1, 3), "sklearn", lowercase=False)),),
        (Block(Terms("word", (2, 2)), normalise=False, sublinear=False),),
        (Block(Terms("char", (1, 3)), idf=False),),
        (Block(Terms("char_wb", (3, 4)), scale=0.5), Block(Terms("char", (2, 2)), max_features=20)),
    ],
)
def test_any_features_come_back(model, blocks):
    features = fit(blocks, [*TEXTS, *TEXTS[::2], "We are ready for more talks, and for none."])
    weights = np.random.default_rng(1).normal(size=(features.starts[-1], 4)).astype(np.float32)
    made = replace(model, features=features, weights=weights, held_out=None)
    again = model_of(made.to_tree())
    assert again.held_out is None
    for before, after in zip(made.features.blocks, again.features.blocks, strict=True):
        assert before.block == after.block
        assert before.vocabulary.terms().equals(after.vocabulary.terms())
    assert Classifier(made).decision_function(TEXTS).tobytes() == Classifier(again).decision_function(TEXTS).tobytes()


def test_a_slice_of_units_is_laid_out_from_its_beginning(model):
    block = model.features.blocks[0]
    units = pa.concat_arrays([pa.array(["before"]), block.vocabulary.units]).slice(1)
    sliced = replace(block, vocabulary=replace(block.vocabulary, units=units))
    made = replace(model, features=replace(model.features, blocks=(sliced, *model.features.blocks[1:])))
    assert same(made.to_tree(), model.to_tree())


# Broken trees


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every node but the root."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield (*path, key)
        yield from places(entry, (*path, key))


def at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def changed(tree: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Copy a tree with another value at one place; arrays are shared."""
    made: Any = dict(tree) if isinstance(tree, dict) else list(tree)
    made[path[0]] = changed(tree[path[0]], path[1:], value) if len(path) > 1 else value
    return made


def without(tree: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    holder = copy.copy(at(tree, path[:-1]))
    del holder[path[-1]]
    return changed(tree, path[:-1], holder) if len(path) > 1 else holder


def put(array: np.ndarray, place: int, value: float) -> np.ndarray:
    array = array.copy()
    array.flat[place] = value
    return array


def refuse(tree: dict[str, Any]) -> str:
    with pytest.raises(ModelIncompatibleError) as refusal:
        model_of(tree)
    message = str(refusal.value)
    assert message.startswith("a model file with")
    assert "train the model again" in message
    return message


def test_every_missing_part_is_refused(tree):
    for path in places(tree):
        # What a codebook's entry or a rule leaves out has its default, and a recipe is for people.
        if path[0] not in ("codebook", "recipe") and (path[0] != "blocks" or "rule" not in path[:-1]):
            refuse(without(tree, path))
    for path in (("codebook",), ("codebook", "labels"), ("codebook", "labels", 0, "name"), ("recipe",)):
        refuse(without(tree, path))
    refuse({})


def arrays(tree: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [path for path in places(tree) if isinstance(at(tree, path), np.ndarray)]


def test_every_array_of_another_kind_is_refused(tree):
    for path in arrays(tree):
        array = at(tree, path)
        other = np.float64 if array.dtype != np.float64 else np.float32
        for wrong in (
            array.astype(other),
            array.astype(np.int64 if array.dtype != np.int64 else np.int32),
            array[..., None],
            array[:-1],
            np.concatenate([array, array[:1]]),
            array.tolist(),
            None,
            3,
            "text",
        ):
            if path[:1] == ("held_out",) and wrong is None:
                continue
            refuse(changed(tree, path, wrong))


def test_numbers_that_lead_outside_their_array_are_refused(tree):
    for path in arrays(tree):
        array = at(tree, path)
        if array.dtype.kind == "i" and path[0] == "blocks":
            high, low = np.iinfo(array.dtype).max, np.iinfo(array.dtype).min
            broken = [(0, high), (len(array) - 1, high)]
            # In the columns any number below 0 says "no term", but a term that is lost is missed.
            broken += [(place, wrong) for place in np.flatnonzero(array >= 0)[:1] for wrong in (-5, low)]
            for place, wrong in broken:
                refuse(changed(tree, path, put(array, place, wrong)))


def test_what_is_out_of_order_or_twice_is_refused(tree):
    block = ("blocks", 0)
    keys = at(tree, (*block, "keys", 0))
    assert "out of order" in refuse(changed(tree, (*block, "keys", 0), keys[::-1].copy()))
    twice = keys.copy()
    twice[1] = twice[0]
    assert "out of order" in refuse(changed(tree, (*block, "keys", 0), twice))
    columns = at(tree, (*block, "columns", 0)).copy()
    columns[np.flatnonzero(columns >= 0)[:2]] = columns[columns >= 0][0]
    assert "columns of terms" in refuse(changed(tree, (*block, "columns", 0), columns))
    offsets = at(tree, (*block, "units", "offsets")).copy()
    offsets[1], offsets[2] = offsets[2], offsets[1]
    assert "out of order" in refuse(changed(tree, (*block, "units", "offsets"), offsets))
    letters = at(tree, (*block, "units", "letters")).copy()
    letters[0] = 0xFF
    refuse(changed(tree, (*block, "units", "letters"), letters))


def test_numbers_that_are_not_finite_are_refused(tree):
    for path in arrays(tree):
        if at(tree, path).dtype.kind == "f":
            for value in (np.nan, np.inf, -np.inf):
                assert "not finite" in refuse(changed(tree, path, put(at(tree, path), -1, value)))


@pytest.mark.parametrize("heat", [0.0, -1.0, float("nan"), float("inf"), None, "hot", [1.0]])
def test_a_temperature_that_is_none_is_refused(tree, heat):
    refuse(changed(tree, ("temperature",), heat))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("codebook", "colour"), "red"),
        (("codebook", "labels"), []),
        (("codebook", "labels"), [{"name": "one"}]),
        (("codebook", "labels", 0, "name"), "none"),
        (("codebook", "background"), "nobody"),
        (("blocks",), []),
        (("blocks",), {}),
        (("blocks", 0, "rule", "colour"), "red"),
        (("blocks", 0, "rule", "terms", "analyzer"), "letters"),
        (("blocks", 0, "rule", "terms", "ngrams"), [2, 1]),
        (("blocks", 0, "rule", "terms", "ngrams"), [1, 9]),
        (("blocks", 0, "rule", "terms", "ngrams"), [1]),
        (("blocks", 0, "rule", "terms", "tokens"), "("),
        (("recipe",), 3),
    ],
)
def test_rules_that_do_not_fit_are_refused(tree, path, value):
    refuse(changed(tree, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("scale",), "heavy"),
        (("scale",), float("nan")),
        (("sublinear",), np.zeros(3)),
        (("normalise",), "no"),
        (("terms", "lowercase"), 3),
        (("terms", "analyzer"), "char"),
    ],
)
def test_a_rule_of_other_types_is_refused(tree, path, value):
    refuse(changed(tree, ("blocks", 0, "rule", *path), value))


NUMBERS = [0, -1, 2**31, 2**62, 0.5, float("inf"), float("nan")]
JUNK = st.sampled_from([*NUMBERS, None, True, "", "word", "\x00", [], [1], [1, 2], [0, 0], {}, {"a": 1}])


@st.composite
def mutation(draw: st.DrawFn, tree: dict[str, Any]) -> dict[str, Any]:
    for _ in range(draw(st.integers(1, 2))):
        paths = [path for path in places(tree) if path[2:3] != ("rule",)]
        path = draw(st.sampled_from(paths))
        value = at(tree, path)
        act = draw(st.sampled_from(["junk", "drop", "swap", "number", "cut"]))
        if act == "drop":
            tree = without(tree, path)
        elif act == "junk":
            tree = changed(tree, path, draw(JUNK))
        elif act == "swap":
            tree = changed(tree, path, at(tree, draw(st.sampled_from(paths))))
        elif isinstance(value, np.ndarray) and len(value):
            if act == "cut":
                value = value[draw(st.integers(0, 3)) : len(value) - draw(st.integers(0, 3))]
            else:
                low, high = (-(2**31), 2**31 - 1) if value.dtype != np.uint8 else (0, 255)
                number = draw(st.integers(low, high) | st.integers(0, 255))
                value = put(value, draw(st.integers(0, value.size - 1)), number)
            tree = changed(tree, path, value)
    return tree


def test_any_mutation_is_refused_or_makes_a_model_that_answers(tree):
    @settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(mutated=mutation(tree))
    def check(mutated: dict[str, Any]) -> None:
        try:
            model = model_of(mutated)
        except ModelIncompatibleError:
            return
        with np.errstate(all="ignore"):
            try:
                verdicts = Classifier(model).classify(TEXTS)
            except CommuniqueError:
                return
        assert [set(verdict) for verdict in verdicts] == [{"label", "confidence", "scores"}] * len(TEXTS)

    check()
