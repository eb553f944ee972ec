"""Sentences in which a quotation is one word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.extraction import sentences as s
from communique.extraction.article import Paragraph
from communique.extraction.lexicon import load_lexicon
from communique.extraction.quotes import find_quotes
from communique.extraction.sentences import LONGEST, Sentences, read_sentences


def read(text: str) -> Sentences:
    paragraphs = [Paragraph(0, len(text))]
    return read_sentences(text, paragraphs, find_quotes(text, paragraphs), load_lexicon())


def spell(words: Sentences) -> list[str]:
    return [words.text[words.starts[first] : words.ends[last - 1]] for first, last in words.bounds]


def kind(text: str, word: str) -> int:
    words = read(text)
    return words.kinds[words.forms.index(word)]


def test_a_quotation_is_one_word_and_does_not_end_a_sentence_inside():
    text = "“We go. We stay! Is it so?” she said. The ship left."
    words = read(text)
    assert spell(words) == ["“We go. We stay! Is it so?” she said.", "The ship left."]
    assert words.forms[:3] == ["", "she", "said"]
    assert words.quotes == {0: 0}


def test_titles_and_initials_do_not_end_a_sentence():
    assert len(read("Sen. A. B. Orr of the U.S. Navy met Gov. Vance at 6 p.m. on Friday.").bounds) == 1


def test_a_paragraph_without_a_wanted_word_is_left_in_one_piece():
    text = "The ship left. It rained."
    for wanted, pieces in ((s.QUOTE, [text]), (s.SUBJECT, ["The ship left.", "It rained."])):
        assert spell(read_sentences(text, [Paragraph(0, len(text))], (), load_lexicon(), wanted)) == pieces


def test_a_quotation_that_ends_a_sentence_ends_it():
    assert spell(read("She said “no.” He left.")) == ["She said “no.”", "He left."]


def test_words_know_their_classes():
    text = "The minister doesn't often say that he's Orr's friend, but they believe 1,200 ships came."
    assert kind(text, "the") & s.DET
    assert kind(text, "doesn't") & s.AUX
    assert kind(text, "doesn't") & s.NEG
    assert kind(text, "often") & s.ADV
    assert kind(text, "say") & s.VERB
    assert kind(text, "that") & s.COMPL
    assert kind(text, "he's") & s.SUBJECT
    assert kind(text, "he's") & s.AUX
    assert kind(text, "orr's") & s.OWNER
    assert kind(text, "orr's") & s.CAP
    assert kind(text, "but") & s.CONJ
    assert kind(text, "1,200") & s.NUMBER
    assert kind(text, ",") & s.COMMA


def test_the_title_of_a_work_is_a_name_and_no_quotation():
    words = read("They saw the play “Lamp on the Bank” in Sunmar, and she said “Fine Work Here”.")
    first, second = sorted(words.quotes)
    assert words.kinds[first] & s.CAP
    assert not words.kinds[first] & s.QUOTE
    assert words.kinds[second] & s.QUOTE


def test_letters_with_marks_stay_in_their_word():
    assert read("Zoe\u0308 said no.").forms[0] == "zoe\u0308"


def test_a_sentence_without_end_is_cut():
    words = read("word " * (3 * LONGEST))
    assert [last - first for first, last in words.bounds] == [LONGEST] * 3


@given(st.text(alphabet=st.sampled_from(list("aB é1.,?!“”\"'‘’()-—:\x00\x01\u0301中")), min_size=1, max_size=100))
def test_words_cover_the_text_in_order_whatever_it_holds(text):
    words = read(text)
    assert len(words.starts) == len(words.ends) == len(words.forms) == len(words.kinds)
    assert all(start < end for start, end in zip(words.starts, words.ends, strict=True))
    assert all(end <= start for end, start in zip(words.ends, words.starts[1:], strict=False))
    assert [number for first, last in words.bounds for number in range(first, last)] == list(range(len(words.forms)))
    for number, form in enumerate(words.forms):
        if number not in words.quotes:
            assert text[words.starts[number] : words.ends[number]].lower() == form


@pytest.mark.parametrize("text", ["", " ", "\x00", "…", "“”"])
def test_texts_without_words_have_none_of_report(text):
    assert not any(kind & s.VERB for kind in read(text).kinds)
