import time

import numpy as np
import pytest
import sklearn.metrics as oracle

from communique.errors import UsageError
from communique.evaluation.bootstrap import Bootstrap, count_draws
from communique.evaluation.metrics import Judged, Sums, score, sum_groups


def test_resamples_equal_a_loop_that_repeats_the_rows_of_the_groups_drawn():
    generator = np.random.default_rng(0)
    truth, probability = generator.integers(3, size=90), generator.dirichlet(np.ones(3), 90)
    groups = generator.integers(12, size=90)
    judged = _judged(truth, probability, groups)
    sums = sum_groups(judged)
    drawn = score(Sums(Bootstrap(resamples=40, seed=7).resample(sums.values), 3), judged.stances)

    names = np.unique(groups)[np.lexsort(sums.values.T)]
    counts = count_draws(np.random.default_rng(7), 40, len(names))
    for i, times in enumerate(counts.astype(int)):
        rows = np.concatenate([np.flatnonzero(groups == name) for name in np.repeat(names, times)])
        answers = truth[rows], judged.predicted[rows]
        assert drawn.accuracy[i] == pytest.approx(oracle.accuracy_score(*answers))
        assert drawn.macro_f1[i] == pytest.approx(oracle.f1_score(*answers, average="macro"))
        assert drawn.log_loss[i] == pytest.approx(oracle.log_loss(truth[rows], probability[rows], labels=[0, 1, 2]))
        again = sum_groups(_judged(truth[rows], probability[rows], np.zeros_like(rows)))
        assert drawn.ece[i] == pytest.approx(score(again.total, judged.stances).ece)


def test_every_draw_has_as_many_groups_as_there_are_and_each_is_as_likely():
    counts = count_draws(np.random.default_rng(0), 4000, 25)
    assert (counts.sum(axis=1) == 25).all()
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.1)
    np.testing.assert_allclose(counts.var(axis=0), 24 / 25, atol=0.15)


def test_draws_made_in_blocks_are_the_draws_made_at_once():
    sums = np.random.default_rng(0).random((40_000, 1))
    assert len(Bootstrap(resamples=50).resample(sums)) == 50
    ordered = sums[np.lexsort(sums.T)]
    at_once = count_draws(np.random.default_rng(0), 50, len(sums)) @ ordered
    np.testing.assert_allclose(Bootstrap(resamples=50).resample(sums), at_once)


def test_the_same_seed_draws_the_same_and_another_seed_another():
    sums = np.random.default_rng(0).random((30, 4))
    np.testing.assert_array_equal(Bootstrap(seed=3).resample(sums), Bootstrap(seed=3).resample(sums))
    assert not np.array_equal(Bootstrap(seed=3).resample(sums), Bootstrap(seed=4).resample(sums))


def test_the_order_of_the_groups_changes_nothing():
    sums = np.random.default_rng(0).integers(3, size=(30, 4)).astype(float)
    np.testing.assert_array_equal(Bootstrap().resample(sums), Bootstrap().resample(sums[::-1]))


def test_many_groups_give_the_plain_percentiles():
    draws = np.random.default_rng(0).normal(size=(1000, 2))
    np.testing.assert_allclose(
        Bootstrap().interval(np.zeros(2), draws, groups=10**6), np.quantile(draws, [0.025, 0.975], axis=0), atol=1e-3
    )


def test_few_groups_widen_an_interval():
    draws = np.random.default_rng(0).normal(size=(1000, 1))
    widths = [np.ptp(Bootstrap().interval(np.zeros(1), draws, groups)) for groups in (5, 10, 40, 1000)]
    assert widths == sorted(widths, reverse=True)


def test_undefined_draws_are_left_out_and_one_group_has_no_interval():
    draws = np.column_stack([np.full(1000, np.nan), np.where(np.arange(1000) % 2, 0.5, np.nan)])
    values = np.array([0.5, 0.5])
    np.testing.assert_array_equal(Bootstrap().interval(values, draws, groups=50), [[np.nan, 0.5], [np.nan, 0.5]])
    assert np.isnan(Bootstrap().interval(values, draws, groups=1)).all()
    assert np.isnan(Bootstrap().interval_of_gaps(np.zeros(3), np.zeros((1000, 3)), groups=1)).all()


def test_an_interval_holds_its_score_and_an_undefined_score_has_none():
    draws = np.random.default_rng(0).normal(size=(1000, 3))
    low, high = Bootstrap().interval(np.array([-9.0, 9.0, np.nan]), draws, groups=50)
    assert low[0] == -9
    assert high[1] == 9
    assert np.isnan([low[2], high[2]]).all()


def test_intervals_over_groups_hold_the_true_accuracy_as_often_as_they_say_and_those_over_rows_do_not():
    """Thirty groups of ten rows, whose accuracy varies between groups with mean 0.75."""
    generator, samples = np.random.default_rng(5), 400
    held = {"groups": 0, "rows": 0}
    for seed in range(samples):
        of_group = np.repeat(generator.beta(2.25, 0.75, size=30), 10)
        right = generator.random(300) < of_group
        units = {"groups": right.reshape(30, 10).sum(axis=1), "rows": right}
        for unit, hits in units.items():
            bootstrap = Bootstrap(resamples=200, seed=seed)
            accuracy = bootstrap.resample(hits[:, np.newaxis].astype(float)) / 300
            low, high = bootstrap.interval(np.array([right.mean()]), accuracy, len(hits))
            held[unit] += bool(low[0] <= 0.75 <= high[0])
    assert 0.92 <= held["groups"] / samples <= 0.98
    assert held["rows"] / samples < 0.85


@pytest.mark.parametrize("temperature", [1.0, 1.5])
def test_the_interval_of_the_calibration_error_holds_the_true_one(temperature):
    """Binary answers whose log odds are stated ``temperature`` times too large: at 1 the model is calibrated."""

    def answer(rows):
        odds = np.abs(generator.normal(scale=2, size=rows))
        right = generator.random(rows) < 1 / (1 + np.exp(-odds))
        stated = 1 / (1 + np.exp(-temperature * odds))
        return _judged(np.where(right, 0, 1), np.column_stack([stated, 1 - stated]), np.arange(rows))

    generator, samples, rows = np.random.default_rng(9), 120, 400
    stances = np.array([True, True])
    true = float(score(sum_groups(answer(400_000)).total, stances).ece)
    held = plain = 0
    for seed in range(samples):
        bootstrap = Bootstrap(resamples=200, seed=seed)
        sums = sum_groups(answer(rows))
        drawn = Sums(bootstrap.resample(sums.values), sums.k)
        low, high = bootstrap.interval_of_gaps(sums.total.gaps / rows, drawn.gaps / rows, rows)
        assert low <= score(sums.total, stances).ece <= high
        held += low <= true <= high
        plain += bool(np.quantile(score(drawn, stances).ece, 0.025) <= true)
    assert held / samples >= 0.88
    if temperature == 1:
        assert plain / samples < 0.2  # why percentiles would not do


@pytest.mark.parametrize("wrong", [{"resamples": 0}, {"level": 0}, {"level": 1}, {"level": float("nan")}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match="expected"):
        Bootstrap(**wrong)


def test_twenty_thousand_rows_are_resampled_without_a_loop_over_them():
    """About 0.3 s of one core; the bar is loose, as a loop would take minutes."""
    generator = np.random.default_rng(0)
    judged = _judged(generator.integers(4, size=20_000), generator.dirichlet(np.ones(4), 20_000), np.arange(20_000))
    begun = time.process_time()
    Bootstrap(resamples=1000).resample(sum_groups(judged).values)
    assert time.process_time() - begun < 4


def _judged(truth, probability, groups):
    return Judged(truth, probability.argmax(axis=1), probability, groups, tuple(map(str, range(probability.shape[1]))))
