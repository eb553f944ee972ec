"""What is usual in the training texts of a model: what tells a text that is not like them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from communique.errors import DataError


@dataclass(frozen=True)
class Profile:
    """What is usual in training texts, as plain values.

    Attributes
    ----------
    words
        The words that stand in two texts at least, lower-cased, a line each; the most frequent first.
    common
        How many of them, from the first on, are common ones.
    known, usual
        Shares in 0..1: a text with fewer known words is unfamiliar, one with fewer common words is in another language.
        ``known`` is what 99 % of the training texts reach, ``usual`` half of what 99 % of them reach.
    shortest, longest, passage
        Words: half of what 99 % of the training texts have at least, twice what 99 % have at most, and what three
        quarters have at least, the size of the passages that a longer text is cut into.

    Raises
    ------
    DataError
        If a value is of another type or out of range.
    """

    words: str
    common: int
    known: float
    usual: float
    shortest: int
    longest: int
    passage: int

    def __post_init__(self) -> None:
        numbers = (self.common, self.shortest, self.longest, self.passage)
        shares = (self.known, self.usual)
        if not (
            type(self.words) is str
            and all(type(number) is int and number >= 0 for number in numbers)
            and all(type(share) is float and 0 <= share <= 1 for share in shares)
        ):
            raise DataError("a profile of texts with values that do not fit", expected="words, counts and shares")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they stand in a model file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Profile:
        """Read what `to_dict` gives.

        Raises
        ------
        DataError
            If a part is missing, unknown or of another type.
        """
        if set(plain) != (known := {field.name for field in fields(cls)}):
            raise DataError(
                f"a profile of texts with the parts {', '.join(sorted(map(str, plain))) or 'none'}",
                expected=", ".join(sorted(known)),
            )
        return cls(**plain)
