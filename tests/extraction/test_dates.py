"""Dates: every way to write one, and none that has two readings."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.extraction.dates import blank_dates, find_date, find_day, join_year


@pytest.mark.parametrize(
    "text",
    [
        "14 May 2031",
        "14th May, 2031",
        "the 14th of May 2031",
        "May 14, 2031",
        "May 14th 2031",
        "Wed 14 May 2031",
        "14.05.2031",
        "14. Mai 2031",
        "14/05/2031",
        "05/14/2031",
        "2031-05-14",
        "14 мая 2031 года",
        "14 травня 2031",
        "14 de mayo de 2031",
        "mayo 14, 2031",
        "14 mai 2031",
        "14 مايو 2031",
        "١٤ مايو ٢٠٣١",
        "14 أيار 2031",
        "2031年5月14日",
    ],
)
def test_a_date_is_read_in_every_form(text: str) -> None:
    found = find_date(f"Sunmar, {text} (Tuesday)")
    assert found is not None
    assert found.iso == "2031-05-14"


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("14 May 2031, 18:42", "18:42"),
        ("18:42, 14 May 2031", "18:42"),
        ("14 May 2031 6.42 p.m.", "18:42"),
        ("14 May 2031 at 6:42pm", "18:42"),
        ("14 May 2031 18.42 BST", "18:42"),
        ("14 mai 2031 à 18h42", "18:42"),
        ("14 May 2031, 10 a.m.", "10:00"),
        ("14 May 2031, 12.05 a.m.", "00:05"),
        ("2031-05-14T18:42:07Z", "18:42"),
    ],
)
def test_the_time_of_day_beside_it_is_read_too(text: str, time: str) -> None:
    found = find_date(text)
    assert found is not None
    assert found.iso == f"2031-05-14T{time}"


@pytest.mark.parametrize(
    "text",
    [
        "05/06/2031",
        "31 June 2031",
        "14 Smarch 2031",
        "14 May",
        "2031",
        "32.01.2031",
        "12:30",
        "0 May 2031",
        "",
        "14 May 20311",
    ],
)
def test_what_is_no_date_or_two_is_none(text: str) -> None:
    assert find_date(text) is None


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_what_python_writes_is_read_back(day: date) -> None:
    for written in (day.isoformat(), f"{day:%d %B %Y}", f"{day:%B} {day.day}, {day:%Y}", f"{day:%d.%m.%Y}"):
        found = find_date(written)
        assert found is not None
        assert found.iso == day.isoformat()


@pytest.mark.parametrize("text", ["14 May", "May 14", "SUNMAR, 14 мая", "5月14日电", "14 de mayo"])
def test_a_day_without_a_year_is_read_with_that_of_another_date(text: str) -> None:
    day = find_day(text)
    assert day == (5, 14)
    assert join_year("2031", day) == "2031-05-14"
    assert find_day("room 14 or 15") is None
    assert join_year("2031", (2, 30)) == ""


def test_dates_and_times_can_be_blanked_out() -> None:
    assert blank_dates("Published 14 May 2031 at 18:42, updated 15 May 2031").split() == [
        "Published",
        "at",
        ",",
        "updated",
    ]
