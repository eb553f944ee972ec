"""Linear classifiers, each reduced to what they all are in the end: coefficients and intercepts.

scikit-learn fits them; nothing of it is kept. A score matrix is ``X @ coefficients + intercepts``, one column a label.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from communique.errors import UsageError
from communique.fields import check_fields

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Kind = Literal["logistic", "svm", "sgd", "ridge", "bayes", "passive_aggressive"]
ClassWeight = Literal["balanced", "none"]

KINDS: tuple[Kind, ...] = get_args(Kind)

_FAR = 10.0  # how far below all others the score of a label lies that had no row
_SMOOTHING = 0.1  # added to each term's weight in a class before the log-count ratio


@dataclass(frozen=True)
class Linear:
    """One linear classifier and how strongly it is held back.

    Attributes
    ----------
    kind
        ``logistic`` (multinomial), ``svm`` (squared hinge, one label against the rest), ``sgd`` (modified Huber loss,
        by stochastic gradient descent), ``ridge``, ``bayes`` (complement naive Bayes, Rennie et al. 2003) or
        ``passive_aggressive`` (PA-I, Crammer et al. 2006).
    C
        Above 0; the larger, the closer the fit. It is scikit-learn's ``C`` where there is one, else ``1 / alpha``.
    class_weight
        ``balanced`` counts each label's rows as if all labels were equally frequent; ``none`` counts rows as they are.
    ratio
        0 to 1: how far terms are weighted beforehand by how unevenly they fall on a label and on the rest: the absolute
        log-count ratio of naive Bayes, interpolated with 1 (Wang & Manning 2012). Each label then has a classifier of
        its own, so this is for ``svm`` and ``ridge`` only, unless it is shared.
    shared
        Whether a term has one such weight for all labels, the largest of theirs.
    """

    kind: Kind = "svm"
    C: float = 1.0
    class_weight: ClassWeight = "balanced"
    ratio: float = 0.0
    shared: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        if self.kind not in KINDS:
            raise UsageError(f"the classifier {self.kind!r}", expected=f"one of {', '.join(KINDS)}")
        if not self.C > 0:
            raise UsageError(f"C = {self.C} for {self.kind}", expected="a number above 0")
        if self.class_weight not in ("balanced", "none"):
            raise UsageError(f"the class weight {self.class_weight!r}", expected="balanced or none")
        if not 0 <= self.ratio <= 1 or (self.ratio and not self.shared and self.kind not in ("svm", "ridge")):
            raise UsageError(
                f"ratio = {self.ratio} for {self.kind}", expected="0 to 1, and shared = true unless for svm or ridge"
            )


@dataclass(frozen=True)
class Coefficients:
    """A fitted classifier: ``coefficients`` float64 (terms, k) and ``intercepts`` float64 (k,)."""

    coefficients: np.ndarray
    intercepts: np.ndarray

    def score(self, X: csr_matrix) -> np.ndarray:
        """Score rows: float64 (n, k)."""
        return np.asarray(X @ self.coefficients + self.intercepts)


def fit(linear: Linear, X: csr_matrix, y: np.ndarray, k: int, seed: int) -> Coefficients:
    """Fit a classifier to rows ``X`` (n, terms) with label codes ``y`` (n,) in 0..k-1.

    A label that has no row in ``y`` gets no coefficients and an intercept far below the others.
    """
    if linear.ratio and linear.shared:
        uneven = np.max([_unevenness(X, y == label) for label in np.unique(y)], axis=0)
        weight = _interpolate(uneven, linear.ratio)
        fitted = fit(replace(linear, ratio=0.0), _weigh(X, weight), y, k, seed)
        return replace(fitted, coefficients=weight[:, None] * fitted.coefficients)
    if linear.ratio:
        return _fit_each(linear, X, y, k, seed)
    classifier = _classifier(linear, len(y), seed)
    sample_weight = None
    if linear.kind == "bayes" and linear.class_weight == "balanced":
        counts = np.bincount(y, minlength=k)
        sample_weight = len(y) / (np.count_nonzero(counts) * np.maximum(counts, 1))[y]
    with warnings.catch_warnings():
        # A fit stopped at its last iteration is still a model, and cross-validation judges it as it is.
        warnings.filterwarnings("ignore", message=".*(converge|max_iter|lbfgs failed).*")
        classifier.fit(X, y, **({} if sample_weight is None else {"sample_weight": sample_weight}))
    return _reduce(classifier, k)


def _fit_each(linear: Linear, X: csr_matrix, y: np.ndarray, k: int, seed: int) -> Coefficients:
    """Fit each label against the rest, on terms weighted for just that label."""
    plain = replace(linear, ratio=0.0)
    coefficients, intercepts = np.zeros((X.shape[1], k)), np.zeros(k)
    present = np.unique(y)
    for label in present:
        own = y == label
        weight = _interpolate(_unevenness(X, own), linear.ratio)
        one = fit(plain, _weigh(X, weight), own.astype(np.int64), 2, seed)
        coefficients[:, label] = weight * (one.coefficients[:, 1] - one.coefficients[:, 0])
        intercepts[label] = one.intercepts[1] - one.intercepts[0]
    missing = np.setdiff1d(np.arange(k), present)
    intercepts[missing] = intercepts.min() - _FAR
    return Coefficients(coefficients, intercepts)


def _unevenness(X: csr_matrix, own: np.ndarray) -> np.ndarray:
    """Compute the absolute log-count ratio of each term between the rows of a label and the rest: (terms,)."""
    inside = _SMOOTHING + np.asarray(X[own].sum(axis=0)).ravel()
    outside = _SMOOTHING + np.asarray(X[~own].sum(axis=0)).ravel()
    return np.asarray(np.abs(np.log(inside / inside.sum()) - np.log(outside / outside.sum())))


def _interpolate(uneven: np.ndarray, ratio: float) -> np.ndarray:
    """Bring unevenness to a root mean square of 1, and mix it with 1 so that C keeps its meaning."""
    return np.asarray(1 - ratio + ratio * uneven / max(float(np.sqrt(np.mean(uneven**2))), 1e-12))


def _weigh(X: csr_matrix, weight: np.ndarray) -> csr_matrix:
    weighted = X.copy()
    weighted.data = X.data * weight.astype(X.dtype)[X.indices]
    return weighted


def _classifier(linear: Linear, n: int, seed: int) -> Any:
    weight = "balanced" if linear.class_weight == "balanced" else None
    C = linear.C
    if linear.kind == "logistic":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=C, class_weight=weight, max_iter=200, tol=1e-3)
    if linear.kind == "svm":
        from sklearn.svm import LinearSVC

        return LinearSVC(C=C, class_weight=weight, random_state=seed, tol=1e-3)
    if linear.kind == "ridge":
        from sklearn.linear_model import RidgeClassifier

        return RidgeClassifier(alpha=1 / C, class_weight=weight, solver="sparse_cg", tol=1e-3)
    if linear.kind == "bayes":
        from sklearn.naive_bayes import ComplementNB

        return ComplementNB(alpha=1 / C)
    from sklearn.linear_model import SGDClassifier

    if linear.kind == "sgd":
        return SGDClassifier("modified_huber", alpha=1 / (C * n), class_weight=weight, random_state=seed, average=True)
    return SGDClassifier(
        "hinge", penalty=None, learning_rate="pa1", eta0=C, class_weight=weight, random_state=seed, average=True
    )


def _reduce(classifier: Any, k: int) -> Coefficients:
    """Read the coefficients out, a column for each of the ``k`` labels."""
    if hasattr(classifier, "coef_"):
        coefficients, intercepts = np.atleast_2d(classifier.coef_).T, np.atleast_1d(classifier.intercept_)
    else:
        coefficients = classifier.feature_log_prob_.T
        intercepts = np.zeros(coefficients.shape[1])
    present = classifier.classes_
    if (
        len(present) == 2 and coefficients.shape[1] == 1
    ):  # one score for two labels: half for one, half against the other
        coefficients = np.hstack([-coefficients, coefficients]) / 2
        intercepts = np.repeat(intercepts, 2) * [-0.5, 0.5]
    everything = np.zeros((len(coefficients), k))
    everything[:, present] = coefficients
    below = np.full(k, intercepts.min() - _FAR)
    below[present] = intercepts
    return Coefficients(everything, below)
