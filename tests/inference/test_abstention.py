"""Promises about errors and coverage, held against simulations in which the truth is known, and brute force."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from communique.errors import UsageError
from communique.inference.abstention import (
    CLOSE_CALL,
    REASONS,
    TOO_LONG,
    TOO_SHORT,
    UNFAMILIAR,
    WRONG_LANGUAGE,
    Judge,
    Sets,
    sets_for,
    threshold_for,
)
from communique.inference.familiarity import Familiarity
from communique.model.profile import Profile

K = 3


def simulate(rng, n, *, size=1, bad=0.0):
    """Probabilities that are too sure of themselves, the truth, and groups of ``size`` rows.

    In a ``bad`` share of the groups every row has another label than the model can know.
    """
    logits = rng.normal(size=(n, K)) * 3
    exact = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (exact.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    groups = np.arange(n) // size
    truth = np.where((rng.random(groups.max() + 1) < bad)[groups], (truth + 1) % K, truth)
    said = np.exp(1.5 * (logits + rng.normal(size=(n, K)) * 0.5))
    return said / said.sum(axis=1, keepdims=True), truth, groups


def rows(confidence, wrong):
    """Rows of two labels with the given confidences, right or wrong."""
    confidence = np.asarray(confidence, float)
    return np.column_stack([confidence, 1 - confidence]), np.asarray(wrong, int)


@pytest.mark.parametrize(
    ("n", "size", "bad", "max_error"), [(400, 1, 0.0, 0.1), (400, 1, 0.0, 0.2), (1000, 10, 0.1, 0.2)]
)
def test_a_promised_error_is_kept_as_often_as_it_says(n, size, bad, max_error):
    rng = np.random.default_rng(5)
    probability, truth, _ = simulate(rng, 100_000, size=size, bad=bad)
    confidence, wrong = probability.max(axis=1), probability.argmax(axis=1) != truth
    kept = broken = held = 0
    samples = 200
    for _ in range(samples):
        probability, truth, groups = simulate(rng, n, size=size, bad=bad)
        promise = threshold_for(probability, truth, max_error, groups=groups)
        if promise.kept:
            error = wrong[confidence >= promise.threshold].mean()
            kept += 1
            broken += error > max_error
            held += promise.interval[0] <= error <= promise.interval[1]
    assert kept > samples / 4
    assert broken / samples <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / samples)
    assert held / kept >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / kept)


def test_rows_that_err_together_weigh_less():
    probability, truth, _ = simulate(np.random.default_rng(0), 300)
    repeated = threshold_for(
        np.repeat(probability, 10, axis=0), np.repeat(truth, 10), 0.9, groups=np.repeat(np.arange(300), 10)
    )
    alone = threshold_for(probability, truth, 0.9)
    apart = threshold_for(np.repeat(probability, 10, axis=0), np.repeat(truth, 10), 0.9)
    assert repeated.error == alone.error == apart.error
    assert repeated.interval == pytest.approx(alone.interval, abs=0.003)
    assert apart.interval[1] - apart.interval[0] < 0.4 * (alone.interval[1] - alone.interval[0])


@pytest.mark.parametrize("max_error", [0.03, 0.1, 0.3])
def test_the_threshold_is_the_last_before_an_exact_test_fails(max_error):
    from scipy.stats import binomtest

    probability, truth, _ = simulate(np.random.default_rng(1), 2000)
    order = np.argsort(-probability.max(axis=1))
    wrong = (probability.argmax(axis=1) != truth)[order]
    answered = 0
    for share in range(10, 101):
        m = math.ceil(share * 2000 / 100)
        if binomtest(int(wrong[:m].sum()), m, max_error, alternative="less").pvalue > 0.05:
            break
        answered = m
    promise = threshold_for(probability, truth, max_error)
    assert promise.kept
    assert promise.answered == answered / 2000
    assert promise.error == wrong[:answered].mean()
    exact = binomtest(int(wrong[:answered].sum()), answered).proportion_ci(0.95, "exact")
    assert promise.interval == pytest.approx((exact.low, exact.high))


def test_of_two_promises_the_one_that_allows_more_errors_answers_more():
    probability, truth, groups = simulate(np.random.default_rng(2), 3000)
    promises = [threshold_for(probability, truth, share, groups=groups) for share in np.arange(0.01, 0.6, 0.01)]
    kept = [promise for promise in promises if promise.kept]
    assert len(kept) > 50
    assert all(one.answered <= other.answered for one, other in pairwise(kept))
    assert all(one.threshold >= other.threshold for one, other in pairwise(kept))
    assert kept[-1].threshold == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.5, 0.6, 0.75, 0.9, 1.0]), st.booleans()), max_size=80),
    st.floats(0.001, 0.999),
)
def test_the_held_out_rows_themselves_never_speak_against_a_threshold(pairs, max_error):
    probability, truth = rows([one for one, _ in pairs], [not right for _, right in pairs])
    promise = threshold_for(probability, truth, max_error)
    if promise.threshold is None:
        assert promise.answered == 0
        assert not promise.kept
    else:
        answered = probability[:, 0] >= promise.threshold
        assert answered.mean() == promise.answered
        assert truth[answered].mean() == pytest.approx(promise.error)
        assert promise.error <= max_error
        assert promise.interval[0] <= promise.error <= promise.interval[1]
    assert promise.kept == (not promise.why)
    assert promise.rows == len(pairs)
    json.dumps(promise.to_dict(), allow_nan=False)


def test_where_all_is_right_all_is_answered():
    promise = threshold_for(*rows(np.linspace(0.6, 1, 500), np.zeros(500)), 0.05)
    assert promise.kept
    assert (promise.threshold, promise.answered, promise.error) == (0, 1, 0)
    assert promise.interval[1] == pytest.approx(1 - 0.025 ** (1 / 500))


def test_where_all_is_wrong_nothing_is_answered_and_it_says_so():
    promise = threshold_for(*rows(np.linspace(0.6, 1, 500), np.ones(500)), 0.05)
    assert promise.threshold is None
    assert not promise.kept
    assert promise.why == "even of the 120 surest held-out rows 100.0% are wrong"
    assert promise.to_dict()["error"] is None


@pytest.mark.parametrize("n", [0, 1, 3, 20])
def test_too_few_rows_for_a_promise_is_said(n):
    promise = threshold_for(*rows(np.linspace(0.6, 1, n), np.zeros(n)), 0.1)
    assert not promise.kept
    assert "held-out rows" in promise.why
    assert (promise.threshold is None) == (n == 0)


def test_equals_in_confidence_are_answered_together_or_not_at_all():
    few, many = rows(np.full(300, 0.8), np.arange(300) < 6), rows(np.full(300, 0.8), np.arange(300) < 60)
    assert threshold_for(*few, 0.1).answered == 1
    assert threshold_for(*many, 0.1).answered == 0


def test_one_label_is_always_right():
    assert threshold_for(np.ones((100, 1)), np.zeros(100, int), 0.1).answered == 1
    assert sets_for(np.ones((100, 1)), np.zeros(100, int), 0.9).members(np.ones((2, 1))).all()


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, math.nan])
def test_a_share_beyond_its_range_is_misuse(share):
    with pytest.raises(UsageError, match="largest error"):
        threshold_for(*rows([0.9], [0]), share)
    with pytest.raises(UsageError, match="coverage"):
        sets_for(*rows([0.9], [0]), share)


@pytest.mark.parametrize(("n", "coverage"), [(19, 0.9), (99, 0.8), (99, 0.95), (500, 0.9)])
def test_sets_hold_the_true_label_in_the_asked_share_of_rows(n, coverage):
    """On average over samples exactly ceil((n + 1) coverage) / (n + 1): Vovk, Gammerman & Shafer 2005."""
    rng = np.random.default_rng(3)
    samples, new = 300, 200
    held = []
    for _ in range(samples):
        probability, truth, _ = simulate(rng, n + new)
        sets = sets_for(probability[:n], truth[:n], coverage)
        held.append(sets.members(probability[n:])[np.arange(new), truth[n:]].mean())
    exact = math.ceil(round((n + 1) * coverage, 9)) / (n + 1)
    variance = exact * (1 - exact) * (1 / (n + 2) + 1 / new)
    assert np.mean(held) == pytest.approx(exact, abs=4 * math.sqrt(variance / samples))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.floats(0.01, 0.99), st.integers(0, 10_000))
def test_the_bar_of_sets_is_the_published_quantile(n, coverage, seed):
    probability, truth, _ = simulate(np.random.default_rng(seed), n)
    rank = math.ceil(round((n + 1) * coverage, 9))
    scores = [*sorted(1 - probability[np.arange(n), truth]), math.inf]
    quantile = scores[min(rank, n + 1) - 1]
    sets = sets_for(probability, truth, coverage)
    assert np.array_equal(sets.members(probability), 1 - probability <= quantile)
    assert bool(sets.why) == (rank > n)


def test_more_coverage_takes_larger_sets():
    probability, truth, _ = simulate(np.random.default_rng(4), 500)
    sizes = [sets_for(probability, truth, c).members(probability).sum(axis=1) for c in np.arange(0.05, 1, 0.05)]
    assert all((larger >= smaller).all() for smaller, larger in pairwise(sizes))


WORDS = " ".join(f"word{chr(97 + i)}{chr(97 + j)}" for i in range(10) for j in range(10)).split()
PROFILE = Profile("\n".join(WORDS), common=20, known=0.8, usual=0.25, shortest=4, longest=40, passage=10)
KNOWN = " ".join([*WORDS[:5], *WORDS[50:55]])
TEXTS = {
    "fine": KNOWN,
    "close": KNOWN,
    "short": " ".join(WORDS[:3]),
    "foreign": " ".join(f"mot{chr(97 + i)}" for i in range(10)),
    "strange": f"{KNOWN} {' '.join(f'mot{chr(97 + i)}' for i in range(3))}",
    "dense": " ".join(WORDS[50:60]),
    "named": f"{KNOWN} {' '.join(f'Mot{chr(97 + i)}' for i in range(3))}",
    "long": ". ".join([KNOWN.capitalize()] * 5) + ".",
    "empty": "",
}


def judge(threshold=None, sets=None, background=2):
    return Judge(("yes", "no", "none"), background, threshold, sets, Familiarity(PROFILE))


def judge_all(one, predict=lambda passages: np.tile([0.1, 0.1, 0.8], (len(passages), 1))):
    probability = np.tile([0.9, 0.06, 0.04], (len(TEXTS), 1))
    probability[1] = [0.5, 0.3, 0.2]
    found = one.judge_rows(pa.array(list(TEXTS.values())), probability, predict)
    columns = found.columns.items()
    return found.probability, {name: dict(zip(TEXTS, values.to_pylist(), strict=True)) for name, values in columns}


def test_every_row_left_unanswered_has_its_reason():
    _, columns = judge_all(judge(threshold=0.6))
    assert columns["reason"] == {
        "fine": None,
        "close": CLOSE_CALL,
        "short": TOO_SHORT,
        "foreign": WRONG_LANGUAGE,
        "strange": UNFAMILIAR,
        "dense": None,
        "named": None,
        "long": TOO_LONG,
        "empty": TOO_SHORT,
    }
    assert columns["abstained"] == {name: reason is not None for name, reason in columns["reason"].items()}
    assert set(filter(None, columns["reason"].values())) == set(REASONS)


def test_of_several_reasons_the_first_is_given():
    foreign = " ".join(["motus"] * 50)
    reasons = judge(threshold=1).judge_rows(
        pa.array(["motus", foreign, foreign + " " + " ".join([*WORDS[:20]] * 2), " ".join(WORDS[:50])]),
        np.tile([0.4, 0.3, 0.3], (4, 1)),
        lambda passages: np.tile([0.4, 0.3, 0.3], (len(passages), 1)),
    )
    assert reasons.columns["reason"].to_pylist() == [TOO_SHORT, WRONG_LANGUAGE, UNFAMILIAR, TOO_LONG]


def test_a_long_text_is_seen_passage_by_passage_whatever_is_asked_for():
    seen = []

    def predict(passages):
        seen.extend(passages)
        return np.array([[0.1, 0.0, 0.9]] * (len(passages) - 1) + [[0.0, 0.7, 0.3]])

    probability, columns = judge_all(judge(), predict)
    assert columns == {}
    assert "".join(seen) == TEXTS["long"]
    assert len(seen) == 5
    assert probability[list(TEXTS).index("long")].tolist() == [0.0, 0.7, 0.3]
    assert probability[0].tolist() == [0.9, 0.06, 0.04]


def test_sets_are_listed_from_the_most_probable_on_and_may_be_empty():
    _, columns = judge_all(judge(sets=Sets(0.9, 0.3, 100)))
    assert columns["labels"]["fine"] == ["yes"]
    assert columns["labels"]["close"] == ["yes", "no"]
    assert columns["labels"]["long"] == ["none"]
    _, columns = judge_all(judge(sets=Sets(0.9, 0.95, 100)))
    assert columns["labels"]["fine"] == []


def test_a_threshold_that_nothing_reaches_leaves_all_unanswered():
    _, columns = judge_all(judge(threshold=math.inf))
    assert all(columns["abstained"].values())


def test_a_model_without_a_profile_knows_close_calls_only():
    one = Judge(("yes", "no"), None, 0.8)
    found = one.judge_rows(pa.array(["", "x" * 9000]), np.array([[0.7, 0.3], [0.1, 0.9]]), lambda passages: 1 / 0)
    assert found.columns["reason"].to_pylist() == [CLOSE_CALL, None]


def test_no_rows_are_no_trouble():
    found = judge(threshold=0.5, sets=Sets(0.9, 0.3, 100)).judge_rows(
        pa.array([], pa.string()), np.zeros((0, 3)), lambda passages: 1 / 0
    )
    assert {name: str(column.type) for name, column in found.columns.items()} == {
        "abstained": "bool",
        "reason": "string",
        "labels": "list<item: string>",
    }
