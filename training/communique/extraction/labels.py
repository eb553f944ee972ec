"""Who speaks in a transcript: the label of a turn, read with the lines above the first one.

"SPOKESPERSON MS. ADRELL", "COMMODORE TORVIK", "MODERATOR", "THE PRESIDENT", "Q (Meridian Courier)", "Mr. Lee (Tamuri)".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from communique.extraction.article import Span
from communique.extraction.attribution import Attribution
from communique.extraction.offices import read_office
from communique.extraction.roster import Referent, Roster
from communique.extraction.titles import Titles

_ASIDE = re.compile(r"\(([^()]*)\)")
_HEADER = 4000  # characters above the first turn that are looked at


class Labels:
    """The labels of one transcript."""

    def __init__(self, text: str, attributions: Sequence[Attribution], roster: Roster, titles: Titles) -> None:
        self.text, self.roster, self.mentions, self.titles = text, roster, roster.mentions, titles
        self._first = min((one.source[0] for one in attributions if one.kind == "turn" and one.source), default=0)
        self._host: str | None = None

    def read(self, source: Span) -> Referent:
        """Read a label."""
        titles, roster, place = self.titles, self.roster, source[0]
        label = " ".join(self.text[place : source[1]].split()).strip(" :.-—–")
        aside = _ASIDE.search(label)
        whose = self._actor(aside[1]) if aside else ""
        called, _, behind = (label.partition("(")[0] or label).strip(" :.").partition(",")
        words = called.split()
        if words and words[0].lower() in titles.definite:
            words = words[1:]
        plain = [word.rstrip(".").lower() for word in words]
        if not any(map(str.isalnum, called)) or not plain:
            return Referent(place)
        if plain[0] in titles.questions and len(plain) <= 2:
            return Referent(place, "reporter", "", aside[1] if aside else "", 0.9)
        if " ".join(plain) in titles.roles:
            return Referent(place, " ".join(plain), "", whose, 0.9)
        last = 0
        for number, word in enumerate(plain, 1):
            if word in titles.heads:
                last = number
            elif word not in titles.modifiers:
                break
        office = " ".join(
            titles.shortened.get(word) or titles.ranks.get(word, word)
            for word in plain[:last]
            if word not in titles.honorifics
        )
        if last == len(words):
            return self._unnamed(place, " ".join(plain), office or " ".join(plain), plain[-1], whose)
        name = self.mentions.fullest(" ".join(words[last:]), titles.gender_of(" ".join(plain[:last])))
        held, actor, weight = roster.known(name)
        if held and (weight > 1 or not office or all(word in titles.ranks for word in plain[:last])):
            office = held
        elif not office and behind:
            told = read_office(behind, titles, self.mentions)
            office, actor = told.name, actor or roster.actor(told.owner, place)
        actor = whose or actor or (self.host() if office else "")
        return Referent(place, roster.shown(name), office, actor, 0.95, "person")

    def _unnamed(self, place: int, called: str, office: str, head: str, whose: str) -> Referent:
        """Give who is called by the office alone."""
        found = self.roster.holder(office, head, whose, len(self.text)) or Referent(
            place, called, office, "", 0.7, "person"
        )
        return found._replace(place=place, actor=found.actor or whose or self.host())

    def _actor(self, aside: str) -> str:
        """Give the actor in brackets, as delegates have one; "(spoke in French)" is none."""
        return self.mentions.state(aside) or (aside if aside in self.mentions.of_name else "")

    def host(self) -> str:
        """Give the country or organisation that the lines above the first turn name."""
        if self._host is None:
            self._host = ""
            named = {form.casefold(): form for form in self.mentions.of_name if not form.isupper()}
            for run in self.mentions.within(max(self._first - _HEADER, 0), self._first):
                called = run.name or run.lead
                for word in (called, *reversed(called.split())):
                    shown = named.get(word.casefold(), word)
                    capitals = word.isupper() and shown != word and self.mentions.kind(shown) != "person"
                    if capitals or shown in self.mentions.states:
                        self._host = self.mentions.state(shown) or shown
                        return self._host
        return self._host
