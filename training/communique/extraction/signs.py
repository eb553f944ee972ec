"""What one paragraph looks like, before anybody asks where on the page it stands.

Every sign is a general one: whether the line ends as sentences do, how many words it has, whether bars or bullets part
it, whether it begins with a verb that buttons have. A line has to look like a part of the page to be taken for one.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from communique.extraction.dates import blank_dates, find_date
from communique.extraction.pages import Words
from communique.extraction.paragraphs import ends_sentence

Look = Literal[
    "prose",
    "sentence",
    "short",
    "byline",
    "date",
    "issuer",
    "caption",
    "links",
    "prompt",
    "section",
    "comments",
    "rights",
    "note",
]
"""``prose``: one sentence of some length, or more. ``sentence``: a short one. ``short``: a line that is no sentence.
``note``: the paper speaks of itself or of the article."""

FEW = 8
"""Words. A sentence of fewer is no proof that the article has begun."""
MANY = 30
"""Words. A paragraph of more is prose, however it ends."""
_LONGEST_NOTE = 60
"""Words of what a paper says of itself in one paragraph."""
_CREDITED_WORDS = 10
_PLAIN = 12
"""Words. A sentence of more that has none of the marks of a page's own lines is prose without a closer look."""
_LOOKED_AT = 400
"""Characters. The beginning of a paragraph tells what it is, and its end whether it ends."""

_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_QUOTES = frozenset('"“”„«»「」『』')
_PARTED = re.compile(r"[|•·›»¦⋅/>\t \xa0](?:(?<![ \xa0])|[ \t\xa0])")
_PARTS = re.compile(r"\s*[|•·›»¦⋅]\s*|\s+[/>]\s+|(?<=\S)[ \t\xa0]{2,}(?=\S)|\t")
_PAUSE = re.compile(r"\s*[.|•·;,]\s+|\s[–—-]\s")
_ASIDE = re.compile(r"\s*\([^()]{1,30}\)")
_AND = re.compile(r",\s+|\s+(?:and|&|y|et|и|та)\s+")
_COUNT = re.compile(r"\(?[\d.,]+\s?[kKmM]?\)?\+?(?:\s+\S+){0,3}$")
_RIGHTS = re.compile(
    r"[©(c](?:(?<=©)(?<!\w©)|(?<=\()c\)\s*(?:\d{4}|copyright)|(?<=c)opyright\s*(?:©|\d{4}|\(c\)))", re.I
)
_CREDITED = re.compile(r"\(\s*(?:[A-Z][\w.'’-]*\s?){1,4}/\s?(?:[A-Z][\w.'’-]*[\s/]?){1,5}\)\.?$")
_LABEL = re.compile(r"[^\s:.!?][^:.!?]{0,60}:\s")


class Sign(NamedTuple):
    """A look, the number of words (a word of Han is two signs), and whether the line ends as a sentence does."""

    look: Look
    words: int
    ends: bool


def count_words(text: str, language: str) -> int:
    """Return about how many words there are; two signs of Han count as one."""
    return len(text.split()) + (len(_HAN.findall(text)) // 2 if language == "zh" else 0)


def read_sign(text: str, words: Words) -> Sign:
    """Tell what a paragraph looks like. Time does not grow with it."""
    head = text[:_LOOKED_AT]
    count = count_words(head, words.language)
    ends = ends_sentence(text) and not (count <= 2 and text.endswith(("...", "…")))
    if count <= _LONGEST_NOTE and _is_note(head, words):
        return Sign("note", count, ends)
    if ends and count > _PLAIN and _is_plain(head, text, words):
        return Sign("prose", count, ends)
    if count > MANY and not _is_edge(head, text, words, count):
        return Sign("links" if _is_links(head, ends, MANY) else "prose", count, ends)
    lower = head.lower().replace("’", "'")
    look = _find_look(head, lower, words, count, ends)
    return Sign(look, count, ends)


def addresses_reader(text: str, words: Words, things: frozenset[str] | None = None) -> bool:
    """Tell whether the page itself speaks here, to "you" and in nobody's name: of cookies, if not of other `things`."""
    things = words.notices if things is None else things
    if len(text) > 2 * _LOOKED_AT or not _QUOTES.isdisjoint(text) or _LABEL.match(text):
        return False
    found = set(_WORD.findall(text.lower()))
    if _HAN.search(text):
        return any(word in text for word in things) and any(word in text for word in words.reader)
    return not found.isdisjoint(things) and not found.isdisjoint(words.reader)


def in_capitals(text: str, words: Words, most: float = 0.8) -> bool:
    """Tell whether the words begin with capitals, as in names and in many headlines; small words do not count."""
    found = [word for word in _WORD.findall(text) if word[0].isalpha() and word.lower() not in words.joining]
    long = [word for word in found if len(word) > 3] or found
    return bool(long) and sum(not word[0].islower() for word in long) >= most * len(long)


def read_byline(line: str, words: Words) -> str:
    """Return the names and places of a byline, "" if the line is none: "Posted on 14 May by Liv Adrell" has one."""
    names = line[:_LOOKED_AT].strip("()[]| ")
    bare = names.lower()
    parts = _split(names)
    if len(parts) > 1 and is_name(parts[0], words) and any(_is_date(part, words) for part in parts[1:]):
        return parts[0].strip("*_ ")  # "Liv Adrell | Sunmar | 14 May 2031"
    if not bare.startswith((*words.by, *words.stamped)):
        return ""
    if not bare.startswith(words.by):
        names = _without_stamps(names, words)
        bare = names.lower()
    for opening in words.by:
        if bare.startswith(opening) and (opening[-1] in ":：" or not bare[len(opening) :][:1].isalnum()):
            found = _clean(_cut_stamps(names[len(opening) :], words))
            if not found or found[0].islower() or found[-1] in "?!。？！؟":  # "记者：为什么？"
                continue
            if found[-1] == "." and len(found.split()) > 3 and (" " not in opening or opening[-1] == ":"):
                continue  # "By Friday they must go."
            return found if in_capitals(found, words, 0.5) else ""
    return ""


def is_name(text: str, words: Words) -> bool:
    """Tell whether a short line can be the name of a person, or of several: two to four words with capitals each."""
    parts = _AND.split(_ASIDE.sub("", text).strip(" *_"))
    return 0 < len(parts) <= 4 and all(
        2 <= len(part.split()) <= 4
        and part.lower() != part != part.upper()
        and not any(map(str.isdecimal, part))
        and words.issuers.isdisjoint(_WORD.findall(part.lower()))
        and in_capitals(part, words, 1.0)
        for part in parts
    )


def drop_asides(line: str) -> str:
    """Return a line without what stands in brackets in it: "Liv Adrell (now) and Tomas Idrewe (earlier)"."""
    return _ASIDE.sub("", line)


def _cut_stamps(names: str, words: Words) -> str:
    """Return a byline without its dates, and without what follows it: "Publié le 14 mai", "| Updated at 18:42"."""
    for end in _PAUSE.finditer(names):
        following = _WORD.match(names, end.end())
        if following and following[0].lower() in words.stamped - words.joining:
            names = names[: end.start()]
            break
    return blank_dates(names)


def _without_stamps(line: str, words: Words) -> str:
    found = blank_dates(line).split()
    while found and found[0].lower().strip(",:|•·") in words.stamped | {""}:
        del found[0]
    return " ".join(found)


def _clean(names: str) -> str:
    return " ".join(names.split()).strip(" :：|•·,-–—")


def is_comment(text: str, words: Words) -> bool:
    """Tell whether a short line is of those that stand about readers' comments: "Reply", "2 hours ago", "Ivo says:"."""
    if len(text) > 80:
        return False
    found = _WORD.findall(text.lower())
    if not found:
        return False
    if all(word in words.replies or word.isdecimal() for word in found):
        return True
    if text.endswith(":") and found[-1] in words.says:
        return True
    return (
        len(found) <= 6
        and any(map(str.isdecimal, found))
        and any(word in f" {text.lower()} " for word in _apart(words))
    )


def _apart(words: Words) -> list[str]:
    return [word if _HAN.match(word) else f" {word} " for word in words.ago]


def _find_look(head: str, lower: str, words: Words, count: int, ends: bool) -> Look:
    bare = lower.strip("()[]|·•—–- ")
    if _is_rights(head, lower, words, count, ends):
        return "rights"
    if _is_comments(bare, words, count, ends):
        return "comments"
    if _is_section(bare, words, ends):
        return "section"
    if _is_caption(head, bare, words, count):
        return "caption"
    if count <= 20 and _is_date(head, words):
        return "date"
    if count <= 25 and read_byline(head, words):
        return "byline"
    if _is_links(head, ends, count) or (not ends and count <= 4 and _COUNT.match(head)):
        return "links"
    if _is_prompt(head, bare, words, count, ends):
        return "prompt"
    if count <= 9 and not ends and _is_issuer(head, lower, words):
        return "issuer"
    if not ends:
        return "short"
    return "sentence" if count < FEW else "prose"


def _is_note(head: str, words: Words) -> bool:
    """Tell "Our Standards: ...", "Source: The Ledger.", "Note: this article was amended." from what others say."""
    said = head.lstrip("*_([ ")
    label = _LABEL.match(said[:70]) if ":" in said[:70] else None
    rest = said[label.end() :].lstrip("*_ ") if label else said
    own = rest[:40].lower()
    if own.startswith(words.selves) and _QUOTES.isdisjoint(head):
        return not words.amended.isdisjoint(_WORD.findall(rest.lower().replace("’", "'")))
    if label is None:
        return False
    named = label[0].strip("*_: ").lower()
    if named in words.notes:
        return True
    if named in words.credited:
        return len(rest.split()) <= _CREDITED_WORDS and in_capitals(rest, words, 1.0)
    found = _WORD.findall(own)
    return bool(found) and found[0] in words.prompts and named.isalpha() and _speaks_to_reader(rest, words)


def _speaks_to_reader(rest: str, words: Words) -> bool:
    found = set(_WORD.findall(rest.lower()))
    return len(rest.split()) <= _CREDITED_WORDS and len(found & words.reader) > 0 and _QUOTES.isdisjoint(rest)


def _is_plain(head: str, text: str, words: Words) -> bool:
    first = head[:40].split(None, 1)[0].strip("()[]:,").lower()
    return (
        words.language != "zh"
        and first not in words.openings
        and "©" not in head
        and ":" not in text[-70:]
        and "/" not in text[-70:]
        and not _is_reserved(head.lower(), words)
    )


def _is_edge(head: str, text: str, words: Words, count: int) -> bool:
    """Tell whether a long paragraph has to be looked at closely all the same: fine print, or a caption with credit."""
    if count > 70:
        return False
    last = text[-90:].lower()
    return "©" in head or (":" in last and any(f"{word}:" in last for word in words.credit))


def _is_rights(head: str, lower: str, words: Words, count: int, ends: bool) -> bool:
    return bool(_RIGHTS.search(head)) or (
        count <= 40
        and _QUOTES.isdisjoint(head)
        and ((not ends and lower.startswith(words.rights)) or _is_reserved(lower, words))
    )


def _is_reserved(lower: str, words: Words) -> bool:
    return any(phrase in lower for phrase in words.reserved)


def _is_comments(bare: str, words: Words, count: int, ends: bool) -> bool:
    if count > 20:
        return False
    found = _WORD.findall(bare)
    if not found:
        return False
    if len(found) > 1 and found[0].isdecimal() and found[1] in words.comments:
        return True
    if count > 6 or words.comments.isdisjoint(found):
        return False
    if all(word in words.comments or word[:-1].replace(".", "").isdecimal() or word.isdecimal() for word in found):
        return True
    return found[-1] in words.comments and (found[0] in words.prompts or (count <= 3 and not ends))


def _is_section(bare: str, words: Words, ends: bool) -> bool:
    if not bare.startswith(words.sections):
        return False
    for opening in words.sections:
        if bare.startswith(opening):
            rest = bare[len(opening) :].lstrip()
            if not rest or rest[0] in ":：" or not (ends or bare[len(opening)].isalnum()):
                return True
    return False


def _is_caption(head: str, bare: str, words: Words, count: int) -> bool:
    if count <= MANY and bare.startswith(words.credit):
        for opening in words.credit:
            if bare.startswith(opening) and bare[len(opening) :].lstrip()[:1] in (":", "：", "©", "/"):
                return True
            if bare.startswith((f"{opening} by ", f"{opening} source", f"{opening} credit", f"{opening} caption")):
                return True
    if _CREDITED.search(head):
        return True
    before, colon, name = head.rpartition(":")
    return bool(colon) and len(name) <= 60 and _last_words(before).endswith(words.credit) and not ends_sentence(name)


def _last_words(text: str) -> str:
    return " ".join(text[-30:].lower().split()).removesuffix(" by")


def _is_date(head: str, words: Words) -> bool:
    if not any(map(str.isdecimal, head)) or find_date(head) is None:
        return False
    rest = [word for word in _WORD.findall(blank_dates(head).lower()) if word not in words.stamped]
    return len(rest) <= 1 and not any(word in words.by for word in rest)


def _is_links(head: str, ends: bool, count: int) -> bool:
    if ends or not _QUOTES.isdisjoint(head):
        return False
    parts = _split(head)
    if len(parts) < 2:
        return False
    if count > MANY:
        parts.pop()  # cut off in the middle
    return all(len(part.split()) <= 4 for part in parts)


def _split(line: str) -> list[str]:
    """Return the parts of a line between bars, bullets and gaps; most have none, which is seen at once."""
    return [part for part in _PARTS.split(line) if part] if _PARTED.search(line) else [line]


def _is_prompt(head: str, bare: str, words: Words, count: int, ends: bool) -> bool:
    if count > 20 or not _QUOTES.isdisjoint(head) or _LABEL.match(head):
        return False
    found = _WORD.findall(bare)
    if not found:
        return False
    if _HAN.match(bare):
        return len(bare) <= 14 and not ends and any(map(bare.startswith, words.prompts - {""}))
    if found[0] not in words.prompts:
        return False
    return (count <= 4 and (not ends or bare[-1] == ":")) or not words.things.isdisjoint(found[1:])


def _is_issuer(head: str, lower: str, words: Words) -> bool:
    if _HAN.match(head):
        return len(head) <= 15 and any(map(head.endswith, words.issuers))
    if head == head.upper() == lower and len(head.split()) > 4:  # no script with capitals
        return False
    if "," in head or any(map(str.isdecimal, head)):
        return False
    return not words.issuers.isdisjoint(_WORD.findall(lower)) and in_capitals(head, words, 1.0)
