"""The ledger of corrections: what a person said where the model was wrong, one line an event, for ever.

A line is JSON: ``time``, ``id``, ``text``, ``label`` (the person's), ``answer`` (the model's), ``note``, and ``model``
and ``sha256`` of the model that had answered. So ``communique train LEDGER`` reads it as labelled statements, and who
mistrusts an entry can see what it stands on. Nothing is ever changed or taken back; a later event stands behind.

An event is written in one piece at the end of the file and is on the disk before it is acknowledged. A lock keeps
several workers, and whoever else locks the file, from writing into each other; should the disk fill up in the middle of
a line, the line is taken away again.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from communique.errors import OutputError


@dataclass(frozen=True)
class Correction:
    """What a person says of a statement, and what the model had said; ``answer`` has plain values."""

    text: str
    label: str
    answer: dict[str, Any]
    model: str
    sha256: str
    note: str = ""


@dataclass(frozen=True)
class Event:
    """A correction that is on the disk: when it came (ISO 8601, UTC) and what it is called."""

    id: str
    time: str


class Ledger:
    """A file of corrections. It is opened anew for each event, so it may be moved away at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def check(self) -> None:
        """Find out before it is needed whether the file can be written.

        Raises
        ------
        OutputError
            If it cannot.
        """
        try:
            file = self._open()
            regular = stat.S_ISREG(os.fstat(file).st_mode)
            os.close(file)
        except OutputError as problem:
            raise OutputError(f"{self._path}: {problem.found}", remedy="name another file") from problem
        if not regular:
            raise OutputError(f"{self._path} is no plain file", remedy="name another file")

    def append(self, correction: Correction) -> Event:
        """Write an event down.

        Raises
        ------
        OutputError
            If it cannot be written; then nothing of it is.
        """
        event = Event(secrets.token_hex(8), datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"))
        line = {
            "time": event.time,
            "id": event.id,
            "text": correction.text,
            "label": correction.label,
            "answer": correction.answer,
            "note": correction.note,
            "model": correction.model,
            "sha256": correction.sha256,
        }
        file = self._open()
        try:
            self._write(file, orjson.dumps(line) + b"\n")
        except OSError as problem:
            raise self._refusal(problem) from problem
        finally:
            os.close(file)  # and so unlocks it
        return event

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
        try:
            with suppress(FileNotFoundError):
                return os.open(self._path, flags)
            file = os.open(self._path, flags | os.O_CREAT, 0o600)  # texts may be confidential
            folder = os.open(self._path.resolve().parent, os.O_RDONLY)
            try:
                os.fsync(folder)  # else the name may be lost with the power, and all lines with it
            finally:
                os.close(folder)
        except OSError as problem:
            raise self._refusal(problem) from problem
        return file

    def _write(self, file: int, line: bytes) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = os.fstat(file).st_size
        if end and os.pread(file, 1, end - 1) != b"\n":
            line = b"\n" + line  # somebody died, or an editor saved, without a line end
        try:
            if os.write(file, line) < len(line):
                raise OSError(None, "no space left")
            os.fsync(file)
        except OSError:
            with suppress(OSError):
                os.ftruncate(file, end)
            raise

    def _refusal(self, problem: OSError) -> OutputError:
        return OutputError(
            f"the ledger of corrections cannot be written ({problem.strerror})",
            remedy="tell whoever runs the service",
        )
