import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from communique.codebook import codebook_of
from communique.corpus.labelled import Labelled
from communique.errors import DataError, UsageError
from communique.evaluation.bootstrap import Bootstrap
from communique.evaluation.curve import Curve, Plan, Rows, fit_law, hold_out, learning_curve
from communique.evaluation.findings import judge
from communique.evaluation.metrics import Judged
from communique.inference.prediction import Classifier
from communique.learning.training import fit_model

LABELS = ("threat", "offer", "none")
POOL = Rows(np.arange(2000) % 3, np.arange(2000) // 10)
HELD = Rows(np.arange(600) % 3, np.arange(600) // 10)
FEW = Bootstrap(200)


# Samples


def test_samples_are_whole_groups_nested_and_of_the_shares_asked_for():
    seen = []
    _curve(lambda rows: _answer(seen.append(rows) or 0.2), Plan(shares=(0.1, 0.2, 0.5, 1.0), orders=2, halved=0))
    assert [len(rows) for rows in seen] == [200, 200, 400, 400, 1000, 1000, 2000]
    for rows in seen:
        groups = np.unique(POOL.groups[rows])
        assert np.array_equal(rows, np.flatnonzero(np.isin(POOL.groups, groups)))
    for order in (0, 1):
        first, second, third, _ = (set(rows.tolist()) for rows in [*seen[order:6:2], seen[6]])
        assert first < second < third
    assert set(seen[0].tolist()) != set(seen[1].tolist())


def test_half_of_a_labels_rows_are_taken_and_no_others():
    seen = []
    _curve(lambda rows: _answer(seen.append(rows) or 0.2), Plan(shares=(1.0,), orders=2, halved=3))
    halves = seen[1:]
    assert len(halves) == 6
    for number, rows in enumerate(halves):
        counts = np.bincount(POOL.truth[rows], minlength=3)
        halved = np.flatnonzero(counts != np.bincount(POOL.truth))
        assert halved.size == 1
        whole = np.bincount(POOL.truth)[halved[0]]
        assert counts[halved[0]] == whole - whole // 2
        if number % 2:
            assert not np.array_equal(rows, halves[number - 1])


def test_only_the_weakest_labels_are_halved():
    def fit(rows):
        predicted = np.where((HELD.truth == 1) & (np.arange(600) % 2 == 0), 2, HELD.truth)
        return np.eye(3)[predicted]

    assert [one.label for one in _curve(fit, Plan(halved=2)).halved] == ["offer", "none"]


def test_progress_counts_every_fit():
    told = []
    _curve(lambda rows: _answer(0.2), Plan(halved=2), progress=lambda done, total: told.append((done, total)))
    assert told == [(number, 22) for number in range(1, 23)]


# Scores


def test_a_point_is_the_mean_of_its_fits_and_the_last_what_an_evaluation_says():
    curve = _curve(_by_power_law(0.05, 2, 0.4))
    last = curve.points[-1]
    judged = judge(_judged(_by_power_law(0.05, 2, 0.4)(np.arange(2000))))
    assert (last.rows, last.fits) == (2000, 1)
    assert last.macro_f1.value == pytest.approx(judged.scores.macro_f1.value)
    assert last.accuracy.value == pytest.approx(judged.scores.accuracy.value)
    assert last.f1["offer"].value == pytest.approx(judged.labels[1].f1.value)
    assert [point.rows for point in curve.points] == [200, 400, 800, 1200, 1600, 2000]
    first = curve.points[0]
    assert first.fits == 3
    assert first.macro_f1.low < first.macro_f1.value < first.macro_f1.high
    assert all(
        one.macro_f1.value < other.macro_f1.value for one, other in zip(curve.points, curve.points[1:], strict=False)
    )


def test_the_last_doubling_compares_two_shares():
    curve = _curve(_by_power_law(0.05, 2, 0.4))
    gain = curve.last_doubling
    assert (gain.rows_before, gain.rows_after) == (800, 1600)
    assert gain.gain.value == pytest.approx(curve.points[4].macro_f1.value - curve.points[2].macro_f1.value)
    assert gain.gain.low < gain.gain.value < gain.gain.high
    assert _curve(_by_power_law(0.05, 2, 0.4), Plan(shares=(0.3, 0.7, 1.0))).last_doubling is None


# The law


@pytest.mark.parametrize("law", [(0.05, 2.0, 0.4), (0.0, 1.5, 0.3), (0.2, 20.0, 0.9)])
def test_a_law_is_found_again(law):
    rows = np.array([200, 400, 800, 1200, 1600, 2000])
    floor, scale, exponent = law
    errors = floor + scale * rows.astype(float) ** -exponent
    found = [float(part[0]) for part in fit_law(rows, errors[np.newaxis])]
    for ahead in (4000, 8000):
        assert found[0] + found[1] * ahead ** -found[2] == pytest.approx(floor + scale * ahead**-exponent, abs=0.002)


def test_laws_promise_nothing_where_the_error_does_not_fall():
    rows = np.array([200, 400, 800, 1600])
    errors = np.array([[0.2, 0.2, 0.2, 0.2], [0.1, 0.15, 0.2, 0.3]])
    floor, scale, exponent = fit_law(rows, errors)
    assert scale * 1600.0**-exponent == pytest.approx(np.zeros(2), abs=1e-9)
    assert floor[0] == pytest.approx(0.2)


def test_each_curve_is_fitted_on_its_own():
    rows = np.array([100, 200, 400, 800])
    generator = np.random.default_rng(1)
    errors = 0.1 + 2 * rows**-0.5 + generator.normal(0, 0.01, (20, 4))
    together = fit_law(rows, errors)
    for number in range(1, 20):
        alone = fit_law(rows, errors[[0, number]])
        assert [part[1] for part in alone] == pytest.approx([part[number] for part in together])


def test_the_forecast_holds_what_twice_the_rows_would_bring():
    curve = _curve(_by_power_law(0.05, 2, 0.4))
    truth = 2 * 2000**-0.4 * (1 - 2**-0.4)
    assert curve.forecast.rows_after == 4000
    assert curve.forecast.gain.low <= truth <= curve.forecast.gain.high
    assert set(curve.label_forecast) == set(LABELS)


# Words


def test_a_rising_curve_asks_for_more_labels():
    said = " ".join(_curve(_by_power_law(0.02, 4, 0.35)).remarks)
    assert "With all 2,000 statements macro-F1 is 0." in said
    assert "Going from 800 to 1,600 statements brought" in said
    assert "More labels would help: twice as many (4,000) would bring" in said


def test_a_flat_curve_does_not():
    said = " ".join(_curve(lambda rows: _answer(0.2)).remarks)
    assert "More labels like these would hardly help" in said
    assert "No label stands out" in said


def test_the_label_that_is_short_of_rows_is_named():
    """Offers are known by their number alone, the others anyhow."""

    def fit(rows):
        short = (HELD.truth == 1) & (_difficulty() < 0.9 - np.sum(POOL.truth[rows] == 1) / 1000)
        return np.eye(3)[np.where(short, 2, HELD.truth)]

    curve = _curve(fit)
    losses = {one.label: one.loss for one in curve.halved}
    assert losses["offer"].low > 0
    assert losses["threat"].value == losses["none"].value == 0
    (offer,) = [one for one in curve.halved if one.label == "offer"]
    assert (offer.rows, offer.removed) == (667, 333)
    assert offer.own_loss.value > offer.loss.value
    assert any(remark.startswith("Label more of offer first: without half of its 667 rows") for remark in curve.remarks)


def test_json_suits_a_figure_and_holds_no_nan():
    held = Rows(np.arange(50) % 2, np.zeros(50, np.int64))
    curve = learning_curve(POOL, held, LABELS, "none", lambda rows: np.eye(3)[np.arange(50) % 2], bootstrap=FEW)
    facts = json.loads(json.dumps(curve.to_dict(), allow_nan=False))
    assert [point["rows"] for point in facts["points"]] == [200, 400, 800, 1200, 1600, 2000]
    assert facts["points"][0]["value"] == 1
    assert set(facts["labels"]) == set(LABELS)
    assert facts["labels"]["none"][0] == {"rows": 200, "value": None, "interval": None}
    assert any("too few held-out groups" in remark for remark in facts["remarks"])


# What cannot be


def test_fits_that_fail_are_left_out_and_told():
    def fit(rows):
        if len(rows) < 300:
            raise DataError("too few")
        return _answer(0.2)

    curve = _curve(fit)
    assert [point.rows for point in curve.points] == [400, 800, 1200, 1600, 2000]
    assert curve.left_out == 3
    assert "3 fits were left out" in curve.remarks[-1]


def test_if_all_rows_cannot_be_fitted_there_is_no_curve():
    def fit(rows):
        raise DataError("all statements have the label 'none'")

    with pytest.raises(DataError, match="all statements have the label"):
        _curve(fit)


def test_too_few_groups_are_refused():
    with pytest.raises(DataError, match="4 groups of statements"):
        learning_curve(
            replace(POOL, groups=POOL.truth % 4 + (np.arange(2000) == 0) * 3),
            HELD,
            LABELS,
            None,
            lambda rows: _answer(0),
        )
    with pytest.raises(DataError, match="1 groups of statements"):
        hold_out(np.zeros(30, np.int64))


@pytest.mark.parametrize(
    "wrong", [{"shares": (0.5,)}, {"shares": (0.5, 0.2, 1.0)}, {"shares": (0.0, 1.0)}, {"orders": 0}]
)
def test_a_plan_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(UsageError):
        Plan(**wrong)


def test_held_out_rows_are_whole_groups_of_about_the_share():
    groups = np.random.default_rng(1).integers(80, size=1000)
    train, held = hold_out(groups)
    assert sorted([*train, *held]) == list(range(1000))
    assert not set(groups[train]) & set(groups[held])
    assert 150 <= len(held) <= 200
    again = hold_out(groups)[1]
    assert np.array_equal(held, again)
    assert not np.array_equal(held, hold_out(groups, seed=1)[1])


def test_with_a_real_recipe(labelled, small):
    """As `communique train --learning-curve` does it."""
    book = codebook_of(labelled.labels)
    groups = np.array([int(name[1:]) for name in labelled.rows["group"].to_pylist()])
    truth = labelled.codes(book)
    train, held = hold_out(groups, 0.3)
    light = replace(small, classifiers=small.classifiers[:1], folds=2)

    def fit(rows):
        part = Labelled(labelled.rows.take(pa.array(train[rows])))
        return Classifier(fit_model(part, book, light).model).predict_proba(labelled.texts.take(pa.array(held)))

    pool, judged = (Rows(truth[rows], groups[rows]) for rows in (train, held))
    plan = Plan(shares=(0.25, 0.5, 1.0), orders=2, halved=1)
    curve = learning_curve(pool, judged, book.names, book.background, fit, plan, FEW)
    assert [point.rows for point in curve.points] == sorted(point.rows for point in curve.points)
    assert curve.points[-1].macro_f1.value > 0.5
    assert curve.left_out == 0


def _curve(fit, plan: Plan = Plan(), **options) -> Curve:
    return learning_curve(POOL, HELD, LABELS, "none", fit, plan, FEW, **options)


def _difficulty():
    return np.random.default_rng(5).random(600)


def _answer(error):
    """Answers of which just the hardest rows are wrong."""
    wrong = _difficulty() < error
    return np.eye(3)[np.where(wrong, (HELD.truth + 1) % 3, HELD.truth)]


def _by_power_law(floor, scale, exponent):
    return lambda rows: _answer(floor + scale * len(rows) ** -exponent)


def _judged(probability):
    return Judged(HELD.truth, probability.argmax(axis=1), probability, HELD.groups, LABELS, "none")
