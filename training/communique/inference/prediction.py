"""Scores, probabilities and labels for texts.

The methods of `Classifier` are named as scikit-learn names them, so it can stand where a fitted pipeline stood.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from communique.errors import ModelIncompatibleError, UsageError
from communique.inference.abstention import Judge, Promise, Sets, sets_for, threshold_for
from communique.inference.familiarity import Familiarity
from communique.model.model import Model
from communique.text.tokens import is_blank, texts_of

Texts: TypeAlias = Any
"""An Arrow string array, plain or chunked, or a sequence of str."""

_BATCH = 4096


@dataclass(frozen=True)
class Options:
    """How much is said of each text.

    ``threshold`` (0..1): below this confidence the row is marked ``abstained``. ``max_error`` (0..1): so it is where
    more than this share of the answers would be wrong; of the two the stricter counts. With either, texts unlike those
    of the training are marked too, and ``reason`` says why. ``coverage`` (0..1): ``labels`` lists those that hold the
    true one in this share of rows. ``top_k``: list that many labels, the most probable first; with a threshold only
    those that reach it. ``evidence``: add the words for and against.
    """

    threshold: float | None = None
    top_k: int | None = None
    evidence: bool = False
    max_error: float | None = None
    coverage: float | None = None

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise UsageError(f"a threshold of {self.threshold:g}", expected="a probability between 0 and 1")
        if self.top_k is not None and self.top_k < 1:
            raise UsageError(f"top-k {self.top_k}", expected="1 or more")


class Classifier:
    """A model at work: made once, asked often, safe to share by threads."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._judges: dict[Options, Judge] = {}

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
        texts = _listed(texts)
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
        """Label texts: for each a dict with ``label``, ``confidence`` and ``scores``, as a row of ``classify`` has.

        A text that is missing or blank gets None for each, as there.
        """
        given = _listed(texts)
        rows = pa.RecordBatch.from_struct_array(self.verdicts(given, options)).to_pylist()
        return [dict.fromkeys(row) if empty else row for row, empty in zip(rows, is_blank(given), strict=True)]

    def verdicts(self, texts: Texts, options: Options = Options()) -> pa.StructArray:
        """Label texts: an Arrow struct a text, with ``label``, ``confidence``, ``scores`` and what the options add.

        A text much longer than those the model learnt from is seen passage by passage.
        """
        texts = texts_of(texts if isinstance(texts, (pa.Array, pa.ChunkedArray)) else list(texts))
        judgement = self.judge(options).judge_rows(texts, self.predict_proba(texts), self.predict_proba)
        return verdicts(judgement.probability, self.labels, options, judgement.columns)

    def is_foreign(self, texts: Texts) -> np.ndarray:
        """Tell which texts are in a language or script that the model has not learnt, bool (n,); not of a few words."""
        texts = _listed(texts)
        if self._familiarity is None:
            return np.zeros(len(texts), bool)
        measured = self._familiarity.measure(texts)
        return np.asarray(
            self._familiarity.is_foreign(measured) & (measured.words >= self._familiarity.profile.shortest)
        )

    def judge(self, options: Options) -> Judge:
        """Find the thresholds that the options ask for.

        Raises
        ------
        ModelIncompatibleError
            If the model keeps no held-out scores to find them with.
        """
        if options not in self._judges:
            bars = [] if options.threshold is None else [options.threshold]
            if options.max_error is not None:
                promised = self.promise(options.max_error).threshold
                bars.append(math.inf if promised is None else promised)
            background = self.model.codebook.background
            self._judges[options] = Judge(
                labels=self.labels,
                background=None if background is None else self.labels.index(background),
                threshold=max(bars, default=None),
                sets=None if options.coverage is None else self.sets(options.coverage),
                familiarity=self._familiarity,
            )
        return self._judges[options]

    def promise(self, max_error: float) -> Promise:
        """Find the confidence from which at most this share of the answers is wrong, and what that is worth."""
        probability, truth, groups = self._held_out
        return threshold_for(probability, truth, max_error, groups=groups)

    def sets(self, coverage: float) -> Sets:
        """Find the bar for sets of labels that hold the true one in this share of rows."""
        probability, truth, _ = self._held_out
        return sets_for(probability, truth, coverage)

    @cached_property
    def _held_out(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if (held := self.model.held_out) is None:
            raise ModelIncompatibleError(
                f"the model {self.model.name} keeps no held-out scores",
                expected="them to find a threshold with",
                remedy="train it again, or give a --min-confidence",
            )
        return softmax(held.scores.astype(np.float64) / self.model.temperature), held.truth, held.groups

    @cached_property
    def _familiarity(self) -> Familiarity | None:
        return None if self.model.profile is None else Familiarity(self.model.profile)


def _listed(texts: Texts) -> pa.Array:
    """Bring texts into one array; a single text is a slip, not many texts of one letter."""
    if isinstance(texts, str):
        raise UsageError("a single text", expected="a list of texts", remedy="write [text]")
    return texts_of(texts if isinstance(texts, (pa.Array, pa.ChunkedArray)) else list(texts))


def softmax(scores: np.ndarray) -> np.ndarray:
    """Turn scores (n, k) into probabilities whose rows sum to 1."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def verdicts(
    probability: np.ndarray, labels: tuple[str, ...], options: Options, more: dict[str, pa.Array]
) -> pa.StructArray:
    """Put probabilities (n, k) into rows: ``label``, ``confidence``, ``scores``, ``top`` if asked for, and more."""
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
    fields |= more
    return pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
