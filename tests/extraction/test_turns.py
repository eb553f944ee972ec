"""Turns: who speaks in a transcript, what they say to the letter, and no transcript where there is none."""

from __future__ import annotations

import json
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.bundled import DATA
from communique.extraction.reading import open_article, read_article
from communique.extraction.turns import find_turns

EXAMPLES = DATA / "examples"


def turns_of(text: str) -> list[tuple[str, str]]:
    """Return the label and the words of each turn."""
    article = read_article(text)
    return [
        (article.text[slice(*turn.cue or (0, 0))], " / ".join(article.text[start:end] for start, end in turn.spans))
        for turn in find_turns(article).turns
    ]


def test_the_press_conference_gives_its_hand_marked_turns() -> None:
    article = open_article(EXAMPLES / "press_conference.txt")
    marked = [
        json.loads(line) for line in (EXAMPLES / "press_conference.statements.jsonl").read_text("utf-8").splitlines()
    ]
    found = find_turns(article).turns
    assert [[list(span) for span in turn.spans] for turn in found] == [row["spans"] for row in marked]
    assert [article.text[slice(*turn.cue or (0, 0))] for turn in found] == [row["cue"] for row in marked]
    assert {turn.kind for turn in found} == {"turn"}
    assert all(turn.source == turn.cue for turn in found)


def test_an_article_has_no_turns() -> None:
    assert find_turns(open_article(EXAMPLES / "article.txt")).turns == ()


SAID = "The ships stay where they are, and so do the crews."


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("Q: Why?\n\nA: {0}\n\nQ: And then?\n\nA: {0}", ["A", "A"]),
        ("Q. Why?\n\nA. {0}\n\nQ. And then?\n\nA. {0}", ["A", "A"]),
        ("QUESTION: Why?\n\nMS. LEE: {0}", ["MS. LEE"]),
        ("QUESTION: Why?\nMS LEE: {0}\nQUESTION: Sure?\nMS LEE: Yes.", ["MS LEE", "MS LEE"]),
        ("Q    Why is that so?\n\nMS. LEE:  {0}\n\nQ    Are you sure?\n\nMS. LEE:  Yes.", ["MS. LEE", "MS. LEE"]),
        ("Q (Sunmar Radio): Why?\n\nTHE PRESIDENT: {0}", ["THE PRESIDENT"]),
        (
            "SPOKESPERSON: {0}\n\nMODERATOR: Thank you.\n\nSPOKESPERSON: {0}",
            ["SPOKESPERSON", "MODERATOR", "SPOKESPERSON"],
        ),
        (
            "The PRESIDENT. {0}\n\nMr. SMITH of Korsume. {0}\n\nThe PRESIDENT. {0}",
            ["The PRESIDENT", "Mr. SMITH of Korsume", "The PRESIDENT"],
        ),
        (
            "The President: {0}\n\nMr. Smith (Korsume): {0}\n\nMs. Vance (Veldania) (spoke in French): {0}",
            ["The President", "Mr. Smith (Korsume)", "Ms. Vance (Veldania) (spoke in French)"],
        ),
        ("— Smith: {0}\n\n— Vance: {0}\n\n— Smith: {0}\n\n— Vance: {0}", ["Smith", "Vance", "Smith", "Vance"]),
        ("**Q:** Why?\n\n**Liv Adrell:** {0}", ["Liv Adrell"]),
        (
            "Question : Pourquoi ?\n\nLe ministre : Les navires restent où ils sont, et les équipages aussi.",
            ["Le ministre"],
        ),
        ("ВОПРОС: Почему?\n\nД. КОЛМАРИ: Корабли остаются там, где они стоят.", ["Д. КОЛМАРИ"]),
        ("Вопрос: Почему?\n\nОтвет: Корабли остаются там, где они стоят.", ["Ответ"]),
        ("记者：为什么？\n\n发言人：船只留在原处，船员也留在原处。", ["发言人"]),
        ("سؤال: لماذا؟\n\nالوزير: تبقى السفن حيث هي، وكذلك أطقمها.", ["الوزير"]),
        ("The President: {0}\n\nMr. Smith: {0}", ["The President", "Mr. Smith"]),
        ("MR. LEE: {0}\n\nTHE PRESIDENT: {0}", ["MR. LEE", "THE PRESIDENT"]),
        ("MS. LEE: {0}\n\nQ    (Inaudible) -- on the ships?\n\nMS. LEE: {0}", ["MS. LEE", "MS. LEE"]),
        ("MS. LEE:\n\n{0}\n\nQUESTION:\n\nWhy?\n\nMS. LEE:\n\n{0}", ["MS. LEE", "MS. LEE"]),
    ],
)
def test_labels_of_every_kind_are_read(text: str, labels: list[str]) -> None:
    found = turns_of(text.format(SAID))
    assert [label for label, _ in found] == labels
    assert all(words and not words.startswith((":", "：", "*", " ")) for _, words in found)


@pytest.mark.parametrize(
    "text",
    [
        "Ships sail at last.\n\nCorrection: {0}\n\n{0}",
        "The minister said this: {0}\n\nHe added: {0}\n\nHe added: {0}",
        "{0}\n\nSunmar: 12 ships.\n\nPort Asel: 9 ships.\n\nTamuri: 3 ships.\n\n{0}",
        "The Latest: {0}\n\nThe Latest: {0}\n\n{0}",
        "{0}\n\nUPDATE: {0}\n\nUPDATE: {0}\n\n{0}",
        "IMBALI: {0}",
        "The Weather: {0}\n\nThe Harbour: {0}\n\nThe Sea: {0}",
        "BREAKING: {0}\n\nFLASH: {0}\n\nJUST IN: {0}\n\nSunmar: {0}",
        "SUNMAR: {0}\n\nPORT ASEL: {0}\n\nTAMURI CITY: {0}",
        "“Why?”: that was the question.\n\n{0}\n\n12:30: {0}\n\n14:30: {0}",
        "{0}",
    ],
)
def test_a_line_with_a_colon_makes_no_transcript(text: str) -> None:
    assert turns_of(text.format(SAID)) == []


def test_a_turn_runs_over_paragraphs_and_leaves_out_what_is_in_brackets() -> None:
    text = f"Q: Why?\n\nMS. LEE: {SAID}\n\n(Laughter.)\n\n{SAID}\n\n[Applause]\n\nQ: Sure?\n\nMS. LEE: Yes (laughs)."
    assert turns_of(text) == [("MS. LEE", f"{SAID} / {SAID}"), ("MS. LEE", "Yes (laughs).")]


def test_who_only_asks_is_left_out_though_named() -> None:
    text = "\n\n".join(
        ["Straits Courier: Why is that?", f"Liv Adrell: {SAID}", "Straits Courier: And then?", f"Liv Adrell: {SAID}"]
    )
    assert [label for label, _ in turns_of(text)] == ["Liv Adrell", "Liv Adrell"]


def test_an_answer_without_a_full_stop_is_not_lost() -> None:
    text = f"Q: Why?\n\nMS. LEE: {SAID}\n\nQ: Sure?\n\nMS. LEE: I am\n\nQ: Quite?\n\nMS. LEE: {SAID}"
    assert [words for _, words in turns_of(text)] == [SAID, "I am", SAID]


def test_a_colon_within_a_turn_begins_no_other() -> None:
    text = f"Q: Why?\n\nMS. LEE: {SAID}\n\nOn the Halcyon Dawn: {SAID}\n\nQ: Sure?\n\nMS. LEE: Yes."
    assert turns_of(text)[0] == ("MS. LEE", f"{SAID} / On the Halcyon Dawn: {SAID}")


def test_turns_are_read_out_of_wrapped_lines() -> None:
    text = (
        "Q: Does that mean that the deadline of the president no longer\n"
        "stands, and that the ships are free to sail where they like?\n"
        "MS. LEE: The deadline stands, as we have told you on every single\n"
        "one of the past five days and as we shall tell you tomorrow.\n"
        "Q: And the ships of the other side, which have been seen on their\n"
        "way to the bank?\n"
    )
    [(label, words)] = turns_of(text)
    assert label == "MS. LEE"
    assert " ".join(words.split()).endswith("as we shall tell you tomorrow.")


@given(
    st.lists(
        st.sampled_from(
            ["Q: Why?", "MS. LEE: Yes.", "MS. LEE:", SAID, "(Laughter.)", "A: B: C: d", "Q", ":", "The PRESIDENT. So."]
        ),
        max_size=12,
    )
)
def test_turns_are_in_order_and_hold_no_label(lines: list[str]) -> None:
    article = read_article("\n\n".join(["x", *lines]))
    at = 0
    for turn in find_turns(article).turns:
        for start, end in (*filter(None, [turn.cue]), *turn.spans):
            assert at <= start < end
            at = end


def test_what_a_record_tells_ends_a_turn() -> None:
    text = (
        f"The President: {SAID}\n\n{SAID}\n\nMr. Smith (Korsume): {SAID}\n\nThe ships were seized by Korsume.\n\n"
        f"A vote was taken by show of hands.\n\nIn favour: Korsume\n\nThe President: {SAID}"
    )
    assert [words for _, words in turns_of(text)] == [
        f"{SAID} / {SAID}",
        f"{SAID} / The ships were seized by Korsume.",
        SAID,
    ]


def test_what_is_said_of_the_interview_is_no_answer() -> None:
    text = f"Q: Why?\n\nMS. LEE: {SAID}\n\nThis interview has been edited for length and clarity."
    assert turns_of(text) == [("MS. LEE", SAID)]


INTRO = (
    "Ruzane Imbali on ships, cables and the sea\n\nBy Liv Adrell\n\n"
    "The president of Veldania has put candles on her desk."
)
ANSWERS = ["I know where they are.", "When the time comes. We shall not wait for it.", "Tomorrow, if he likes."]
QUESTIONS = ["Do you know where the ships are?", "Will you go there?", "And when will that be?"]


def sources_of(text: str, name: str = "") -> list[tuple[str, str, str]]:
    """Return label, source and words of each turn."""
    article = read_article(text, name)
    return [
        (
            article.text[slice(*turn.cue)] if turn.cue else "",
            article.text[slice(*turn.source)] if turn.source else "",
            " / ".join(article.text[start:end] for start, end in turn.spans),
        )
        for turn in find_turns(article).turns
    ]


@pytest.mark.parametrize("form", ["{}", "**{}**", "*{}*", "_{}_"])
@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_the_answers_of_an_interview_are_those_of_who_is_asked(form: str, name: str) -> None:
    talk = [part for ask, answer in zip(QUESTIONS, ANSWERS, strict=True) for part in (form.format(ask), answer)]
    assert sources_of("\n\n".join([INTRO, *talk]), name) == [("", "Ruzane Imbali", answer) for answer in ANSWERS]


def test_answers_labelled_a_are_those_of_who_is_named_above() -> None:
    talk = "\n\n".join(f"Q: {ask}\n\nA: {answer}" for ask, answer in zip(QUESTIONS, ANSWERS, strict=True))
    assert sources_of(f"{INTRO}\n\n{talk}") == [("A", "Ruzane Imbali", answer) for answer in ANSWERS]
    assert sources_of(talk) == [("A", "", answer) for answer in ANSWERS]


def test_who_is_asked_is_left_open_between_two() -> None:
    talk = [part for ask, answer in zip(QUESTIONS, ANSWERS, strict=True) for part in (ask, answer)]
    two = "The ships and the sea\n\nHere are Ruzane Imbali and Davit Kolmari, who have put candles on the desk."
    assert {source for _, source, _ in sources_of("\n\n".join([two, *talk]))} == {""}


def test_the_question_is_no_statement_and_italics_below_no_answer() -> None:
    talk = [part for ask, answer in zip(QUESTIONS, ANSWERS, strict=True) for part in (f"**{ask}**", answer)]
    article = read_article("\n\n".join([INTRO, *talk, "*Ruzane Imbali lives in Port Asel.*"]), "a.md")
    kinds = [paragraph.kind for paragraph in article.paragraphs]
    assert kinds.count("question") == len(QUESTIONS)
    assert kinds[-1] == "boilerplate"
    assert [article.text[slice(*turn.spans[-1])] for turn in find_turns(article).turns] == ANSWERS


def test_narration_between_answers_is_not_said() -> None:
    talk = [part for ask, answer in zip(QUESTIONS, ANSWERS, strict=True) for part in (f"**{ask}**", answer)]
    text = "\n\n".join([INTRO, *talk[:2], "Imbali pauses and looks at the sea.", *talk[2:]])
    assert [words for _, _, words in sources_of(text, "a.md")] == ANSWERS


@pytest.mark.parametrize("form", ["{}", "**{}**"])
def test_an_explainer_is_no_interview(form: str) -> None:
    asked = ["What happened?", "Why does it matter?", "What comes next?"]
    told = "The ships left on Friday. “We shall see them again,” said the minister of Korsume, Davit Kolmari."
    text = "\n\n".join([INTRO, *(part for ask in asked for part in (form.format(ask), told))])
    assert sources_of(text, "a.md") == []


def test_ten_thousand_lines_take_a_second_or_so() -> None:
    text = "\n".join(
        f"{'Q' if number % 2 else 'MS. LEE'}: That is answer {number} to it all." for number in range(10_000)
    )
    began = process_time()
    assert len(find_turns(read_article(text)).turns) == 5000
    assert process_time() - began < 5
