"""Long texts: cut into passages of whole sentences, and what the passages say put together.

A model of short statements sees in a long text mostly its background: among three neutral statements a fourth with a
stance is found half the time, among six hardly ever. Cut into passages and judged one by one it is found three times in
four, whatever the length.
"""

from __future__ import annotations

import re

import numpy as np

from communique.text.tokens import pattern_of

_WORDS = pattern_of("words")
# A full stop, closing quotes or brackets, and a space; the marks of scripts that put no space behind; a line's end.
# Before a small letter none of them ends a sentence. An abbreviation may seem to: passages are longer than that.
_END = re.compile(r"""(?:[.!?…؟।]+["'”’»)\]]*\s+|[。！？]+[”’」』）]*\s*|\s*\n\s*)(?![a-z])""")


def cut(text: str, least: int) -> list[str]:
    """Cut a text after sentences, so that each passage has ``least`` words or more; together they are the text."""
    passages: list[str] = []
    begin = place = words = 0
    for end in (*(match.end() for match in _END.finditer(text)), len(text)):
        words += len(_WORDS.findall(text, place, end))
        place = end
        if words >= least:
            passages.append(text[begin:end])
            begin, words = end, 0
    if begin < len(text):
        passages[-1:] = ["".join([*passages[-1:], text[begin:]])]
    return passages


def sum_up(probability: np.ndarray, background: int | None) -> np.ndarray:
    """Sum up the passages' probabilities (m, k) to the text's (k,).

    The passage that is least likely background speaks for the text, as the codebook has it ("the main act decides");
    where no label is background, the passages' mean.
    """
    if background is None:
        return np.asarray(probability.mean(axis=0))
    return np.asarray(probability[probability[:, background].argmin()])
