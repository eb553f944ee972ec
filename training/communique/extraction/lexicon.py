"""The words of a language that the grammar of attribution is built from, read out of ``languages/<code>.toml``.

The grammar knows classes of words (what may stand before a noun, what binds a clause) and frames of verbs of report;
which words those are is data. Other rooms keep tables of their own in the same files and ask for them by name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from communique.errors import UsageError

LANGUAGES = Path(__file__).parent / "languages"

Frame = Literal["say", "that", "tell", "vow", "hold"]
"""What follows a verb of report.

``say``
    A clause or a quotation, which may also come before it.
``that``
    The same, but the clause must show itself as one ("that ...", "he ..."): the verb has other uses.
``tell``
    Somebody who is spoken to, then the clause or quotation.
``vow``
    An infinitive.
``hold``
    An object, an infinitive, or whatever else; all of it is what was said, thought or meant.
"""

FRAMES: tuple[Frame, ...] = get_args(Frame)

BASE, THIRD, PAST, PARTICIPLE, GERUND = 1, 2, 4, 8, 16
"""Forms of a verb, as bits: one word may be several of them."""

FINITE = THIRD | PAST


@dataclass(frozen=True, slots=True)
class Verb:
    """A form of a verb of report.

    Parameters
    ----------
    lemma
        Its base form, with its particle: "call for".
    frame
        What follows it.
    forms
        Which forms it may be: the bits BASE, THIRD, PAST, PARTICIPLE, GERUND.
    particles
        The words that must follow; () if none.
    """

    lemma: str
    frame: Frame
    forms: int
    particles: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Lexicon:
    """A language's words.

    Parameters
    ----------
    language
        ISO 639-1.
    verbs
        Lower-case form -> the verbs it may be, those with most particles first.
    nouns
        Lower-case noun of report -> the words that may bind a content to it ("that", "to", "for").
    words
        Class of closed-class words -> its lower-case words.
    tables
        The whole file, for rooms that keep tables of their own in it.
    """

    language: str
    verbs: Mapping[str, tuple[Verb, ...]]
    nouns: Mapping[str, frozenset[str]]
    words: Mapping[str, frozenset[str]]
    tables: Mapping[str, Any] = field(repr=False)

    def __contains__(self, name: str) -> bool:
        """Tell whether the file has a table of this name."""
        return name in self.tables

    def table(self, name: str) -> Mapping[str, Any]:
        """Return a table of the file, empty if the language has none of this name."""
        found: Mapping[str, Any] = self.tables.get(name, {})
        return found

    @cached_property
    def adverb_endings(self) -> tuple[str, ...]:
        """The endings that make a word an adverb."""
        return tuple(self.words.get("adverb_endings", ()))

    @cached_property
    def sources(self) -> dict[str, list[tuple[str, ...]]]:
        """The phrases that name a source, by their first word, the longest first: ("according", "to")."""
        found: dict[str, list[tuple[str, ...]]] = {}
        for phrase in sorted(
            (tuple(phrase.split()) for phrase in self.table("phrases").get("source", ())), key=len, reverse=True
        ):
            found.setdefault(phrase[0], []).append(phrase)
        return found


@cache
def load_lexicon(language: str = "en") -> Lexicon:
    """Return the lexicon of a language; each file is read once.

    Raises
    ------
    UsageError
        There is none of this language.
    """
    path = LANGUAGES / f"{language}.toml"
    if not re.fullmatch(r"[a-z]{2,3}", language) or not path.is_file():
        known = ", ".join(sorted(file.stem for file in LANGUAGES.glob("*.toml") if "." not in file.stem))
        raise UsageError(f"no lexicon of the language {language!r}", expected=f"one of {known}")
    with path.open("rb") as file:
        tables = tomllib.load(file)
    return Lexicon(
        language=language,
        verbs=_verbs(tables),
        nouns=_nouns(tables),
        words={name: frozenset(words) for name, words in tables.get("words", {}).items()},
        tables=tables,
    )


def _verbs(tables: Mapping[str, Any]) -> dict[str, tuple[Verb, ...]]:
    """Return every form of every verb of report."""
    found: dict[str, dict[tuple[str, Frame, tuple[str, ...]], int]] = {}
    for frame in FRAMES:
        for entry in tables.get("verbs", {}).get(frame, ()):
            lemma = entry.split("/")[0]
            for form, bits in _forms(entry, tables.get("inflection", "")):
                head, *particles = form.split()
                key = (lemma, frame, tuple(particles))
                known = found.setdefault(head, {})
                known[key] = known.get(key, 0) | bits
        for entry in tables.get("gerunds", {}).get(frame, ()):
            for form in entry.split("/"):
                head, *particles = form.split()
                found.setdefault(head, {})[(form, frame, tuple(particles))] = GERUND
    return {
        head: tuple(
            sorted(
                (Verb(lemma, frame, bits, particles) for (lemma, frame, particles), bits in known.items()),
                key=lambda verb: -len(verb.particles),
            )
        )
        for head, known in found.items()
    }


def _forms(entry: str, inflection: str) -> Iterable[tuple[str, int]]:
    """Yield the forms that an entry names or implies, with what each of them is."""
    given = entry.split("/")
    if inflection != "english":
        return [(form, FINITE) for form in given]
    if len(given) == 1:
        given = list(inflect(entry))
    return zip(given, (BASE, THIRD, PAST, PARTICIPLE, GERUND), strict=True)


def inflect(lemma: str) -> tuple[str, str, str, str, str]:
    """Return base, third person, past, past participle and gerund of a regular English verb, each with its particle.

    Final consonants are not doubled: such verbs name their forms.
    """
    verb, space, particle = lemma.partition(" ")
    if re.search(r"[^aeiou]y$", verb):
        third, past = verb[:-1] + "ies", verb[:-1] + "ied"
    else:
        third = verb + ("es" if re.search(r"(s|x|z|ch|sh|o)$", verb) else "s")
        past = verb + ("d" if verb.endswith("e") else "ed")
    gerund = (verb[:-1] if re.search(r"[^eoy]e$", verb) else verb) + "ing"
    base, third, past, gerund = (form + space + particle for form in (verb, third, past, gerund))
    return base, third, past, past, gerund


def _nouns(tables: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Return the nouns of report, singular and plural, with the words that bind a content to them."""
    found: dict[str, set[str]] = {}
    for binder, nouns in tables.get("nouns", {}).items():
        for noun in nouns:
            forms = (noun, inflect(noun)[1]) if tables.get("inflection") == "english" else noun.split("/")
            for form in forms:
                found.setdefault(form, set()).add(binder)
    return {noun: frozenset(binders) for noun, binders in found.items()}
