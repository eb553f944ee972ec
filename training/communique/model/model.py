"""The fitted model: frozen arrays and a codebook.

A text's score for a label is the sum, over its terms, of term frequency times ``weights``, each block divided by the
length of the text's vector there, plus the label's intercept. Divided by the temperature and sent through a softmax the
scores are calibrated probabilities (Guo et al. 2017).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from communique.codebook import Codebook
from communique.errors import CommuniqueError, ModelIncompatibleError
from communique.model.profile import Profile
from communique.text.counts import Terms
from communique.text.tfidf import Block, Features, FittedBlock
from communique.text.vocabulary import Vocabulary

Tree = dict[str, Any]


@dataclass(frozen=True)
class HeldOut:
    """What the model's recipe said of its own training rows when they were held out of the fit, fold by fold.

    ``scores`` float32 (n, k): decision values before the temperature; ``truth`` int32 (n,): label codes. They are the
    ground on which thresholds stand. ``groups`` int32 (n,): rows that no fold parted, and that may err together.
    """

    scores: np.ndarray
    truth: np.ndarray
    groups: np.ndarray


@dataclass(frozen=True)
class Model:
    """Everything a prediction needs, and where it came from.

    Attributes
    ----------
    name
        What it is called.
    codebook
        Its labels, in the order of every ``k`` below.
    features
        The blocks of terms.
    weights
        float32 (terms, k): each term's coefficient times its idf, what one unit of term frequency is worth.
    intercepts
        float64 (k,).
    temperature
        Above 0: what scores are divided by before the softmax.
    recipe
        How it was made, as plain values.
    held_out
        The out-of-fold scores of its training rows, if they were kept.
    profile
        What is usual in its training texts, if it was kept.
    """

    name: str
    codebook: Codebook
    features: Features
    weights: np.ndarray
    intercepts: np.ndarray
    temperature: float
    recipe: Tree
    held_out: HeldOut | None = None
    profile: Profile | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The label names, in the order of the score columns."""
        return self.codebook.names

    def to_tree(self) -> Tree:
        """Lay the model out as the tree of plain values and arrays that a model file holds."""
        return {
            "name": self.name,
            "codebook": self.codebook.to_dict(),
            "recipe": self.recipe,
            "blocks": [_block_tree(block) for block in self.features.blocks],
            "weights": self.weights,
            "intercepts": self.intercepts,
            "temperature": self.temperature,
            "held_out": None
            if self.held_out is None
            else {"scores": self.held_out.scores, "truth": self.held_out.truth, "groups": self.held_out.groups},
            "profile": None if self.profile is None else self.profile.to_dict(),
        }


def model_of(tree: Tree) -> Model:
    """Build the model that `Model.to_tree` laid out.

    Raises
    ------
    ModelIncompatibleError
        If parts are missing or do not fit each other: whatever the file says, no index leads outside its array.
    """
    try:
        codebook = Codebook.from_dict(tree["codebook"])
        features = Features(tuple(_block_of(block) for block in tree["blocks"]))
        held_out, profile = tree["held_out"], tree["profile"]
        model = Model(
            name=str(tree["name"]),
            codebook=codebook,
            features=features,
            weights=_array(tree["weights"], np.float32, (features.starts[-1], len(codebook.labels))),
            intercepts=_array(tree["intercepts"], np.float64, (len(codebook.labels),)),
            temperature=float(tree["temperature"]),
            recipe=dict(tree["recipe"]),
            held_out=None
            if held_out is None
            else HeldOut(
                _array(held_out["scores"], np.float32, (len(held_out["truth"]), len(codebook.labels))),
                _array(held_out["truth"], np.int32, (len(held_out["scores"]),)),
                _array(held_out["groups"], np.int32, (len(held_out["scores"]),)),
            ),
            profile=None if profile is None else Profile.from_dict(dict(profile)),
        )
        _check(0 < model.temperature < np.inf, "a temperature that is not finite and above zero")
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError) as problem:
        raise ModelIncompatibleError(
            f"a model file with parts that do not fit ({type(problem).__name__}: {problem})",
            remedy="train the model again",
        ) from problem
    except CommuniqueError as problem:
        raise ModelIncompatibleError(f"a model file with {problem}", remedy="train the model again") from problem
    return model


def _block_tree(block: FittedBlock) -> Tree:
    rule, vocabulary = block.block, block.vocabulary
    plain = asdict(rule)
    plain["terms"]["ngrams"] = list(rule.terms.ngrams)
    units = pa.concat_arrays([vocabulary.units])  # a compact copy: its offsets begin at 0
    size = units.buffers()[1]
    offsets = (
        np.frombuffer(size, np.int32)[units.offset : units.offset + len(units) + 1]
        if len(units)
        else np.zeros(1, np.int32)
    )
    data = units.buffers()[2]
    letters = np.frombuffer(data, np.uint8)[: offsets[-1]] if data is not None else np.zeros(0, np.uint8)
    return {
        "rule": plain,
        "units": {"letters": letters[offsets[0] :].copy(), "offsets": offsets - offsets[0]},
        "keys": list(vocabulary.keys),
        "columns": list(vocabulary.columns),
        "idf": block.idf,
    }


def _block_of(tree: Tree) -> FittedBlock:
    plain = dict(tree["rule"])
    terms = dict(plain.pop("terms"))
    terms["ngrams"] = tuple(terms["ngrams"])
    rule = Block(terms=Terms(**terms), **plain)
    units = _strings(tree["units"]["letters"], tree["units"]["offsets"])
    _check(rule.terms.analyzer == "word" or all(len(unit) == 1 for unit in units.to_pylist()), "units of characters")
    columns = tuple(_array(level, np.int32) for level in tree["columns"])
    keys = tuple(_array(level, np.int64) for level in tree["keys"])
    idf = _array(tree["idf"], np.float32)
    _check(len(columns) == len(keys) + 1 == rule.terms.ngrams[1], "levels of n-grams")
    _check([len(level) for level in columns] == [len(units), *map(len, keys)], "n-gram nodes")
    numbered = np.concatenate([level[level >= 0] for level in columns])
    _check(np.array_equal(np.sort(numbered), np.arange(len(idf))), "columns of terms")
    for level, parents in zip(keys, columns, strict=False):
        _check(bool((np.diff(level) > 0).all()), "n-gram keys out of order")
        _check(not len(level) or 0 <= level[0] <= level[-1] < len(parents) * len(units), "n-gram keys out of range")
    joiner, whole = rule.terms.joiner, rule.terms.whole
    return FittedBlock(rule, Vocabulary(units, joiner, rule.terms.ngrams, keys, columns, whole), idf)


def _strings(letters: np.ndarray, offsets: np.ndarray) -> pa.Array:
    letters, offsets = _array(letters, np.uint8), _array(offsets, np.int32)
    _check(len(offsets) > 0 and offsets[0] == 0 and offsets[-1] == len(letters), "offsets of units")
    _check(bool((np.diff(offsets) >= 0).all()), "offsets of units out of order")
    strings = pa.StringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(np.ascontiguousarray(letters))
    )
    strings.validate(full=True)
    return strings


def _array(value: object, dtype: type[np.generic], shape: tuple[int, ...] | None = None) -> np.ndarray:
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{type(value).__name__} where an array was expected")
    _check(value.dtype == dtype, f"an array of {value.dtype} where {np.dtype(dtype)} was expected")
    _check(value.shape == shape if shape is not None else value.ndim == 1, f"an array of shape {value.shape}")
    _check(value.dtype.kind != "f" or bool(np.isfinite(value).all()), "an array with numbers that are not finite")
    return value


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)
