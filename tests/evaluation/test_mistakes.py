import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from communique.codebook import codebook_of
from communique.errors import UsageError
from communique.evaluation.metrics import Judged
from communique.evaluation.mistakes import find_label_errors, find_mistakes, held_out_probability
from communique.inference.prediction import softmax
from communique.learning.training import fit_model

LABELS = ("threat", "offer", "none")


# Mistakes


def test_mistakes_are_the_wrong_answers_the_surest_first():
    truth, predicted = np.array([0, 1, 2, 0, 1]), np.array([0, 2, 0, 1, 1])
    probability = np.array([[0.8, 0.1, 0.1], [0.1, 0.3, 0.6], [0.95, 0.0, 0.05], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1]])
    found = find_mistakes(_rows(5), Judged(truth, predicted, probability, np.arange(5), LABELS, "none"))
    assert (found.n, found.wrong, found.sure) == (5, 3, 1)
    assert [one.id for one in found.mistakes] == ["2", "3", "1"]
    surest = found.mistakes[0]
    assert (surest.text, surest.truth, surest.label, surest.confidence) == ("statement 2", "none", "threat", 0.95)
    assert surest.scores == {"threat": 0.95, "offer": 0.0, "none": 0.05}
    assert (
        found.remark
        == "3 of 5 statements have another label than theirs; of 1 of these the model was 90% sure or more."
    )
    facts = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert set(facts["mistakes"][0]) >= {"id", "text", "truth", "label", "confidence", "scores"}


def test_a_list_of_mistakes_may_be_cut_but_their_number_is_told():
    judged = _judged(np.zeros(50, np.int64), np.ones(50, np.int64))
    found = find_mistakes(_rows(50), judged, most=7)
    assert (len(found.mistakes), found.wrong) == (7, 50)


def test_a_model_without_mistakes_has_none():
    truth = np.array([0, 1, 2])
    found = find_mistakes(_rows(3), _judged(truth, truth))
    assert (found.mistakes, found.remark) == ((), "All 3 statements have their label.")


# Label errors


def test_the_joint_is_counted_as_in_the_paper():
    """Thresholds are the mean self-confidence: 0.6 for label 0, 0.7 for label 1."""
    truth = np.array([0, 0, 0, 1, 1])
    first = np.array([0.9, 0.8, 0.1, 0.2, 0.4])
    found = find_label_errors(_rows(5), truth, np.column_stack([first, 1 - first]), ("a", "b"))
    # Confident: rows 0 and 1 of a; row 2 of b though labelled a; row 3 of b; row 4 of neither.
    assert found.joint == pytest.approx(np.array([[2, 1], [0, 2]]) / 5)
    assert found.noise == pytest.approx(np.array([[1, 1 / 3], [0, 2 / 3]]))
    assert found.expected == pytest.approx(1)
    (suspect,) = found.suspects
    assert (suspect.id, suspect.truth, suspect.label) == ("2", "a", "b")
    assert (suspect.confidence, suspect.self_confidence) == pytest.approx((0.9, 0.1))


def test_of_several_confident_labels_the_most_probable_is_meant():
    truth = np.array([0, 1, 2, 0])
    probability = np.array([[0.4, 0.3, 0.3], [0.35, 0.35, 0.3], [0.4, 0.25, 0.35], [0.2, 0.45, 0.35]])
    found = find_label_errors(_rows(4), truth, probability, LABELS)
    assert {(one.id, one.label) for one in found.suspects} >= {("3", "offer")}


def test_planted_flips_are_on_top_with_their_right_label():
    truth, flipped, given, probability = _noisy(flips=60)
    found = find_label_errors(_rows(600), given, probability, LABELS)
    top = [int(one.id) for one in found.suspects[:50]]
    assert np.mean(flipped[top]) >= 0.95
    right = [LABELS.index(one.label) == truth[int(one.id)] for one in found.suspects if flipped[int(one.id)]]
    assert np.mean(right) >= 0.95
    assert found.expected == pytest.approx(60, rel=0.35)


def test_the_noise_matrix_tells_which_labels_are_confused():
    """A third of the offers were labelled as threats, and nothing else was touched."""
    truth, probability = _believed(600)
    given = truth.copy()
    offers = np.flatnonzero(truth == 1)
    given[offers[::3]] = 0
    found = find_label_errors(_rows(600), given, probability, LABELS)
    assert found.noise[0, 1] == pytest.approx(1 / 3, abs=0.08)
    assert found.noise[2, 0] < 0.05
    assert found.noise.sum(axis=0) == pytest.approx(np.ones(3))
    assert "threat stands where offer belongs" in found.remarks[1]


def test_clean_labels_raise_little_suspicion():
    truth, probability = _believed(600)
    assert find_label_errors(_rows(600), truth, probability, LABELS).expected < 30


def test_a_label_without_rows_suggests_nothing_and_json_holds_no_nan():
    truth, probability = np.array([0, 0, 1]), np.array([[0.7, 0.1, 0.2], [0.1, 0.1, 0.8], [0.1, 0.8, 0.1]])
    found = find_label_errors(_rows(3), truth, probability, LABELS)
    assert found.suspects == ()
    facts = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [row[2] for row in facts["noise"]] == [None, None, None]
    assert facts["remarks"][0].startswith("About 0 of 3 labels (0.0%)")


# Of a model's own training rows


def test_held_out_probabilities_are_the_models_own_and_show_planted_flips(labelled, small):
    book = codebook_of(labelled.labels)
    truth = labelled.codes(book)
    generator = np.random.default_rng(1)
    flipped = generator.choice(len(truth), 12, replace=False)
    given = truth.copy()
    given[flipped] = (truth[flipped] + generator.integers(1, 4, 12)) % 4
    noisy = replace(labelled, rows=labelled.rows.set_column(2, "label", pa.array([book.names[code] for code in given])))
    model = fit_model(noisy, book, small, seed=3).model
    probability = held_out_probability(model, given)
    assert probability == pytest.approx(softmax(model.held_out.scores.astype(float) / model.temperature))
    found = find_label_errors(noisy.rows, given, probability, book.names)
    suspects = {int(one.id) - 1 for one in found.suspects}
    assert len(suspects & set(flipped.tolist())) >= 8


def test_held_out_probabilities_of_other_rows_are_refused(trained, labelled):
    truth = labelled.codes(trained.model.codebook)
    with pytest.raises(UsageError, match="was trained on 200 others"):
        held_out_probability(trained.model, truth[:-1])
    with pytest.raises(UsageError, match="kept no held-out scores"):
        held_out_probability(replace(trained.model, held_out=None), truth)


def _rows(n):
    return pa.table({"id": list(map(str, range(n))), "text": [f"statement {number}" for number in range(n)]})


def _judged(truth, predicted):
    probability = np.full((len(truth), 3), 0.1) + 0.7 * np.eye(3)[predicted]
    return Judged(truth, predicted, probability, np.arange(len(truth)), LABELS, "none")


def _believed(n):
    """Probabilities of a model that is mostly right and never told the label."""
    generator = np.random.default_rng(2)
    truth = generator.integers(3, size=n)
    return truth, softmax(generator.normal(size=(n, 3)) + 4 * np.eye(3)[truth])


def _noisy(flips):
    truth, probability = _believed(600)
    flipped = np.zeros(600, bool)
    flipped[np.random.default_rng(3).choice(600, flips, replace=False)] = True
    given = np.where(flipped, (truth + 1 + np.arange(600) % 2) % 3, truth)
    return truth, flipped, given, probability
