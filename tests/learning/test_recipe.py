"""A recipe goes to TOML and comes back the same; a wrong one is refused in a sentence."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.errors import DataError, UsageError
from communique.learning.linear import Linear
from communique.learning.presets import PRESETS, preset
from communique.learning.recipe import Recipe, read_recipe, recipe_of
from communique.text.counts import Terms
from communique.text.tfidf import Block

terms = st.builds(
    Terms,
    analyzer=st.sampled_from(["word", "char_wb", "char"]),
    ngrams=st.sampled_from([(1, 2), (2, 5)]),
    lowercase=st.booleans(),
)
blocks = st.builds(
    Block,
    terms,
    sublinear=st.booleans(),
    min_df=st.sampled_from([1, 3, 0.01]),
    max_df=st.sampled_from([1.0, 0.5, 10]),
    max_features=st.none() | st.integers(1, 9),
    scale=st.floats(0.1, 2),
)
members = st.builds(
    Linear,
    st.sampled_from(["svm", "ridge"]),
    C=st.floats(0.01, 10),
    class_weight=st.sampled_from(["balanced", "none"]),
    ratio=st.floats(0, 1),
)
recipes = st.builds(
    Recipe,
    name=st.text(min_size=1, max_size=5),
    features=st.lists(st.lists(blocks, min_size=1, max_size=2).map(tuple), min_size=1, max_size=2).map(tuple),
    classifiers=st.lists(st.lists(members, min_size=1, max_size=2).map(tuple), min_size=1, max_size=2).map(tuple),
    folds=st.integers(2, 9),
    metric=st.sampled_from(["macro_f1", "log_loss", "f1:x"]),
)


@given(recipes)
def test_toml_out_and_in_is_the_same_recipe(recipe):
    assert recipe_of(tomllib.loads(recipe.to_toml())) == recipe


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_toml(name, tmp_path):
    (tmp_path / "r.toml").write_text(preset(name).to_toml(), "utf-8")
    assert read_recipe(tmp_path / "r.toml") == preset(name)


GOOD = '[[features]]\n[[features.blocks]]\nanalyzer = "word"\n[[classifiers]]\n[[classifiers.members]]\nkind = "svm"\n'


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("folds = 5", "lacks features"),
        ("foldz = 5\n" + GOOD, "unknown part 'foldz'"),
        ("folds = 1\n" + GOOD, "1 folds"),
        ("folds = true\n" + GOOD, "folds"),
        ('metric = "beauty"\n' + GOOD, "beauty"),
        (GOOD.replace("analyzer", "analyser"), "unknown part 'analyser'"),
        (GOOD.replace('"word"', '"words"'), "analyzer 'words'"),
        (GOOD.replace('analyzer = "word"', "ngrams = [1]"), "two whole numbers"),
        (GOOD.replace('analyzer = "word"', "ngrams = [3, 2]"), "n-grams from 3 to 2"),
        (GOOD.replace('analyzer = "word"', 'min_df = "2"'), "min_df"),
        (GOOD.replace('analyzer = "word"', "sublinear = 1"), "sublinear"),
        (GOOD.replace('"svm"', '"forest"'), "forest"),
        (GOOD.replace('kind = "svm"', "C = 0"), "C = 0"),
        ("features = 3\n", "features = 3"),
        ("not toml", "not TOML"),
    ],
)
def test_a_wrong_recipe_is_refused_in_a_sentence(text, match, tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError, match=match):
        read_recipe(path)


def test_a_missing_recipe_and_an_unknown_preset_are_told(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_recipe(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="fast, balanced, thorough"):
        preset("slow")
