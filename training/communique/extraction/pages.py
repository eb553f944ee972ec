"""The words that pages are made of beside their articles, by language: buttons, credits, months, rights.

They stand in ``pages.toml``. One file holds all the languages, because it is read before the language is known: it is
what tells it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Any

_ALWAYS = "en"
"""Buttons and rights are in English on pages of every language."""


@dataclass(frozen=True)
class Words:
    """The words of one language, in small letters, with the English ones beside them. See ``pages.toml``."""

    language: str
    by: tuple[str, ...]
    joining: frozenset[str]
    stamped: frozenset[str]
    credit: tuple[str, ...]
    prompts: frozenset[str]
    things: frozenset[str]
    notices: frozenset[str]
    reader: frozenset[str]
    sections: tuple[str, ...]
    comments: frozenset[str]
    replies: frozenset[str]
    ago: frozenset[str]
    says: frozenset[str]
    reserved: tuple[str, ...]
    rights: tuple[str, ...]
    alerts: tuple[str, ...]
    notes: frozenset[str]
    credited: frozenset[str]
    selves: tuple[str, ...]
    amended: frozenset[str]
    questions: frozenset[str]
    answers: frozenset[str]
    addressed: frozenset[str]
    speaking: frozenset[str]
    yours: frozenset[str]
    recorded: frozenset[str]
    placed: frozenset[str]
    honorifics: frozenset[str]
    articles: frozenset[str]
    issuers: frozenset[str]

    @cached_property
    def openings(self) -> frozenset[str]:
        """The first words of whatever is known by how it begins."""
        phrases = (*self.by, *self.credit, *self.sections, *self.rights, *self.prompts, *self.notes, *self.credited)
        return frozenset(phrase.split()[0].rstrip(":：") for phrase in phrases)


@cache
def _read() -> dict[str, dict[str, Any]]:
    return tomllib.loads(Path(__file__).with_name("pages.toml").read_text("utf-8"))


@cache
def words(language: str) -> Words:
    """Return the words of `language`, and of English; English alone if nothing is known of it."""
    tables = [_read()[code] for code in dict.fromkeys((language, _ALWAYS)) if code in _read()]
    found: dict[str, Any] = {"language": language}
    for field in fields(Words)[1:]:
        together = [word for table in tables for word in table.get(field.name, ())]
        found[field.name] = frozenset(together) if "frozenset" in str(field.type) else tuple(together)
    return Words(**found)


@cache
def function_words() -> dict[str, frozenset[str]]:
    """Return the words that tell each language."""
    return {code: frozenset(table["function"]) for code, table in _read().items()}


@cache
def months() -> dict[str, int]:
    """Return the number of each month under all its names; a name of two languages is the same month in both."""
    return {
        name: number for table in _read().values() for number, names in enumerate(table["months"], 1) for name in names
    }
