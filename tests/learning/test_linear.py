"""Every classifier, reduced to coefficients, says what scikit-learn's says."""

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random
from sklearn.naive_bayes import ComplementNB

from communique.errors import UsageError
from communique.learning import linear
from communique.learning.linear import KINDS, Linear, fit


def problem(k: int, n: int = 120) -> tuple[csr_matrix, np.ndarray]:
    X = csr_matrix(random(n, 40, density=0.2, random_state=1, dtype=np.float64))
    y = np.asarray((X @ np.random.default_rng(2).normal(size=(40, k))).argmax(axis=1))
    return X, y


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("class_weight", ["balanced", "none"])
def test_scores_are_those_of_scikit_learn(kind, k, class_weight):
    X, y = problem(k)
    rule = Linear(kind, 2.0, class_weight)
    ours = fit(rule, X, y, k, seed=5)
    theirs = linear._classifier(rule, len(y), 5)
    weight = {}
    if kind == "bayes" and class_weight == "balanced":
        weight = {"sample_weight": len(y) / (k * np.bincount(y))[y]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs.fit(X, y, **weight)
    if isinstance(theirs, ComplementNB):
        np.testing.assert_allclose(ours.score(X), X @ theirs.feature_log_prob_.T, atol=1e-9)
    elif k == 2:
        scores = ours.score(X)
        np.testing.assert_allclose(scores[:, 1] - scores[:, 0], theirs.decision_function(X), atol=1e-9)
    else:
        np.testing.assert_allclose(ours.score(X), theirs.decision_function(X), atol=1e-9)
    np.testing.assert_array_equal(ours.score(X).argmax(axis=1), theirs.predict(X))


def test_a_ratio_of_zero_changes_nothing_and_a_small_one_little():
    X, y = problem(3)
    plain, same, near = (fit(Linear("svm", 1.0, "none", ratio), X, y, 3, 0).score(X) for ratio in (0.0, 1e-9, 0.01))
    np.testing.assert_allclose(same, plain, atol=0.01)  # the same problem, solved one label at a time
    assert np.abs(near - plain).max() < 0.2


def test_the_ratio_is_the_log_count_ratio_of_naive_bayes():
    X = csr_matrix(np.array([[3.0, 0.0, 1.0], [0.0, 2.0, 1.0]]))
    own = np.array([True, False])
    p, q = np.array([3.1, 0.1, 1.1]), np.array([0.1, 2.1, 1.1])
    r = np.abs(np.log((p / p.sum()) / (q / q.sum())))
    np.testing.assert_allclose(linear._unevenness(X, own), r)
    np.testing.assert_allclose(linear._interpolate(r, 0.3), 0.7 + 0.3 * r / np.sqrt((r**2).mean()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_shared_ratio_is_a_fit_to_weighted_terms(kind):
    X, y = problem(3)
    ours = fit(Linear(kind, 1.0, ratio=0.5, shared=True), X, y, 3, 0)
    weight = linear._interpolate(np.max([linear._unevenness(X, y == label) for label in range(3)], axis=0), 0.5)
    weighted = csr_matrix(X.multiply(weight))
    np.testing.assert_allclose(ours.score(X), fit(Linear(kind, 1.0), weighted, y, 3, 0).score(weighted), atol=1e-8)


@pytest.mark.parametrize(
    "rule",
    [
        Linear("svm"),
        Linear("svm", ratio=0.5),
        Linear("svm", ratio=0.5, shared=True),
        Linear("bayes"),
        Linear("logistic"),
    ],
)
def test_a_label_without_rows_is_never_given(rule):
    X, y = problem(2)
    scores = fit(rule, X, y * 2, 4, 0).score(X)  # labels 0 and 2 of four
    assert set(scores.argmax(axis=1)) <= {0, 2}
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "forest"},
        {"C": 0},
        {"C": -1.0},
        {"class_weight": "heavy"},
        {"ratio": 2.0},
        {"kind": "bayes", "ratio": 0.5},
    ],
)
def test_what_cannot_be_fitted_is_refused(wrong):
    with pytest.raises(UsageError):
        Linear(**wrong)
