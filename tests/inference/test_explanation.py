"""What words weigh adds up to the margin, stands where it says, and is what a naive count by hand gives."""

import bisect
import gc
import json
import math
import re
import weakref
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from communique.codebook import codebook_of
from communique.corpus.source import read_texts
from communique.errors import DataError, UsageError
from communique.inference import explanation
from communique.inference.bulk import answer
from communique.inference.explanation import Explainer, evidence_column, explain, explanations, top_phrases
from communique.inference.prediction import Classifier, Options
from communique.model.model import Model
from communique.text import tokens
from communique.text.counts import Terms
from communique.text.tfidf import Block, fit

LABELS = ("deny", "lower", "none", "raise")
SCRIPTS = "".join(
    [
        "aAbBeEiInNsStT'’-–—.,:!?\"“”« »0123_@#/&",
        "жЖщё",
        "سلام ًّ",
        "नमस्ते ि",
        "和平会谈　。",
        "🕊️👨‍👩‍👧🇺",
        "é́ß ẞ",
        "İıŞ…",
        "ΣσςΑ",
        "\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u2003\u2028\u200b\u3000\ufeff\x00",
    ]
)
words = st.text(st.sampled_from(SCRIPTS), max_size=6)
statements = st.one_of(
    st.lists(words, max_size=8).map(" ".join),
    st.text(max_size=20),
    st.lists(
        st.sampled_from(["not", "Not", "İSTANBUL,", "U.S.", "I won’t…", "ΟΔΟΣ", " \t", "和平", "not"]), max_size=9
    ).map(" ".join),
)
corpora = st.lists(statements, min_size=1, max_size=6)
ngrams = st.tuples(st.integers(1, 4), st.integers(0, 3)).map(lambda pair: (pair[0], pair[0] + pair[1]))
blocks = st.builds(
    Block,
    st.builds(
        Terms,
        analyzer=st.sampled_from(["word", "char_wb", "char"]),
        ngrams=ngrams,
        tokens=st.sampled_from([*tokens.PATTERNS, r"[^\W\d]{2,}", r"\S+", r"(?=a)|b"]),
        lowercase=st.booleans(),
        typography=st.booleans(),
    ),
    sublinear=st.booleans(),
    normalise=st.booleans(),
    scale=st.sampled_from([1.0, 0.25, 3.0]),
)


def classifier(rules: list[Block], texts: list[str], seed: int = 0, labels: tuple[str, ...] = LABELS) -> Classifier:
    """A model of these features with weights drawn at random."""
    features, chance = fit(rules, texts), np.random.default_rng(seed)
    weights = features.premultiply(chance.normal(size=(features.starts[-1], len(labels)))).astype(np.float32)
    return Classifier(Model("m", codebook_of(labels), features, weights, chance.normal(size=len(labels)), 0.7, {}))


def scores(model: Model, texts: list[str]) -> np.ndarray:
    """The decision values, from scikit-learn's counts, in 64 bits."""
    total = np.tile(model.intercepts, (len(texts), 1))
    for block, start in zip(model.features.blocks, model.features.starts, strict=False):
        terms, size = block.block.terms, len(block.idf)
        counter = CountVectorizer(
            analyzer=terms.analyzer,
            ngram_range=terms.ngrams,
            token_pattern=tokens.PATTERNS.get(terms.tokens, terms.tokens) if terms.analyzer == "word" else None,
            preprocessor=terms.fold,
            lowercase=False,
            vocabulary=block.vocabulary.terms().to_pylist(),
        )
        counts = counter.transform(texts).toarray().astype(np.float64)
        tf = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0) if block.block.sublinear else counts
        length = np.linalg.norm(tf * block.idf.astype(np.float64), axis=1, keepdims=True)
        length = np.where((length > 0) & block.block.normalise, length, 1)
        total += block.block.scale * (tf @ model.weights[start : start + size].astype(np.float64)) / length
    return total


def units(terms: Terms, text: str) -> list[list[tuple[str, int, int]]]:
    """The sequences of units of a text: each unit's spelling, first and last character."""

    def spell(piece: str, start: int) -> list[tuple[str, int, int]]:
        origins = [start + place for place, character in enumerate(piece) for _ in terms.fold(character)]
        return [(unit, at, at) for unit, at in zip(terms.fold(piece), origins, strict=True)]

    if terms.analyzer == "char":
        collapsed: list[tuple[str, int, int]] = []
        for unit in spell(text, 0):
            if unit[0].isspace() and collapsed and collapsed[-1][0].isspace():
                collapsed[-1] = (" ", *collapsed[-1][1:])
            else:
                collapsed.append(unit)
        return [collapsed]
    chunks = [(found.start(), spell(found[0], found.start())) for found in re.finditer(r"\S+", text)]
    if terms.analyzer == "char_wb":
        return [[(" ", start, start), *chunk, (" ", chunk[-1][2], chunk[-1][2])] for start, chunk in chunks]
    found = []
    for _, chunk in chunks:
        for token in tokens.pattern_of(terms.tokens).finditer("".join(unit for unit, _, _ in chunk)):
            first = min(token.start(), len(chunk) - 1)
            found.append((token[0], chunk[first][1], chunk[max(token.end() - 1, first)][2]))
    return [found]


def by_hand(model: Model, text: str, label: int, other: int) -> list[float]:
    """What each word of a text weighs, one occurrence, one unit, one character at a time."""
    ends = [end for _, end in spans(text)]
    weighed = [0.0] * len(ends)
    for block, start in zip(model.features.blocks, model.features.starts, strict=False):
        terms = block.block.terms
        column = {term: place for place, term in enumerate(block.vocabulary.terms().to_pylist())}
        found = []
        for sequence in units(terms, text):
            for size in range(1, terms.ngrams[1] + 1):
                entire = terms.analyzer == "char_wb" and size == len(sequence)
                for first in range(len(sequence) - size + 1 if size >= terms.ngrams[0] or entire else 0):
                    gram = sequence[first : first + size]
                    term = (" " if terms.analyzer == "word" else "").join(unit[0] for unit in gram)
                    if term in column:
                        found.append((term, gram))
        counts = Counter(term for term, _ in found)
        tf = {term: 1 + math.log(count) if block.block.sublinear else count for term, count in counts.items()}
        length = math.sqrt(sum((tf[term] * float(block.idf[column[term]])) ** 2 for term in tf))
        for term, gram in found:
            weights = model.weights[start + column[term]].astype(float)
            share = (weights[label] - weights[other]) * tf[term] / counts[term] / len(gram) * block.block.scale
            for _, first, last in gram:
                for place in range(first, last + 1):
                    word = min(bisect.bisect_right(ends, place), len(ends) - 1)
                    weighed[word] += share / (last + 1 - first) / (length if block.block.normalise else 1)
    return weighed


def spans(text: str) -> list[tuple[int, int]]:
    return [found.span() for found in explanation._WORD.finditer(text)] or [(0, len(text))] * bool(text)


@settings(max_examples=100, deadline=None)
@given(rules=st.lists(blocks, min_size=1, max_size=3), fitted_on=corpora, asked=corpora, seed=st.integers(0, 9))
def test_evidence_is_exact_on_any_unicode_text(rules, fitted_on, asked, seed):
    try:
        model = classifier(rules, fitted_on, seed)
    except DataError:  # no terms
        return
    texts = fitted_on + asked
    for text, ours, exact, quick in zip(
        texts, explain(model, texts), scores(model.model, texts), model.decision_function(texts), strict=True
    ):
        label, other = LABELS.index(ours.label), LABELS.index(ours.runner_up)
        assert label != other
        assert ours.label == model.predict([text])[0]
        assert ours.intercept == model.model.intercepts[label] - model.model.intercepts[other]
        assert ours.intercept + sum(word.weight for word in ours.evidence) == pytest.approx(ours.margin, abs=1e-6)
        assert ours.margin == pytest.approx(exact[label] - exact[other], abs=1e-6)
        assert ours.margin == pytest.approx(quick[label] - quick[other], abs=1e-4, rel=1e-4)
        assert all(text[word.start : word.end] == word.text != "" for word in ours.evidence)
        assert all(one.end <= next_one.start for one, next_one in pairwise(ours.evidence))
        weights = {(word.start, word.end): word.weight for word in ours.evidence}
        for span, weight in zip(spans(text), by_hand(model.model, text, label, other), strict=True):
            assert weights.pop(span, 0) == pytest.approx(weight, abs=1e-9)
        assert not weights


@pytest.fixture(scope="module")
def ours(trained) -> Classifier:
    return Classifier(trained.model)


TEXTS = [
    "Any attack will be answered with force. Attack!",
    "We are ready for talks—and the claim is “false”.",
    "",
    " \n",
    "the harvest was good " * 40,
]


def weights_of(one: explanation.Explanation) -> dict[str, float]:
    return {word.text: word.weight for word in one.evidence}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We won’t—never, ever—talk.", ["We", "won’t", "—", "never", ",", "ever", "—", "talk", "."]),
        ("(the U.S.-backed “offer”)...", ["(", "the", "U.S.-backed", "“", "offer", "”)..."]),
        ("At 3:30, 1,000 men and/or", ["At", "3:30", ",", "1,000", "men", "and/or"]),
        ("U.S. ships; note:this", ["U.S.", "ships", ";", "note", ":", "this"]),
        ("和平 talks，会", ["和", "平", "talks", "，", "会"]),
        ("الحُكومة नमस्ते İstanbul", ["الحُكومة", "नमस्ते", "İstanbul"]),
    ],
)  # fmt: skip
def test_words_are_what_a_reader_would_call_words(text, expected):
    assert [text[start:end] for start, end in spans(text)] == expected


def test_every_character_but_white_space_is_in_a_word():
    everything = "".join(chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000)
    assert "".join(everything[start:end] for start, end in spans(everything)) == "".join(everything.split())


def test_a_repeated_word_has_equal_shares_and_a_bigram_half_for_each():
    model = classifier([Block(Terms("word", (1, 1)), normalise=False)], ["peace now"], labels=("a", "b"))
    model.model.intercepts[:] = (9, 0)
    (term,) = np.flatnonzero(np.array(model.model.features.blocks[0].vocabulary.terms().to_pylist()) == "peace")
    worth = float(model.model.weights[term, 0]) - float(model.model.weights[term, 1])
    (one,) = explain(model, ["peace talks Peace, peace"])
    assert [(word.start, word.end) for word in one.evidence] == [(0, 5), (12, 17), (19, 24)]
    assert [word.weight for word in one.evidence] == pytest.approx([worth * (1 + math.log(3)) / 3] * 3)

    model = classifier([Block(Terms("word", (2, 2)))], ["not ready"])
    (one,) = explain(model, ["we are not ready"])
    first, second = one.evidence
    assert (first.text, second.text) == ("not", "ready")
    assert first.weight == second.weight == pytest.approx((one.margin - one.intercept) / 2)


def test_offsets_count_characters_of_the_text_as_given():
    text = "\u2003İSTANBUL…\xa0\r\n “Talks” ﬁrst🕊️!"
    for analyzer in ("word", "char_wb", "char"):
        model = classifier([Block(Terms(analyzer, (1, 2)))], [text])
        (one,) = explain(model, [text])
        assert [word.text for word in one.evidence] == ["İSTANBUL", "…", "“", "Talks", "”", "ﬁrst", "🕊️!"]
        assert [text[word.start : word.end] for word in one.evidence] == [word.text for word in one.evidence]


def test_without_a_strong_word_the_margin_is_lower(ours):
    for text, word in ((TEXTS[0], "attack"), ("We state that we are ready for talks.", "ready"), (TEXTS[4], "harvest")):
        (one,) = explain(ours, [text])
        strong = {word.text: word.weight for word in one.evidence if word.weight > 0}
        assert word in strong
        (less,) = explain(ours, [text.replace(word, "")], label=one.label, against=one.runner_up)
        assert less.margin < one.margin


def test_a_text_does_not_depend_on_those_beside_it(ours, monkeypatch):
    alone = tuple(explain(ours, [text])[0] for text in TEXTS)
    assert explain(ours, TEXTS) == alone
    monkeypatch.setattr(explanation, "_CHARACTERS", 60)
    assert explain(ours, TEXTS) == alone
    monkeypatch.setattr(explanation, "_TEXTS", 2)
    assert explain(ours, TEXTS * 3) == alone * 3


def test_label_confidence_and_scores_are_those_of_classify(ours):
    spoken = [text for text in TEXTS if text.strip()]
    for one, row in zip(explain(ours, spoken), ours.classify(spoken), strict=True):
        assert {"label": one.label, "confidence": one.confidence, "scores": one.scores} == row
        assert one.runner_up == sorted(one.scores, key=one.scores.get)[-2]
        assert one.margin >= 0


def test_any_label_is_explained_against_any_other(ours):
    label, other = "none", "dismissive"
    for one, swapped in zip(
        explain(ours, TEXTS, label=label, against=other), explain(ours, TEXTS, label=other, against=label), strict=True
    ):
        assert (one.label, one.runner_up) == (label, other)
        assert one.confidence == one.scores[label]
        assert one.margin == pytest.approx(-swapped.margin)
        assert list(weights_of(one).values()) == pytest.approx([-w for w in weights_of(swapped).values()])
    predicted = ours.predict(TEXTS).tolist()
    assert explain(ours, TEXTS, label=predicted) == explain(ours, TEXTS)
    assert explain(ours, TEXTS, against=predicted) == explain(ours, TEXTS)  # where both are one, the runner-up
    best = explain(ours, TEXTS[:1])[0]
    assert explain(ours, TEXTS[:1], label=best.runner_up)[0].runner_up == best.label


def test_alone_a_label_is_compared_with_the_mean_of_all(ours):
    alone = [explain(ours, TEXTS, label=label, against=None) for label in ours.labels]
    exact = scores(ours.model, TEXTS)
    for place in range(len(TEXTS)):
        of_text = [ones[place] for ones in alone]
        assert all(one.runner_up is None for one in of_text)
        assert [one.margin for one in of_text] == pytest.approx(exact[place] - exact[place].mean(), abs=1e-6)
        for one in of_text:
            assert one.intercept + sum(word.weight for word in one.evidence) == pytest.approx(one.margin, abs=1e-6)
        pair = explain(ours, [TEXTS[place]], label=ours.labels[0], against=ours.labels[1])[0]
        assert pair.margin == pytest.approx(of_text[0].margin - of_text[1].margin)


def test_words_nobody_knows_have_no_evidence():
    model = classifier([Block(Terms("word"))], ["peace talks"])
    (one,) = explain(model, ["xyzzy plugh"])
    assert (one.evidence, one.margin) == ((), one.intercept)


def test_space_that_is_a_term_counts_to_the_word_behind_it_or_to_the_last():
    model = classifier([Block(Terms("char", (1, 1)))], [" "])
    for text, expected in ((" a b", ["a", "b"]), ("a  ", ["a"]), (" \t ", [" \t "]), ("", [])):
        (one,) = explain(model, [text])
        assert [word.text for word in one.evidence] == expected


def test_a_long_text_adds_up(ours):
    text = " ".join(f"{TEXTS[0]} {number} {TEXTS[1]}" for number in range(3000))
    (one,) = explain(ours, [text])
    (exact,) = scores(ours.model, [text])
    order = np.sort(exact)
    assert one.margin == pytest.approx(order[-1] - order[-2], abs=1e-6)
    assert one.intercept + sum(word.weight for word in one.evidence) == pytest.approx(one.margin, abs=1e-6)


@pytest.mark.parametrize(
    "text", ["x" * 100_000, "a " * 50_000, "!" * 50_000, "\u0301" * 10_000, "é\u200d" * 9_999, "\x00\x1b[2J"]
)
def test_hostile_texts_add_up(ours, text):
    (one,) = explain(ours, [text])
    assert one.intercept + sum(word.weight for word in one.evidence) == pytest.approx(one.margin, abs=1e-6)
    assert all(text[word.start : word.end] == word.text for word in one.evidence)


@pytest.mark.parametrize("texts", [["\ud800"], [1], ["fine", object()]])
def test_what_is_not_text_is_refused(ours, texts):
    with pytest.raises(DataError):
        explain(ours, texts)


@pytest.mark.parametrize("asked", [{"label": "peace"}, {"against": "peace"}, {"label": ""}, {"label": ["none"]}])
def test_a_label_that_is_not_there_is_refused(ours, asked):
    with pytest.raises(UsageError):
        explain(ours, TEXTS, **asked)


def test_the_column_is_the_evidence_of_the_explanations(ours):
    texts = pa.chunked_array([[TEXTS[0], None], TEXTS[1:]], pa.string())
    column = evidence_column(ours, texts)
    words = [("start", pa.int32()), ("end", pa.int32()), ("text", pa.string()), ("weight", pa.float64())]
    assert column.type == pa.list_(pa.struct(words))
    column.validate(full=True)
    assert column.to_pylist() == [[vars(word) for word in one.evidence] for one in explain(ours, texts)]
    assert column.equals(explanations(ours, texts).field("evidence"))
    assert evidence_column(ours, []).type == column.type
    assert explain(ours, []) == ()


def test_an_explanation_is_plain_as_json(ours):
    for one in explain(ours, TEXTS):
        again = json.loads(json.dumps(one.to_dict()))
        assert again == one.to_dict()
        assert [explanation.Evidence(**word) for word in again["evidence"]] == list(one.evidence)


def test_an_explainer_answers_rows_with_their_explanations(ours):
    explainer = Explainer(ours.model, label="none", against="dismissive")
    (answered,) = answer(explainer, [read_texts(TEXTS)], Options(), jobs=1)
    rows = answered.rows.to_pylist()
    assert [row["label"] for row in rows] == ["none", "none", None, None, "none"]
    for row, one in zip(rows, explain(ours, TEXTS, label="none", against="dismissive"), strict=True):
        assert row["text"] == one.text
        if row["label"] is not None:
            assert {name: row[name] for name in one.to_dict()} == one.to_dict()
    with pytest.raises(UsageError, match="'peace'"):
        Explainer(ours.model, label="peace")


def test_what_is_kept_for_a_classifier_goes_with_it():
    model = classifier([Block()], ["peace"])
    explain(model, ["peace"])
    kept = weakref.ref(model)
    del model
    gc.collect()
    assert kept() is None


def test_top_phrases_are_the_strongest_words_and_phrases(ours):
    model = ours.model
    words = model.features.blocks[0]
    worth = model.weights.astype(np.float64)
    worth -= worth.mean(axis=1, keepdims=True)
    terms = words.vocabulary.terms().to_pylist()
    for code, (label, phrases) in enumerate(top_phrases(model, 7).items()):
        assert label == model.labels[code]
        assert [phrase.weight for phrase in phrases] == sorted(worth[: len(terms), code])[:-8:-1]
        assert all(worth[terms.index(phrase.term), code] == phrase.weight for phrase in phrases)
        assert {phrase.analyzer for phrase in phrases} == {"word"}
    everything = top_phrases(model, 10**6, fragments=True)
    assert {phrase.analyzer for phrases in everything.values() for phrase in phrases} == {"word", "char_wb"}
    assert all(phrase.weight > 0 for phrases in everything.values() for phrase in phrases)


def test_a_model_without_words_lists_fragments():
    listed = top_phrases(classifier([Block(Terms("char", (2, 2)), scale=2.0)], ["peace"]).model, 3)
    assert {phrase.analyzer for phrases in listed.values() for phrase in phrases} == {"char"}
