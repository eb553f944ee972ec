"""What office somebody holds, and for whom, from the words beside the name.

"Korsume’s foreign minister, Davit Kolmari, ..."; "Kremlin spokesman ...", "..., a spokesperson for the Straits League";
"..., who heads the coastguard"; "Gov. ... of ...": an office has a head ("minister"), words before it ("foreign") and
somebody whose it is, in front ("Korsume’s", "the Korsumi") or behind ("of Korsume", "at the university").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from communique.extraction.mentions import Mention, Mentions
from communique.extraction.titles import CAPITAL, Titles

REACH = 130
"""Characters looked at on either side of a name."""

_CLAUSE = re.compile(r"[,;:!?“”\"()\[\]\n—–.-](?:(?<![.-])|(?<=\w\w\.)\s|(?<=\s-)\s)")
"""A mark between clauses, a full stop or a dash; looked for by its first character, for speed."""

_AND = frozenset({"and", "&"})
_ALONE = re.compile(r" (?:and|&) ")  # of two offices right before a name one may be another's
_WORD = re.compile(r"[^\s,;:“”\"()\[\]—–]+")
_ASIDE = re.compile(r"\s*\([^()\n]{1,40}\)")
_AGE = re.compile(r",\s+\d{1,3}(?=,)")
_APPOSED = re.compile(r"\s*[,(—–]\s*")
_WHOSE = re.compile(r"^(.*?)(?:['’]s|(?<=s)['’])$")
_OWNED = re.compile(rf"([{CAPITAL}][\w.-]*(?: [{CAPITAL}][\w.-]*)*)['’]s (?:[a-z]+ )?$")
_POSSESSED = re.compile(r"\b([Hh]is|[Hh]er|[Ii]ts|[Tt]heir) $")
_FELLOW = re.compile(rf"\b(?:[Hh]is|[Hh]er|[Tt]heir|[Ii]ts) ([{CAPITAL}]\w+) (?:counterpart|colleague)$")
_NEXT = re.compile(r"(,?) (\w+) ")
_WHO = re.compile(r"(\w+) ([^,;.:!?“”\"()\n]{3,60})")
_ARTICLE = re.compile(r"(\w+) ")
_OF = re.compile(r" of (?:the )?")
_CLOSED = re.compile(r"\s*(?:[,;:.)—–”\"]|\(|$)")
_CAPITALISED = re.compile(rf"[{CAPITAL}]")
_CALLED = re.compile(
    rf"(?:the )?([{CAPITAL}][\w.’'&-]*(?:(?: (?:of|for|and|on|&|the|de|von))* [{CAPITAL}&][\w.’'&-]*)*)"
)


class Office(NamedTuple):
    """An office, whose it is (words of the article, or a possessive pronoun), and how much the words tell (0 to 3)."""

    name: str
    owner: str = ""
    weight: float = 0.0
    head: str = ""


NONE = Office("")
MOST = 3.0
"""The greatest weight."""


def read_office(phrase: str, titles: Titles, mentions: Mentions, last: bool = False) -> Office:
    """Read an office out of a noun phrase: the first that it names, or the last if what follows must be its bearer."""
    words = _WORD.findall(phrase)[:24] if not last else _WORD.findall(phrase)[-14:]
    at = _find_head(words, titles, last)
    if at < 0:
        return NONE
    first, owner = _before(words, at, titles, mentions)
    name = " ".join(words[first : at + 1]).rstrip(".")
    size = owner.count(" ") + 1 if owner else 0
    if first > size and words[first - size - 1].lower() in titles.past:
        name = f"{words[first - size - 1]} {name}"  # "former Veldanian minister"
    rest = words[at + 1 :]
    then = _find_head(rest, titles) if rest[:1] and rest[0] in _AND else -1
    if then > 0 and _before(rest, then, titles, mentions)[0] == 1:  # "president and chief executive"
        other = read_office(" ".join(rest[1:]), titles, mentions)
        name, behind = f"{name} and {other.name}", other.owner
    else:
        name, behind = _behind(name, rest, titles)
    if behind and (not owner or owner.lower() in titles.affiliations):
        owner = behind
    name = name if name.isupper() else " ".join(word if word.isupper() else word.lower() for word in name.split())
    opening = words[first - 1].lower() if first else ""
    firm = opening in titles.definite or bool(owner) or opening in titles.pronouns
    if last and first > 1 and opening in _AND:
        other = read_office(" ".join(words[: first - 1]), titles, mentions, last=True)
        if other.name.rpartition(" ")[2] == words[first - 2].lower():
            return other._replace(name=f"{other.name} and {name}", owner=other.owner or owner)
    return Office(name, owner, 2.6 if firm else 2.0, _head(words[at]))


def _find_head(words: Sequence[str], titles: Titles, last: bool = False) -> int:
    """Return where the noun of the first office stands, or of the `last`; -1 if no office is named.

    "Deputy foreign minister" is one office, "president and chief executive" are two.
    """
    # "General staff", "officer corps": a noun of many behind it takes the office in.
    then = [*words[1:], ""]
    heads = [
        i
        for i, word in enumerate(words)
        if _head(word) in titles.offices and not (then[i] in titles.organisations and then[i] not in titles.offices)
    ]
    at = heads[-1 if last else 0] if heads else -1
    for head in heads[1:] if not last else ():
        if any(word.lower() not in titles.modifiers for word in words[at + 1 : head]):
            break
        at = head
    return at


def _head(word: str) -> str:
    return word.rstrip(".,").lower()


def _before(words: list[str], at: int, titles: Titles, mentions: Mentions) -> tuple[int, str]:
    """Find where the office begins before its head, and whose it is said to be there."""
    first = at
    while first > 0:
        word = words[first - 1]
        if word == "in" and words[first] == "chief" and first > 1:
            first -= 2
            continue
        if _WHOSE.match(word) or word.lower() in titles.openers or word.lower() in titles.pronouns:
            break
        if word.lower() in titles.belonging or word.lower() in titles.indefinite:
            break
        if _CAPITALISED.match(word):
            if word.lower() in titles.modifiers and (first < at or _head(words[first]) in titles.offices):
                first -= 1
                continue
            break
        if at - first >= 5:
            break
        first -= 1
    if not first:
        return first, ""
    word = words[first - 1]
    whose = _WHOSE.match(word)
    small = "" if word in mentions.states else word.lower()  # "us", but "US"
    if small in titles.pronouns:
        return first, small
    if whose and whose[1] in titles.organisations and first > 1 and words[first - 2].lower() in titles.definite:
        return first, whose[1]  # "the union’s envoy"
    if not _CAPITALISED.match(word) or small in titles.openers:
        return first, ""
    begin = first - 1
    while begin > 0 and _CAPITALISED.match(words[begin - 1]) and words[begin - 1].lower() not in titles.openers:
        if _WHOSE.match(words[begin - 1]):
            break
        begin -= 1
    owner = " ".join([*words[begin : first - 1], whose[1] if whose else word])
    if whose:
        return first, owner
    if first == 1 and _head(owner) in titles.organisations and mentions.form(owner).count < 2:
        return 0, ""  # "Opposition leader", where a sentence begins
    # "Imbali campaign spokesman": the noun belongs to the owner; "Korsumi interior ministry spokesman": to the office.
    if first < at and _head(words[first]) in titles.organisations and not mentions.state(owner):
        return first + 1, f"{owner} {words[first]}"
    return first, owner


def _behind(name: str, words: list[str], titles: Titles) -> tuple[str, str]:
    """Find whose the office is in the words behind it, some of which may belong to its name."""
    if len(words) > 1 and words[0] == "in" and words[1] == "chief":
        name, words = f"{name} in chief", words[2:]
    for _ in range(3):
        if len(words) < 2 or words[0].lower() not in titles.belonging:
            return name, ""
        if words[0] in titles.abroad and _head(name.split()[-1]) in titles.accredited:
            return name, ""  # "ambassador to the Straits League": of whoever sent him
        size = 1
        while size < len(words) and size < 6 and not _CAPITALISED.match(words[size]):
            word = words[size].lower()
            if word in titles.belonging or (word in titles.openers and word not in titles.definite):
                break
            size += 1
        if size < len(words) and _CAPITALISED.match(words[size]) and (size < 4 or words[0].lower() != "of"):
            called = _CALLED.match(" ".join(words[size:]))
            owner = called[1] if called else ""
            *topic, last = owner.lower().split() or [""]
            known = set(topic) <= titles.modifiers | _AND and last in titles.modifiers
            if known or (last in titles.topics and titles.organisations.isdisjoint(topic)):
                size += len(owner.split())  # "minister of Foreign Affairs"
                name, words = f"{name} {' '.join(words[:size])}".rstrip("."), words[size:]
                continue
            if whose := re.match(r"(.*?)['’]s\b", owner):
                owner = whose[1]
            return name, owner.rstrip(".")
        if words[0] != "of" and words[1] in titles.definite and words[2:3] and words[2] in titles.organs:
            return name, words[2]  # "a spokesman for the ministry"
        if words[0].lower() == "of" and size > 1 and words[size - 1].lower() not in titles.definite:
            name = f"{name} {' '.join(words[:size])}".rstrip(".")
        words = words[size:]
    return name, ""


def offices_of(mention: Mention, mentions: Mentions, titles: Titles) -> list[Office]:
    """Read the offices that the words beside one mention of a person tell."""
    text = mentions.text
    found: list[Office] = []
    before = text[max(mention.start - REACH, 0) : mention.start]
    after = text[mention.end : mention.end + REACH]
    title = _titled(mention, before, after, titles) if mention.title else NONE
    if title.name:
        found.append(title)
    if title.weight <= 1:
        found.extend(_in_front(before, after, mention, titles, mentions))
    if not _WHOSE.match("x" + after[:2].strip()):
        found.extend(_afterwards(after, titles, mentions))
    return found


def _titled(mention: Mention, before: str, after: str, titles: Titles) -> Office:
    """Read the title in capitals: "Veldanian Foreign Minister", "Gen.", "Sen."."""
    words = [word for word in mention.title.split() if _head(word) not in titles.honorifics]
    if not words:
        return NONE
    plain = " ".join(map(_head, words))
    owner = mention.lead
    if not owner and (whose := _OWNED.search(before)):
        owner = whose[1]
    elif not owner and (whose := _POSSESSED.search(before)):
        owner = whose[1].lower()
    if not owner and (of := _OF.match(after)) and (called := _CALLED.match(after, of.end())):
        owner = called[1]
    ranks = len(words)
    while ranks and _head(words[ranks - 1]) in titles.ranks:
        ranks -= 1
    if 0 < ranks < len(words) and _head(words[ranks - 1]) in titles.offices:
        compound = "-".join(map(_head, words[ranks - 1 : ranks + 1]))
        words = words if compound in titles.offices else words[:ranks]  # "Attorney General", "Minister General Poe"
    if plain in titles.ranks or all(_head(word) in titles.ranks for word in words):
        return Office(titles.ranks.get(plain) or titles.ranks[_head(words[-1])], owner, 1.0, _head(words[-1]))
    name = " ".join(titles.shortened.get(_head(word)) or titles.ranks.get(_head(word)) or word for word in words)
    name = " ".join(word if word.isupper() and len(word) < 5 else word.lower() for word in name.split())
    return Office(name, owner, MOST, name.split()[-1])


def _in_front(before: str, after: str, mention: Mention, titles: Titles, mentions: Mentions) -> list[Office]:
    """Read "Kremlin spokesman X", "Veldania’s president, X, ..." and "Spokesperson: X"."""
    lead = f"{mention.lead} " if mention.lead else ""
    bare = before.rstrip()
    if before[-1:] == "\n" and before.count("\n", len(bare)) > 1 and not bare.endswith(":"):
        return []
    if bare.endswith(",") and len(before) - len(bare) <= 2:
        # With no comma behind the name it is more likely to begin a clause: "after he met the president, X said".
        if not _CLOSED.match(after):
            return []
        chunk = _CLAUSE.split(bare[:-1])[-1]
        if fellow := _FELLOW.search(chunk):
            return [Office("", fellow[1], 0.5)]
        office = read_office(chunk, titles, mentions, last=True)
    elif bare.endswith(":"):
        chunk = bare[:-1].rpartition("\n")[2]
        if len(chunk) > 60:
            return []
        office = read_office(chunk, titles, mentions, last=True)
    else:
        chunk = _CLAUSE.split(bare)[-1] + (" " + lead if lead else "")
        words = _WORD.findall(chunk)
        if not words or _head(words[-1]) not in titles.offices:
            if lead and lead.strip():
                return [Office("", lead.strip(), 0.5)]
            return []
        office = read_office(_ALONE.split(chunk)[-1], titles, mentions, last=True)
        office = office._replace(weight=MOST)
    return [office] if office.name else []


def _afterwards(after: str, titles: Titles, mentions: Mentions) -> list[Office]:
    """Read "X, a spokesperson for Y", "X (D), Korsume’s envoy", "X, 52, mayor of Y" and "X, who heads the Y"."""
    position = aside.end() if (aside := _ASIDE.match(after)) else 0
    if age := _AGE.match(after, position):
        position = age.end()
    if behind := _NEXT.match(after, position):
        comma, word = behind.groups()
        if titles.pronouns.get(word.lower()) == "who" and (who := _WHO.match(after, behind.end())):
            verb = who[1].lower()
            if verb in titles.verbs:
                name, owner = _behind(titles.verbs[verb].partition(" ")[0], ["of", *who[2].split()], titles)
                return [Office(name, owner, 2.6, name.split()[0])]
            if verb in titles.copulas:
                office = read_office(who[2], titles, mentions)
                return [office._replace(weight=2.0)] if office.name else []
        being = _ARTICLE.match(after, behind.end()) if word in titles.copulas and not comma else None
        if being and (being[1] in titles.definite or being[1] in titles.indefinite):
            office = read_office(_CLAUSE.split(after[behind.end() :], maxsplit=1)[0], titles, mentions)
            return [office._replace(weight=2.0)] if office.name and office.owner else []
    apposed = _APPOSED.match(after, position)
    if not apposed or apposed.end() == position:
        return []
    chunk = _CLAUSE.split(after[apposed.end() :], maxsplit=1)[0]
    words = _WORD.findall(chunk)[:9]
    if not words:
        return []
    opening = words[0].lower()
    starts = opening in titles.definite or opening in titles.indefinite or bool(_WHOSE.match(words[0]))
    starts = starts or _CAPITALISED.match(words[0]) is not None or opening in titles.pronouns
    if not starts and _head(words[0]) not in titles.offices and opening not in titles.modifiers:
        return []
    at = _find_head(words, titles)
    if at < 0 or any(word.lower() in titles.openers or word.lower() in titles.pronouns for word in words[1:at]):
        return []
    then = words[at + 1].lower() if at + 1 < len(words) else ""
    tied = then in titles.belonging or then in titles.pronouns or then in ("and", "&") or then.endswith("ing")
    if then and not tied and opening in titles.definite:
        return []  # "In Sunmar, the mayor also said": no apposition, the next clause
    office = read_office(chunk, titles, mentions)
    if office.name and opening in ("a", "an", "one", "another"):
        office = office._replace(weight=2.2)
    return [office] if office.name else []
