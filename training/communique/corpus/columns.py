"""Which column of the user's file plays which role.

A file keeps its own column names: nobody should have to rename `body` to `text` to be served. A role is played by the
column the user named, else by the first alias of the list below that the file has, whatever its case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from communique.errors import DataError
from communique.statement import GROUP, ID, LABEL, TEXT

ALIASES = {
    TEXT: ("text", "statement", "body", "content", "sentence", "quote", "utterance", "message"),
    LABEL: ("label", "stance", "class", "category"),
    ID: ("id", "uid", "statement_id", "doc_id"),
    GROUP: ("group", "scenario"),
}
"""Role -> the names that play it unasked, best first: a file with both `text` and `body` is read from `text`."""


@dataclass(frozen=True)
class Columns:
    """The column that plays each role; None: to be found by alias or, once the roles are settled, played by none."""

    text: str | None = None
    label: str | None = None
    id: str | None = None
    group: str | None = None

    def settle(self, names: Sequence[str], source: str, need: frozenset[str] = frozenset({TEXT})) -> Columns:
        """Find the column of every role in a file with the columns `names`.

        Parameters
        ----------
        names
            The file's columns, in order.
        source
            The file as the user named it, for the message.
        need
            Roles that must be played.

        Raises
        ------
        DataError
            If a column the user named is not there, a needed role has no column, or two columns have one name.
        """
        if twice := [name for name, times in Counter(names).items() if times > 1]:
            raise DataError(f"{source} has more than one column named {twice[0]!r}", remedy="rename all but one")
        found: dict[str, str | None] = {}
        for role, aliases in ALIASES.items():
            wanted = getattr(self, role)
            if wanted is not None:
                found[role] = _first([wanted], names)
                if found[role] is None:
                    raise DataError(f"{source} has no column {wanted!r}", expected=f"one of {_listed(names)}")
            else:
                found[role] = _first(aliases, [name for name in names if name not in found.values()])
                if found[role] is None and role in need:
                    raise DataError(
                        f"{source} has no {role} column among {_listed(names)}",
                        expected=f"one named {', '.join(aliases)}",
                        remedy="rename it, or say which column it is",
                    )
        return Columns(**found)


def _first(wanted: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the column that answers to the first possible of `wanted`: as written, else by any case, blanks aside."""
    folded = {name.strip().casefold(): name for name in reversed(names)}
    for want in wanted:
        if want in names:
            return want
        if want.strip().casefold() in folded:
            return folded[want.strip().casefold()]
    return None


def _listed(names: Sequence[str], most: int = 20) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown or "none"
