"""Frozen dataclasses that come from files: each value must be of the kind that the field's default is."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

from communique.errors import UsageError


def check_fields(record: Any) -> None:
    """Refuse a dataclass instance with a value of another kind than its field's default.

    Whole numbers may stand for fractions, and either for the other where the default is a number; a field whose default
    is None takes a whole number or None. Tuples are looked at by the class itself.

    Raises
    ------
    UsageError
        If a value is of another kind, or not a finite number.
    """
    for field in fields(record):
        value, default = getattr(record, field.name), field.default
        if default is None:
            fits = value is None or type(value) is int
        elif isinstance(default, bool):
            fits = type(value) is bool
        elif isinstance(default, (int, float)):
            fits = type(value) in (int, float) and math.isfinite(value)
        elif isinstance(default, str):
            fits = type(value) is str
        else:
            fits = True
        if not fits:
            raise UsageError(f"{field.name} = {value!r}", expected=f"a value like {default!r}")
