"""Labels that are slips for other labels: another case, a stray space, a look-alike letter, a finger too far left.

To a program each spelling is a class of its own. People who coded by hand, in a spreadsheet, on two keyboards, meant
one.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MANY = 200
"""With more labels than this no slips are looked for: it is hardly a column of labels."""

_ALIKE = 0.8  # ratio of difflib from which two words may be one: two letters in ten differ, or are swapped
_WORD = 4  # letters a word has at least before a slip in it can be told from another word
_FEW = 3  # rows that a slip may have in any case
_SHARE = 20  # ... or one in so many of the most frequent label

# Cyrillic and Greek small letters, each above the Latin one it looks like.
_LOOKALIKES = str.maketrans(
    "\u0430\u0441\u0501\u0435\u04bb\u0456\u0458\u043e\u0440\u051b\u0455\u051d\u0445\u0443\u0475\u03bf\u03b1\u03bd\u03c1\u03c4\u03b9\u03ba\u03c7",
    "acdehijopqswxyvoavptikx",
)


@dataclass(frozen=True)
class Slip:
    """A label, the one that was meant, and in words what sets them apart."""

    label: str
    meant: str
    difference: str
    variant: bool
    """Whether they differ in capitals, white space, punctuation or look-alike letters only."""


def find_slips(counts: Mapping[str, int], right: Sequence[str] = ()) -> tuple[Slip, ...]:
    """Find the labels that look like slips for others.

    A variant is always a slip, for the more frequent label. A label that is spelled otherwise is one if its words, of
    four letters or more, are nearly those of another label (difflib's ratio is at least 0.8), and if it is rare: on at
    most 3 rows, or a twentieth of what the most frequent label has. With more than 200 labels nothing is a slip.

    Parameters
    ----------
    counts
        How many rows each label has.
    right
        The labels of a codebook: they are right, and any other may be a slip for them, however frequent.
    """
    if len(counts) > MANY:
        return ()
    few = max(_FEW, max(counts.values(), default=0) // _SHARE)
    accepted, slips = list(right), []
    for label in sorted(set(counts) - set(right), key=lambda label: (-counts[label], label)):
        if same := [other for other in accepted if fold(other) == fold(label)]:
            slips.append(Slip(label, same[0], _tell_apart(label, same[0]), variant=True))
            continue
        near = [other for other in accepted if _is_slip(label, other) and (right or counts[other] > counts[label])]
        meant = guess(label, near) if right or counts[label] <= few else None
        if meant is None:
            accepted.append(label)
        else:
            slips.append(Slip(label, meant, "they are spelled nearly alike", variant=False))
    return tuple(slips)


def guess(label: str, known: Iterable[str]) -> str | None:
    """Find the known label that is most like this one, if any is."""
    near = difflib.get_close_matches(fold(label), [fold(other) for other in known], 1)
    return next((other for other in known if near and fold(other) == near[0]), None)


def fold(label: str) -> str:
    """Bring labels that are meant to be one to one form.

    Signs that tell labels apart stay: "+1" and "-1", "A+" and "A".
    """
    plain = unicodedata.normalize("NFKC", label).casefold().translate(_LOOKALIKES)
    plain = "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")
    plain = re.sub(r"(?<=[^\W\d_])[\s_./-]+(?=[^\W\d_])", "", plain)
    return plain.strip("\"'\u2018\u2019\u201c\u201d.,;: \t\r\n") or label


def _is_slip(label: str, other: str) -> bool:
    """Tell whether two labels differ as a slip of the finger does, and not as two labels do.

    "escalatroy" is a slip for "escalatory"; "de-escalatory", or "level 2" for "level 1", or "pro" for "con" is not.
    """
    ours, theirs = (re.findall(r"[^\W\d_]+", name.casefold()) for name in (label, other))
    if len(ours) != len(theirs) or re.findall(r"[\d+-]", label) != re.findall(r"[\d+-]", other):
        return False
    return all(a == b or _is_misspelled(a, b) for a, b in zip(ours, theirs, strict=True))


def _is_misspelled(word: str, other: str) -> bool:
    if min(len(word), len(other)) < _WORD or word.endswith(other) or other.endswith(word):
        return False  # what stands before a word makes another word: "un", "non", "de"
    return difflib.SequenceMatcher(None, word, other, autojunk=False).ratio() >= _ALIKE


def _tell_apart(label: str, other: str) -> str:
    """Say in words how two labels of one form differ."""
    for ours, theirs, whose in ((label, other, "its"), (other, label, "there the")):
        for letter in ours:
            if letter not in theirs and letter.casefold().translate(_LOOKALIKES) != letter.casefold():
                return f"{whose} {letter!r} is a {unicodedata.name(letter).title()}"
    if label.casefold() == other.casefold():
        return "they differ in capitals only"
    return "they differ only in capitals, spaces, punctuation or characters that cannot be seen"
