"""The bytes of one input, read forwards in blocks: a file, a pipe or stdin, unzipped and in UTF-8 whatever it was.

Nothing here holds more than a block and the line it ends in, so a file may be larger than memory. A line that does not
end within `LINE_LIMIT` is refused while it is being read, not after.
"""

from __future__ import annotations

import codecs
import gzip
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol, cast

from communique.errors import DataError

STDIN = "-"
BLOCK = 2**20
BATCH_BYTES = 8 * 2**20
"""Bytes. Rows are handed on once they are as many as wished for or about as large as this."""
LINE_LIMIT = 16 * 2**20
"""Bytes. The longest speech on record is a hundredth of it; a line beyond it is a file without line ends."""

_GZIP = b"\x1f\x8b"
_BOMS = (  # the longer first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class Stream:
    """Bytes that are read once, forwards, but whose beginning can be looked at before.

    Parameters
    ----------
    raw
        Where the bytes come from.
    name
        The input as the user named it.
    path
        The file, if the bytes are just those of a regular file: formats that need to jump about open it themselves.
    """

    def __init__(self, raw: _Readable, name: str, path: Path | None = None) -> None:
        self._raw = raw
        self._head = b""
        self.name = name
        self.path = path

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only at the end, and leave them to be read."""
        while len(self._head) < size and (more := self._take(size - len(self._head))):
            self._head += more
        return self._head[:size]

    def read(self, size: int = BLOCK, /) -> bytes:
        """Return about `size` bytes, none only at the end.

        Raises
        ------
        DataError
            If they cannot be read: a disk fault, a damaged or cut off .gz file.
        """
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        return self._take(size)

    def _take(self, size: int) -> bytes:
        try:
            return self._raw.read(size)
        except (OSError, EOFError, zlib.error) as problem:
            raise DataError(f"{self.name} cannot be read ({problem})") from problem
        except UnicodeDecodeError as problem:
            raise DataError(
                f"{self.name} is not {problem.encoding.upper()}, as its first bytes say ({problem.reason})"
            ) from problem


@contextmanager
def open_stream(source: str) -> Iterator[Stream]:
    """Open a path, or stdin for "-", and unzip it if its first bytes say that it is gzip, whatever its name.

    Raises
    ------
    DataError
        If there is no such file or it cannot be read.
    """
    if source == STDIN:
        yield _unzipped(Stream(sys.stdin.buffer, "standard input"))
        return
    path = Path(source)
    try:
        raw = path.open("rb")
    except OSError as problem:
        raise DataError(f"{source} cannot be read ({problem.strerror})") from problem
    with raw:
        yield _unzipped(Stream(raw, source, path if path.is_file() else None))


def decode(stream: Stream) -> Stream:
    """Make UTF-8 without a byte order mark of a text that begins with one, as Excel writes them."""
    head = stream.peek(4)
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            if encoding != "utf-8":
                return Stream(_Transcoded(stream, encoding), stream.name)
            stream.read(len(bom))
            return stream
    return stream


def read_blocks(stream: Stream) -> Iterator[bytes]:
    """Cut the bytes into blocks of whole lines, about `BLOCK` bytes each; only the last may lack the final line end.

    Raises
    ------
    DataError
        If a line is longer than `LINE_LIMIT`.
    """
    unfinished: list[bytes] = []
    held, lines = 0, 0
    while chunk := stream.read(BLOCK):
        cut = chunk.rfind(b"\n") + 1
        if cut:
            block = b"".join([*unfinished, chunk[:cut]])
            lines += block.count(b"\n")
            yield block
            unfinished, held = [], 0
        unfinished.append(chunk[cut:])
        held += len(chunk) - cut
        if held > LINE_LIMIT:
            raise DataError(
                f"line {lines + 1} of {stream.name} is longer than {LINE_LIMIT // 2**20} MB",
                expected="one statement a line",
                remedy="see whether this is a text file",
            )
    if held:
        yield b"".join(unfinished)


def read_lines(stream: Stream, batch_rows: int) -> Iterator[tuple[int, list[bytes]]]:
    """Yield lines without their ends, at most `batch_rows` or about `BATCH_BYTES`, and the number of the first."""
    held: list[bytes] = []
    number, size = 1, 0
    for block in read_blocks(stream):
        held += block.removesuffix(b"\n").split(b"\n")
        size += len(block)
        full = size > BATCH_BYTES
        while len(held) >= batch_rows or (full and held):
            yield number, held[:batch_rows]
            number += len(held[:batch_rows])
            del held[:batch_rows]
        size = 0 if full else size
    if held:
        yield number, held


@contextmanager
def jump_about(stream: Stream) -> Iterator[Path | IO[bytes]]:
    """Give the bytes to be read in any order: the file itself, else a copy on disk for as long as needed."""
    if stream.path is not None:
        yield stream.path
        return
    with tempfile.TemporaryFile() as copy:
        try:
            shutil.copyfileobj(stream, copy, BLOCK)
        except OSError as problem:
            raise DataError(f"{stream.name} finds no room in {tempfile.gettempdir()} ({problem.strerror})") from problem
        copy.seek(0)
        yield copy


def find_bad_byte(line: bytes) -> str | None:
    """Say which byte keeps `line` from being UTF-8; None if it is."""
    try:
        line.decode()
    except UnicodeDecodeError as problem:
        return f"byte {problem.start + 1} (0x{line[problem.start]:02X}) is not UTF-8"
    return None


def _unzipped(stream: Stream) -> Stream:
    if stream.peek(2) != _GZIP:
        return stream
    return Stream(gzip.GzipFile(fileobj=cast("IO[bytes]", stream), mode="rb"), stream.name)


class _Transcoded:
    """UTF-8 out of UTF-16 or UTF-32. Half a surrogate pair comes out as no UTF-8, refused with its row."""

    def __init__(self, stream: Stream, encoding: str) -> None:
        self._stream = stream
        self._decoder: Any = codecs.getincrementaldecoder(encoding)("surrogatepass")

    def read(self, size: int = BLOCK, /) -> bytes:
        while chunk := self._stream.read(size):
            if text := self._decoder.decode(chunk):
                return str(text).encode("utf-8", "surrogatepass")
        return str(self._decoder.decode(b"", final=True)).encode("utf-8", "surrogatepass")
