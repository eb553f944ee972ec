"""Scores, probabilities and labels for texts.

The methods of `Classifier` are named as scikit-learn names them, so it can stand where a fitted pipeline stood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from communique.errors import UsageError
from communique.model.model import Model
from communique.text.tokens import texts_of

Texts: TypeAlias = Any
"""An Arrow string array, plain or chunked, or a sequence of str."""

_BATCH = 4096


@dataclass(frozen=True)
class Options:
    """How much is said of each text.

    ``threshold`` (0..1): below this confidence the row is marked ``abstained``. ``top_k``: list that many labels, the
    most probable first; with a threshold only those that reach it. ``evidence``: add the words for and against.
    """

    threshold: float | None = None
    top_k: int | None = None
    evidence: bool = False

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise UsageError(f"a threshold of {self.threshold:g}", expected="a probability between 0 and 1")
        if self.top_k is not None and self.top_k < 1:
            raise UsageError(f"top-k {self.top_k}", expected="1 or more")


class Classifier:
    """A model at work: made once, asked often, safe to share by threads."""

    def __init__(self, model: Model) -> None:
        self.model = model

    @property
    def labels(self) -> tuple[str, ...]:
        """The label names, in the order of the score columns."""
        return self.model.labels

    def decision_function(self, texts: Texts) -> np.ndarray:
        """Score texts: float64 (n, k), one column a label, before temperature and softmax.

        Raises
        ------
        DataError
            If a text is not valid Unicode or not text.
        """
        texts = texts_of(texts if isinstance(texts, (pa.Array, pa.ChunkedArray)) else list(texts))
        features, weights = self.model.features, self.model.weights
        scores = np.empty((len(texts), len(self.labels)))
        for start in range(0, len(texts), _BATCH):
            batch = texts.slice(start, _BATCH)
            scores[start : start + len(batch)] = features.project(batch, weights)
        return np.asarray(scores + self.model.intercepts)

    def predict_proba(self, texts: Texts) -> np.ndarray:
        """Give each text's probability of each label: float64 (n, k), rows sum to 1."""
        return softmax(self.decision_function(texts) / self.model.temperature)

    def predict(self, texts: Texts) -> np.ndarray:
        """Name the most probable label of each text: (n,) strings."""
        return np.asarray(np.array(self.labels)[self.decision_function(texts).argmax(axis=1)])

    def classify(self, texts: Texts, options: Options = Options()) -> list[dict[str, Any]]:
        """Label texts: for each a dict with ``label``, ``confidence`` and ``scores``, as a row of ``classify`` has."""
        return list(pa.RecordBatch.from_struct_array(self.verdicts(texts, options)).to_pylist())

    def verdicts(self, texts: Texts, options: Options = Options()) -> pa.StructArray:
        """Label texts: an Arrow struct a text with the fields of `verdict_type`."""
        return verdicts(self.predict_proba(texts), self.labels, options)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Turn scores (n, k) into probabilities whose rows sum to 1."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def verdicts(probability: np.ndarray, labels: tuple[str, ...], options: Options) -> pa.StructArray:
    """Put probabilities (n, k) into rows: ``label``, ``confidence``, ``scores`` and what the options add."""
    best = probability.argmax(axis=1)
    confidence = probability[np.arange(len(best)), best]
    names = pa.array(labels, pa.string())
    fields: dict[str, pa.Array] = {
        "label": names.take(pa.array(best)),
        "confidence": pa.array(confidence),
        "scores": pa.StructArray.from_arrays([pa.array(column) for column in probability.T], names=list(labels)),
    }
    if options.top_k is not None:
        order = np.argsort(-probability, axis=1, kind="stable")[:, : options.top_k]
        listed = np.take_along_axis(probability, order, axis=1)
        reached = listed >= (options.threshold or 0.0)
        offsets = np.concatenate([[0], np.cumsum(reached.sum(axis=1))]).astype(np.int32)
        entries = pa.StructArray.from_arrays(
            [names.take(pa.array(order[reached])), pa.array(listed[reached])], names=["label", "confidence"]
        )
        fields["top"] = pa.ListArray.from_arrays(pa.array(offsets), entries)
    if options.threshold is not None:
        fields["abstained"] = pa.array(confidence < options.threshold)
    return pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
