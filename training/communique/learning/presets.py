"""The presets: recipes that are good without thought."""

from __future__ import annotations

from communique.errors import UsageError
from communique.learning.linear import Linear
from communique.learning.recipe import Recipe
from communique.text.counts import Terms
from communique.text.tfidf import Block

_WORDS = Block(Terms("word", (1, 2)))
_CHARACTERS = Block(Terms("char_wb", (2, 5)))

PRESETS = {
    "fast": Recipe("fast", ((_WORDS, _CHARACTERS),), ((Linear("svm", 0.3),),), folds=3),
    "balanced": Recipe(
        "balanced",
        ((_WORDS, _CHARACTERS),),
        (
            (Linear("svm", 0.1),),
            (Linear("svm", 0.3),),
            (Linear("svm", 0.1, ratio=0.25),),
            (Linear("svm", 0.3, ratio=0.25),),
            (Linear("svm", 0.3, ratio=0.5),),
            (Linear("svm", 0.3, ratio=0.5),Linear("bayes", 10)),
            (Linear("svm", 0.3), Linear("svm", 0.3, ratio=0.25)),
            (Linear("svm", 0.3), Linear("svm", 0.3, ratio=0.25), Linear("bayes", 10)),
        ),
    ),
    "thorough": Recipe(
        "thorough",
        ((_WORDS, _CHARACTERS),),
        (
            (Linear("svm", 0.1),),
            (Linear("svm", 0.3),),
            (Linear("svm", 1.0),),
        ),
    ),
}


def preset(name: str) -> Recipe:
    """Return a preset by its name.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise UsageError(f"the preset {name!r}", expected=", ".join(PRESETS)) from None
