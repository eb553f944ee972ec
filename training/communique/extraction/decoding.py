"""Bytes into text: UTF-8, UTF-16 and UTF-32 by their marks, and two old encodings where only one of them can be meant.

A decoder never changes line ends, and a byte order mark is left out, as everywhere in this house.
"""

from __future__ import annotations

import codecs
import re

from communique.errors import DataError

_BOMS = (  # the longer first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = bytes({*range(9), *range(14, 27), 28, 29, 30, 31, 127})
_SAMPLE = 2**16
_MOST_CONTROLS = 0.01
_MOST_FOREIGN = 0.2
"""The largest share of letters beyond ASCII in a Western text; Cyrillic has nearly all of them there."""

_WESTERN = re.compile("[A-Za-z][à-öø-ÿœžšß][A-Za-z]|[A-Za-z][’'][A-Za-z]|[“”‘’–—…«»€£©·•]")
_CYRILLIC = re.compile("[А-яЁёІіЇїЄєҐґ]{2,}")
_CYRILLIC_VOWELS = frozenset("аеёиоуыэюяіїє")


def decode(data: bytes, called: str) -> str:
    """Make text of bytes.

    Parameters
    ----------
    called
        What the bytes are called in a message.

    Raises
    ------
    DataError
        If they are no text, or in an encoding that cannot be told for certain.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            try:
                return data[len(bom) :].decode(encoding)
            except UnicodeDecodeError as problem:
                raise DataError(
                    f"{called} is not {encoding.upper()[:6].rstrip('-')}, as its first bytes say ({problem.reason})",
                    remedy="save it in UTF-8",
                ) from problem
    sample = data[:_SAMPLE]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls > _MOST_CONTROLS * len(sample):
        if found := _guess_wide(sample):
            return data.decode(found, "replace")
        raise DataError(f"{called} is a binary file", expected="text, Markdown, HTML, .docx or PDF")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as problem:
        wrong, at = data[problem.start], problem.start
    encoding = _guess_old(sample)
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise DataError(
            f"byte {at + 1} of {called} (0x{wrong:02X}) is not UTF-8, and no older encoding is certain",
            remedy="save it in UTF-8",
        ) from None


def _guess_wide(sample: bytes) -> str:
    """Return the UTF-16 of a text without its mark: in a Western one every second byte is zero, always the same."""
    if len(sample) < 8:
        return ""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = max(1, len(sample) // 2)
    if odd > 0.9 * half and even < 0.01 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.9 * half and odd < 0.01 * half else ""


def _guess_old(sample: bytes) -> str:
    """Return "cp1252" or "cp1251" if the bytes make sense in one and not in the other; "" else."""
    letters = sum(map(bytes.isalpha, map(bytes, zip(sample, strict=True))))
    foreign = len(sample) - len(sample.translate(None, bytes(range(128, 256))))
    cyrillic = sample.decode("cp1251", "replace")
    words = _CYRILLIC.findall(cyrillic)
    if foreign > letters and words:
        small = sum(word[1:].islower() for word in words)
        voiced = sum(not _CYRILLIC_VOWELS.isdisjoint(word.lower()) for word in words)
        return "cp1251" if small > 0.7 * len(words) and voiced > 0.7 * len(words) else ""
    if foreign <= _MOST_FOREIGN * (letters + foreign):
        western = sample.decode("cp1252", "replace")
        return "cp1252" if "�" not in western and _WESTERN.search(western) else ""
    return ""
