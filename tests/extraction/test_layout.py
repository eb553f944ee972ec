"""Paragraphs, sentences and quotations by place."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from communique.extraction.layout import Layout, merge
from communique.extraction.lexicon import load_lexicon
from communique.extraction.titles import titles_of

TITLES = titles_of(load_lexicon("en"))
SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda pair: (pair[0], pair[0] + pair[1])))


def test_sentences_end_at_full_stops_but_not_behind_mr_or_an_initial_or_inside_a_quotation() -> None:
    text = "Mr. A. Weld came. “Go. Now. All.” He left. So did she."
    start = text.index("Go")
    layout = Layout(text, [0], [(start, text.index("”"))], TITLES)
    assert [text[end:].split()[0] for end in layout.sentences] == ["“Go.", "So"]


@given(SPANS)
def test_a_place_is_quoted_if_it_lies_in_any_of_the_spans(spans: list[tuple[int, int]]) -> None:
    layout = Layout("x" * 90, [], spans, TITLES)
    for place in range(90):
        assert layout.is_quoted(place) == any(start <= place < end for start, end in spans)
    merged = merge(spans)
    assert all(before[1] < after[0] for before, after in pairwise(merged))
