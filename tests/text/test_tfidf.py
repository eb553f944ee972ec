"""The matrix equals scikit-learn's, on any Unicode text."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from communique.errors import CommuniqueError, DataError, UsageError
from communique.text import tokens
from communique.text.counts import Terms
from communique.text.tfidf import Block, fit

SCRIPTS = "".join(
    [
        "aAbBeEiInNsStT'’-–.,!?\"“”« »0123_@#",
        "жЖщё",
        "سلام ًّ",
        "नमस्ते ि",
        "和平会谈　。",
        "🕊️👨‍👩‍👧🇺",
        "é́ß ẞ",
        "İıŞ",
        "ΣσςΑ",
        "\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u2003\u2028\u200b\u3000\ufeff\x00",
    ]
)
words = st.text(st.sampled_from(SCRIPTS), max_size=6)
statements = st.one_of(
    st.lists(words, max_size=8).map(" ".join),
    st.text(max_size=20),
    st.sampled_from(["We will not go to the U.S.; I won’t.", "ΟΔΟΣ ΣΑΣ", "İSTANBUL", "a  b", "  a", "a \n b\n"]),
)
corpora = st.lists(statements, min_size=1, max_size=8)


def sklearns(terms: Terms, **options: object) -> TfidfVectorizer:
    pattern = tokens.PATTERNS.get(terms.tokens, terms.tokens) if terms.analyzer == "word" else None
    return TfidfVectorizer(
        analyzer=terms.analyzer,
        ngram_range=terms.ngrams,
        token_pattern=pattern,
        preprocessor=terms.fold,
        lowercase=False,
        sublinear_tf=options.pop("sublinear", True),
        use_idf=options.pop("idf", True),
        norm="l2" if options.pop("normalise", True) else None,
        **options,
    )


def compare(terms: Terms, fitted_on: list[str], asked: list[str], **options: object) -> None:
    oracle = sklearns(terms, **options)
    try:
        oracle.fit(fitted_on)
    except ValueError:  # an empty vocabulary
        with pytest.raises(CommuniqueError):
            fit([Block(terms, **options)], fitted_on)
        return
    ours = fit([Block(terms, **options)], fitted_on)
    assert ours.blocks[0].vocabulary.terms().to_pylist() == list(oracle.get_feature_names_out())
    for texts in (fitted_on, asked):
        expected = oracle.transform(texts).toarray()
        np.testing.assert_allclose(ours.transform(texts).toarray(), expected, atol=2e-6, rtol=2e-6)


ngrams = st.tuples(st.integers(1, 4), st.integers(0, 3)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@settings(max_examples=150, deadline=None)
@given(
    terms=st.builds(
        Terms,
        analyzer=st.sampled_from(["word", "char_wb", "char"]),
        ngrams=ngrams,
        tokens=st.sampled_from([*tokens.PATTERNS, r"\w+|[^\w\s]", r"[^\W\d]{2,}"]),
        lowercase=st.booleans(),
        typography=st.booleans(),
    ),
    fitted_on=corpora,
    asked=corpora,
    sublinear=st.booleans(),
    idf=st.booleans(),
    normalise=st.booleans(),
)
def test_equals_scikit_learn_on_any_unicode_text(terms, fitted_on, asked, sublinear, idf, normalise):
    compare(terms, fitted_on, asked, sublinear=sublinear, idf=idf, normalise=normalise)


@settings(max_examples=80, deadline=None)
@given(
    analyzer=st.sampled_from(["word", "char_wb", "char"]),
    corpus=st.lists(
        st.lists(st.sampled_from(["not", "we", "U.S.", "peace", "мир", "я"]), max_size=9).map(" ".join),
        min_size=2,
        max_size=9,
    ),
    min_df=st.one_of(st.integers(1, 3), st.sampled_from([0.1, 0.3])),
    max_df=st.sampled_from([1.0, 0.9, 0.6]),
    max_features=st.one_of(st.none(), st.integers(1, 12)),
)
def test_drops_the_terms_that_scikit_learn_drops(analyzer, corpus, min_df, max_df, max_features):
    if isinstance(min_df, int) and max_df * len(corpus) < min_df:
        return
    compare(Terms(analyzer, (1, 3)), corpus, corpus, min_df=min_df, max_df=max_df, max_features=max_features)


def test_default_tokens_keep_what_carries_stance():
    pattern = tokens.pattern_of("stance")
    text = tokens.fold("I won’t go to the U.S. – no, never! “Peace”")
    assert pattern.findall(text) == [
        "i",
        "won't",
        "go",
        "to",
        "the",
        "u.s.",
        "-",
        "no",
        ",",
        "never",
        "!",
        '"',
        "peace",
        '"',
    ]


@pytest.mark.parametrize("text", ["الحُكومة", "नमस्ते", "İstanbul", "çok"])
def test_default_tokens_do_not_break_words_written_with_marks(text):
    assert len(tokens.pattern_of("stance").findall(tokens.fold(text))) == 1


def test_ideographs_are_tokens_of_their_own():
    assert tokens.pattern_of("stance").findall("和平 talks") == ["和", "平", "talks"]


@given(st.lists(st.text(st.sampled_from(SCRIPTS)), max_size=6))
def test_splits_at_white_space_as_str_split(texts):
    words = tokens.split(pa.array(texts, pa.string()))
    split = [words.distinct[code] for code in words.codes]
    assert [split[a:b] for a, b in pairwise(words.offsets)] == [text.split() for text in texts]


def test_every_white_space_of_unicode_splits():
    spaces = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000 and chr(point).isspace()]
    assert len(tokens.split(pa.array([f"a{space}b" for space in spaces])).codes) == 2 * len(spaces)


def test_a_hash_table_finds_what_binary_search_finds(monkeypatch):
    texts = [
        f"we {word} not accept demand {number % 7} of theirs" for number in range(40) for word in ("do", "will", "can")
    ]
    features = fit([Block(Terms("word", (1, 3)), min_df=3)], texts)
    plain = features.transform(texts)
    monkeypatch.setattr("communique.text.vocabulary._MANY", 0)
    assert (features.transform(texts) != plain).nnz == 0


@given(corpora, corpora)
@settings(max_examples=50, deadline=None)
def test_projection_equals_the_matrix_times_the_weights(fitted_on, asked):
    blocks = [
        Block(Terms("word", (1, 2))),
        Block(Terms("char_wb", (2, 4)), scale=0.7),
        Block(Terms("char", (1, 2)), sublinear=False, normalise=False),
    ]
    try:
        features = fit(blocks, fitted_on)
    except DataError:
        return
    weights = np.random.default_rng(0).normal(size=(features.starts[-1], 3)).astype(np.float32)
    expected = features.transform(asked) @ weights
    np.testing.assert_allclose(features.project(pa.array(asked), features.premultiply(weights)), expected, atol=1e-4)


def test_a_row_does_not_depend_on_the_batch_it_is_in():
    texts = [f"we will not accept demand {number % 7} of the other side, never {number}" for number in range(50)]
    features = fit([Block(Terms("word", (1, 2))), Block(Terms("char_wb", (2, 5)))], texts)
    weights = features.premultiply(np.random.default_rng(0).normal(size=(features.starts[-1], 2)).astype(np.float32))
    together = features.project(pa.array(texts), weights)
    alone = np.vstack([features.project(pa.array([text]), weights) for text in texts])
    np.testing.assert_array_equal(together, alone)


def test_the_memory_of_words_stays_bounded(monkeypatch):
    monkeypatch.setattr("communique.text.memory._REMEMBERED", 40)
    texts = [f"word{number} and word{number + 1}" for number in range(60)]
    features = fit([Block(Terms("char_wb", (2, 3)))], texts)
    expected = sklearns(Terms("char_wb", (2, 3))).fit_transform(texts).toarray()
    got = np.vstack([features.transform([text]).toarray() for text in texts])
    np.testing.assert_allclose(got, expected, atol=2e-6)
    assert len("".join(features._counters._memory._rows)) <= 40


@pytest.mark.parametrize("texts", [["\ud800"], [1, 2], [b"\xff"], ["fine", object()]])
def test_what_is_not_text_is_refused(texts):
    with pytest.raises(DataError):
        fit([Block()], texts)


@pytest.mark.parametrize("pattern", ["(", "(a)(b)", "a*", ""])
def test_a_token_pattern_that_cannot_work_is_refused(pattern):
    with pytest.raises(UsageError):
        Terms(tokens=pattern)


def test_no_term_left_is_said():
    with pytest.raises(DataError, match="min_df"):
        fit([Block(min_df=5)], ["one text", "another"])
