"""Selection chooses by held-out rows, keeps groups together, and gives the same model for any number of threads."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, log_loss

from communique.codebook import codebook_of
from communique.corpus.labelled import labelled_of
from communique.errors import DataError, UsageError
from communique.learning import calibration, selection
from communique.learning.folds import folds
from communique.learning.linear import Linear, fit
from communique.learning.recipe import Recipe
from communique.learning.selection import Effort, Trial
from communique.learning.training import bind, fit_model
from communique.model import artefact


def test_same_seed_same_file_for_any_number_of_jobs(small, labelled, tmp_path, monkeypatch):
    monkeypatch.setattr(selection, "_WORTH_PROCESSES", 0)
    hashes = set()
    for number, jobs in enumerate([1, 3]):
        model = fit_model(labelled, codebook_of(labelled.labels), small, seed=3, effort=Effort(jobs)).model
        path = tmp_path / f"{number}.joblib"
        artefact.write(model.to_tree(), path)
        hashes.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(hashes) == 1


def test_another_seed_gives_other_folds(small, labelled, trained):
    other = fit_model(labelled, codebook_of(labelled.labels), small, seed=4)
    assert not np.array_equal(other.choice.held_out, trained.choice.held_out)


def test_the_chosen_recipe_makes_the_same_model_again(labelled, trained):
    again = fit_model(labelled, codebook_of(labelled.labels), trained.choice.recipe, seed=3)
    np.testing.assert_array_equal(again.model.weights, trained.model.weights)
    assert again.model.temperature == trained.model.temperature


def test_held_out_scores_come_from_fits_that_had_not_seen_the_row(small, labelled):
    recipe = Recipe("one", small.features, ((Linear("svm", 0.3),),), folds=3)
    codebook = codebook_of(labelled.labels)
    result = fit_model(labelled, codebook, recipe, seed=1)
    y = labelled.codes(codebook)
    X = result.choice.features.transform(labelled.texts)
    for fold in folds(y, result.groups, 3, 1, codebook.names):
        assert not set(result.groups[fold.fit]) & set(result.groups[fold.held_out])
        expected = fit(Linear("svm", 0.3), X[fold.fit], y[fold.fit], 4, 1).score(X[fold.held_out])
        got = result.choice.held_out[fold.held_out]
        np.testing.assert_allclose(got * (expected.std() / got.std()), expected, rtol=1e-6, atol=1e-9)


@given(st.lists(st.integers(0, 5), min_size=30, max_size=60), st.integers(2, 4))
@settings(max_examples=40, deadline=None)
def test_folds_part_no_group_and_hold_every_row_once(groups, n):
    groups = np.array(groups)
    y = np.arange(len(groups)) % 2
    if len(set(groups)) < n:
        with pytest.raises(DataError, match="group"):
            folds(y, groups, n, 0, ("a", "b"))
        return
    cut = folds(y, groups, n, 0, ("a", "b"))
    assert sorted(np.concatenate([fold.held_out for fold in cut])) == list(range(len(groups)))
    for fold in cut:
        assert not set(groups[fold.fit]) & set(groups[fold.held_out])


def test_near_duplicates_and_groups_are_bound_in_a_chain():
    text = "we condemn in the strongest terms the attack on the convoy in the northern valley yesterday"
    data = labelled_of(
        [
            text,
            text + " evening",
            "something else altogether about harvest and roads",
            "a fourth text of its own kind here",
        ],
        ["a", "a", "b", "b"],
        [None, "g1", "g1", "g2"],
    )
    groups = bind(data, 1)
    assert groups[0] == groups[1] == groups[2] != groups[3]


def test_texts_that_all_resemble_each_other_are_still_cut_into_folds():
    texts = [f"the ministry of the interior of the republic states that case number {n} is closed" for n in range(30)]
    data = labelled_of([*texts, texts[0]], ["a", "b"] * 15 + ["a"])
    groups = bind(data, 5)
    assert len(set(groups)) == 30
    assert groups[0] == groups[30]


@pytest.mark.parametrize("metric", ["macro_f1", "macro_f1_stances", "accuracy", "log_loss", "f1:none"])
def test_metrics_are_those_of_scikit_learn(metric, labelled):
    codebook = codebook_of(labelled.labels)
    y = labelled.codes(codebook)
    scores = np.random.default_rng(0).normal(size=(len(y), 4)) + 2 * np.eye(4)[y]
    cut = folds(y, np.arange(len(y)), 4, 0, codebook.names)
    average = selection._average([scores])
    got = selection._fold_scores(metric, average, y, cut, codebook)
    predicted = average.argmax(axis=1)
    heat = calibration.temperature(average, y)
    probability = np.exp(average / heat) / np.exp(average / heat).sum(axis=1, keepdims=True)
    oracle = {
        "macro_f1": lambda rows: f1_score(y[rows], predicted[rows], average="macro"),
        "macro_f1_stances": lambda rows: f1_score(y[rows], predicted[rows], average="macro", labels=[0, 1, 2]),
        "accuracy": lambda rows: accuracy_score(y[rows], predicted[rows]),
        "log_loss": lambda rows: -log_loss(y[rows], probability[rows], labels=range(4)),
        "f1:none": lambda rows: f1_score(y[rows], predicted[rows], average=None, labels=[3])[0],
    }[metric]
    np.testing.assert_allclose(got, [oracle(fold.held_out) for fold in cut], rtol=1e-9)


def test_the_first_within_one_standard_error_wins():
    preferred, better, best = (
        Trial(0, 0, (0.70, 0.80, 0.75)),
        Trial(0, 1, (0.74, 0.84, 0.79)),
        Trial(0, 2, (0.75, 0.83, 0.80)),
    )
    assert selection._one_standard_error([preferred, better, best]) is better
    assert selection._one_standard_error([Trial(0, 0, (0.6, 0.9, 0.8)), best]).classifiers == 0


def test_a_spent_time_budget_still_gives_a_model(small, labelled):
    quick = fit_model(labelled, codebook_of(labelled.labels), small, seed=3, effort=Effort(1, seconds=0.0))
    assert len(quick.choice.trials) == 1


def test_progress_ends_at_the_end(small, labelled):
    seen = []
    fit_model(labelled, codebook_of(labelled.labels), small, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]
    assert seen == sorted(seen)


def test_a_metric_of_an_unknown_label_is_refused(small, labelled):
    with pytest.raises(UsageError, match="f1:"):
        fit_model(labelled, codebook_of(labelled.labels), replace(small, metric="f1:hostile"))


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5))
@settings(max_examples=25, deadline=None)
def test_the_temperature_is_the_one_the_scores_were_made_with(seed, true):
    chance = np.random.default_rng(seed)
    scores = chance.normal(size=(4000, 3)) * 3
    probability = np.exp(scores / true) / np.exp(scores / true).sum(axis=1, keepdims=True)
    y = np.array([chance.choice(3, p=row) for row in probability])
    found = calibration.temperature(scores, y)
    assert found == pytest.approx(true, rel=0.2)
    assert calibration.log_loss(scores, y, found) <= calibration.log_loss(scores, y, true) + 1e-9


@pytest.mark.parametrize(
    ("texts", "labels", "match"),
    [
        (["one text", "another"], ["a", "a"], "all 2 statements"),
        (["one text", "another"], ["a", "b"], "expected at least 3"),
        ([f"text number {n} of many" for n in range(9)], ["a"] * 8 + ["b"], "the label 'b' on 1 statement"),
    ],
)
def test_unsound_training_is_refused(small, texts, labels, match):
    data = labelled_of(texts, labels)
    with pytest.raises(DataError, match=match):
        fit_model(data, codebook_of(data.labels), small)


def test_a_label_outside_the_codebook_is_named_with_its_neighbour(small):
    data = labelled_of(["x y", "z w"], ["escalatory", "conciliatry"])
    with pytest.raises(DataError, match="did you mean 'conciliatory'"):
        fit_model(data, codebook_of(["escalatory", "conciliatory", "dismissive", "none"]), small)
