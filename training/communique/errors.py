"""What can go wrong, and the exit code each kind of wrong has at the command line.

::

    CommuniqueError             1  failed
    |- OutputError              1  the answer could not be written (no space, no permission, already there)
    |- UsageError               2  the command was given wrongly
    |- DataError                3  the data cannot be read, or training on it would be unsound
    |- ModelError               4  a model cannot be used:
    |  |- ModelMissingError        there is none of that name
    |  |- ModelIncompatibleError   a newer or older format than this version reads
    |  `- ModelUnsafeError         not a model file, damaged, or made to do harm
    `- QualityGateError         5  a score is below what was demanded

Interruption (Ctrl-C) ends with 130 and is not an error of ours.

Every message is one sentence of up to three parts: what was found, what was expected, what to do about it.
"""

from __future__ import annotations


class CommuniqueError(Exception):
    """The root: something went wrong that a person can mend.

    Parameters
    ----------
    found
        What was met, named as the user named it (a file, a column, a row number).
    expected
        What would have been right, without the word "expected".
    remedy
        What to do, in the imperative.
    """

    exit_code = 1

    def __init__(self, found: str, *, expected: str = "", remedy: str = "") -> None:
        parts = [found, f"expected {expected}" if expected else "", remedy]
        super().__init__("; ".join(part for part in parts if part))
        self.found = found
        self.expected = expected
        self.remedy = remedy


class OutputError(CommuniqueError):
    """The answer could not be written."""


class UsageError(CommuniqueError):
    """The command, or a function, was given arguments that do not fit together."""

    exit_code = 2


class DataError(CommuniqueError):
    """Data that cannot be read, or that would make an unsound model."""

    exit_code = 3


class ModelError(CommuniqueError):
    """A model that cannot be used."""

    exit_code = 4


class ModelMissingError(ModelError):
    """There is no model of that name, version or path."""


class ModelIncompatibleError(ModelError):
    """A model written in a format this version does not read."""


class ModelUnsafeError(ModelError):
    """A file that is not plain model data, or not the bytes its manifest promises."""


class QualityGateError(CommuniqueError):
    """A score lies below the bar that was set."""

    exit_code = 5
