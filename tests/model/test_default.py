"""The model that comes with the package is the one that its data and recipe make."""

import numpy as np
import pytest

from communique.codebook import bundled_codebook
from communique.corpus.bundle import TRAIN
from communique.corpus.labelled import collect
from communique.corpus.source import read
from communique.inference.prediction import Classifier
from communique.learning.recipe import recipe_of
from communique.learning.selection import Effort
from communique.learning.training import fit_model
from communique.model import registry
from communique.model.model import Model


@pytest.fixture(scope="module")
def default() -> Model:
    return registry.load()


def test_training_again_finds_the_same_arrays(default):
    recipe = {key: value for key, value in default.recipe.items() if key != "seed"}
    data = collect(read(TRAIN))
    assert data.fingerprint == registry.find().manifest["data"]["sha256"]
    again = fit_model(data, bundled_codebook(), recipe_of(recipe), seed=default.recipe["seed"], effort=Effort(2)).model
    assert again.codebook == default.codebook
    for ours, theirs in zip(again.features.blocks, default.features.blocks, strict=True):
        assert ours.vocabulary.terms().equals(theirs.vocabulary.terms())
        np.testing.assert_allclose(ours.idf, theirs.idf, rtol=1e-6)
    # Another processor may round another way, and a solver stops a little earlier or later for it.
    np.testing.assert_allclose(again.weights, default.weights, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(again.intercepts, default.intercepts, rtol=1e-3, atol=1e-3)
    assert again.temperature == pytest.approx(default.temperature, rel=1e-3)


def test_it_passes_its_acid_test(default):
    """The boundary examples of the codebook, which no training row resembles."""
    classifier = Classifier(default)
    wrong = {
        example: label.name
        for label in default.codebook.labels
        for example in label.examples
        if classifier.predict([example])[0] != label.name
    }
    assert len(wrong) <= 1, wrong


def test_its_manifest_tells_what_a_reader_needs(default):
    manifest = registry.find().manifest
    assert manifest["holdout"]["macro_f1"] > 0.8
    assert {"data", "seed", "versions", "search", "recipe", "codebook", "sha256"} <= set(manifest)
    assert manifest["codebook"]["sha256"] == bundled_codebook().fingerprint
