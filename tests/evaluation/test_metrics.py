import numpy as np
import pyarrow as pa
import pytest
import sklearn.metrics as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from communique.codebook import Codebook, Label
from communique.errors import DataError, UsageError
from communique.evaluation.metrics import (
    BINS,
    Judged,
    Sums,
    count_confusions,
    judged_of,
    score,
    score_labels,
    sum_groups,
    tabulate_reliability,
)

CHECK = settings(deadline=None, max_examples=40)


@st.composite
def judgements(draw, min_labels=1, decided_otherwise=True):
    """Up to 40 rows and 5 labels, some never true, some never predicted; predictions need not be the most probable."""
    n, k = draw(st.integers(1, 40)), draw(st.integers(min_labels, 5))
    truth, predicted = (np.array(draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))) for _ in range(2))
    sharpness = draw(st.sampled_from([0.02, 1.0, 50.0]))
    probability = np.random.default_rng(draw(st.integers(0, 2**32))).dirichlet(np.full(k, sharpness), n)
    groups = np.array(draw(st.lists(st.integers(-3, 6), min_size=n, max_size=n)))
    names = tuple("abcde"[:k])
    return Judged(
        truth=truth,
        predicted=predicted if decided_otherwise and draw(st.booleans()) else probability.argmax(axis=1),
        probability=probability,
        groups=groups,
        labels=names,
        background=draw(st.sampled_from([None, *names])),
    )


@CHECK
@given(judgements(min_labels=2))
def test_counts_and_f1_equal_scikit_learns(judged):
    labels = np.arange(len(judged.labels))
    total = sum_groups(judged).total
    scores, per_label = score(total, judged.stances), score_labels(total)
    answers = judged.truth, judged.predicted

    precision, recall, f1, support = oracle.precision_recall_fscore_support(
        *answers, labels=labels, zero_division=np.nan
    )
    np.testing.assert_allclose(per_label.precision, precision)
    np.testing.assert_allclose(per_label.recall, recall)
    np.testing.assert_allclose(per_label.f1, f1)
    np.testing.assert_array_equal(total.support, support)
    np.testing.assert_array_equal(count_confusions(judged), oracle.confusion_matrix(*answers, labels=labels))
    assert scores.accuracy == pytest.approx(oracle.accuracy_score(*answers))
    assert scores.macro_f1 == pytest.approx(oracle.f1_score(*answers, average="macro"))
    if judged.stances.any():
        stances = oracle.f1_score(*answers, labels=labels[judged.stances], average="macro", zero_division=np.nan)
        assert scores.macro_f1_stances == pytest.approx(stances, nan_ok=True)


@CHECK
@given(judgements())
def test_f1_of_labels_that_all_occur_is_the_same_whatever_scikit_learn_does_with_zero_division(judged):
    if set(judged.truth) == set(range(len(judged.labels))):
        total = sum_groups(judged).total
        expected = oracle.f1_score(judged.truth, judged.predicted, average="macro", zero_division=0)
        assert score(total, judged.stances).macro_f1 == pytest.approx(expected)


@CHECK
@given(judgements())
def test_kappa_equals_scikit_learns_where_more_than_one_label_is_met(judged):
    kappa = score(sum_groups(judged).total, judged.stances).kappa
    if len({*judged.truth, *judged.predicted}) == 1:
        assert np.isnan(kappa)
    else:
        assert kappa == pytest.approx(oracle.cohen_kappa_score(judged.truth, judged.predicted))


@CHECK
@given(judgements(min_labels=2))
def test_log_loss_and_brier_equal_scikit_learns(judged):
    scores = score(sum_groups(judged).total, judged.stances)
    labels = np.arange(len(judged.labels))
    assert scores.log_loss == pytest.approx(oracle.log_loss(judged.truth, judged.probability, labels=labels))
    brier = oracle.brier_score_loss(judged.truth, judged.probability, labels=labels, scale_by_half=False)
    assert scores.brier == pytest.approx(brier, abs=1e-12)


def test_a_certain_error_costs_as_much_as_in_scikit_learn():
    judged = _certain(truth=[0, 1], predicted=[1, 1])
    assert score(sum_groups(judged).total, judged.stances).log_loss == pytest.approx(
        oracle.log_loss(judged.truth, judged.probability)
    )


@CHECK
@given(judgements())
def test_calibration_error_equals_a_plain_loop(judged):
    upper = np.linspace(0, 1, BINS + 1)[1:]
    bins = [[] for _ in upper]
    for confidence, right in zip(judged.confidence, judged.correct, strict=True):
        bins[next(i for i in range(BINS) if confidence <= upper[i] or i == BINS - 1)].append((confidence, right))
    error = 0.0
    for rows in filter(None, bins):
        confidence, accuracy = np.mean(rows, axis=0)
        error += len(rows) / len(judged.truth) * abs(confidence - accuracy)
    assert score(sum_groups(judged).total, judged.stances).ece == pytest.approx(error, abs=1e-12)


@CHECK
@given(judgements())
def test_the_reliability_table_gives_the_calibration_error(judged):
    table = tabulate_reliability(judged)
    filled = table.count > 0
    error = np.average(np.abs(table.confidence - table.accuracy)[filled], weights=table.count[filled])
    assert table.count.sum() == len(judged.truth)
    assert np.isnan(table.accuracy[~filled]).all()
    assert score(sum_groups(judged).total, judged.stances).ece == pytest.approx(error, abs=1e-12)


def test_bins_of_equal_mass_hold_equal_numbers_of_rows():
    probability = np.random.default_rng(0).dirichlet(np.ones(3), 150)
    judged = _judged(np.zeros(150, int), probability)
    cuts = np.array_split(np.sort(judged.confidence), BINS)
    error = sum(
        abs(np.sum(judged.confidence[rows] - judged.correct[rows]))
        for cut in cuts
        for rows in [np.isin(judged.confidence, cut)]
    )
    assert score(sum_groups(judged).total, judged.stances).ece_equal_mass == pytest.approx(error / 150)


@CHECK
@given(judgements(), st.randoms())
def test_no_score_depends_on_the_order_of_rows(judged, random):
    order = np.array(random.sample(range(len(judged.truth)), len(judged.truth)))
    shuffled = Judged(
        judged.truth[order],
        judged.predicted[order],
        judged.probability[order],
        judged.groups[order],
        judged.labels,
        judged.background,
    )
    np.testing.assert_allclose(sum_groups(shuffled).values, sum_groups(judged).values, atol=1e-12)


@CHECK
@given(judgements())
def test_sums_of_groups_add_up_to_the_sums_of_the_file(judged):
    whole = Judged(
        judged.truth,
        judged.predicted,
        judged.probability,
        np.zeros_like(judged.groups),
        judged.labels,
        judged.background,
    )
    groups = sum_groups(judged)
    assert len(groups.values) == len(set(judged.groups))
    np.testing.assert_allclose(groups.total.values, sum_groups(whole).values[0], atol=1e-12)


def test_scores_of_many_sums_are_the_scores_of_each():
    sums = sum_groups(_random(rows=60, groups=8))
    stances = np.array([True, True, False])
    for name in ("accuracy", "macro_f1", "macro_f1_stances", "kappa", "log_loss", "brier", "ece", "ece_equal_mass"):
        at_once = getattr(score(sums, stances), name)
        one_by_one = [getattr(score(Sums(values, sums.k), stances), name) for values in sums.values]
        np.testing.assert_allclose(at_once, one_by_one)


def test_without_a_background_the_stances_are_all_labels():
    judged = _random(rows=60, groups=8)
    scores = score(sum_groups(judged).total, judged.stances)
    assert scores.macro_f1_stances == scores.macro_f1


def test_a_label_that_occurs_nowhere_is_undefined_and_not_counted_as_zero():
    judged = _certain(truth=[0, 1], predicted=[0, 1], labels=3)
    total = sum_groups(judged).total
    assert np.isnan(score_labels(total).f1[2])
    assert score(total, judged.stances).macro_f1 == 1


def test_stances_are_undefined_where_only_the_background_occurs():
    judged = _certain(truth=[0, 0], predicted=[0, 0], background="0")
    assert np.isnan(score(sum_groups(judged).total, judged.stances).macro_f1_stances)


CODEBOOK = Codebook((Label("threat"), Label("offer"), Label("none")), background="none")


def test_labelled_rows_become_codes_groups_and_predictions():
    rows = _labelled(["offer", "none", "offer", "threat"], ["x", None, "y", "x"])
    probability = np.array([[0.1, 0.8, 0.1], [0.2, 0.3, 0.5], [0.5, 0.4, 0.1], [0.4, 0.3, 0.3]], np.float32)
    judged = judged_of(pa.concat_tables([rows.slice(0, 2), rows.slice(2)]), probability, CODEBOOK)
    assert judged.truth.tolist() == [1, 2, 1, 0]
    assert judged.predicted.tolist() == [1, 2, 0, 0]
    assert judged.stances.tolist() == [True, True, False]
    assert judged.groups[0] == judged.groups[3]
    assert len(set(judged.groups.tolist())) == 3


@pytest.mark.parametrize("keep", [["id", "text", "label"], ["id", "text", "label", "group"]])
def test_rows_without_a_group_stand_alone(keep):
    rows = _labelled(["offer", "none", "offer"], [None, None, None]).select(keep)
    judged = judged_of(rows, np.full((3, 3), 1 / 3), CODEBOOK)
    assert len(set(judged.groups.tolist())) == 3


@pytest.mark.parametrize(("label", "said"), [("thraet", "the label 'thraet'"), (None, "no label"), ("", "no label")])
def test_a_label_the_codebook_lacks_is_named_with_its_row(label, said):
    with pytest.raises(DataError, match=f"the statement 2 has {said}; expected one of threat, offer, none"):
        judged_of(_labelled(["offer", label], ["x", "x"]), np.full((2, 3), 1 / 3), CODEBOOK)


def test_no_rows_are_refused():
    with pytest.raises(DataError, match="no labelled rows"):
        judged_of(_labelled([], []), np.empty((0, 3)), CODEBOOK)


@pytest.mark.parametrize(
    "probability",
    [
        np.full((2, 2), 0.5),
        np.full((3, 3), 1 / 3),
        np.full((2, 3), 0.5),
        np.full((2, 3), np.nan),
        np.array([[1.5, -0.5, 0], [0, 0, 1]]),
    ],
    ids=["a label short", "a row too many", "no distribution", "NaN", "negative"],
)
def test_probabilities_that_do_not_fit_are_refused(probability):
    with pytest.raises(UsageError, match="expected"):
        judged_of(_labelled(["offer", "none"], ["x", "y"]), probability, CODEBOOK)


@pytest.mark.parametrize(
    "wrong", [{"predicted": np.array([0, 3])}, {"truth": np.array([-1, 0])}, {"groups": np.array([0])}]
)
def test_codes_that_do_not_fit_are_refused(wrong):
    right = {"truth": np.array([0, 1]), "predicted": np.array([0, 1]), "groups": np.array([0, 1])}
    with pytest.raises(UsageError, match="expected"):
        Judged(**{**right, **wrong}, probability=np.full((2, 3), 1 / 3), labels=("a", "b", "c"))


def _judged(truth, probability, groups=None):
    groups = np.arange(len(truth)) if groups is None else groups
    labels = tuple(map(str, range(probability.shape[1])))
    return Judged(truth, probability.argmax(axis=1), probability, groups, labels)


def _random(rows, groups):
    generator = np.random.default_rng(1)
    return _judged(
        generator.integers(3, size=rows), generator.dirichlet(np.ones(3), rows), generator.integers(groups, size=rows)
    )


def _certain(truth, predicted, labels=2, background=None):
    names = tuple(map(str, range(labels)))
    probability = np.eye(labels)[predicted]
    return Judged(np.array(truth), np.array(predicted), probability, np.arange(len(truth)), names, background)


def _labelled(labels, groups):
    return pa.table(
        {
            "id": pa.array([str(i + 1) for i in range(len(labels))], pa.string()),
            "text": pa.array([""] * len(labels), pa.string()),
            "label": pa.array(labels, pa.string()),
            "group": pa.array(groups, pa.string()),
        }
    )
