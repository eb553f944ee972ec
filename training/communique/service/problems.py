"""What goes wrong, as an HTTP answer: problem+json (RFC 9457) made from the error tree.

=========================  ======  =====================================================================
an error of ours           status
=========================  ======  =====================================================================
NotJsonError               400     a body, or a line of it, that is no JSON
ModelMissingError          404     no model of that name is served
ModelError                 409     the model cannot do what is asked, such as keep a promise of error
UnknownLabelError          409     a label that the model's codebook does not have
TooMuchError               413     more at once than is taken
UnreadableError            415     a body of another media type
UsageError, DataError      422     JSON, but not what is asked for
OutputError                507     a correction could not be written down
CommuniqueError            500
=========================  ======  =====================================================================

What `guard` and `connection` refuse (401, 403, 408, 413, 414, 421, 431, 503) looks the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from communique.corpus.batch import describe
from communique.errors import (
    CommuniqueError,
    DataError,
    ModelError,
    ModelMissingError,
    OutputError,
    UsageError,
)
from communique.service.guard import MEDIA_TYPE, problem

_SHOWN = 60  # characters of a value that is quoted


class NotJsonError(DataError):
    """A body that is no JSON."""


class UnreadableError(DataError):
    """A body of a media type that is not read here."""


class TooMuchError(DataError):
    """More at once than is taken."""


class UnknownLabelError(UsageError):
    """A label that the model does not have; it may have had, before it was swapped."""


_STATUS: Mapping[type[CommuniqueError], int] = {
    NotJsonError: 400,
    TooMuchError: 413,
    UnreadableError: 415,
    UnknownLabelError: 409,
    ModelMissingError: 404,
    ModelError: 409,
    UsageError: 422,
    DataError: 422,
    OutputError: 507,
    CommuniqueError: 500,
}


def status_of(error: CommuniqueError) -> int:
    """Tell the HTTP status of an error."""
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def write(error: CommuniqueError) -> bytes:
    """Write an error as problem+json."""
    return problem(status_of(error), error.found, error.expected, error.remedy)


def respond(error: CommuniqueError) -> Response:
    """Answer with an error."""
    return Response(write(error), status_of(error), media_type=MEDIA_TYPE)


def misfit(failure: ValidationError, fields: Iterable[str], where: str = "") -> UsageError:
    """Make one sentence of what pydantic found: the first two faults, and how many more there are.

    ``fields`` are those that there may be. ``where``: what the values stood in, such as "the query".
    """
    faults = failure.errors(include_url=False, include_context=False)
    found: list[str] = []
    expected: list[str] = []
    for fault in faults[:2]:
        place = ".".join(map(str, fault["loc"])) or "the body"
        match fault["type"]:
            case "missing":
                found.append(f"no {place!r}")
            case "extra_forbidden":
                found.append(f"the unknown field {place!r}")
                names = f"one of {', '.join(fields)}"
                expected += [] if names in expected else [names]
            case _:
                found.append(f"{place} is {_show(fault['input'])}")
                expected.append(_expectation(fault["msg"]))
    told = " and ".join(found) + (f" in {where}" if where else "")
    more = f" (and {len(faults) - 2} more)" if len(faults) > 2 else ""
    return UsageError(told + more, expected=" and ".join(expected), remedy="see /docs")


def _expectation(message: str) -> str:
    """Take what was expected out of pydantic's sentence."""
    for beginning in ("Input should be a valid ", "Input should be ", "Value error, "):
        if message.startswith(beginning):
            rest = message.removeprefix(beginning)
            return f"a {rest}" if beginning.endswith("a valid ") else rest
    return message[:1].lower() + message[1:]


def _show(value: Any) -> str:
    if isinstance(value, bool | None):
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return f"{value!r:.{_SHOWN}}"
    if isinstance(value, str) and len(value) <= _SHOWN:
        return repr(value)
    return describe(value)


# What Starlette itself finds.


async def on_error(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    """Answer with an error of ours."""
    assert isinstance(error, CommuniqueError)  # noqa: S101 - registered for nothing else
    return respond(error)


async def on_missing(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Answer to a path that is not there."""
    return Response(problem(404, "no such address", remedy="see /docs"), 404, media_type=MEDIA_TYPE)


async def on_method(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Answer to a method that the path does not know."""
    allowed = (getattr(error, "headers", None) or {}).get("Allow", "")
    methods = sorted({*allowed.split(", "), *(("HEAD",) if "GET" in allowed else ())} - {""})
    return Response(
        problem(405, "a method that is not for this address", expected=" or ".join(methods)),
        405,
        {"Allow": ", ".join(methods)},
        MEDIA_TYPE,
    )
