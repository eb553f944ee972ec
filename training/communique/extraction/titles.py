"""What persons, offices and organisations are called by in a language: the table "speakers" of its lexicon.

The grammar of `speakers`, `mentions` and `offices` is the same for every language; the words are data. A language
without the table has none of them: names are then taken as they stand in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

from communique.errors import DataError
from communique.extraction.lexicon import Lexicon

Gender = Literal["he", "she"]

CAPITAL = "A-Z\u00c0-\u00d6\u00d8-\u00de\u0100-\u024f\u0386-\u03ab\u0400-\u042f\u0531-\u0556\u1e00-\u1eff"
"""Letters that may begin a name, for a class of characters; of the mixed blocks also small ones, to be told later."""

_SHORT = 6  # characters of a word that may be an abbreviation


@dataclass(frozen=True, eq=False)
class Titles:
    """The words, lower case unless case tells.

    ``pronouns``: what each stands for (he, she, they, it, we, who). ``gender``: that of honorifics, offices and given
    names. ``ranks`` and ``shortened``: the full word. ``offices``: heads of an office's name; ``modifiers``: what may
    stand before them in capitals. ``organisations``: nouns that make a name an organisation's. ``metonyms``: seat ->
    state. ``governing``: offices of a country. ``accredited``: those of who is sent ``abroad`` ("to", "in").
    ``topics``: what ends the name of a field of work. ``familiar``: honorifics of given names. ``mute``: what never
    speaks. ``collective``: nouns of many without an "s". ``verbs``: "heads" -> "head of". ``run``: finds the names of a
    text, with what stands in capitals before them.
    """

    pronouns: Mapping[str, str] = field(default_factory=dict)
    gender: Mapping[str, Gender] = field(default_factory=dict)
    honorifics: frozenset[str] = frozenset()
    ranks: Mapping[str, str] = field(default_factory=dict)
    shortened: Mapping[str, str] = field(default_factory=dict)
    metonyms: Mapping[str, str] = field(default_factory=dict)
    verbs: Mapping[str, str] = field(default_factory=dict)
    generic: Mapping[str, list[str]] = field(default_factory=dict)
    phrases: frozenset[str] = frozenset()
    offices: frozenset[str] = frozenset()
    modifiers: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    organisations: frozenset[str] = frozenset()
    organs: frozenset[str] = frozenset()
    public: frozenset[str] = frozenset()
    governing: frozenset[str] = frozenset()
    accredited: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    local: frozenset[str] = frozenset()
    definite: frozenset[str] = frozenset()
    indefinite: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    questions: frozenset[str] = frozenset()
    mute: frozenset[str] = frozenset()
    collective: frozenset[str] = frozenset()
    particles: frozenset[str] = frozenset()
    affiliations: frozenset[str] = frozenset()
    openers: frozenset[str] = frozenset()
    copulas: frozenset[str] = frozenset()
    past: frozenset[str] = frozenset()
    familiar: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    belonging: frozenset[str] = frozenset()
    abroad: frozenset[str] = frozenset()

    peoples: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()

    def gender_of(self, title: str) -> Gender | Literal[""]:
        """Tell "he" or "she" by a title or an office, "" if it tells nothing."""
        for word in title.split():
            if found := self.gender.get(word.rstrip(".").lower()):
                return found
        return ""

    @cached_property
    def heads(self) -> frozenset[str]:
        """Words that may end a title."""
        return self.honorifics | self.ranks.keys() | self.shortened.keys() | self.offices

    @cached_property
    def end(self) -> re.Pattern[str]:
        """The end of a sentence or a paragraph, but for the full stops of initials and of words such as "Mr"."""
        by_length: dict[int, list[str]] = {}
        for word in sorted(self.honorifics | self.ranks.keys() | self.shortened.keys()):
            by_length.setdefault(len(word), []).append(re.escape(word))
        short = [rf"(?i:{'|'.join(words)})" for length, words in by_length.items() if length <= _SHORT]
        stop = "".join(rf"(?<!(?<!\S){words}\.)" for words in (*short, "[A-ZÀ-ÖØ-ÞА-ЯЁІЇЄҐ]"))
        return re.compile(rf"[.!?…\n](?:(?<!\n)(?:(?<!\.)|{stop})[”\"’')\]]*\s+|(?<=\n)[ \t]*\n)")

    @cached_property
    def heads_and_modifiers(self) -> frozenset[str]:
        """Words that a title is made of."""
        return self.heads | self.modifiers

    @cached_property
    def speaking(self) -> frozenset[str]:
        """Words that may speak without an article before them."""
        return self.offices | self.organisations | self.indefinite | self.collective | self.heads

    @cached_property
    def links(self) -> frozenset[str]:
        """Small words that may follow the name that heads a noun phrase."""
        return self.openers | self.belonging | self.pronouns.keys()

    @cached_property
    def phrase_ends(self) -> dict[str, list[list[str]]]:
        """The titles with small words inside, by their last word."""
        ends: dict[str, list[list[str]]] = {}
        for phrase in sorted(self.phrases, key=len, reverse=True):
            ends.setdefault(phrase.split()[-1], []).append(phrase.split())
        return ends

    @cached_property
    def run(self) -> re.Pattern[str]:
        """Words with capitals, one after the other: "Foreign Minister Davit Kolmari", "U.S.", "Oren van der Falk".

        It begins with a class of characters, which Python's re looks for many times faster than for anything else; what
        follows a word seldom is asked for by its first character before it is looked at.
        """
        by_length: dict[int, list[str]] = {}
        for word in sorted({word for words in (self.honorifics, self.ranks, self.shortened) for word in words}):
            last = word.split()[-1]
            by_length.setdefault(len(last), []).append(re.escape(last))
        stops = "|".join(rf"(?<=\b(?i:{'|'.join(words)}))\." for length, words in by_length.items() if length < 5)
        initial = rf"(?<=\b[{CAPITAL}])\."
        tied = rf"['’](?!s\b)|-|{initial}(?=[{CAPITAL}])"
        word = rf"[{CAPITAL}]\w*(?:(?:{tied})\w+)*(?:(?=\.)(?:{initial}{'|' if stops else ''}{stops}))?"
        blank = r"(?:[ \xa0]{1,2}|[ \xa0]?\r?\n[ \xa0]?(?![\r\n]))"
        small = "|".join(map(re.escape, sorted(self.particles, key=lambda particle: (-len(particle), particle))))
        joint = rf"{blank}(?:(?:{small}){blank}){{0,3}}(?:(?:al|el|ul|ibn)-)?" if small else blank
        joints = sorted(self._joints())
        inside = "|".join(rf"(?<=\b{re.escape(a)}){between}(?={re.escape(b)}\b)" for a, between, b in joints)
        if inside:
            first = "|".join(sorted({between.split()[0] for _, between, _ in joints}))
            inside = rf"(?= (?:{first}) )(?:{inside})"
        return re.compile(rf"{word}(?:(?:{joint}{'|' if inside else ''}{inside}){word})*")

    def _joints(self) -> set[tuple[str, str, str]]:
        """The small words inside the titles in capitals, with the words on either side."""
        found = (re.findall(r"(?=\b([A-Z]\w*)((?: [a-z]+)+ )([A-Z]\w*))", phrase) for phrase in self.phrases)
        return {joint for joints in found for joint in joints}


def _listed(words: str | Iterable[str]) -> frozenset[str]:
    return frozenset(words.split() if isinstance(words, str) else words)


def titles_from(table: Mapping[str, Any]) -> Titles:
    """Build the words from the tables of a file; lists may be written as one string of words."""

    def gendered(group: str, gender: Gender) -> frozenset[str]:
        return _listed(table.get(group, {}).get(gender, ()))

    of_both = gendered("given", "he") & gendered("given", "she")
    gender: dict[str, Gender] = {
        word: gender
        for group in ("given", "gendered", "honorifics")
        for gender in get_args(Gender)
        for word in gendered(group, gender)
        if group != "given" or word not in of_both
    }
    words: dict[str, Any] = {name: _listed(listed) for name, listed in table.get("words", {}).items()}
    mappings: dict[str, Any] = {
        name: dict(table.get(name, {})) for name in ("ranks", "shortened", "metonyms", "verbs", "generic")
    }
    return Titles(
        pronouns={word: kind for kind, listed in table.get("pronouns", {}).items() for word in listed},
        gender=gender,
        honorifics=frozenset().union(*map(_listed, table.get("honorifics", {}).values())),
        peoples=_listed(table.get("demonyms", {}).get("people", ())),
        countries=_listed(table.get("demonyms", {}).get("country", ())),
        **mappings,
        **words,
    )


_READ: dict[str, tuple[Mapping[str, Any], Titles]] = {}


def titles_of(lexicon: Lexicon) -> Titles:
    """Return the words of a lexicon's table "speakers", built once for each language.

    Raises
    ------
    DataError
        If the table is not as it should be.
    """
    known = _READ.get(lexicon.language)
    if known is None or known[0] is not lexicon.tables:
        try:
            known = _READ[lexicon.language] = lexicon.tables, titles_from(lexicon.table("speakers"))
        except (TypeError, AttributeError, ValueError) as problem:
            raise DataError(
                f"the table speakers of the language {lexicon.language!r} is not as it should be ({problem})",
                expected="the tables that en.toml has",
            ) from problem
    return known[1]
