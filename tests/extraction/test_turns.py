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
        for turn in find_turns(article)
    ]


def test_the_press_conference_gives_its_hand_marked_turns() -> None:
    article = open_article(EXAMPLES / "press_conference.txt")
    marked = [
        json.loads(line) for line in (EXAMPLES / "press_conference.statements.jsonl").read_text("utf-8").splitlines()
    ]
    found = find_turns(article)
    assert [[list(span) for span in turn.spans] for turn in found] == [row["spans"] for row in marked]
    assert [article.text[slice(*turn.cue or (0, 0))] for turn in found] == [row["cue"] for row in marked]
    assert {turn.kind for turn in found} == {"turn"}
    assert all(turn.source == turn.cue for turn in found)


def test_an_article_has_no_turns() -> None:
    assert find_turns(open_article(EXAMPLES / "article.txt")) == ()


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
    for turn in find_turns(article):
        assert turn.cue is not None
        for start, end in (turn.cue, *turn.spans):
            assert at <= start < end
            at = end


def test_ten_thousand_lines_take_a_second_or_so() -> None:
    text = "\n".join(
        f"{'Q' if number % 2 else 'MS. LEE'}: That is answer {number} to it all." for number in range(10_000)
    )
    began = process_time()
    assert len(find_turns(read_article(text))) == 5000
    assert process_time() - began < 5
