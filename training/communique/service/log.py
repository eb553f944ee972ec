"""What the service says on stderr: one line an event, for a person or for a machine, and never a word of a text.

A line holds facts from a short list (request, route, status, ms, rows, model ...). None of them is taken from what a
client sent, but for a request id of letters and digits. Of an exception it tells kind and place, not the message: that
may quote the text it stumbled over.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

import orjson

from communique.service.settings import LogFormat

logger = logging.getLogger("communique.service")


def set_up(form: LogFormat) -> None:
    """Send our lines, and the warnings of the libraries under us, to stderr in one form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # its warnings are about what clients send
    logging.getLogger("uvicorn.access").disabled = True


def say(event: str, *, level: int = logging.INFO, **facts: Any) -> None:
    """Write one line."""
    if logger.isEnabledFor(level):
        logger.log(level, event, extra={"facts": facts})


def fault(problem: BaseException, **facts: Any) -> None:
    """Write of an unforeseen exception where it came from, without its message."""
    trace, places = problem.__traceback__, []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    say("fault", level=logging.ERROR, kind=type(problem).__name__, place=" ".join(places[-6:]), **facts)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    facts = dict(getattr(record, "facts", {}))
    if record.exc_info and record.exc_info[0] is not None:
        facts["kind"] = record.exc_info[0].__name__
    return facts


def _moment(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {"time": _moment(record), "level": record.levelname.lower(), "event": record.getMessage().strip()}
        return orjson.dumps(line | _facts(record), default=str).decode()


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={_plain(value)}" for name, value in _facts(record).items())
        return f"{_moment(record)} {record.levelname.lower()} {record.getMessage().strip()} {facts}".rstrip()


def _plain(value: object) -> str:
    text = f"{value:.1f}" if isinstance(value, float) else str(value)
    return text if text.isprintable() and " " not in text and text else repr(text)
