"""The presets: recipes that are good without thought."""

from __future__ import annotations

from communique.errors import UsageError
from communique.learning.linear import Linear
from communique.learning.recipe import Recipe
from communique.text.counts import Terms
from communique.text.tfidf import Block

_WORDS = Block(Terms("word", (1, 2)), min_df=2)
_PHRASES = Block(Terms("word", (1, 3)), min_df=2)
_CHARACTERS = Block(Terms("char_wb", (2, 5)), min_df=2)
_LONGER = Block(Terms("char_wb", (3, 6)), min_df=2)

# Cross-validated on a dozen short-text tasks, weighting terms by their log-count ratio was the one change that helped
# nearly everywhere, by two points; an average of weights for each label and shared ones was the steadiest. Changes of
# n-gram lengths, tokens, tf and idf moved single tasks only. Where none of it helps, the plain one wins.
_EACH = Linear("svm", 0.15, ratio=0.5)
_SHARED = Linear("svm", 0.15, ratio=0.5, shared=True)
_PLAIN = Linear("svm", 0.3)
_BAYES = Linear("bayes", 10.0)
_CHOICES = ((_EACH, _SHARED), (_SHARED,), (_EACH,), (_PLAIN,), (_EACH, _SHARED, _BAYES))

PRESETS = {
    "fast": Recipe("fast", ((_WORDS, _CHARACTERS),), ((_SHARED,),), folds=3),
    "balanced": Recipe("balanced", ((_WORDS, _CHARACTERS), (_PHRASES, _LONGER)), _CHOICES),
    "thorough": Recipe(
        "thorough",
        (
            (_WORDS, _CHARACTERS),
            (_PHRASES, _LONGER),
            (_WORDS, _CHARACTERS, Block(Terms("char", (3, 6)), min_df=2)),
            (Block(Terms("word", (1, 2), tokens="words"), min_df=2), _CHARACTERS),
            (Block(Terms("word", (1, 2), lowercase=False), min_df=2), _CHARACTERS),
            (Block(Terms("word", (1, 2))), Block(Terms("char_wb", (2, 6)))),
            (
                Block(Terms("word", (1, 2)), sublinear=False, min_df=2),
                Block(Terms("char_wb", (2, 5)), scale=0.7, min_df=2),
            ),
            (Block(Terms("word", (1, 2)), idf=False, min_df=2), Block(Terms("char_wb", (2, 5)), idf=False, min_df=2)),
        ),
        (
            *_CHOICES,
            (Linear("ridge", 1.0, ratio=0.5),),
            (_EACH, _SHARED, Linear("ridge", 1.0, ratio=0.5)),
            (Linear("svm", 0.5, ratio=0.5), Linear("svm", 0.5, ratio=0.5, shared=True)),
            (Linear("svm", 0.05, ratio=0.5), Linear("svm", 0.05, ratio=0.5, shared=True)),
        ),
        repeats=2,
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
