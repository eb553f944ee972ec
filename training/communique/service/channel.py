"""What the supervisor and a worker say to each other: small messages, and with some of them an open file."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

import orjson

_LENGTH = struct.Struct("<I")
_PATIENCE = 5.0  # seconds for a worker to take a message; its socket holds many


class Channel:
    """One end of a pair of sockets."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def fileno(self) -> int:
        """Give the descriptor, to wait for."""
        return self._end.fileno()

    def tell(self, message: dict[str, Any], file: int | None = None) -> bool:
        """Send a message, and a descriptor of an open file with it; False if the other side is gone."""
        data = orjson.dumps(message)
        head = _LENGTH.pack(len(data))
        try:
            if file is None:
                self._end.sendall(head + data)
            else:
                socket.send_fds(self._end, [head], [file])
                self._end.sendall(data)
        except OSError:
            return False
        return True

    def hear(self) -> Iterator[tuple[dict[str, Any], int | None]]:
        """Wait for messages until the other side is gone."""
        while True:
            try:
                head, files, _, _ = socket.recv_fds(self._end, _LENGTH.size, 1, socket.MSG_WAITALL)
                if len(head) < _LENGTH.size:
                    return
                (length,) = _LENGTH.unpack(head)
                data = b""
                while len(data) < length:
                    piece = self._end.recv(length - len(data))
                    if not piece:
                        return
                    data += piece
            except OSError:
                return
            for file in files:
                os.set_inheritable(file, False)
            yield orjson.loads(data), files[0] if files else None

    def has_word(self) -> bool:
        """Tell whether the other side, of which something can be read, said a word, and is not merely gone."""
        try:
            return bool(self._end.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def close(self) -> None:
        """Close this end."""
        self._end.close()


def make_channels() -> tuple[Channel, Channel]:
    """Make the two ends: the supervisor's and the worker's."""
    ours, theirs = socket.socketpair()
    ours.settimeout(_PATIENCE)
    return Channel(ours), Channel(theirs)
