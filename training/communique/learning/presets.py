"""The presets: recipes that are good without thought."""

from __future__ import annotations

from communique.errors import UsageError
from communique.learning.linear import Linear
from communique.learning.recipe import Recipe
from communique.text.counts import Terms
from communique.text.tfidf import Block

_WORDS = Block(Terms("word", (1, 2)), min_df=2)
_CHARACTERS = Block(Terms("char_wb", (2, 5)), min_df=2)

# Cross-validated on a dozen short-text tasks, weighting terms by their log-count ratio was the one change that helped
# nearly everywhere; changes of n-gram lengths, tokens and idf were noise. Where it does not help, the plain one wins.
_EACH = Linear("svm", 0.15, ratio=0.5)
_SHARED = Linear("svm", 0.15, ratio=0.5, shared=True)
_PLAIN = Linear("svm", 0.3)

PRESETS = {
    "fast": Recipe("fast", ((_WORDS, _CHARACTERS),), ((_SHARED,),), folds=3),
    "balanced": Recipe(
        "balanced",
        ((_WORDS, _CHARACTERS),),
        ((_EACH, _SHARED), (_SHARED,), (_EACH,), (_PLAIN,), (_EACH, _SHARED, Linear("bayes", 10.0))),
    ),
    "thorough": Recipe(
        "thorough",
        ((_WORDS, _CHARACTERS), (_WORDS, Block(Terms("char_wb", (2, 6)), min_df=2))),
        ((_EACH, _SHARED), (_SHARED,), (_EACH,), (_PLAIN,), (_EACH, _SHARED, Linear("bayes", 10.0))),
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
