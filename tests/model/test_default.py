"""The model that comes with the package is the one that its data and recipe make."""

import pytest

from communique.codebook import bundled_codebook
from communique.corpus.bundle import TRAIN
from communique.corpus.labelled import collect
from communique.corpus.source import read
from communique.inference.prediction import Classifier
from communique.model import registry
from communique.model.model import Model


@pytest.fixture(scope="module")
def default() -> Model:
    return registry.load()


def test_it_was_trained_on_the_bundled_data_with_the_default_recipe(default):
    """That training again gives the same arrays takes half a minute: tests/benchmarks/default_model.py shows it."""
    manifest = registry.find().manifest
    assert manifest["data"]["sha256"] == collect(read(TRAIN)).fingerprint
    assert default.codebook == bundled_codebook()
    assert default.recipe["name"] == "balanced"


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
