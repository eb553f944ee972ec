"""Train the default model again, from the bundled data and its own recipe, and hold the two against each other.

    python tests/benchmarks/default_model.py

Ends with 1 if an array differs. Another processor may round another way, and a solver stops a little earlier or later
for it: hence the tolerances.
"""

from __future__ import annotations

import numpy as np

from communique.codebook import bundled_codebook
from communique.corpus.bundle import TRAIN
from communique.corpus.labelled import collect
from communique.corpus.source import read
from communique.learning.recipe import recipe_of
from communique.learning.selection import Effort
from communique.learning.training import fit_model
from communique.model import registry


def main() -> None:
    default = registry.load()
    recipe = {key: value for key, value in default.recipe.items() if key != "seed"}
    seed = default.recipe["seed"]
    again = fit_model(collect(read(TRAIN)), bundled_codebook(), recipe_of(recipe), seed=seed, effort=Effort(2)).model
    for ours, theirs in zip(again.features.blocks, default.features.blocks, strict=True):
        assert ours.vocabulary.terms().equals(theirs.vocabulary.terms())
        np.testing.assert_allclose(ours.idf, theirs.idf, rtol=1e-6)
    np.testing.assert_allclose(again.weights, default.weights, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(again.intercepts, default.intercepts, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(again.temperature, default.temperature, rtol=1e-3)
    largest = abs(again.weights - default.weights).max()
    print(f"{default.name}: {again.weights.size:,} weights, the largest difference {largest:.2g}")


if __name__ == "__main__":
    main()
