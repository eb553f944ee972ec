"""Datelines and agency tags: "PORT ASEL, 14 May — ", "SUNMAR (Agency) - ", "(Agency) - " before the first sentence."""

from __future__ import annotations

import re

from communique.extraction.dates import find_date
from communique.extraction.pages import Words, months

_LONGEST = 110  # characters
_DASH = re.compile(r"\s?[—–―]\s?|\s--?\s|\.-\s?|(?<=/)\.?\s")
_MARK = re.compile(r"[—–―/)-](?:(?<!-)|(?<=[\s.]-))")
_LABEL = re.compile(r"(?:[^\W\d_a-zß-ÿ][^\W\d_a-zß-ÿ.'’-]*[ ]?){1,4}:\s+(?=\S)")
_HAN = re.compile(r"[^\s，。,]{0,20}?\d{1,2}月\d{1,2}日(?:电|電|讯|訊)\s*(?:[（(][^）)]{1,30}[)）])?\s*[—–-]*\s*")
_ALERT = re.compile(r"([^\W\d_]+(?: [^\W\d_]+){0,2})(?: \d{1,2})?\s?(?:[:：]|\s[–—-]\s)\s*")
_HAN_AGENCY = re.compile(r"([\u3400-\u9fff]{2,8}?社)")
_HAN_REPORTER = re.compile(r"[（(](?:记者|記者)[：:\s]*([^（）()]{2,30})[)）]")
_PLACE = re.compile(r"[^,(/\d.—–]+")
_AGENCY = re.compile(r"[(/]([^()/\d]{2,40})[)/]\.?$")
_WORD = re.compile(r"[^\W\d_]+")


def find_dateline(paragraph: str, *, place_alone: bool = True) -> int:
    """Return how many characters of a paragraph are its dateline; 0 if it has none.

    Parameters
    ----------
    place_alone
        Whether a place in capitals is enough, as it is at the beginning of an article.

    A dateline has a place in capitals, or a place with a date or an agency in brackets, or an agency alone. "Paris - "
    is none: too many sentences begin like that.
    """
    head = paragraph[:_LONGEST]
    if "日" in head and (han := _HAN.match(head)):
        return han.end()
    if not _MARK.search(head):
        return 0
    for dash in _DASH.finditer(head):
        before = head[: dash.start()]
        if _is_dateline(before, place_alone):
            return dash.end() if dash.end() < len(paragraph) else 0
        if before.count("—") + before.count("–"):
            break
    return 0


def find_alert(paragraph: str, known: Words) -> int:
    """Return how long "BREAKING: " or "UPDATE 2: " at the head of a paragraph is; 0 if nothing like it is there."""
    head = paragraph[:_LONGEST]
    alert = _ALERT.match(head) if head.lower().startswith(known.alerts) else None
    return alert.end() if alert and alert[1].lower() in known.alerts and alert.end() < len(paragraph) else 0


def find_label(paragraph: str) -> int:
    """Return how long "TAMURI CITY: " at the head of a paragraph is; 0 if nothing like it is there.

    Some papers write their datelines so, and transcripts their speakers: whether it is one, the other paragraphs tell.
    """
    label = _LABEL.match(paragraph[:_LONGEST])
    return label.end() if label else 0


def read_agency(dateline: str) -> str:
    """Return the agency that a dateline names in brackets; "" if none."""
    found = _AGENCY.search(dateline.rstrip(" —–―-:.")) or _HAN_AGENCY.match(dateline)
    return found[1].strip() if found else ""


def read_reporter(dateline: str) -> str:
    """Return who reports, as a Chinese dateline says in brackets; "" if it does not."""
    found = _HAN_REPORTER.search(dateline)
    return found[1].strip() if found else ""


def _is_dateline(before: str, place_alone: bool) -> bool:
    words = before.split()
    if not 1 <= len(words) <= 14 or any(mark in before for mark in '"“”«»„:;?!'):
        return False
    agency = _AGENCY.search(before)
    if agency and before[0] in "(/":
        return len(words) <= 5 and agency.start() == 0
    place = _PLACE.match(before)
    if place is None or not before[0].isupper():
        return False
    letters = _WORD.findall(place[0])
    if not 1 <= len(letters) <= 5 or letters == ["Q"]:
        return False
    if place_alone and sum(map(len, letters)) >= 3 and all(map(str.isupper, letters)):
        return True
    rest = before[place.end() :]
    named = letters[0][0].isupper() and letters[-1][0].isupper()
    return named and (bool(agency) or (rest.startswith((",", ".", " (")) and _has_date(rest)))


def _has_date(text: str) -> bool:
    if find_date(text):
        return True
    return any(map(str.isdecimal, text)) and any(word.lower() in months() for word in _WORD.findall(text))
