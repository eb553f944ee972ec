import itertools
import json
import zlib

import numpy as np
import pytest
from scipy.stats import binom

from communique.corpus.bundle import HOLDOUT
from communique.corpus.labelled import collect
from communique.corpus.source import read
from communique.errors import UsageError
from communique.evaluation.bootstrap import Bootstrap
from communique.evaluation.metrics import judged_of
from communique.evaluation.swap import (
    NamedPhrase,
    find_named_phrases,
    swap_names,
    tail_probability,
    unlisted_states,
)
from communique.inference.prediction import Classifier
from communique.model import registry
from communique.text.names import find_names, read_gazetteer

LABELS = ("escalatory", "none")
TEXTS = [
    f"{start} Russia {act} the {thing}, and the Russian minister {end}."
    for start, act, thing, end in itertools.product(
        ["On Monday", "As before,", "In its letter"], ["left", "opened"], ["talks", "port"], ["agreed", "said so"]
    )
]
GROUPS = np.arange(len(TEXTS)) // 2


def answer(is_escalatory, sure=0.9):
    """A classifier made of a rule."""

    def predict_proba(texts):
        first = np.where([is_escalatory(text) for text in texts], sure, 1 - sure)
        return np.column_stack([first, 1 - first])

    return predict_proba


def of_state(code):
    return lambda text: any(span.state == code for span in find_names(text))


def test_a_classifier_that_keys_on_a_country_flips_always():
    found = swap_names(answer(of_state("RUS")), TEXTS, GROUPS, LABELS)
    assert found.every.rate.value == found.listed.rate.value == 1
    assert found.every.statements == found.every.places == len(TEXTS)
    assert found.every.swaps == found.every.flips == len(TEXTS) * (len(read_gazetteer()) - 1)
    assert found.change["escalatory"].value == pytest.approx(-0.8)
    assert found.change["none"].value == pytest.approx(0.8)
    assert found.shift.value == pytest.approx(0.8)
    assert found.disagreement.value == 0
    assert {name.p_adjusted for name in found.names} == {1.0}


def test_a_classifier_that_ignores_names_never_flips():
    found = swap_names(answer(lambda text: "left" in text), TEXTS, GROUPS, LABELS)
    assert (found.every.flips, found.every.rate.value, found.every.rate.high) == (0, 0, 0)
    assert found.every.swaps > 0
    assert found.shift.value == found.disagreement.value == 0
    assert found.examples == ()
    assert "Not one of" in found.remark


def test_the_one_state_that_flips_is_named_first_and_beyond_chance():
    found = swap_names(answer(of_state("CHE")), TEXTS, GROUPS, LABELS)
    first, *rest = found.names
    assert (first.code, first.flips, first.swaps, dict(first.toward)) == (
        "CHE", len(TEXTS), len(TEXTS), {"escalatory": len(TEXTS)}
    )  # fmt: skip
    assert first.p_adjusted < 1e-6
    assert all(name.flips == 0 and name.p_adjusted == 1 for name in rest)
    assert "The names of Switzerland change the label more often than chance explains" in found.remark
    assert found.every.rate.value == pytest.approx(1 / (len(read_gazetteer()) - 1))


def test_flips_by_lot_mark_no_state():
    """In each statement a tenth of the states flip it, another tenth in each."""

    def by_lot(text):
        return zlib.crc32(text.encode()) % 10 == 0

    found = swap_names(answer(by_lot), TEXTS, GROUPS, LABELS)
    assert found.every.flips > 0
    assert min(name.p_adjusted for name in found.names) > 0.001
    assert min(name.p for name in found.names) < 0.2  # of so many, some come first


def test_counts_add_up():
    texts = [*TEXTS, "The fleet is in Halden.", "Halden's port is open.", "Talks with Halden and Ukraine go on."]
    found = swap_names(answer(lambda text: len(text) % 2), texts, np.arange(len(texts)), LABELS)
    for count in ("places", "swaps", "flips"):
        assert getattr(found.every, count) == getattr(found.listed, count) + getattr(found.unlisted, count)
    assert found.every.statements == len(texts)
    assert found.every.places == len(texts) + 1  # two in the last
    assert sum(name.flips for name in found.names) == found.every.flips
    assert sum(name.swaps for name in found.names) == found.every.swaps
    assert all(sum(name.toward.values()) == name.flips for name in found.names)
    assert found.every.rate.value == pytest.approx(found.every.flips / found.every.swaps)


def test_a_state_named_already_is_not_put_in():
    found = swap_names(answer(lambda text: False), ["Russia and Ukraine agree."], np.zeros(1, int), LABELS)
    assert found.every.places == 2
    assert found.every.swaps == 2 * (len(read_gazetteer()) - 2)


def test_the_rate_is_that_of_swaps_done_by_hand():
    rule = answer(lambda text: "an" in text)
    found = swap_names(rule, TEXTS[:1], GROUPS[:1], LABELS)
    (before,) = rule(TEXTS[:1]).argmax(axis=1)
    forms = [(state.form("country"), state.form("adjective")) for state in read_gazetteer() if state.code != "RUS"]
    texts = [TEXTS[0].replace("Russian", adjective).replace("Russia", country) for country, adjective in forms]
    assert found.every.flips == int((rule(texts).argmax(axis=1) != before).sum())


def test_examples_show_what_the_classifier_says():
    rule = answer(lambda text: "land" in text, sure=0.7)
    found = swap_names(rule, TEXTS, GROUPS, LABELS, examples=5)
    assert len(found.examples) == len({flip.row for flip in found.examples}) == 5
    for flip in found.examples:
        assert flip.before == TEXTS[flip.row]
        assert flip.state.removeprefix("the ") in flip.after
        assert flip.label_before != flip.label_after
        for text, label, told in (
            (flip.before, flip.label_before, flip.probability_before),
            (flip.after, flip.label_after, flip.probability_after),
        ):
            probability = rule([text])[0]
            assert dict(zip(LABELS, probability.tolist(), strict=True)) == pytest.approx(told)
            assert LABELS[probability.argmax()] == label


def test_a_sample_puts_so_many_states_and_the_same_seed_the_same_ones():
    rule = answer(lambda text: "an" in text)
    first, again, other = (swap_names(rule, TEXTS, GROUPS, LABELS, sample=7, seed=seed).to_dict() for seed in (1, 1, 2))
    assert first["every"]["swaps"] == 7 * len(TEXTS)
    assert first == again
    assert first["names"] != other["names"]


def test_statements_of_one_group_are_drawn_together():
    rule = answer(lambda text: "left" in text and "Switzerland" in text)
    together, apart = (
        swap_names(rule, TEXTS, groups, LABELS).every.rate
        for groups in (np.array(["left" in text for text in TEXTS]).astype(int), np.arange(len(TEXTS)))
    )
    assert together.value == apart.value
    assert together.high - together.low > apart.high - apart.low


def test_without_a_name_nothing_is_tested_and_the_facts_say_so():
    found = swap_names(answer(lambda text: True), ["We will answer.", "Nothing new."], np.arange(2), LABELS)
    facts = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert facts["every"] == {
        "statements": 0, "places": 0, "swaps": 0, "flips": 0, "rate": {"value": None, "interval": None}
    }  # fmt: skip
    assert facts["names"] == facts["examples"] == []
    assert "nothing was tested" in found.remark
    assert not found.trusted


def test_facts_are_json():
    found = swap_names(answer(lambda text: "an" in text), TEXTS, GROUPS, LABELS, bootstrap=Bootstrap(resamples=50))
    facts = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    low, high = facts["every"]["rate"]["interval"]
    assert low <= facts["every"]["rate"]["value"] <= high
    assert len(facts["names"]) == len(read_gazetteer()) - 1
    assert facts["bootstrap"]["resamples"] == 50


def test_progress_ends_at_the_last_place():
    told = []
    swap_names(
        answer(lambda text: True), TEXTS * 3, np.arange(3 * len(TEXTS)), LABELS, progress=lambda *x: told.append(x)
    )
    assert told[-1] == (3 * len(TEXTS), 3 * len(TEXTS))
    assert told == sorted(told)


@pytest.mark.parametrize(("wrong", "match"), [({"groups": GROUPS[1:]}, "groups"), ({"sample": 0}, "sample of 0")])
def test_arguments_that_do_not_fit_are_refused(wrong, match):
    with pytest.raises(UsageError, match=match):
        swap_names(answer(lambda text: True), TEXTS, **{"groups": GROUPS, "labels": LABELS, **wrong})


@pytest.mark.parametrize("successes", [0, 1, 3, 6])
def test_the_tail_is_that_of_the_binomial_and_of_every_outcome_counted(successes):
    assert tail_probability(np.full(6, 0.3), successes) == pytest.approx(binom.sf(successes - 1, 6, 0.3))
    odds = np.array([0.1, 0.9, 0.5, 1.0, 0.0, 1.0])
    counted = sum(
        np.prod(np.where(outcome, odds, 1 - odds))
        for outcome in itertools.product([0, 1], repeat=len(odds))
        if sum(outcome) >= successes
    )
    assert tail_probability(odds, successes) == pytest.approx(counted)


INVENTED = [
    "The talks with Halden failed.",
    "Halden's fleet left; the Haldenian minister said so.",
    "Halden will answer, and the Haldenians know it.",
    "We met President Varga in Morun.",
    "President Varga spoke of Varga's plan for Varga. Mr Varga is no president.",
    "In October the Government of San Aurelio asked the Council to act.",
    "It is up to San Aurelio and the Council to act, and to France.",
    "The council sits in October and in the Morun Hall; the government does not.",
]


def test_invented_states_are_found_with_their_adjectives_and_persons_and_months_are_not():
    found = {state.name: state for state in unlisted_states(INVENTED, read_gazetteer())}
    assert set(found) == {"Halden", "San Aurelio"}
    assert found["Halden"].adjectives == ("Haldenian",)
    assert found["Halden"].people == ("Haldenians",)


def test_an_invented_state_gives_way_in_all_its_forms_also_where_a_sentence_begins():
    seen = []

    def note(texts):
        seen.extend(texts)
        return np.tile([0.4, 0.6], (len(texts), 1))

    states = [state for state in read_gazetteer() if state.code in ("FRA", "USA")]
    found = swap_names(note, INVENTED, np.arange(len(INVENTED)), LABELS, states=states)
    assert found.unlisted.statements == 5
    assert "The talks with the United States failed." in seen
    assert "France's fleet left; the French minister said so." in seen
    assert "The United States will answer, and the Americans know it." in seen
    assert "In October the Government of the United States asked the Council to act." in seen
    assert not any("France and the Council to act, and to France" in text for text in seen)


def test_names_among_phrases_are_found_with_their_rank():
    phrases = {
        "escalatory": ["we will", "russia will", "the united states", "iran's", "polish the", "told us"],
        "none": ["said", "u.s."],
    }
    assert find_named_phrases(phrases) == (
        NamedPhrase("escalatory", 2, "russia will", "Russia"),
        NamedPhrase("escalatory", 3, "the united states", "the United States"),
        NamedPhrase("escalatory", 4, "iran's", "Iran"),
        NamedPhrase("none", 2, "u.s.", "the United States"),
    )


def test_the_default_model_flips_on_under_two_percent_of_swaps():
    classifier = Classifier(registry.load("stance"))
    held = collect(read(HOLDOUT, need=frozenset({"text", "label"})))
    probability = classifier.predict_proba(held.texts)
    groups = judged_of(held.rows, probability, classifier.model.codebook).groups
    found = swap_names(classifier.predict_proba, held.texts.to_pylist(), groups, classifier.labels, sample=10)
    assert found.every.statements > 300
    assert found.every.rate.value < 0.02
