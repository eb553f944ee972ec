"""The risk-coverage curve against brute force, its intervals against those of the findings, promises against counts."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from communique.evaluation.bootstrap import Bootstrap
from communique.evaluation.findings import judge
from communique.evaluation.metrics import Judged
from communique.evaluation.risk import COVERAGES, judge_risk
from communique.inference.abstention import Promise, Sets, sets_for, threshold_for

FEW = Bootstrap(resamples=200)


def simulate(seed=0, n=300, k=3, size=5, coarse=False):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, k)) * 2
    if coarse:
        logits = np.round(logits / 2) * 2
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (probability.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return Judged(
        truth, probability.argmax(axis=1), probability, np.arange(n) // size, tuple("abcdefgh"[:k]), background=None
    )


def judged(confidence, right, groups=None):
    confidence, n = np.asarray(confidence, float), len(right)
    probability = np.column_stack([confidence, 1 - confidence])
    groups = np.arange(n) if groups is None else np.asarray(groups)
    return Judged(1 - np.asarray(right, int), np.zeros(n, int), probability, groups, ("a", "b"))


def test_the_curve_is_what_sorting_and_counting_gives():
    one = simulate()
    order = np.argsort(-one.confidence)
    wrong = ~one.correct[order]
    risk = judge_risk(one, bootstrap=FEW)
    assert [point.coverage for point in risk.points] == list(COVERAGES)
    for point in risk.points:
        assert point.rows == round(point.coverage * 300)
        assert point.error.value == pytest.approx(wrong[: point.rows].mean())
        assert point.threshold == one.confidence[order][point.rows - 1]
        assert point.error.low <= point.error.value <= point.error.high
    cumulative = np.cumsum(wrong) / np.arange(1, 301)
    assert risk.aurc.value == pytest.approx(cumulative.mean())
    assert risk.aurc.low <= risk.aurc.value <= risk.aurc.high


def test_rows_of_equal_confidence_share_their_mistakes_evenly():
    one = judged([0.9, 0.8, 0.8, 0.8, 0.8, 0.7], [1, 0, 1, 1, 1, 0])
    shuffles = []
    for seed in range(400):
        tied = 1 + np.random.default_rng(seed).permutation(4)
        wrong = ~one.correct[[0, *tied, 5]]
        shuffles.append((np.cumsum(wrong) / np.arange(1, 7)).mean())
    assert judge_risk(one, bootstrap=FEW).aurc.value == pytest.approx(np.mean(shuffles), abs=0.01)


@pytest.mark.parametrize("coarse", [False, True])
def test_neither_the_order_of_the_rows_nor_the_names_of_the_groups_change_anything(coarse):
    one = simulate(coarse=coarse)
    shuffled = np.random.default_rng(1).permutation(300)
    names = np.random.default_rng(2).permutation(60)
    other = Judged(
        one.truth[shuffled],
        one.predicted[shuffled],
        one.probability[shuffled],
        names[one.groups[shuffled]] * 7,
        one.labels,
    )
    facts = [json.loads(json.dumps(judge_risk(each, bootstrap=FEW).to_dict())) for each in (one, other)]
    np.testing.assert_allclose(*[[point["error"] for point in each["points"]] for each in facts])
    np.testing.assert_allclose(*[[point["interval"] for point in each["points"]] for each in facts])
    np.testing.assert_allclose(facts[0]["aurc_interval"], facts[1]["aurc_interval"])


def test_with_all_answered_the_error_and_its_interval_are_those_of_the_accuracy():
    one = simulate(n=600)
    everything = judge_risk(one).points[0].error
    accuracy = judge(one).scores.accuracy
    assert everything.value == pytest.approx(1 - accuracy.value)
    assert (everything.low, everything.high) == pytest.approx((1 - accuracy.high, 1 - accuracy.low), abs=0.01)


def test_the_interval_of_the_curve_holds_the_truth_as_often_as_it_says():
    """Rows in groups that err together; the truth is that of a hundred thousand rows."""

    def draw(rng, n):
        groups = np.arange(n) // 10
        hard = rng.normal(size=groups.max() + 1)[groups]
        sure = rng.normal(size=n) * 1.5 + 1.5
        right = rng.random(n) < 1 / (1 + np.exp(-(sure + hard)))
        return judged(0.5 + 0.5 / (1 + np.exp(-sure)), right, groups)

    rng = np.random.default_rng(0)
    truth = judge_risk(draw(rng, 100_000), bootstrap=Bootstrap(resamples=1))
    held = []
    for _ in range(100):
        risk = judge_risk(draw(rng, 400), bootstrap=Bootstrap(resamples=400))
        pairs = [(risk.aurc, truth.aurc)]
        pairs += [(risk.points[at].error, truth.points[at].error) for at in (0, 4, 10)]
        held.append([found.low <= true.value <= found.high for found, true in pairs])
    assert (np.mean(held, axis=0) > 0.95 - 4 * math.sqrt(0.95 * 0.05 / 100)).all()


def test_a_promise_is_held_against_what_came_of_it():
    old, new = simulate(1, 600), simulate(2, 600)
    promise = threshold_for(old.probability, old.truth, 0.15, groups=old.groups)
    (realised,) = judge_risk(new, [promise]).promises
    answered = new.confidence >= promise.threshold
    assert realised.answered.value == answered.mean()
    assert realised.error.value == pytest.approx((~new.correct[answered]).mean())
    assert realised.held
    broken = Promise(0.01, 0.0, 1.0, 0.005, (0.0, 0.01), 600, 0.95, kept=True)
    assert not judge_risk(new, [broken]).promises[0].held


def test_promises_are_held_in_new_samples_of_the_same_kind():
    held = []
    for seed in range(40):
        old, new = simulate(seed, 500), simulate(1000 + seed, 500)
        promise = threshold_for(old.probability, old.truth, 0.15)
        held.append(judge_risk(new, [promise], bootstrap=FEW).promises[0].held)
    assert np.mean(held) > 0.9


def test_sets_are_counted():
    old, new = simulate(3, 600), simulate(4, 600)
    sets = sets_for(old.probability, old.truth, 0.9)
    (covered,) = judge_risk(new, sets=[sets]).sets
    members = new.probability >= sets.least
    assert covered.coverage.value == members[np.arange(600), new.truth].mean()
    assert covered.coverage.low <= 0.9 <= covered.coverage.high
    assert covered.size == members.sum(axis=1).mean()
    assert (covered.empty, covered.single) == tuple((members.sum(axis=1) == size).mean() for size in (0, 1))


@pytest.mark.parametrize(("right", "error"), [(True, 0.0), (False, 1.0)])
def test_all_right_and_all_wrong_are_flat_curves(right, error):
    risk = judge_risk(judged(np.linspace(0.6, 0.9, 40), [right] * 40), bootstrap=FEW)
    assert {point.error.value for point in risk.points} == {error}
    assert risk.aurc.value == error


def test_a_promise_to_answer_nothing_is_told_as_nothing():
    nothing = Promise(0.1, None, 0.0, math.nan, (math.nan, math.nan), 5, 0.95, kept=False, why="too few")
    risk = judge_risk(judged([0.9, 0.8, 0.7], [1, 0, 1]), [nothing], bootstrap=FEW)
    plain = json.loads(json.dumps(risk.to_dict(), allow_nan=False))
    assert plain["promises"][0]["realised"] == {
        "answered": 0.0,
        "answered_interval": [0.0, 0.0],
        "error": None,
        "interval": None,
    }
    assert plain["promises"][0]["threshold"] is None


def test_three_rows_one_group_and_one_label_are_no_trouble():
    three = judge_risk(judged([0.9, 0.8, 0.7], [1, 0, 1]), bootstrap=FEW)
    assert three.points[0].error.value == pytest.approx(1 / 3)
    assert not three.trusted
    lone = judge_risk(judged([0.9, 0.8, 0.7], [1, 0, 1], [4, 4, 4]), sets=[Sets(0.9, 0.0, 3)], bootstrap=FEW)
    assert json.loads(json.dumps(lone.to_dict(), allow_nan=False))["aurc_interval"] is None
    single = Judged(np.zeros(9, int), np.zeros(9, int), np.ones((9, 1)), np.arange(9), ("a",))
    assert judge_risk(single, bootstrap=FEW).aurc.value == 0


def test_many_rows_are_averaged_over_a_thousand_shares():
    one = simulate(5, 3000)
    exact = np.cumsum(~one.correct[np.argsort(-one.confidence)]) / np.arange(1, 3001)
    aurc = judge_risk(one, bootstrap=FEW).aurc
    assert aurc.value == pytest.approx(exact.mean())
    assert aurc.low < aurc.value < aurc.high
