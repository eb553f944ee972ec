"""What is usual in training texts, counted again one by one; and texts that are not usual."""

from __future__ import annotations

import time
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from communique.corpus.bundle import HOLDOUT, TRAIN
from communique.corpus.labelled import collect
from communique.corpus.source import read
from communique.inference.familiarity import STRANGE, Familiarity, most_words, profile_of
from communique.model.profile import Profile
from communique.statement import GROUP

WORDS = st.sampled_from(
    ["the", "of", "peace", "talks", "Talks", "border", "Oskovia", "1948", "won't", "U.S.", "half-way", "и", "-", "和平"]
)
ROWS = st.lists(st.tuples(st.lists(WORDS, max_size=12).map(" ".join), st.integers(0, 3)), min_size=1, max_size=14)


def spell(text):
    """The words of a text and whether each has a capital, for the few words above."""
    aside = {"1948", "-"}
    pieces = [
        p for word in text.split() if word not in aside for p in (list(word) if word == "和平" else word.split("-"))
    ]
    return [(piece.lower(), piece[0].isupper()) for piece in pieces]


def count(text, rows_with):
    words = spell(text)
    known = sum(rows_with(word) >= 2 for word, _ in words)
    counted = sum(rows_with(word) >= 2 or not capital for word, capital in words)
    return len(words), known / max(counted, 1), counted - known


@settings(max_examples=80, deadline=None)
@given(ROWS)
def test_a_profile_counts_only_words_that_other_groups_use(rows):
    texts, groups = [text for text, _ in rows], np.array([group for _, group in rows])
    profile = profile_of(pa.array(texts), groups)
    holders = defaultdict(set)
    for place, text in enumerate(texts):
        for word, _ in spell(text):
            holders[word].add(place)
    shares = []
    for text, group in rows:
        elsewhere = lambda word, group=group: sum(groups[place] != group for place in holders[word])  # noqa: E731
        shares.append(count(text, elsewhere)[1])
    assert profile.known == pytest.approx(sorted(shares)[int(0.01 * (len(rows) - 1))])
    assert set(profile.words.split("\n")) - {""} == {word for word, places in holders.items() if len(places) >= 2}


@settings(max_examples=80, deadline=None)
@given(ROWS, st.lists(st.lists(WORDS, max_size=12).map(" ".join), max_size=8))
def test_texts_are_measured_as_one_would_by_hand(rows, texts):
    profile = profile_of(pa.array([text for text, _ in rows]), np.arange(len(rows)))
    known = set(profile.words.split("\n"))
    measured = Familiarity(profile).measure(pa.array(texts, pa.string()))
    expected = [count(text, lambda word: 2 * (word in known)) for text in texts]
    assert measured.words.tolist() == [words for words, _, _ in expected]
    assert measured.known == pytest.approx([share for _, share, _ in expected])
    assert measured.strange.tolist() == [strange for _, _, strange in expected]


def test_a_text_measures_the_same_alone_in_a_batch_and_in_a_slice():
    familiarity = Familiarity(PROFILE)
    texts = pa.array([" ".join(["we", "do", "not", "know", "what", "this", "is", "it"][:n]) for n in range(9)])
    batch = familiarity.measure(texts)
    for place in range(9):
        alone = familiarity.measure(texts.slice(place, 1))
        for name in ("words", "known", "common", "strange"):
            assert getattr(alone, name)[0] == getattr(batch, name)[place]


PROFILE = Profile("we\nnot\nknow\nwhat", common=2, known=0.9, usual=0.3, shortest=3, longest=80, passage=12)


@given(st.lists(st.text(max_size=30) | st.text(st.sampled_from("aZ9 .-'’_é軍\u0301"), max_size=30)), st.integers(0, 3))
def test_no_text_has_more_words_than_its_bound(texts, start):
    given = pa.array(texts, pa.string()).slice(start)
    assert (most_words(given) >= Familiarity(profile_of(pa.array(["a"]), np.array([0]))).measure(given).words).all()


def test_the_bound_is_close_for_plain_prose():
    assert most_words(pa.array(["We will not wait, and we will answer."])).tolist() == [10]


def test_common_words_are_the_first_of_the_known():
    measured = Familiarity(PROFILE).measure(pa.array(["We know Ostria", "know what happened", "WE KNOW", "1 2 3"]))
    assert measured.common.tolist() == pytest.approx([1 / 2, 0, 1 / 2, 0])
    assert measured.known.tolist() == pytest.approx([1, 2 / 3, 1, 0])
    assert measured.strange.tolist() == [0, 1, 0, 0]
    assert measured.words.tolist() == [3, 3, 2, 0]


def test_texts_without_a_word_have_a_profile_that_finds_nothing_unfamiliar():
    profile = profile_of(pa.array(["", "1 2", "!"]), np.arange(3))
    measured = Familiarity(profile).measure(pa.array(["", "anything goes"]))
    assert not (measured.known < profile.known).any()
    assert not (measured.common < profile.usual).any()


@pytest.fixture(scope="module")
def bundled():
    data = collect(read(TRAIN))
    groups = np.unique(data.rows.column(GROUP).to_pylist(), return_inverse=True)[1]
    return Familiarity(profile_of(data.texts, groups))


def unfamiliar(familiarity, texts):
    measured = familiarity.measure(texts)
    return (measured.known < familiarity.profile.known) & (measured.strange >= STRANGE)


def foreign(familiarity, texts):
    measured = familiarity.measure(texts)
    return (measured.common < familiarity.profile.usual) & (measured.known < familiarity.profile.known)


def test_statements_of_other_scenarios_are_familiar(bundled):
    holdout = collect(read(HOLDOUT)).texts
    assert unfamiliar(bundled, holdout).mean() < 0.05
    assert foreign(bundled, holdout).mean() < 0.001


def test_other_languages_and_scripts_are_told_from_the_words_they_lack(bundled):
    texts = [
        "Die Regierung weist diese Vorwürfe zurück und erwartet, dass die andere Seite ihre Truppen abzieht.",
        "Le gouvernement rejette ces accusations et attend de l'autre partie qu'elle retire ses troupes.",
        "O governo rejeita as acusações e espera que a outra parte retire as suas tropas da fronteira.",
        "Rząd odrzuca te zarzuty i oczekuje, że druga strona wycofa swoje wojska znad granicy.",
        "Правительство отвергает эти обвинения и ждёт, что другая сторона отведёт свои войска.",
        "ترفض الحكومة هذه الاتهامات وتتوقع من الطرف الآخر أن يسحب قواته من الحدود.",
        "政府坚决反对这些指责，并期待对方从边境地区撤出军队。",
        "for row in rows: total += row.get('n', 0) if row.ok else len(row.parts) // 2; yield total, row",
    ]
    assert foreign(bundled, pa.array(texts)).all()


def test_another_subject_is_told_and_names_are_not_held_against_a_text(bundled):
    recipe = "Simmer the chickpeas with garlic and cumin until tender, then drizzle with olive oil and chopped parsley."
    names = "We thank Queen Amarilde of Vesterholm, Admiral Korvath and Doctor Nimweis for their help in the talks."
    assert unfamiliar(bundled, pa.array([recipe, names])).tolist() == [True, False]


def test_measuring_ten_thousand_statements_takes_less_than_a_second(bundled):
    texts = pa.chunked_array([collect(read(HOLDOUT)).texts] * 12).combine_chunks()
    bundled.measure(texts)
    began = time.process_time()
    bundled.measure(texts)
    assert time.process_time() - began < 1
