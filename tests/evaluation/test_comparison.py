import itertools
import json
from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binomtest

from communique.codebook import codebook_of
from communique.errors import UsageError
from communique.evaluation.bootstrap import Bootstrap
from communique.evaluation.comparison import (
    check_labels,
    compare,
    count_flips,
    find_moved,
    flip_signs,
    mcnemar,
)
from communique.evaluation.findings import judge, judge_difference
from communique.evaluation.metrics import Judged, Scores
from communique.evaluation.slices import Partition
from communique.inference.prediction import Classifier
from communique.learning.training import fit_model

LABELS = ("threat", "offer", "none")


# Tests


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (0, 1), (3, 12), (12, 3), (7, 7), (400, 500), (0, 1500)])
def test_mcnemar_is_the_binomial_test_of_discordant_rows(lost, gained):
    first, second = _discordant(lost, gained)
    expected = binomtest(lost, lost + gained).pvalue if lost + gained else 1
    assert mcnemar(first, second) == pytest.approx(expected)


def test_signs_of_groups_are_flipped_in_every_way():
    generator = np.random.default_rng(3)
    for _ in range(20):
        gains = generator.integers(-4, 5, size=9)
        sums = [abs(np.dot(signs, gains)) for signs in itertools.product((-1, 1), repeat=9)]
        assert flip_signs(gains) == pytest.approx(np.mean(np.array(sums) >= abs(gains.sum())))


@pytest.mark.parametrize(("lost", "gained"), [(0, 1), (3, 12), (40, 70), (700, 800)])
def test_where_every_row_is_a_group_the_signs_give_what_mcnemar_gives(lost, gained):
    first, second = _discordant(lost, gained)
    gains = second.correct.astype(np.int64) - first.correct
    assert flip_signs(gains) == pytest.approx(mcnemar(first, second))


def test_groups_that_flip_together_count_once():
    """Ten rows that all flip the same way prove much if they are ten, and nothing if they are one group."""
    first, second = _discordant(0, 10)
    alone = compare(_rows(10), first, second, bootstrap=Bootstrap(50))
    together = compare(_rows(10), *(replace(one, groups=np.zeros(10, np.int64)) for one in (first, second)))
    assert (alone.p_rows, alone.p_groups) == pytest.approx((2 / 2**10, 2 / 2**10))
    assert (together.p_rows, together.p_groups) == (alone.p_rows, 1)


# Differences


def test_differences_are_those_of_the_two_evaluations():
    first, second = _random(1), _random(2)
    comparison = compare(_rows(300), first, second)
    one, two, difference = judge(first), judge(second), judge_difference(first, second)
    for name in (field.name for field in fields(Scores)):
        change = getattr(comparison.scores, name)
        assert change.before == pytest.approx(getattr(one.scores, name).value)
        assert change.after == pytest.approx(getattr(two.scores, name).value)
        assert change.difference == getattr(difference, name)
    for number, name in enumerate(LABELS):
        change = comparison.f1[name]
        assert change.before == pytest.approx(one.labels[number].f1.value)
        assert change.difference.value == pytest.approx(two.labels[number].f1.value - one.labels[number].f1.value)
        assert change.difference.low <= change.difference.value <= change.difference.high


def test_a_slice_is_the_comparison_of_its_rows_alone():
    first, second = _random(1), _random(2)
    codes = np.random.default_rng(4).integers(3, size=300)
    comparison = compare(_rows(300), first, second, [Partition("genre", ("a", "b", "c"), codes)])
    for code, one in enumerate(comparison.slices):
        own = codes == code
        alone = compare(_rows(own.sum()), _take(first, own), _take(second, own))
        assert (one.n, one.groups, one.flips) == (alone.n, alone.groups, alone.flips)
        for name in ("accuracy", "macro_f1"):
            ours, theirs = getattr(one, name), getattr(alone.scores, name)
            assert (ours.before, ours.after) == pytest.approx((theirs.before, theirs.after))
            assert ours.difference.value == pytest.approx(theirs.difference.value)
            width = theirs.difference.high - theirs.difference.low
            assert ours.difference.high - ours.difference.low == pytest.approx(width, rel=0.25)
        assert one.p >= alone.p_groups
    assert sum(one.flips.total for one in comparison.slices) == comparison.flips.total


def test_a_slice_of_all_rows_is_the_comparison_itself():
    first, second = _random(1), _random(2)
    comparison = compare(_rows(300), first, second, [Partition("all", ("all",), np.zeros(300, np.int64))])
    (one,) = comparison.slices
    assert one.p == comparison.p_groups
    for name in ("accuracy", "macro_f1"):
        ours, theirs = getattr(one, name).difference, getattr(comparison.scores, name).difference
        assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high))


def test_a_model_equals_itself():
    judged = _random(1)
    comparison = compare(_rows(300), judged, judged, [Partition("g", ("a", "b"), np.arange(300) % 2)])
    assert (comparison.flips.total, comparison.p_rows, comparison.p_groups) == (0, 1, 1)
    assert comparison.rows == ()
    assert [one.accuracy.difference.value for one in comparison.slices] == [0, 0]
    assert np.array_equal(comparison.transitions, np.diag(np.bincount(judged.predicted, minlength=3)))


# Flips


def test_flips_are_counted_both_ways_and_listed_the_surest_first():
    truth = np.array([0, 0, 0, 1, 1, 2])
    first, second = (_judged(truth, np.array(codes)) for codes in ([0, 0, 1, 0, 1, 0], [1, 0, 0, 2, 2, 2]))
    second.probability[0] = [0.01, 0.98, 0.01]
    comparison = compare(_rows(6), first, second)
    assert comparison.flips == count_flips(first, second)
    flips = comparison.flips
    assert (flips.right_to_wrong, flips.wrong_to_right, flips.wrong_to_wrong, flips.total) == (2, 2, 1, 5)
    assert [row.id for row in comparison.rows] == ["0", "4", "2", "5", "3"]
    row = comparison.rows[0]
    assert (row.text, row.truth, row.before, row.after) == ("statement 0", "threat", "threat", "offer")
    assert (row.confidence_before, row.confidence_after) == pytest.approx((0.8, 0.98))
    assert comparison.transitions.tolist() == [[1, 1, 2], [1, 0, 1], [0, 0, 0]]


def test_json_holds_everything_and_no_nan():
    first, second = _random(1), _random(2)
    first = replace(first, groups=np.arange(300) // 5)
    second = replace(second, groups=first.groups)
    codes = np.array([0] * 299 + [1])
    facts = json.loads(
        json.dumps(compare(_rows(300), first, second, [Partition("g", ("a", "b"), codes)]).to_dict(), allow_nan=False)
    )
    assert facts["accuracy"]["difference"] == pytest.approx(facts["accuracy"]["after"] - facts["accuracy"]["before"])
    assert facts["accuracy"]["interval"][0] <= facts["accuracy"]["difference"] <= facts["accuracy"]["interval"][1]
    assert len(facts["rows"]) == sum(facts["flips"].values())
    assert facts["slices"][1]["small"]
    assert facts["slices"][1]["accuracy"]["interval"] is None


def test_other_rows_or_labels_are_not_compared():
    judged = _random(1)
    with pytest.raises(UsageError, match="expected the same"):
        compare(_rows(300), judged, replace(judged, labels=("threat", "offer", "silence")))


# Phrases


def test_phrases_of_a_model_do_not_move_against_itself(trained):
    assert find_moved(trained.model, trained.model) == ()


def test_a_phrase_whose_weight_was_changed_has_moved_most(trained):
    model = trained.model
    terms = model.features.blocks[0].vocabulary.terms().to_pylist()
    weights = model.weights.copy()
    weights[terms.index("treaty"), 1] += 40
    moved = find_moved(model, replace(model, weights=weights), most=3)
    assert {phrase.phrase for phrase in moved} == {"treaty"}
    change = {phrase.label: phrase.change * model.temperature for phrase in moved}
    assert change == pytest.approx({"escalatory": -10, "conciliatory": 30, "dismissive": -10, "none": -10}, rel=1e-4)


def test_weights_say_what_a_phrase_does_to_the_log_odds(labelled, trained, small):
    """Between texts of one word each, the log odds differ as the words' weights over their vectors' lengths do."""
    model = trained.model
    block = model.features.blocks[0]
    words = replace(model, features=replace(model.features, blocks=(block,)), weights=model.weights[: len(block.idf)])
    bare = replace(words, weights=np.zeros_like(words.weights))
    moved = {phrase.phrase: phrase for phrase in find_moved(bare, words, most=10**6) if phrase.label == "none"}
    terms = block.vocabulary.terms().to_pylist()
    logs = np.log(Classifier(words).predict_proba(["treaty"]))[0] - words.intercepts / words.temperature
    assert moved["treaty"].after / block.idf[terms.index("treaty")] == pytest.approx(logs[3] - logs.mean(), rel=1e-4)


def test_phrases_that_one_model_does_not_know_are_said_so_and_labels_matched_by_name(labelled, trained, small):
    half = replace(labelled, rows=labelled.rows.slice(0, 100))
    book = codebook_of(half.labels)
    turned = replace(book, labels=book.labels[::-1])
    other = fit_model(half, turned, small, seed=3).model
    straight = fit_model(half, book, small, seed=3).model
    moved = find_moved(trained.model, other)
    assert [(one.label, one.phrase) for one in moved] == [
        (one.label, one.phrase) for one in find_moved(trained.model, straight)
    ]
    assert list(dict.fromkeys(one.label for one in moved)) == list(trained.model.labels)
    back = {(one.label, one.phrase): one for one in find_moved(other, trained.model, most=10**6)}
    assert any(one.before is None for one in back.values())
    for one in moved:
        mirrored = back[one.label, one.phrase]
        assert (mirrored.before, mirrored.after) == (one.after, one.before)


def test_models_of_different_labels_are_not_compared(trained):
    model = trained.model
    labels = (*model.codebook.labels[:3], replace(model.codebook.labels[3], name="neutral"))
    other = replace(model, codebook=replace(model.codebook, labels=labels, background=None))
    with pytest.raises(UsageError, match=r"'none' only in the first, 'neutral' only in the second"):
        check_labels(model, other)
    with pytest.raises(UsageError, match="different labels"):
        find_moved(model, other)


def _discordant(lost, gained):
    n = lost + gained or 3
    truth, wrong = np.zeros(n, np.int64), np.arange(n) < lost
    before = np.zeros(n, np.int64) if lost + gained == 0 else (~wrong).astype(np.int64)
    after = np.zeros(n, np.int64) if lost + gained == 0 else wrong.astype(np.int64)
    return _judged(truth, before), _judged(truth, after)


def _judged(truth, predicted, groups=None):
    probability = np.full((len(truth), 3), 0.1) + 0.7 * np.eye(3)[predicted]
    groups = np.arange(len(truth)) if groups is None else groups
    return Judged(truth, predicted, probability, groups, LABELS, "none")


def _random(seed):
    truth = np.random.default_rng(0).integers(3, size=300)
    probability = np.random.default_rng(seed).dirichlet(np.ones(3), 300) / 2 + np.eye(3)[truth] / 4 + 1 / 12
    return Judged(truth, probability.argmax(axis=1), probability, np.arange(300) % 60, LABELS, "none")


def _take(judged, rows):
    return Judged(
        judged.truth[rows], judged.predicted[rows], judged.probability[rows], judged.groups[rows], LABELS, "none"
    )


def _rows(n):
    names = list(map(str, range(n)))
    return pa.table({"id": names, "text": [f"statement {name}" for name in names]})
