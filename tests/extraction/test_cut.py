"""A text may end anywhere: a teaser after "but", a page cut in the middle of a word. It is read up to there."""

from __future__ import annotations

import re

import pytest

from communique import bundled
from communique.extraction.extraction import extract
from communique.extraction.reading import read_article

TEXTS = [
    (bundled.DATA / "examples" / "article.txt").read_text("utf-8"),
    (bundled.DATA / "examples" / "press_conference.txt").read_text("utf-8"),
    """The minister, who "will not wait", said that the talks would go on, but that "no ship" - not one - would sail;
    and he accused Orsk of lying, its envoy denied it, according to Mr. Kurz: nobody, Ms. Reyes told the Courier,
    had called for more than an end to the raids, or to what she described as the war, while they vowed to stay
    and""",
    "«Мы не уйдём, — заявил министр обороны Лютании Орест Вальд, — и, по словам Вальда, но», сообщил Курьер, что и",
    '"No nos iremos", dijo la ministra, y según el portavoz, que "no", pero añadió que la paz, aunque y',
    "« Nous ne partirons pas », a déclaré le ministre, selon qui la paix, mais a ajouté que et",
    "外交部发言人说：“我们不会离开。”他表示，但是和平，并且据报道",
    'قال الوزير: "لن نغادر"، وأضاف أن السلام، لكن وفقا لـ و',
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_text_can_end_after_any_word(text):
    ends = [place.end() for place in re.finditer(r"\w+|[^\w\s]", text)]
    for end in ends[-150:]:
        article = read_article(text[max(0, end - 900) : end] + "\n\nRead more")
        for statement in extract(article):
            assert 0 <= statement.start < statement.end <= len(article.text)


@pytest.mark.parametrize("word", ["and", "but", "that", "and that", "who", "to", "-", ":", '"', "'", "(", "Mr.", "the"])
@pytest.mark.parametrize("verb", ["said that the talks would go on", "accused Orsk of lying", "vowed to stay", "said"])
def test_no_word_at_the_end_asks_for_the_next(verb, word):
    for mark in (",", ""):
        extract(read_article(f"The minister {verb}{mark} {word}"))
