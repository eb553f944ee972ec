"""Labels that were meant to be one are told from labels that are two."""

import pytest

from communique.corpus.spelling import MANY, find_slips, fold, guess

STANCES = {"escalatory": 400, "conciliatory": 300, "dismissive": 200, "none": 500}


@pytest.mark.parametrize(
    ("label", "meant"),
    [
        ("escalatroy", "escalatory"),
        ("esclatory", "escalatory"),
        ("escallatory", "escalatory"),
        ("conciliatary", "conciliatory"),
        ("dismisive", "dismissive"),
        ("nonee", "none"),
    ],
)
def test_a_rare_label_a_letter_or_two_off_is_a_slip(label: str, meant: str) -> None:
    (slip,) = find_slips(STANCES | {label: 2})
    assert (slip.label, slip.meant, slip.variant) == (label, meant, False)


@pytest.mark.parametrize(
    ("label", "meant", "difference"),
    [
        ("Escalatory", "escalatory", "they differ in capitals only"),
        (" none", "none", "they differ only in capitals, spaces, punctuation or characters that cannot be seen"),
        ("dismissive.", "dismissive", "they differ only in capitals, spaces"),
        ("dis-missive", "dismissive", "they differ only in capitals, spaces"),
        ("no\u200bne", "none", "they differ only in capitals, spaces"),
        ("non\u0435", "none", "its '\u0435' is a Cyrillic Small Letter Ie"),
        ("n\u03bfne", "none", "its '\u03bf' is a Greek Small Letter Omicron"),
    ],
)
def test_a_variant_is_a_slip_however_frequent(label: str, meant: str, difference: str) -> None:
    for count in (1, 190):
        (slip,) = find_slips(STANCES | {label: count})
        assert (slip.label, slip.meant, slip.variant) == (label, meant, True)
        assert slip.difference.startswith(difference)


def test_the_more_frequent_of_two_variants_is_meant() -> None:
    assert [(slip.label, slip.meant) for slip in find_slips({"None": 90, "none": 10})] == [("none", "None")]
    (slip,) = find_slips({"non\u0435": 90, "none": 10})
    assert (slip.label, slip.meant, slip.difference) == (
        "none",
        "non\u0435",
        "there the '\u0435' is a Cyrillic Small Letter Ie",
    )


@pytest.mark.parametrize(
    "labels",
    [
        ["escalatory", "de-escalatory", "deescalatory"][:2],
        ["relevant", "irrelevant"],
        ["aligned", "nonaligned"],
        ["agree", "disagree"],
        ["positive", "negative", "neutral"],
        ["hawkish", "dovish"],
        ["level 1", "level 2", "level 10"],
        ["+1", "-1", "1"],
        ["A+", "A-", "A"],
        ["CAT_A", "CAT_B"],
        ["yes", "no"],
        ["1", "2", "3", "4"],
        ["E1a", "E1b"],
        ["?", "!", ".", ","],
        ["\u0437\u0430", "\u043f\u0440\u043e\u0442\u0438\u0432"],
    ],
)
def test_labels_that_differ_for_a_reason_are_left_alone(labels: list[str]) -> None:
    assert find_slips({label: 1000 if number == 0 else 2 for number, label in enumerate(labels)}) == ()


def test_a_frequent_neighbour_is_a_label_of_its_own() -> None:
    assert find_slips({"protest": 300, "protect": 200}) == ()
    assert [slip.label for slip in find_slips({"protest": 300, "protect": 2})] == ["protect"]


def test_what_the_codebook_says_is_right() -> None:
    assert find_slips({"protest": 300, "protect": 2}, ["protest", "protect"]) == ()
    found = find_slips({"escalatory": 1, "escalatroy": 500, "none": 3}, ["escalatory", "none"])
    assert [(slip.label, slip.meant) for slip in found] == [("escalatroy", "escalatory")]
    assert [slip.meant for slip in find_slips({"Protest": 9}, ["protest"])] == ["protest"]


def test_a_column_that_is_hardly_one_of_labels_has_no_slips() -> None:
    assert find_slips({f"label{'x' * number}": 1 for number in range(MANY)} | {"Label": 2}) == ()


def test_a_guess_is_near_or_none() -> None:
    known = ["escalatory", "none"]
    assert guess("Escalation", known) == "escalatory"
    assert guess("weather", known) is None
    assert guess("x", []) is None
    assert fold(" Es\u0441alatory ") == "escalatory"
