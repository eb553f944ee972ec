"""Dates as pages write them, read into ISO 8601 where there is but one way to read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from communique.extraction.pages import months

_NAME = r"([^\W\d_]{3,12}(?:[ ]الثاني|[ ]الأول)?)\.?"
_YEAR = r"(\d{4})(?!\d)"
_FORMS = (
    # 2031-05-14, 2031-05-14T18:42
    (re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)"), "ymd"),
    # 2031年5月14日
    (re.compile(r"(?<!\d)(\d{4})\s?年\s?(\d{1,2})\s?月\s?(\d{1,2})\s?日"), "ymd"),
    # 14 May 2031, 14th of May, 2031, 14 de mayo de 2031, 1er mai 2031, 14 مايو 2031
    (
        re.compile(rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|er|º)?[ .]+(?:of |de )?{_NAME},? (?:de |del )?{_YEAR}", re.I),
        "dmy",
    ),
    # May 14, 2031; mayo 14, 2031
    (re.compile(rf"(?<![^\W\d_]){_NAME} (\d{{1,2}})(?:st|nd|rd|th)?,? {_YEAR}", re.I), "mdy"),
    # 14.05.2031
    (re.compile(rf"(?<!\d)(\d{{1,2}})\.(\d{{1,2}})\.{_YEAR}"), "dmy"),
    # 14/05/2031, and 05/14/2031; 05/06/2031 has two readings and is left alone
    (re.compile(rf"(?<!\d)(\d{{1,2}})/(\d{{1,2}})/{_YEAR}"), "???"),
)
_DIGITS = re.compile(r"\d{4}")
"""What every one of them has in it."""

_DAY = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|er|º)?[ .]+(?:of |de )?{_NAME}|(?<![^\W\d_]){_NAME} (\d{{1,2}})(?!\d)"
    r"|(?<!\d)(\d{1,2})月(\d{1,2})日",
    re.I,
)
_TIME = re.compile(
    r"(?<![\d.:])(\d{1,2})(?:[:h](\d{2})(?::\d{2})?|\.(\d{2})(?=\s?(?:[ap]\.?m\b|[A-Z]{3}\b))|(?=\s?[ap]\.?m\b))"
    r"\s?([ap]\.?m\b\.?)?(?![\d:])",
    re.I,
)


class Date(NamedTuple):
    """A date: where it stands, and which it is."""

    start: int
    end: int
    iso: str


def find_date(text: str) -> Date | None:
    """Return the first full date in a short text, with the time of day if the text gives one beside it."""
    found = min(_find(text), default=None, key=lambda date: date.start)
    if found is None:
        return None
    time = _find_time(text, found)
    return found._replace(iso=f"{found.iso}T{time}") if time else found


def find_day(text: str) -> tuple[int, int] | None:
    """Return month and day of the first date without a year in a short text: "14 May", "May 14", "5月14日"."""
    for match in _DAY.finditer(text):
        name = (match[2] or match[3] or "").lower()
        month = int(match[5]) if match[5] else months().get(name, 0)
        if month:
            return month, int(match[1] or match[4] or match[6])
    return None


def join_year(year: str, day: tuple[int, int]) -> str:
    """Return a date in ISO 8601, "" if there is none such."""
    try:
        return datetime(int(year), *day).date().isoformat()
    except ValueError:
        return ""


def blank_dates(text: str) -> str:
    """Return a short text with blanks where its dates and times of day were."""
    for date in sorted(_find(text), reverse=True):
        text = text[: date.start] + " " + text[date.end :]
    return _TIME.sub(" ", text)


def _find(text: str) -> Iterator[Date]:
    for form, order in _FORMS if _DIGITS.search(text) else ():
        for match in form.finditer(text):
            if iso := _to_iso(match.groups(), order):
                yield Date(match.start(), match.end(), iso)


def _to_iso(parts: tuple[str, ...], order: str) -> str:
    if order == "???":
        first, second = int(parts[0]), int(parts[1])
        if first <= 12 and second <= 12 and first != second:
            return ""
        order = "mdy" if second > 12 else "dmy"
    named = dict(zip(order, parts, strict=True))
    month = int(named["m"]) if named["m"].isdecimal() else months().get(named["m"].lower(), 0)
    try:
        return datetime(int(named["y"]), month, int(named["d"])).date().isoformat()
    except ValueError:
        return ""


def _find_time(text: str, date: Date) -> str:
    for match in (*_TIME.finditer(text, date.end), *_TIME.finditer(text, 0, date.start)):
        hour, minute = int(match[1]), int(match[2] or match[3] or 0)
        half = (match[4] or "").lower()[:1]
        if half and 1 <= hour <= 12:
            hour = hour % 12 + 12 * (half == "p")
        if hour < 24 and minute < 60:
            return f"{hour:02d}:{minute:02d}"
    return ""
