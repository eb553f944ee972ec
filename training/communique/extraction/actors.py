"""On whose behalf an official speaks: the states of the world by their names, peoples, capitals and seats of power.

`communique.text.names` finds and masks states in Arrow columns; here a single word is looked up, without Arrow, and in
one direction: "Russian", "Moscow" and "the Kremlin" are Russia.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache

from communique import bundled
from communique.errors import DataError


@cache
def read_states() -> Mapping[str, str]:
    """Read what states are called by: name, adjective, people or capital, each to the usual name of its state.

    A word that two states share ("Congolese") is of the first. All names are without "the".

    Raises
    ------
    DataError
        If the gazetteer cannot be read or is not as it should be.
    """
    path = bundled.DATA / "gazetteer.csv"
    states: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, strict=True):
                state = row["name"].removeprefix("the ")
                for column in ("name", "other_names", "adjectives", "people", "capital"):
                    for form in row[column].split("; "):
                        states.setdefault(form.removeprefix("the "), state)
    except OSError as problem:
        raise DataError(f"the gazetteer {path} cannot be read ({problem.strerror})") from problem
    except (UnicodeDecodeError, csv.Error, KeyError, AttributeError) as problem:
        raise DataError(f"the gazetteer {path} is not as it should be ({problem})") from problem
    states.pop("", None)
    return states
