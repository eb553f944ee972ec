"""Roles: which column is the text, the label, the id, the group."""

from __future__ import annotations

import pytest

from communique.corpus.columns import ALIASES, Columns
from communique.errors import DataError


@pytest.mark.parametrize(("role", "alias"), [(role, alias) for role, aliases in ALIASES.items() for alias in aliases])
def test_every_alias_is_found_whatever_its_case(role: str, alias: str) -> None:
    other = "text" if role != "text" else "label"
    found = Columns().settle([other, "x", f" {alias.upper()} "], "f.csv", frozenset())
    assert getattr(found, role) == f" {alias.upper()} "


def test_of_two_aliases_the_first_in_the_list_plays_the_role() -> None:
    assert Columns().settle(["body", "Statement", "category", "stance"], "f.csv") == Columns("Statement", "stance")


def test_a_named_column_goes_before_every_alias_and_plays_no_second_role() -> None:
    assert Columns(text="label").settle(["text", "label"], "f.csv") == Columns(text="label", label=None)


def test_a_wrong_column_is_refused_with_the_columns_there_are() -> None:
    with pytest.raises(DataError, match=r"f.csv has no column 'speech'; expected one of 'text', 'label'"):
        Columns(text="speech").settle(["text", "label"], "f.csv")


def test_a_missing_role_is_refused_with_the_columns_there_are_and_the_names_looked_for() -> None:
    with pytest.raises(DataError, match=r"f.csv has no text column among 'a', 'b'; expected one named text, statement"):
        Columns().settle(["a", "b"], "f.csv")
    with pytest.raises(DataError, match="no label column among 'text'"):
        Columns().settle(["text"], "f.csv", frozenset({"text", "label"}))


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(DataError, match="more than one column named 'text'"):
        Columns().settle(["text", "text"], "f.csv")


def test_the_message_about_a_very_wide_file_stays_short() -> None:
    with pytest.raises(DataError) as caught:
        Columns().settle([f"c{i}" for i in range(5000)], "f.csv")
    assert len(str(caught.value)) < 400
    assert "and 4980 more" in str(caught.value)
