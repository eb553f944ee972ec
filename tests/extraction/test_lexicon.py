"""The words of report, and how they are read out of a language's file."""

import pytest

from communique.errors import UsageError
from communique.extraction.lexicon import (
    BASE,
    FRAMES,
    GERUND,
    LANGUAGES,
    PARTICIPLE,
    PAST,
    THIRD,
    inflect,
    load_lexicon,
)


@pytest.mark.parametrize(
    ("lemma", "forms"),
    [
        ("claim", ("claim", "claims", "claimed", "claimed", "claiming")),
        ("deny", ("deny", "denies", "denied", "denied", "denying")),
        ("argue", ("argue", "argues", "argued", "argued", "arguing")),
        ("stress", ("stress", "stresses", "stressed", "stressed", "stressing")),
        ("agree", ("agree", "agrees", "agreed", "agreed", "agreeing")),
        ("echo", ("echo", "echoes", "echoed", "echoed", "echoing")),
        ("call for", ("call for", "calls for", "called for", "called for", "calling for")),
    ],
)
def test_regular_verbs_are_inflected(lemma, forms):
    assert inflect(lemma) == forms


def test_a_form_knows_all_that_it_may_be():
    said = [verb for verb in load_lexicon().verbs["said"] if verb.lemma == "say"]
    assert [(verb.frame, verb.forms) for verb in said] == [("say", PAST | PARTICIPLE)]
    assert load_lexicon().verbs["saying"][0].forms == GERUND
    assert load_lexicon().verbs["says"][0].forms == THIRD
    assert load_lexicon().verbs["say"][0].forms == BASE


def test_the_verb_with_most_particles_comes_first():
    called = load_lexicon().verbs["called"]
    assert [len(verb.particles) for verb in called] == sorted((len(verb.particles) for verb in called), reverse=True)
    assert {"call for", "call on", "call"} <= {verb.lemma for verb in called}


def test_nouns_of_report_stand_in_both_numbers():
    nouns = load_lexicon().nouns
    assert "that" in nouns["claim"] & nouns["claims"]
    assert "that" in nouns["worries"]


def test_every_entry_of_english_can_be_read():
    lexicon = load_lexicon()
    assert {verb.frame for verbs in lexicon.verbs.values() for verb in verbs} == set(FRAMES)
    assert all(form == form.lower() and " " not in form for form in lexicon.verbs)
    assert all(word == word.lower() for words in lexicon.words.values() for word in words)


def test_what_must_be_a_noun_as_well_is_a_verb_of_report():
    lexicon = load_lexicon()
    lemmas = {verb.lemma.split()[0] for verbs in lexicon.verbs.values() for verb in verbs}
    nominals = lexicon.words["nominals"]
    assert len(nominals & lemmas) > 0.7 * len(nominals)


def test_a_lexicon_is_read_once():
    assert load_lexicon("en") is load_lexicon("en")


@pytest.mark.parametrize("language", ["xx", "../en", "", "EN", "en.speakers"])
def test_an_unknown_language_is_told_with_the_known_ones(language):
    with pytest.raises(UsageError, match=r"no lexicon of the language .* expected one of .*en"):
        load_lexicon(language)


@pytest.mark.parametrize("path", sorted(LANGUAGES.glob("??.toml")), ids=lambda path: path.stem)
def test_every_language_has_words_of_report(path):
    lexicon = load_lexicon(path.stem)
    assert lexicon.table("language") == path.stem
    assert lexicon.verbs


def test_a_missing_table_is_empty():
    assert load_lexicon().table("no such table") == {}
    assert "words" in load_lexicon()
    assert "no such table" not in load_lexicon()
