from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.inference.passages import cut, sum_up


@given(st.text(st.sampled_from('ab C.!?。\n") ؟')), st.integers(1, 6))
def test_passages_together_are_the_text_and_none_but_a_lone_one_is_short(text, least):
    passages = cut(text, least)
    assert "".join(passages) == text
    assert all(passages)
    if len(passages) > 1:
        assert all(len(passage.split()) and sum(map(str.isalpha, passage)) >= least for passage in passages)


@pytest.mark.parametrize(
    ("text", "passages"),
    [
        ("We talk. They do not. So be it.", ["We talk. ", "They do not. ", "So be it."]),
        ('He said "We talk." They left.', ['He said "We talk." ', "They left."]),
        ("It rose by 2.5 per cent. We thank you!", ["It rose by 2.5 per cent. ", "We thank you!"]),
        ("the treaty of art. two is void. We left.", ["the treaty of art. two is void. ", "We left."]),
        ("Noting this,\n\nNoting that,\n\nDecides", ["Noting this,\n\n", "Noting that,\n\n", "Decides"]),
        ("我们反对。你们同意。", ["我们反对。", "你们同意。"]),
        ("no end in sight", ["no end in sight"]),
        ("", []),
    ],
)
def test_a_text_is_cut_after_sentences(text, passages):
    assert cut(text, 1) == passages


def test_short_sentences_join_the_next_and_the_rest_joins_the_last():
    text = "No. Never. We will not leave the river. Good day. Thank you."
    assert cut(text, 5) == ["No. Never. We will not leave the river. Good day. Thank you."]
    assert cut(text, 4) == ["No. Never. We will not leave the river. ", "Good day. Thank you."]


def test_the_passage_least_likely_background_speaks_for_the_text():
    probability = np.array([[0.1, 0.1, 0.8], [0.6, 0.3, 0.1], [0.2, 0.6, 0.2]])
    assert sum_up(probability, 2).tolist() == [0.6, 0.3, 0.1]
    assert sum_up(probability, None) == pytest.approx(probability.mean(axis=0))
