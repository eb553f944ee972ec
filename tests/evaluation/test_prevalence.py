from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize
from scipy.special import softmax
from scipy.stats import beta

from communique.errors import UsageError
from communique.evaluation.bootstrap import Bootstrap
from communique.evaluation.prevalence import (
    METHODS,
    HeldOutRows,
    WindowRows,
    calibrate,
    draw_weights,
    estimate,
    make_cells,
    maximise,
    maximise_freely,
    unmix,
)

CORRECTED = [method for method in METHODS if method != "none"]
SHIFTED = np.array([0.7, 0.2, 0.07, 0.03])


class World:
    """Rows are points round a corner for each label; the model's probabilities are the true ones for even shares."""

    def __init__(self, labels: int = 4, apart: float = 2.2, heat: float = 1.0) -> None:
        corners = np.random.default_rng(0).normal(size=(labels, labels))
        self.corners = np.linalg.qr(corners)[0] * apart
        self.heat = heat

    def rows(self, chance: np.random.Generator, truth: np.ndarray) -> np.ndarray:
        points = self.corners[truth] + chance.normal(size=(len(truth), len(self.corners)))
        return softmax(self.heat * points @ self.corners.T, axis=1)

    def held_out(self, chance: np.random.Generator, m: int) -> HeldOutRows:
        truth = chance.integers(len(self.corners), size=m)
        return HeldOutRows(self.rows(chance, truth), truth)

    def window(self, chance: np.random.Generator, n: int, shares: np.ndarray) -> WindowRows:
        return one_window(self.rows(chance, chance.choice(len(shares), n, p=shares)))


def one_window(probability: np.ndarray, groups: np.ndarray | None = None) -> WindowRows:
    n = len(probability)
    return WindowRows(probability, np.zeros(n, np.int64), np.arange(n) if groups is None else groups)


def surely(truth: np.ndarray, k: int = 3) -> np.ndarray:
    return np.eye(k)[truth]


# Estimates


@pytest.mark.parametrize("method", CORRECTED)
def test_a_correction_finds_shares_far_from_those_trained_on(method):
    chance, world = np.random.default_rng(1), World()
    known, rows = world.held_out(chance, 20_000), world.window(chance, 20_000, SHIFTED)
    found = estimate(rows, known, method, Bootstrap(100))
    assert np.abs(found.raw[0] - SHIFTED).max() > 0.08
    np.testing.assert_allclose(found.share[0], SHIFTED, atol=0.015)


@pytest.mark.parametrize("method", METHODS)
def test_a_model_without_mistakes_needs_no_correction(method):
    truth = np.repeat([0, 1, 2], [60, 30, 10])
    known = HeldOutRows(surely(np.repeat([0, 1, 2], 40)), np.repeat([0, 1, 2], 40))
    found = estimate(one_window(surely(truth)), known, method, Bootstrap(50))
    np.testing.assert_allclose(found.share[0], [0.6, 0.3, 0.1], atol=1e-9 if method in ("none", "count") else 2e-3)
    np.testing.assert_allclose(found.raw[0], [0.6, 0.3, 0.1])


def test_em_is_that_of_saerens_latinne_and_decaestecker():
    chance, world = np.random.default_rng(2), World()
    known, rows = world.held_out(chance, 40_000), world.window(chance, 3000, SHIFTED)
    prior, shares = np.full(4, 0.25), np.full(4, 0.25)
    for _ in range(1000):
        posterior = rows.probability * shares / prior
        shares = (posterior / posterior.sum(axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(estimate(rows, known, "em", Bootstrap(20)).share[0], shares, atol=0.006)


def test_overconfident_probabilities_are_calibrated_before_em():
    chance, world = np.random.default_rng(3), World(heat=2.5)
    known, rows = world.held_out(chance, 20_000), world.window(chance, 20_000, SHIFTED)
    np.testing.assert_allclose(estimate(rows, known, "em", Bootstrap(20)).share[0], SHIFTED, atol=0.015)


@given(
    arrays(np.float64, (40, 3), elements=st.floats(0.01, 1)),
    st.lists(st.integers(0, 2), min_size=40, max_size=40),
    st.sampled_from(METHODS),
)
@settings(max_examples=40, deadline=None)
def test_shares_are_shares_and_lie_in_their_intervals(weights, window, method):
    probability = weights / weights.sum(axis=1, keepdims=True)
    known = World(3, 1.5).held_out(np.random.default_rng(0), 300)
    rows = WindowRows(
        np.tile(probability, (3, 1)), np.tile(np.unique(window, return_inverse=True)[1], 3), np.arange(120)
    )
    found = estimate(rows, known, method, Bootstrap(30))
    told = ~np.isnan(found.share[:, 0])
    np.testing.assert_allclose(found.share[told].sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(found.raw.sum(axis=1), 1, atol=1e-9)
    assert ((found.low >= 0) & (found.low <= found.share) & (found.share <= found.high) & (found.high <= 1))[told].all()


@given(st.integers(0, 10**6), st.integers(2, 6))
@settings(max_examples=40, deadline=None)
def test_least_squares_stay_among_shares_and_find_the_closest(seed, k):
    chance = np.random.default_rng(seed)
    confusion, q = chance.dirichlet(np.ones(k), k) + 2 * np.eye(k), chance.dirichlet(np.full(k, 0.4))
    confusion /= confusion.sum(axis=1, keepdims=True)
    found = unmix(confusion, q)
    oracle = minimize(
        lambda p: ((p @ confusion - q) ** 2).sum(), np.full(k, 1 / k), bounds=[(0, 1)] * k, method="SLSQP",
        constraints={"type": "eq", "fun": lambda p: p.sum() - 1}, options={"ftol": 1e-14},
    )  # fmt: skip
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)
    assert ((found @ confusion - q) ** 2).sum() <= oracle.fun + 1e-9


def test_free_maximum_is_the_em_where_no_share_is_near_zero():
    chance = np.random.default_rng(4)
    ratios, counts = chance.gamma(1.0, size=(60, 4)), chance.integers(0, 30, 60).astype(float)
    shares = maximise(counts[None], ratios)[0]
    assert shares.min() > 0.02
    found = maximise_freely(np.tile(counts, (2, 1)), np.tile(ratios, (2, 1, 1)), np.full(4, 0.25))
    np.testing.assert_allclose(found, [shares, shares], atol=1e-5)


def test_calibration_gives_each_label_its_share_and_undoes_heat():
    chance, world = np.random.default_rng(5), World(heat=2.0)
    known = world.held_out(chance, 30_000)
    counts = np.eye(4)[known.truth].T  # every row a cell
    theta, calibrated = calibrate(counts, np.log(known.probability))
    assert theta[0] == pytest.approx(0.5, abs=0.02)
    np.testing.assert_allclose(calibrated.sum(axis=0), counts.sum(axis=1), rtol=1e-3)


def test_cells_are_few_never_cross_labels_and_keep_the_mean():
    probability = np.random.default_rng(6).dirichlet(np.ones(6), 5000)
    given = np.random.default_rng(7).integers(6, size=5000)
    cell, cells = make_cells(probability, given, 80)
    assert len(cells.given) <= 80
    np.testing.assert_array_equal(cells.given[cell], given)
    np.testing.assert_allclose(np.bincount(cell) @ cells.mean, probability.sum(axis=0))
    assert len(make_cells(probability, given, 0)[1].given) == 6


# Intervals


def cover(world: World, methods: list[str], m: int, n: int, size: int, samples: int = 40) -> dict[str, float]:
    """Give the share of intervals that hold the true share; groups of ``size`` rows have their own mix of labels."""
    truths = np.array([[0.25] * 4, SHIFTED, [0.02, 0.08, 0.3, 0.6]])
    held = dict.fromkeys(methods, 0.0)
    for sample in range(samples):
        chance = np.random.default_rng([11, sample])
        known = world.held_out(chance, m)
        labels = []
        for shares in truths:
            mix = chance.dirichlet(shares * 7 / 3, n // size) if size > 1 else np.tile(shares, (n, 1))
            labels.append((chance.random((n // size, size, 1)) > mix.cumsum(axis=1)[:, None]).sum(axis=2).ravel())
        window, truth = np.repeat(np.arange(3), n), np.concatenate(labels).clip(0, 3)
        rows = WindowRows(world.rows(chance, truth), window, np.arange(3 * n) // size)
        for method in methods:
            found = estimate(rows, known, method, Bootstrap(200, seed=sample))
            held[method] += ((found.low <= truths) & (truths <= found.high)).mean() / samples
    return held


@pytest.mark.parametrize(("m", "n", "size"), [(400, 40, 1), (1000, 200, 1), (1000, 240, 8)])
def test_intervals_hold_the_true_share_as_often_as_they_say(m, n, size):
    held = cover(World(), ["none", "count", "em"], m, n, size)
    assert 0.91 <= held["count"] <= 0.985
    assert 0.91 <= held["em"] <= 0.985
    assert held["none"] < 0.9


def test_two_labels_counted_as_given_have_the_interval_of_jeffreys():
    truth = np.repeat([0, 1], [930, 70])
    found = estimate(one_window(surely(truth, 2)), bootstrap=Bootstrap(20_000), method="none")
    low, high = beta.ppf([0.025, 0.975], 70.5, 930.5)
    assert found.low[0, 1] == pytest.approx(low, abs=1e-3)
    assert found.high[0, 1] == pytest.approx(high, abs=1e-3)


def test_a_label_nobody_was_given_may_still_be_there():
    found = estimate(one_window(surely(np.zeros(40, np.int64), 2)), method="none")
    assert (found.share[0, 1], found.low[0, 1]) == (0, 0)
    assert 0.04 < found.high[0, 1] < 0.1


@pytest.mark.parametrize("method", METHODS)
def test_rows_that_belong_together_widen_the_interval(method):
    chance, world = np.random.default_rng(7), World()
    known, truth = world.held_out(chance, 2000), np.repeat(chance.integers(4, size=30), 10)
    probability = world.rows(chance, truth)
    apart, together = (
        estimate(one_window(probability, groups), known, method, Bootstrap(300))
        for groups in (np.arange(300), np.arange(300) // 10)
    )
    np.testing.assert_allclose(apart.share, together.share)
    assert ((together.high - together.low) > 1.5 * (apart.high - apart.low)).all()


@pytest.mark.parametrize("method", CORRECTED)
def test_what_is_not_known_of_the_confusions_widens_the_interval(method):
    chance, world = np.random.default_rng(8), World()
    rows = world.window(chance, 2000, SHIFTED)
    little, much = (estimate(rows, world.held_out(chance, m), method, Bootstrap(300)) for m in (150, 15_000))
    assert ((little.high - little.low) > 1.3 * (much.high - much.low)).all()


def test_weights_of_rows_alone_are_those_of_rows_in_groups_of_one():
    cell = np.random.default_rng(9).integers(5, size=40)
    alone = draw_weights(np.random.default_rng(1), cell, np.arange(40), 5, 40_000)
    np.testing.assert_allclose(alone.mean(axis=0), np.bincount(cell, minlength=5), rtol=0.02)
    np.testing.assert_allclose(alone.var(axis=0), np.bincount(cell, minlength=5), rtol=0.05)
    paired = draw_weights(np.random.default_rng(1), np.repeat(cell, 2), np.repeat(np.arange(40), 2), 5, 40_000)
    np.testing.assert_allclose(paired.var(axis=0), 4 * np.bincount(cell, minlength=5), rtol=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_neither_the_order_of_rows_nor_the_names_of_groups_change_a_result(method):
    chance, world = np.random.default_rng(10), World()
    known, rows = world.held_out(chance, 500), world.window(chance, 200, SHIFTED)
    groups = np.arange(200) // 4
    order = chance.permutation(200)
    one = estimate(one_window(rows.probability, groups), known, method, Bootstrap(50))
    two = estimate(one_window(rows.probability[order], 99 - groups[order]), known, method, Bootstrap(50))
    np.testing.assert_allclose(one.low, two.low, atol=1e-9)
    np.testing.assert_allclose(one.share, two.share, atol=1e-9)


# What is refused


def test_a_window_with_few_rows_gets_no_estimate_and_the_others_do():
    chance, world = np.random.default_rng(12), World()
    probability = world.rows(chance, chance.integers(4, size=80))
    rows = WindowRows(probability, np.repeat([0, 1], [29, 51]), np.arange(80))
    found = estimate(rows, world.held_out(chance, 500), "count", Bootstrap(50))
    assert found.notes == ("fewer than 30 rows", "")
    assert np.isnan(found.share[0]).all()
    assert np.isnan([found.low[0], found.high[0]]).all()
    assert not np.isnan([found.share[1], found.low[1], found.high[1]]).any()
    assert not np.isnan(found.raw).any()


@pytest.mark.parametrize("method", CORRECTED)
def test_a_label_hardly_held_out_is_refused_by_name(method):
    truth = np.repeat([0, 1, 2], [50, 50, 9])
    known = HeldOutRows(surely(truth), truth)
    found = estimate(one_window(surely(np.zeros(40, np.int64))), known, method, labels=("threat", "offer", "none"))
    assert found.notes == ("9 held-out rows of 'none', fewer than 10",)
    assert np.isnan(found.share).all()


@pytest.mark.parametrize("method", CORRECTED)
def test_a_model_that_guesses_is_refused(method):
    chance = np.random.default_rng(13)
    known = HeldOutRows(chance.dirichlet(np.ones(3), 600), chance.integers(3, size=600))
    found = estimate(one_window(chance.dirichlet(np.ones(3), 60)), known, method)
    assert "confuses the labels too much" in found.notes[0]
    assert np.isnan(found.share).all()


def test_one_group_has_no_interval_and_few_groups_are_said():
    probability = surely(np.repeat([0, 1, 2], 20))
    one = estimate(one_window(probability, np.zeros(60, np.int64)), method="none")
    assert np.isnan([one.low, one.high]).all()
    assert not np.isnan(one.share).any()
    assert "one group" in one.notes[0]
    assert "5 groups, too few" in estimate(one_window(probability, np.arange(60) % 5), method="none").notes[0]


def test_arguments_that_do_not_fit_are_refused():
    rows = one_window(surely(np.zeros(40, np.int64)))
    with pytest.raises(UsageError, match="the correction 'magic'"):
        estimate(rows, method="magic")
    with pytest.raises(UsageError, match="without held-out rows"):
        estimate(rows, method="em")
    with pytest.raises(UsageError, match=r"expected \(m, 3\)"):
        estimate(rows, HeldOutRows(np.eye(4), np.arange(4)), "em")
    with pytest.raises(UsageError, match="rows of shapes"):
        WindowRows(np.eye(3), np.zeros(2, np.int64), np.zeros(3, np.int64))


def test_a_year_of_two_hundred_thousand_rows_takes_seconds():
    chance, world = np.random.default_rng(14), World()
    rows = world.window(chance, 200_000, SHIFTED)
    rows = WindowRows(rows.probability, chance.integers(240, size=200_000), rows.groups)
    began = time.monotonic()
    found = estimate(rows, world.held_out(chance, 5000), "count", Bootstrap(1000))
    assert time.monotonic() - began < 20
    assert 0.9 < ((found.low <= SHIFTED) & (found.high >= SHIFTED)).mean() < 0.99
