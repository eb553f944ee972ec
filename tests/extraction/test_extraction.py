"""From articles to statements: the composed examples, to the letter."""

import gc
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.bundled import DATA
from communique.extraction.article import Article, Paragraph
from communique.extraction.extraction import Statement, extract
from communique.extraction.reading import read_article

EXAMPLES = DATA / "examples"


@pytest.mark.parametrize("name", ["article", "press_conference"])
def test_the_composed_example_gives_exactly_its_hand_marked_statements(name):
    text = (EXAMPLES / f"{name}.txt").read_bytes().decode("utf-8")
    marked = [json.loads(line) for line in (EXAMPLES / f"{name}.statements.jsonl").read_text("utf-8").splitlines()]
    found = [one.to_dict() for one in extract(read_article(text, f"{name}.txt"))]
    wanted = [key for key in marked[0] if key != "label"]
    assert [{key: row[key] for key in wanted} for row in found] == [{key: row[key] for key in wanted} for row in marked]


@pytest.mark.parametrize("name", ["article", "press_conference"])
def test_every_offset_is_true(name):
    text = (EXAMPLES / f"{name}.txt").read_bytes().decode("utf-8")
    article = read_article(text, name)
    for one in extract(article):
        assert one.text == " ".join(article.text[start:end] for start, end in one.spans)
        assert (one.start, one.end) == (one.spans[0][0], one.spans[-1][1])
        assert one.cue in article.text


def test_statements_are_numbered_in_the_order_of_the_text():
    article = read_article((EXAMPLES / "article.txt").read_bytes().decode("utf-8"), "folder/article.txt")
    found = extract(article)
    assert [one.id for one in found] == [f"article-{number:02d}" for number in range(1, len(found) + 1)]
    assert [one.start for one in found] == sorted(one.start for one in found)
    assert {one.source for one in found} == {"folder/article.txt"}


def test_statements_without_a_name_of_the_source_have_a_number():
    text = "Orr said the strait was closed."
    (found,) = extract(Article(text, (Paragraph(0, len(text)),)))
    assert found.id == "01"
    assert isinstance(found, Statement)


def test_prose_before_a_transcript_is_read_and_none_inside_it():
    turns = "MR. ORR: We go. He said that we stay.\n\nQ: When?\n\nMR. ORR: Now.\n\nQ: Why?\n\nMR. ORR: We must."
    text = f"The ministry said that the strait was closed.\n\n{turns}"
    kinds = [one.kind for one in extract(read_article(text))]
    assert kinds[:2] == ["indirect", "turn"]
    assert set(kinds[1:]) == {"turn"}


def test_what_an_interview_tells_between_its_answers_is_read_and_the_questions_are_not():
    text = """Ruzane Imbali has a candle on her desk.

**What did you say to the captain who vowed to stay?**

I told him to go.

Imbali pauses, then adds that she would “go herself”.

**And did you mean it?**

I did, and I do."""
    found = extract(read_article(text, "a.md"))
    assert [(one.kind, one.speaker, one.text) for one in found] == [
        ("turn", "Ruzane Imbali", "I told him to go."),
        ("partial", "Ruzane Imbali", "she would “go herself”"),
        ("turn", "Ruzane Imbali", "I did, and I do."),
    ]


def test_the_date_of_the_article_is_the_statements():
    text = "Orr said the strait was closed."
    article = replace(Article(text, (Paragraph(0, len(text)),)), date="2031-05-14")
    assert [one.date for one in extract(article)] == ["2031-05-14"]


@given(st.text(alphabet=st.sampled_from(list("Orr said “we go.”,:'\n ’—he")), max_size=120))
def test_any_text_is_read_with_true_offsets(text):
    article = Article(text, tuple(Paragraph(0, len(text)) for _ in range(bool(text.strip()))))
    for one in extract(article):
        assert one.text == " ".join(" ".join(text[start:end].split()) for start, end in one.spans)


@pytest.mark.parametrize("language", ["en", "ru", "uk", "es", "fr", "ar", "zh"])
def test_every_language_is_read(language):
    text = "Orr said “we go”. «Мы идём», — сказал он. “我们走。”他说。"
    for one in extract(Article(text, (Paragraph(0, len(text)),), language=language)):
        assert one.text == " ".join(" ".join(text[start:end].split()) for start, end in one.spans)


def test_an_article_leaves_nothing_for_the_garbage_collector():
    article = read_article((DATA / "examples" / "article.txt").read_text(encoding="utf-8"))
    assert extract(article)
    gc.collect()
    gc.disable()
    try:
        assert extract(article)
        assert gc.collect() == 0
    finally:
        gc.enable()
