"""The gazetteer is complete, and no cell of it is anything but a list of names."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from communique.bundled import DATA

Row = dict[str, str]
LISTS = ("other_names", "adjectives", "people", "capital", "leaders", "unless")
SHARED = {"Congolese", "Dominican", "Dominicans"}  # by two states each; the first in the file has them


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    with (DATA / "gazetteer.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def forms(row: Row) -> list[str]:
    leaders = [form for forms in row["leaders"].split("; ") for form in forms.split("/") if form]
    others = [form for column in LISTS[:4] for form in row[column].split("; ") if form]
    return [form.removeprefix("the ") for form in [row["name"], *others, *leaders]]


def test_the_members_of_the_united_nations_and_four_more_are_in_it(rows: list[Row]) -> None:
    assert len(rows) == 193 + len({"VAT", "PSE", "TWN", "XKX"})
    assert {"VAT", "PSE", "TWN", "XKX"} <= {row["code"] for row in rows}
    assert Counter(row["region"] for row in rows) == {
        "Africa": 54,
        "Americas": 35,
        "Asia": 49,
        "Europe": 45,
        "Oceania": 14,
    }


def test_codes_are_unique_and_have_three_capitals(rows: list[Row]) -> None:
    assert len({row["code"] for row in rows}) == len({row["name"] for row in rows}) == len(rows)
    assert all(re.fullmatch("[A-Z]{3}", row["code"]) for row in rows)


def test_every_cell_is_a_list_of_names(rows: list[Row]) -> None:
    for row in rows:
        assert None not in row
        assert None not in row.values()
        for column in LISTS:
            names = re.split("; |/", row[column]) if row[column] else []
            assert all(name and name == name.strip() and not re.search('[;,/"\t]', name) for name in names), row
            assert len(set(names)) == len(names) or column == "leaders", row


def test_every_state_has_a_capital_and_nearly_every_one_an_adjective_a_people_and_a_leader(rows: list[Row]) -> None:
    assert [row["code"] for row in rows if not row["capital"] or not row["adjectives"]] == []
    assert [row["code"] for row in rows if not row["people"]] == ["VAT"]
    assert sum(bool(row["leaders"]) for row in rows) > 170


def test_no_name_means_two_states_but_those_that_do(rows: list[Row]) -> None:
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        for form in forms(row):
            owners[form].add(row["code"])
    assert {form for form, states in owners.items() if len(states) > 1} == SHARED


def test_a_phrase_that_is_no_state_holds_a_name_that_is_one(rows: list[Row]) -> None:
    for row in rows:
        for phrase in row["unless"].split("; ") if row["unless"] else []:
            assert any(form in phrase for form in forms(row)), (row["code"], phrase)


def test_the_names_that_no_statement_may_hold_are_those_of_the_gazetteer_and_more(rows: list[Row]) -> None:
    kept_out = set(Path(__file__).with_name("states.txt").read_text("utf-8").splitlines())
    assert {row["name"].removeprefix("the ") for row in rows} - kept_out <= {
        "Democratic Republic of the Congo",  # as Congo
        "Republic of the Congo",
        "São Tomé and Príncipe",
    }
