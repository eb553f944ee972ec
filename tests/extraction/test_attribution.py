"""Each construct of attribution, in composed sentences; and any text at all."""

import sys
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.extraction.article import Article, Paragraph
from communique.extraction.attribution import BLOCK, Attribution, attribute
from communique.extraction.lexicon import load_lexicon


def lay_out(text: str) -> Article:
    """Every line as a paragraph of the body."""
    paragraphs, start = [], 0
    for line in text.split("\n"):
        if line.strip():
            begin = start + len(line) - len(line.lstrip())
            paragraphs.append(Paragraph(begin, begin + len(line.strip())))
        start += len(line) + 1
    return Article(text, tuple(paragraphs))


def find(text: str) -> tuple[Attribution, ...]:
    return attribute(lay_out(text), load_lexicon())


def spell(text: str) -> list[tuple[str, str, str, list[str]]]:
    """Kind, source, cue and content of each attribution."""
    return [
        (
            found.kind,
            text[slice(*found.source)] if found.source else "",
            text[slice(*found.cue)] if found.cue else "",
            [text[start:end] for start, end in found.spans],
        )
        for found in find(text)
    ]


DIRECT = {
    "“We will go,” said Ada Orr, a navy spokeswoman.": ("Ada Orr, a navy spokeswoman", "said", ["We will go,"]),
    "“We will go,” Orr said. “We will not wait.”": ("Orr", "said", ["We will go,", "We will not wait."]),
    "“We will go,” Orr said, “and we will not wait.”": ("Orr", "said", ["We will go,", "and we will not wait."]),
    "“We will go,” she told reporters in Sunmar, “at noon.”": ("she", "told", ["We will go,", "at noon."]),
    "“You know her,” he said, but “she has changed.”": ("he", "said", ["You know her,", "she has changed."]),
    "“Will you go?” asked Vance.": ("Vance", "asked", ["Will you go?"]),
    "“Will you go?” the mayor asked.": ("the mayor", "asked", ["Will you go?"]),
    "Orr said: “We go.”": ("Orr", "said", ["We go."]),
    "Orr, the minister, said, “We go.”": ("Orr, the minister", "said", ["We go."]),
    "“We go,” Ivo Lann, the head of the guard, one of the oldest in Sunmar, said.": (
        "Ivo Lann, the head of the guard, one of the oldest in Sunmar",
        "said",
        ["We go,"],
    ),
    "“We go,” said a source close to the president. “We do.”": (
        "a source close to the president",
        "said",
        ["We go,", "We do."],
    ),
    "“We go,” said a diplomat familiar with the talks.": ("a diplomat familiar with the talks", "said", ["We go,"]),
    "“We go,” the president’s spokesman, Ivo Lann, wrote on Friday.": (
        "the president’s spokesman, Ivo Lann",
        "wrote",
        ["We go,"],
    ),
    "“We go,” Rep. A. B. Orr (K-Sunmar) said in a phone call.": ("Rep. A. B. Orr (K-Sunmar)", "said", ["We go,"]),
    "„Wir gehen“, said Orr.": ("Orr", "said", ["Wir gehen"]),
    "« We go », said Orr.": ("Orr", "said", ["We go"]),
    "“They told me ‘we will fight’ and I said ‘no’,” Orr said.": (
        "Orr",
        "said",
        ["They told me ‘we will fight’ and I said ‘no’,"],
    ),
    "Asked whether she would call the mayor, Orr replied: “We shall see.”": ("Orr", "replied", ["We shall see."]),
    "Orr stated the following: “We go.”": ("Orr", "stated", ["We go."]),
    "Orr stated the following:\n“We go.”": ("Orr", "stated", ["We go."]),
    "“We go” – Ada Orr, foreign minister": ("Ada Orr, foreign minister", "–", ["We go"]),
    "Asked about the date, Orr said, “It stands.”": ("Orr", "said", ["It stands."]),
}


@pytest.mark.parametrize("text", DIRECT)
def test_direct_quotations(text):
    source, cue, content = DIRECT[text]
    assert spell(text) == [("direct", source, cue, content)]


REPORTED = {
    "The minister said that troops would be “legitimate targets” if they crossed.": [
        ("partial", "The minister", "said", ["troops would be “legitimate targets” if they crossed"])
    ],
    "He called the charge “a fantasy”.": [("partial", "He", "called", ["the charge “a fantasy”"])],
    "Ada Orr, the foreign minister, said on Monday the talks had failed.": [
        ("indirect", "Ada Orr, the foreign minister", "said", ["the talks had failed"])
    ],
    "A diplomat, who asked not to be named because talks were going on, said the ship was empty.": [
        (
            "indirect",
            "A diplomat, who asked not to be named because talks were going on",
            "said",
            ["the ship was empty"],
        )
    ],
    "The ship was empty, officials said.": [("indirect", "officials", "said", ["The ship was empty"])],
    "The ship was empty, said Ada Orr.": [("indirect", "Ada Orr", "said", ["The ship was empty"])],
    "The strait, she added, was closed.": [("indirect", "she", "added", ["The strait", "was closed"])],
    "According to the ministry, the ship was empty.": [
        ("indirect", "the ministry", "According to", ["the ship was empty"])
    ],
    "The ship was empty, according to Ada Orr, the mayor of Sunmar.": [
        ("indirect", "Ada Orr, the mayor of Sunmar", "according to", ["The ship was empty"])
    ],
    "The ship, according to the ministry, was empty.": [
        ("indirect", "the ministry", "according to", ["The ship", "was empty"])
    ],
    "In Orr’s view, the strait is closed.": [("indirect", "Orr", "In Orr’s view", ["the strait is closed"])],
    "As Orr put it, the strait is closed.": [("indirect", "Orr", "put it", ["the strait is closed"])],
    "The strait is closed, as Orr said on Monday.": [("indirect", "Orr", "said", ["The strait is closed"])],
    "Orr: We will not answer ultimatums.": [("indirect", "Orr", ":", ["We will not answer ultimatums"])],
    "Orr accused Korsume of threatening the fleet.": [
        ("indirect", "Orr", "accused", ["Korsume of threatening the fleet"])
    ],
    "Korsume was accused by Orr of hiding the ship.": [
        ("indirect", "Orr", "accused", ["Korsume", "of hiding the ship"])
    ],
    "Orr vowed to close the strait and said that the navy was ready.": [
        ("indirect", "Orr", "vowed", ["to close the strait"]),
        ("indirect", "Orr", "said", ["the navy was ready"]),
    ],
    "Orr told reporters that the navy was ready.": [("indirect", "Orr", "told", ["the navy was ready"])],
    "Orr told reporters the navy sank the ship.": [("indirect", "Orr", "told", ["the navy sank the ship"])],
    "Orr told the Courier the navy was ready.": [("indirect", "Orr", "told", ["the navy was ready"])],
    "Orr urged Korsume to release the crew.": [("indirect", "Orr", "urged", ["Korsume to release the crew"])],
    "Orr called on Korsume to talk.": [("indirect", "Orr", "called on", ["Korsume to talk"])],
    "Ada Orr, Ivo Vance and Lia Poe said the navy was ready.": [
        ("indirect", "Ada Orr, Ivo Vance and Lia Poe", "said", ["the navy was ready"])
    ],
    "On Monday, Orr, Vance, and Poe said the navy was ready.": [
        ("indirect", "Orr, Vance, and Poe", "said", ["the navy was ready"])
    ],
    "In Sunmar, Vance and Poe said the navy was ready.": [
        ("indirect", "Vance and Poe", "said", ["the navy was ready"])
    ],
    "They met in Sunmar, and Vance said the navy was ready.": [("indirect", "Vance", "said", ["the navy was ready"])],
    "Orr believes the navy is ready.": [("indirect", "Orr", "believes", ["the navy is ready"])],
    "A study found that herring had returned.": [("indirect", "A study", "found", ["herring had returned"])],
    "Orr’s claim that the navy was ready was disputed.": [("indirect", "Orr", "claim", ["the navy was ready"])],
    "The minister, who said the ship was empty, left early.": [
        ("indirect", "The minister", "said", ["the ship was empty"])
    ],
    "Orr denied that the ship had been seized, adding that it was “a guest”.": [
        ("indirect", "Orr", "denied", ["the ship had been seized"]),
        ("partial", "Orr", "adding", ["it was “a guest”"]),
    ],
    "Orr said the ship was empty, but Vance said it was full.": [
        ("indirect", "Orr", "said", ["the ship was empty"]),
        ("indirect", "Vance", "said", ["it was full"]),
    ],
    "The navy issued a statement saying that the ship had sailed.": [
        ("indirect", "The navy", "saying", ["the ship had sailed"])
    ],
    "Orr called for “calm”, an aide said.": [("direct", "Orr", "called for", ["calm"])],
    "Orr condemned the raid, officials say.": [("indirect", "officials", "say", ["Orr condemned the raid"])],
    "Orr condemned the raid, said Ivo Lann.": [("indirect", "Ivo Lann", "said", ["Orr condemned the raid"])],
    "Orr condemned the raid and vowed to stay, according to two aides.": [
        ("indirect", "two aides", "according to", ["Orr condemned the raid and vowed to stay"])
    ],
    "Orr said the raid was over, according to a transcript.": [("indirect", "Orr", "said", ["the raid was over"])],
    "Orr condemned the raid, said it was over and left.": [
        ("indirect", "Orr", "condemned", ["the raid"]),
        ("indirect", "Orr", "said", ["it was over and left"]),
    ],
    "He called the deal “on the table,” according to two aides.": [
        ("partial", "He", "called", ["the deal “on the table,”"])
    ],
    "Orr said Vance would not come “like this”, but that the door “is open”.": [
        ("partial", "Orr", "said", ["Vance would not come “like this”, but that the door “is open”"])
    ],
    "We condemn the raid and demand that the crew be freed.": [
        ("indirect", "We", "condemn", ["the raid"]),
        ("indirect", "We", "demand", ["the crew be freed"]),
    ],
    "We welcome the deal, and urge both sides to talk.": [
        ("indirect", "We", "welcome", ["the deal"]),
        ("indirect", "We", "urge", ["both sides to talk"]),
    ],
    "Korsume vowed revenge and summoned the envoy.": [("indirect", "Korsume", "vowed", ["revenge"])],
    "Orr expressed support and thanked the crews.": [("indirect", "Orr", "expressed", ["support"])],
    "Orr said the ship had sailed and reached the port.": [
        ("indirect", "Orr", "said", ["the ship had sailed and reached the port"])
    ],
    "Orr made clear that the strait was closed.": [("indirect", "Orr", "made clear", ["the strait was closed"])],
    "Orr let it be known that the strait was closed.": [
        ("indirect", "Orr", "let it be known", ["the strait was closed"])
    ],
    "Orr signalled that the strait was closed.": [("indirect", "Orr", "signalled", ["the strait was closed"])],
    "“Experts” on the bank claim that war is near.": [("indirect", "“Experts” on the bank", "claim", ["war is near"])],
    "The raid was described as “mad” by Orr.": [("partial", "Orr", "described", ["The raid", "as “mad”"])],
    "Orr said she was ready. She would, however, wait “for a week”.": [
        ("indirect", "Orr", "said", ["she was ready"]),
        ("partial", "She", "", ["She would, however, wait “for a week”"]),
    ],
    "Orr pauses, then adds that she would go.": [("indirect", "Orr", "adds", ["she would go"])],
    "Sources close to the talks said the strait was closed.": [
        ("indirect", "Sources close to the talks", "said", ["the strait was closed"])
    ],
    "It takes note of the statement of the High Representative, who called the raid “mad”.": [
        ("partial", "the High Representative", "called", ["the raid “mad”"])
    ],
}


@pytest.mark.parametrize("text", REPORTED)
def test_reported_speech_and_belief(text):
    assert spell(text) == REPORTED[text]


@pytest.mark.parametrize(
    "text",
    [
        "The so-called “courtesy visit” went on.",
        "Fishing crews know the bank as “the larder”.",
        "She read from “The Lamp on the Bank” before dinner.",
        "The exhibition, “The Lamp on the Bank”, is open.",
        "Both states claim the bank.",
        "The ship has been held ever since.",
        "It was believed that the ship had sailed.",
        "The latest reports and plans are in the claims office.",
        "The accused left the room with three called witnesses.",
        "Orr declined to comment.",
        "Orr did not want to say more.",
        "The aide declined to be named.",
        "The aide asked not to be named.",
        "Orr is telling half the truth.",
        "Orr says many things.",
        "Orr did not say whether the ship had sailed.",
        "If Orr says no, the deal is dead.",
        "I do not know who owns the bank.",
        "Both are, I suspect, telling the truth.",
        "They met in Sunmar to discuss the crisis.",
    ],
)
def test_scare_quotes_titles_of_works_and_other_verbs_are_left_out(text):
    assert spell(text) == []


def test_a_quotation_after_a_colon_ends_with_its_mark():
    assert spell("He said: “We will fight on” and he denied the charge.") == [
        ("direct", "He", "said", ["We will fight on"]),
        ("indirect", "he", "denied", ["the charge"]),
    ]
    assert spell("Vance criticised the course: “What will it be?”") == [
        ("indirect", "Vance", "criticised", ["the course"]),
        ("direct", "Vance", "criticised", ["What will it be?"]),
    ]


def test_a_pronoun_before_a_full_stop_ends_the_sentence():
    assert spell("“More olives,” an officer told me. “Black ones,” he said.") == [
        ("direct", "an officer", "told", ["More olives,"]),
        ("direct", "he", "said", ["Black ones,"]),
    ]


def test_a_quotation_over_paragraphs_is_one():
    text = "“One.\n“Two.\n“Three,” she said. “Four.”"
    assert spell(text) == [("direct", "she", "said", ["One.", "Two.", "Three,", "Four."])]


def test_quotations_that_lead_up_to_their_attribution_belong_to_it():
    text = "“One.” “Two,” said Orr."
    assert spell(text) == [("direct", "Orr", "said", ["One.", "Two,"])]


def test_a_quotation_alone_is_given_to_the_last_speaker_with_less_confidence():
    text = "Orr said the strait was closed.\n“We will not wait.”"
    said, alone = find(text)
    assert text[slice(*alone.source)] == "Orr"
    assert alone.cue is None
    assert alone.confidence < said.confidence


def test_a_quotation_without_any_speaker_says_so():
    assert spell("“We will not wait.”") == [("direct", "", "", ["We will not wait."])]


def test_a_sentence_that_ends_in_a_colon_names_the_speaker_of_the_next_quotation():
    assert spell("Orr spoke for long. He went on:\n“We will not wait.”") == [
        ("direct", "He", "went", ["We will not wait."])
    ]


def test_a_long_quotation_in_a_sentence_without_a_word_of_report_is_kept():
    ((kind, source, cue, content),) = spell("The mood was “a long way from what the bank has seen”.")
    assert (kind, source, cue) == ("direct", "The mood", "")
    assert content == ["a long way from what the bank has seen"]


@pytest.mark.parametrize("mark", ["“", '"', "«", "„"])
def test_a_quotation_without_closing_mark_ends_where_its_speaker_is_named(mark):
    text = f"{mark}We go, said Orr. The ship left.\nVance said no ship had left."
    assert spell(text) == [
        ("direct", "Orr", "said", ["We go,"]),
        ("indirect", "Vance", "said", ["no ship had left"]),
    ]


def test_only_the_body_is_read():
    text = "Orr said yes, she went.\nVance said he stayed."
    article = Article(text, (Paragraph(0, 23, "caption"), Paragraph(24, len(text))))
    assert [text[slice(*found.source)] for found in attribute(article, load_lexicon()) if found.source] == ["Vance"]


def test_a_long_text_in_one_line_is_read_in_pieces_to_its_end():
    text = "Orr said the ship was empty. " * (3 * BLOCK // 29)
    found = find(text)
    assert len(found) >= 3 * BLOCK // 29 - 4
    assert found[-1].spans[-1][1] > len(text) - 40


PIECES = [
    "“", "”", '"', "‘", "’", "'", " ", " ", " ", "\n", ",", ".", ":", "?", "—", "(", ")", "said", "says", "saying",
    "to", "that", "who", "he", "Orr", "the minister", "according to", "accused", "told", "was", "and", "but", "claim",
    "view", "’s", "Friday", "in", "of", "by", "“We go,”", "а", "中", "\u0301", "\x01",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_any_text_gives_ordered_spans_inside_it(text):
    found = find(text)
    for one in found:
        assert one.spans
        assert all(0 <= start < end <= len(text) for start, end in one.spans)
        assert all(end <= start for (_, end), (start, _) in zip(one.spans, one.spans[1:], strict=False))
        for span in (one.cue, one.source):
            assert span is None or 0 <= span[0] < span[1] <= len(text)
        assert 0 < one.confidence <= 1
    assert [one.spans[0] for one in found] == sorted(one.spans[0] for one in found)


@given(st.text(max_size=200))
def test_no_text_is_too_odd(text):
    find(text)


def test_right_to_left_and_mixed_scripts_are_read():
    find("قال الوزير: “سنذهب”. Orr said “نعم”. 他说：“走”。")


def count_steps(texts: Iterable[str]) -> int:
    """Lines of Python that are run."""
    count = 0

    def tick(frame, event, argument):
        nonlocal count
        count += 1
        return tick

    articles = [lay_out(text) for text in texts]
    lexicon = load_lexicon()
    sys.settrace(tick)
    try:
        for article in articles:
            attribute(article, lexicon)
    finally:
        sys.settrace(None)
    return count


@pytest.mark.parametrize(
    "unit",
    [
        "“",
        '"',
        "said ",
        ", he said ",
        ", but he said x",
        "to say ",
        "who ",
        "(",
        ", ",
        "that ",
        "on ",
        "“a” said ",
        "as he said, ",
        "the claim that ",
        "he called it: “a b”, ",
        "vowed war and sent the ",
        "was called “mad” by ",
    ],
)
def test_steps_are_linear_in_the_text(unit):
    length = 4 * 250 * 8  # several sentences of the greatest length
    find(unit * length)  # words are looked up once
    few, many = unit * (length // len(unit)), unit * (4 * length // len(unit))
    assert count_steps([many]) < 5 * count_steps([few])
