"""Paragraphs: cut at blank lines and line ends, joined where lines were wrapped, never a character touched."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.extraction.paragraphs import cut, cut_lines, ends_sentence

SENTENCE = (
    "The mediators crossed the bank by ferry on Tuesday and spoke for three hours with both sides, "
    "though neither of them would say afterwards what it was that they had spoken about. "
)
ENDS = ["\n", "\r\n", "\r", "\u2028", "\x85", "\v", "\f"]


def read(text: str) -> list[str]:
    return [" ".join(text[start:end].split()) for start, end in cut(text)]


@given(
    st.text(
        st.sampled_from(["a", "B", ".", " ", "\n", "\r", "\t", "\u2028", "\0", "“", "名", "م", "\u200b"]), max_size=60
    )
)
def test_paragraphs_are_in_order_and_leave_out_only_white_space(text: str) -> None:
    at = 0
    for start, end in cut(text):
        assert at <= start < end
        assert not text[at:start].strip("\u200b \n\r\t\u2028")
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip("\u200b \n\r\t\u2028")


@pytest.mark.parametrize("end", ENDS)
def test_every_line_end_ends_a_line(end: str) -> None:
    text = f"One thing.{end}Another thing.{end}{end}A third."
    assert read(text) == ["One thing.", "Another thing.", "A third."]


def test_mixed_line_ends_keep_offsets_true() -> None:
    text = "One thing.\r\n\r\nAnother thing.\n\rA third.\r"
    assert [text[line.start : line.end] for line in cut_lines(text)] == ["One thing.", "Another thing.", "A third."]


@pytest.mark.parametrize("width", [50, 65, 72, 80, 100])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_wrapped_lines_are_one_paragraph(width: int, end: str) -> None:
    paragraphs = [SENTENCE * 2, "Nobody knows.", SENTENCE, "He said: " + SENTENCE * 3]
    wrapped = (end * 2).join(end.join(textwrap.wrap(paragraph, width)) for paragraph in paragraphs)
    assert read(wrapped) == [" ".join(paragraph.split()) for paragraph in paragraphs]


@pytest.mark.parametrize("width", range(45, 101))
def test_no_word_at_the_head_of_a_wrapped_line_parts_it(width: int) -> None:
    text = (
        "He had seen it. She had not. There is no. 2 on the list (nor a no. 1), said the minister – who knows - and it "
        "is so. We all go. Why? It was the law: of the sea, of Sunmar, of (a) and (b) and (10) of the treaty. Yes. "
    )
    assert len(cut("\n".join(textwrap.wrap(text * 3, width, break_on_hyphens=False)))) == 1


def test_wrapped_paragraphs_told_by_their_indents_are_apart() -> None:
    text = "\n".join(textwrap.fill(SENTENCE, 70, initial_indent="    ") for _ in range(4))
    assert read(text) == [SENTENCE.strip()] * 4


def test_items_and_speakers_begin_a_paragraph_in_wrapped_text() -> None:
    parts = ["- " + SENTENCE, "- " + SENTENCE, "MS. LEE: " + SENTENCE, "Q: " + SENTENCE, "1. " + SENTENCE]
    text = "\n".join(textwrap.fill(part, 70, subsequent_indent="  " if part[0] == "-" else "") for part in parts)
    assert read(text) == [part.strip() for part in parts]


def test_lines_that_are_paragraphs_stay_apart() -> None:
    text = "\n".join([SENTENCE.strip(), SENTENCE.strip(), "World", "Politics", "No."])
    assert len(cut(text)) == 5


def test_a_link_within_a_sentence_does_not_part_it() -> None:
    text = "The treaty that the two states signed in 1988 says\nnothing about the cable.\nIt never did."
    assert read(text) == [
        "The treaty that the two states signed in 1988 says nothing about the cable.",
        "It never did.",
    ]


@pytest.mark.parametrize("line", ["No.", "“No.”", "Why?’", "(Yes!)", "他说。”", "«Нет».", "he said:", "etc…"])
def test_sentences_end_with_their_mark_and_what_closes_after_it(line: str) -> None:
    assert ends_sentence(line)


@pytest.mark.parametrize("line", ["World", "12.05 p.m.", "“A list”", "Sunmar,", ""])
def test_other_lines_do_not(line: str) -> None:
    assert not ends_sentence(line)
