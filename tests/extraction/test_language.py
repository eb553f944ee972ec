"""The language of a text, told by its script and little words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.extraction.language import detect
from communique.extraction.pages import function_words, months, words

TEXTS = {
    "en": "The minister said that it was not for him to say what the other side would do with the ship.",
    "es": "La ministra dijo que no le corresponde decir lo que hará la otra parte con el barco.",
    "fr": "La ministre a déclaré que ce n’est pas à elle de dire ce que les autres feront du navire.",
    "ru": "Министр заявил, что это не его дело, что другая сторона сделает с кораблём.",
    "uk": "Міністр заявив, що це не його справа, що інша сторона зробить із кораблем.",
    "ar": "قال الوزير إنه ليس من شأنه ما سيفعله الطرف الآخر بالسفينة.",
    "zh": "部长说，对方如何处理这艘船不是他能决定的。",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_sentence_tells_its_language(language: str) -> None:
    assert detect(TEXTS[language]) == language


@pytest.mark.parametrize("language", TEXTS)
def test_foreign_names_and_buttons_do_not_mislead(language: str) -> None:
    assert detect("Share | Twitter | Facebook\n" + TEXTS[language] * 3 + "\n© Straits Media") == language


def test_without_letters_it_is_english() -> None:
    assert detect("") == detect("12:30 — 14/05") == "en"


@given(st.text())
def test_any_text_has_one_of_the_languages(text: str) -> None:
    assert detect(text) in TEXTS


def test_every_language_has_words_and_the_english_ones_beside_them() -> None:
    assert set(function_words()) == set(TEXTS)
    for language in TEXTS:
        assert words("en").prompts <= words(language).prompts
        assert json.dumps(sorted(words(language).rights)).islower() or language in ("ar", "zh")
    assert words("de") == words("de")
    assert words("de").prompts == words("en").prompts


def test_a_month_has_one_number() -> None:
    assert months()["may"] == months()["мая"] == months()["mai"] == months()["أيار"] == 5
    assert set(months().values()) == set(range(1, 13))
