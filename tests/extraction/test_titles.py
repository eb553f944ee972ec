"""The words of a language's table."""

from __future__ import annotations

import pytest

from communique.errors import DataError
from communique.extraction.lexicon import Lexicon, load_lexicon
from communique.extraction.titles import Titles, titles_from, titles_of


def test_a_language_without_the_table_has_no_words() -> None:
    assert vars(titles_of(Lexicon("xx", {}, {}, {}, {}))) == vars(Titles())


def test_a_table_that_is_not_as_it_should_be_is_said_so() -> None:
    for table in ({"words": {"sailors": ["tar"]}}, {"words": 3}, {"pronouns": {"he": 3}}):
        with pytest.raises(DataError, match="speakers"):
            titles_of(Lexicon("xx", {}, {}, {}, {"speakers": table}))


def test_words_are_built_once_for_a_lexicon() -> None:
    assert titles_of(load_lexicon("en")) is titles_of(load_lexicon("en"))


def test_a_given_name_of_both_tells_no_gender() -> None:
    titles = titles_from({"given": {"he": "kim oren", "she": ["kim", "maren"]}, "honorifics": {"she": ["ms"]}})
    assert titles.gender == {"oren": "he", "maren": "she", "ms": "she"}
    assert titles.gender_of("the Ms.") == "she"


def test_every_word_of_english_is_lower_case() -> None:
    titles = titles_of(load_lexicon("en"))
    for words in (titles.offices, titles.modifiers, titles.organisations, titles.openers, titles.heads, titles.links):
        assert all(word == word.lower() for word in words)
    assert titles.organs <= titles.organisations
    assert titles.names | titles.public <= titles.heads
