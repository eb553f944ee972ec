"""Names in an article: taken apart, told from other words, and given in their fullest form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.extraction.lexicon import load_lexicon
from communique.extraction.mentions import Mentions
from communique.extraction.titles import Titles, titles_of

TITLES = titles_of(load_lexicon("en"))


def mentions_of(text: str, titles: Titles = TITLES) -> Mentions:
    return Mentions(text, [(0, len(text))], titles)


@pytest.mark.parametrize(
    ("run", "lead", "title", "name"),
    [
        ("Mr Kolmari", "", "Mr", "Kolmari"),
        ("But Mr. Kolmari", "", "Mr.", "Kolmari"),
        ("Korsumi Foreign Minister Davit Kolmari", "Korsumi", "Foreign Minister", "Davit Kolmari"),
        ("Russian President Oleg Tarasov", "Russian", "President", "Oleg Tarasov"),
        ("White House Press Secretary Mara Quill", "White House", "Press Secretary", "Mara Quill"),
        ("U.S. Secretary of State Mara J. Quill", "U.S.", "Secretary of State", "Mara J. Quill"),
        ("Lt. Gen. H. R. Torvik", "", "Lt. Gen.", "H. R. Torvik"),
        ("Republican Mara Quill", "Republican", "", "Mara Quill"),
        ("Ursula van der Meulen-Quill", "", "", "Ursula van der Meulen-Quill"),
        ("Abdel el-Sefar", "", "", "Abdel el-Sefar"),
        ("Stephen King", "", "", "Stephen King"),
        ("Straits League", "", "", "Straits League"),
        ("Prime Minister", "", "Prime Minister", ""),
        ("On Tuesday", "", "", ""),
    ],
)
def test_a_run_of_capitals_is_taken_apart(run: str, lead: str, title: str, name: str) -> None:
    found = TITLES.run.match(run)
    assert found is not None
    assert found[0] == run
    part = mentions_of("").part(run)
    assert (part.lead, part.title, part.name) == (lead, title, name)
    assert run[part.at :] == name


def test_a_name_ends_before_the_s_of_a_possessive_and_the_full_stop_of_a_sentence() -> None:
    text = "Davit Kolmari’s aide met Liam O’Dwyer. Sunmar's mayor slept."
    assert [mention.name for mention in mentions_of(text).all] == ["Davit Kolmari", "Liam O’Dwyer", "Sunmar"]


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("Davit Kolmari left.", "Davit Kolmari", "person"),
        ("Mr Kolmari left.", "Kolmari", "person"),
        ("The Straits League left.", "Straits League", "organisation"),
        ("The Halcyon Dawn left. They held the Halcyon Dawn.", "Halcyon Dawn", "organisation"),
        ("They met in Port Asel.", "Port Asel", "organisation"),
        ("Tamuri left when it could.", "Tamuri", "organisation"),
        ("Kolmari left when he could.", "Kolmari", "person"),
        ("Mara Quill of Sunmar and her aide left.", "Sunmar", "organisation"),
        ("The relief group Halcyon Dawn left.", "Halcyon Dawn", "organisation"),
        ("Russia left.", "Russia", "state"),
        ("Readers wrote. Our readers are many.", "Readers", "word"),
    ],
)
def test_what_a_name_is_of_is_told_by_the_words_around_it(text: str, name: str, kind: str) -> None:
    assert mentions_of(text).kind(name) == kind


def test_the_people_of_an_invented_country_are_known_by_its_name() -> None:
    mentions = mentions_of("Korsume met Veldania. The Korsumi navy and the Veldanian envoy stayed. Tamuri slept.")
    assert [mentions.state(people) for people in ("Korsumi", "Veldanian", "Tamuran", "Korsume", "Japanese")] == [
        "Korsume", "Veldania", "Tamuri", "", "Japan",
    ]  # fmt: skip


def test_the_fullest_form_is_of_the_same_bearer() -> None:
    text = "Mara Quill met Mara Jane Quill. Rival Mara Quill left. Oren Weld and Ada Weld stayed. Mrs Weld slept."
    mentions = mentions_of(text)
    assert mentions.fullest("Quill") == "Mara Jane Quill"
    assert mentions.fullest("Mara Quill") == "Mara Jane Quill"
    assert mentions.fullest("Weld", "he") == "Oren Weld"
    assert mentions.fullest("Weld", "she") == "Ada Weld"
    assert mentions.fullest("Nobody") == "Nobody"


@given(st.text(alphabet="Aa. ’-'\nbB,МмÉéǅß"))
def test_every_mention_stands_in_the_text(text: str) -> None:
    for titles in (TITLES, Titles()):
        mentions = mentions_of(text, titles)
        for mention in mentions.all:
            assert 0 <= mention.start <= mention.at <= mention.end <= len(text)
            assert " ".join(text[mention.at : mention.end].split()) == mention.name
            assert mentions.fullest(mention.name) in {*mentions.of_name, ""}


@given(st.text(alphabet="AaB. ’-\n", max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_the_runs_of_a_span_are_those_that_the_span_alone_has(text: str, start: int, length: int) -> None:
    mentions, end = mentions_of(text), min(start + length, len(text))
    alone = Mentions(text, [(start, end)], TITLES)
    assert list(mentions.read(start, end)) == alone.all


def test_what_a_name_alone_tells_is_remembered_and_what_the_article_tells_is_not() -> None:
    assert mentions_of("Mr Tamuri left.").kind("Tamuri") == "person"
    assert mentions_of("Tamuri left when it could.").kind("Tamuri") == "organisation"


@pytest.mark.parametrize(
    ("text", "lead", "title", "name"),
    [
        ("Foreign Minister of Zandia Jane Roe", "Zandia", "Foreign Minister", "Jane Roe"),
        ("President of the Sallow Bank Ada Nys", "Sallow Bank", "President", "Ada Nys"),
        ("President of Zandia Comrade Ada Nys", "Zandia", "President", "Ada Nys"),
        ("Gen. (ret.) Ana Poe", "", "Gen.", "Ana Poe"),
    ],
)
def test_a_title_is_joined_to_its_bearer_behind_whose_it_is(text: str, lead: str, title: str, name: str) -> None:
    [mention] = mentions_of(text).all
    assert (mention.start, mention.lead, mention.title, mention.name) == (0, lead, title, name)


@pytest.mark.parametrize("text", ["Minister of Jane Roe", "Speaker of Zandia", "Secretary of the House Committee"])
def test_a_title_is_not_joined_to_what_may_be_whose_it_is_alone(text: str) -> None:
    assert len(mentions_of(text).all) == 2
