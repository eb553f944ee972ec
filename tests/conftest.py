"""Small things that many tests need: composed statements with labels, and a model fitted to them."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is imported: more threads slow small fits down

import numpy as np
import pytest
from hypothesis import settings

from communique.codebook import codebook_of
from communique.corpus.labelled import Labelled, labelled_of
from communique.learning.linear import Linear
from communique.learning.recipe import Recipe
from communique.learning.training import Trained, fit_model
from communique.model import registry
from communique.text.counts import Terms
from communique.text.tfidf import Block

# Many short runs find more than one long one; and a busy machine is no fault.
settings.register_profile("suite", max_examples=40, deadline=None)
settings.load_profile("suite")

OPENINGS = [
    "The minister said",
    "Our ministry declares",
    "In the morning the president noted",
    "We state",
    "The envoy told reporters",
]
ACTS = {
    "escalatory": [
        "that any attack will be answered with force",
        "that the fleet will strike without warning",
        "new sanctions against the aggressor",
    ],
    "conciliatory": [
        "that we are ready for talks",
        "our offer of a ceasefire stands",
        "that we welcome the step of the other side",
    ],
    "dismissive": [
        "that the claim is false and absurd",
        "there is nothing to discuss",
        "we reject this empty proposal",
    ],
    "none": ["that the harvest was good", "the conference opens on Monday", "the new road was finished"],
}
FILLERS = [
    *("harbour", "treaty", "water", "committee", "border", "gas", "letter", "convoy", "ridge", "fleet", "school"),
    *("budget", "island", "court", "market", "season", "bridge", "mandate", "envoy", "ration", "signal", "winter"),
    *("patrol", "corridor", "census", "ballot", "cable", "protocol", "quarry", "ferry", "summit", "garrison"),
]
PLACES = [
    "at the river",
    "in the northern province",
    "after the meeting",
    "before parliament",
    "on the island",
    "near the dam",
    "this week",
]

SMALL = Recipe(
    "small",
    ((Block(Terms("word", (1, 2))), Block(Terms("char_wb", (2, 3)))),),
    ((Linear("svm", 0.3),), (Linear("svm", 0.3, ratio=0.5), Linear("bayes", 1.0))),
    folds=3,
)


# The files that take longest, in this order: begun first, so that at the end no core waits for the other.
LONG = ["test_server.py", "test_page.py", "test_train.py", "test_classify.py", "test_connection.py", "test_document.py"]
LONG += ["test_packaging.py", "test_app.py", "test_artefact.py", "test_prevalence.py", "test_trend.py", "test_tfidf.py"]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are cores: many tests wait for a clock, a browser or another process."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Keep the collector of rubbish out of what is timed: it takes longer the more other tests have left."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="session")
def small() -> Recipe:
    return SMALL


@pytest.fixture(scope="session")
def labelled() -> Labelled:
    chance = np.random.default_rng(7)
    rows = []
    for number in range(200):
        label = list(ACTS)[number % 4]
        act = ACTS[label if chance.random() < 0.9 else list(ACTS)[chance.integers(4)]][chance.integers(3)]
        filler = " ".join(chance.choice(FILLERS, 9))
        rows.append(
            (f"{OPENINGS[chance.integers(5)]} {filler}: {act} {PLACES[chance.integers(7)]}.", label, f"s{number // 8}")
        )
    return labelled_of(*zip(*rows, strict=True))


@pytest.fixture(scope="session")
def trained(labelled: Labelled) -> Trained:
    return fit_model(labelled, codebook_of(labelled.labels), SMALL, seed=3)


@pytest.fixture(scope="session")
def saved(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "small"
    registry.save(trained.model, trained.facts, folder=folder)
    return folder
