"""Quotations in the marks of any script, also where the marks do not match."""

import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.extraction.article import Paragraph
from communique.extraction.quotes import Quote, find_quotes


def lines(text: str) -> list[Paragraph]:
    """Every line as a paragraph."""
    found, start = [], 0
    for line in text.split("\n"):
        if line.strip():
            begin = start + len(line) - len(line.lstrip())
            found.append(Paragraph(begin, begin + len(line.strip())))
        start += len(line) + 1
    return found


def quoted(text: str) -> list[str]:
    return [text[slice(*quote.inner)] for quote in find_quotes(text, lines(text))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("“We go,” she said. “Now.”", ["We go,", "Now."]),
        ('"We go," she said. "Now."', ["We go,", "Now."]),
        ("‘We go,’ she said. ‘Now.’", ["We go,", "Now."]),
        ("'We go,' she said. 'Now.'", ["We go,", "Now."]),
        ("''We go,'' she said. ``Now.''", ["We go,", "Now."]),
        ("„Wir gehen“, sagte sie. ‚Jetzt‘.", ["Wir gehen", "Jetzt"]),
        ("»Wir gehen«, sagte sie.", ["Wir gehen"]),
        ("« Nous partons », dit-elle.", ["Nous partons"]),
        ("«\u00a0Nous partons\u00a0», dit-elle. «Oui»", ["Nous partons", "Oui"]),
        ("«Мы уходим», — сказала она. „Да“", ["Мы уходим", "Да"]),
        ("她说：“我们走。”「好」『是』", ["我们走。", "好", "是"]),
        ("”Vi går”, sade hon.", ["Vi går"]),
        ('“We go" and "stay”', ["We go", "stay"]),
    ],
)
def test_marks_of_many_scripts(text, found):
    assert quoted(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("“They spoke of an ‘inspection’,” she said.", ["They spoke of an ‘inspection’,"]),
        ("«Мы „уходим“», — сказала она.", ["Мы „уходим“"]),
        ('"Read “the note” again," she said.', ["Read “the note” again,"]),
        ("“He told me “no” twice,” she said.", ["He told me “no” twice,"]),
    ],
)
def test_quotations_within_quotations_belong_to_the_outer_one(text, found):
    assert quoted(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "It’s the ministers’ call.",
        "In the '90s, and the ‘80s, the boys' boat wasn't theirs.",
        'A 5" pipe and a 6"x4" plank.',
        "rock'n'roll ’twas",
    ],
)
def test_apostrophes_and_inches_are_no_quotations(text):
    assert quoted(text) == []


def test_an_apostrophe_does_not_close_a_quotation():
    assert quoted("‘The ministers’ ships are ours,’ she said.") == ["The ministers’ ships are ours,"]
    assert quoted("'We don't know the crews' names,' she said, 'and won't ask.'") == [
        "We don't know the crews' names,",
        "and won't ask.",
    ]


def test_a_quotation_runs_over_paragraphs_that_open_it_again():
    text = "“One.\n“Two.\n“Three,” she said.\n“Four.”"
    found = find_quotes(text, lines(text))
    assert quoted(text) == ["One.", "Two.", "Three,", "Four."]
    assert [quote.continued for quote in found] == [True, True, False, False]
    assert [quote.closed for quote in found] == [False, False, True, True]


def test_a_mark_without_partner_costs_its_paragraph_at_most():
    text = "“We go.\nThe ship left. He said “no” to it.\nMore “here”."
    assert quoted(text) == ["We go.", "no", "here"]


def test_a_stray_mark_does_not_hide_what_is_quoted_after_it():
    assert quoted('She said "we go. He said "no" again.') == ["no"]
    assert quoted("“We go, she said. “They stay.”") == ["They stay."]
    assert quoted("We go,” she said. “They stay.”") == ["They stay."]


def test_a_single_mark_is_believed_only_with_its_partner():
    assert quoted("‘We go.\nThe ship left.") == []


def test_empty_quotations_are_none():
    assert quoted("“” \"\" '' «  »") == []


MARKS = st.text(alphabet=st.sampled_from(list("“”\"'‘’„«»‹›「」 \nab.,s")), max_size=80)


@given(MARKS)
def test_any_marks_give_ordered_quotations_inside_their_paragraph(text):
    paragraphs = lines(text)
    found = find_quotes(text, paragraphs)
    assert all(isinstance(quote, Quote) for quote in found)
    for quote in found:
        (paragraph,) = [one for one in paragraphs if one.start <= quote.start < one.end]
        assert quote.start < quote.inner[0] < quote.inner[1] <= quote.end <= paragraph.end
        assert text[quote.inner[0] : quote.inner[1]] == text[quote.inner[0] : quote.inner[1]].strip()
    assert all(one.end <= other.start for one, other in pairwise(found))


@given(st.text(alphabet="ab ,.", min_size=1, max_size=30).filter(lambda inner: inner.strip()))
def test_what_stands_between_marks_is_found(inner):
    assert quoted(f"She said “{inner}” then.") == [inner.strip()]


@pytest.mark.parametrize("unit", ["“", '"', "'", "“a‘b", 'a" ', "s' ", "‘s’ ", "„“", "» «"])
def test_steps_are_linear_in_the_number_of_marks(unit):
    def steps(text: str) -> int:
        count = 0

        def tick(frame, event, argument):
            nonlocal count
            count += 1
            return tick

        sys.settrace(tick)
        try:
            find_quotes(text, [Paragraph(0, len(text))])
        finally:
            sys.settrace(None)
        return count

    few, many = unit * 100, unit * 400
    assert steps(many) < 5 * steps(few)
