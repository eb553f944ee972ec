"""Offices and whose they are, out of the words beside a name."""

from __future__ import annotations

import pytest

from communique.extraction.lexicon import load_lexicon
from communique.extraction.mentions import Mentions
from communique.extraction.offices import offices_of, read_office
from communique.extraction.titles import titles_of

TITLES = titles_of(load_lexicon("en"))


@pytest.mark.parametrize(
    ("phrase", "name", "owner"),
    [
        ("the minister", "minister", ""),
        ("a former Veldanian foreign minister", "former foreign minister", "Veldanian"),
        ("Korsume’s deputy foreign minister", "deputy foreign minister", "Korsume"),
        ("the head of the coastguard", "head of the coastguard", ""),
        ("minister of foreign affairs of Veldania", "minister of foreign affairs", "Veldania"),
        ("its prime minister", "prime minister", "its"),
        ("Minister of Foreign Affairs", "minister of foreign affairs", ""),
        ("the union’s envoy", "envoy", "union"),
        ("a spokesman for the ministry", "spokesman", "ministry"),
        ("president and chief executive of the Sallow Bank", "president and chief executive", "Sallow Bank"),
        ("premier and minister of defence of Veldania", "premier and minister of defence", "Veldania"),
        ("the deputy prime minister and trade minister", "deputy prime minister and trade minister", ""),
        ("a lawyer for the news outlets", "lawyer", ""),
        ("Deputy Assistant Secretary for the Northern Bureau", "deputy assistant secretary", "Northern Bureau"),
        ("Special Envoy for Border Affairs", "special envoy for border affairs", ""),
        ("a fellow at the Council on Border Affairs", "fellow", "Council on Border Affairs"),
        ("ambassador to the Straits League", "ambassador", ""),
        ("an adviser to the Straits League", "adviser", "Straits League"),
        ("the chief of Veldania’s general staff", "chief", "Veldania"),
        ("Opposition leader", "opposition leader", ""),
        ("the US president", "president", "US"),
        ("director of the centrist Sallow Institute", "director", "Sallow Institute"),
        ("a lighthouse", "", ""),
        ("", "", ""),
    ],
)
def test_an_office_has_a_name_and_an_owner(phrase: str, name: str, owner: str) -> None:
    office = read_office(phrase, TITLES, Mentions(phrase, [], TITLES))
    assert (office.name, office.owner) == (name, owner)


@pytest.mark.parametrize(
    "text",
    [
        "In Sunmar, the mayor also said so.",  # the next clause, not an apposition
        "Quill, they say, met the minister.",
        "After talks with the president, Quill left.",  # the same, in front
        "Quill and the minister left.",
    ],
)
def test_who_only_stands_beside_an_office_does_not_hold_it(text: str) -> None:
    mentions = Mentions(text, [(0, len(text))], TITLES)
    assert [office.name for mention in mentions.all for office in offices_of(mention, mentions, TITLES)] == []
