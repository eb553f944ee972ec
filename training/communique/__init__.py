"""Stance classifiers for official statements: train, judge and use them.

>>> import communique
>>> model = communique.load("stance")
>>> model.predict(["We are ready for talks without preconditions."])  # doctest: +SKIP
array(['conciliatory'], dtype='<U12')

`load` opens a saved model. Its methods are `classify`, `predict`, `predict_proba` and `decision_function`; none of them
needs scikit-learn. Errors are those of `communique.errors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from communique.inference.prediction import Classifier

__all__ = ["load"]


def load(model: str = "stance") -> Classifier:
    """Open a saved model by name, ``name@version``, or the path of a model folder or file.

    Raises
    ------
    communique.errors.ModelError
        If there is none, if it is of another format, or if it is not plain, undamaged data.
    """
    from communique.inference.prediction import Classifier
    from communique.model import registry

    return Classifier(registry.load(model))
