r"""The model file: plain values and numeric arrays, in a joblib file that is read without running anything.

A **tree** is a dict with text keys whose values are text, whole numbers of 64 bits, floats, booleans, None, numeric
arrays, lists of these, or further trees. `write` lays it down as an uncompressed joblib file, so `joblib.load` reads
it too. `read` does not unpickle at all.

Why an own reader, and not joblib's unpickler with an allow-list: a pickle is a program, and an allow-list polices what
the program may call. Every hole found in such guards was a corner of the machine that nobody needed: nested pickles in
object arrays, BUILD with state on a class, the ``copyreg`` cache that skips ``find_class``, references that make ten
lines into ten billion. Plain data needs no machine. joblib's pickler is therefore told to leave out the memo, and then

* nothing refers to anything: what is read is a tree, no larger than the file, that cannot contain itself;
* the same tree gives the same bytes, whichever of its equal parts happen to be one object;
* what remains are the opcodes that push a plain value or fill a list or dict, and one byte string that announces an
  array, in which only shape and dtype vary. The three names it holds (joblib's NumpyArrayWrapper, numpy's ndarray and
  dtype) are compared with the file, never looked up. There is no opcode that imports, calls or builds.

So the reader imports neither pickle's machine nor joblib (whose import costs more than all the rest of a short
command), and an array is a read-only view of the mapped file. The same bytes are mapped, hashed and parsed, through one
open file. What is leant on of joblib beyond its public functions is ``NumpyPickler`` and the pickler's ``fast`` switch;
`write` reads every file back before it takes its name, so a joblib that writes otherwise is found when training, not
when serving.

The law of the format: the first bytes, up to and with the number after ``format_version``, stay as they are for ever,
so that any version can say which format it met. The number rises when a file can no longer be read by the code before.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import mmap as mapping
import os
import pickle  # for the names of the opcodes alone
import pickletools
import re
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from communique.errors import ModelError, ModelIncompatibleError, ModelMissingError, ModelUnsafeError, OutputError

FORMAT = "communique-model"
FORMAT_VERSION = 1

Tree: TypeAlias = dict[str, Any]
"""A dict with text keys; the module's docstring says what its values may be."""

_PROTOCOL = 3  # the last one without frames, and the first without Python 2's names
_ALIGNMENT = 16  # bytes: joblib starts the data of an array at a multiple of it
_MOST_BYTES = 4 << 30  # of a file; so much can be hashed in seconds
_MOST_OPCODES = 1 << 17  # bounds time and memory of a file of nothing but empty dicts; what is many is an array
_DEEPEST = 32  # dicts and lists within each other
_MOST_DIMENSIONS = 4

_MENDING = "train the model again, or fetch it anew from a source you trust"


def write(tree: Tree, path: Path) -> str:
    """Write a model file, whole or not at all.

    Keys are sorted and arrays laid out in C order and little-endian, so equal trees give equal bytes.

    Parameters
    ----------
    tree
        What the model consists of. Arrays have kind b, i, u or f and at most four axes.
    path
        Where to; an existing file is replaced, and whoever has it mapped keeps the old one.

    Returns
    -------
    str
        SHA-256 of the file, 64 hexadecimal digits.

    Raises
    ------
    OutputError
        If the tree holds anything else, or the file cannot be written.
    """
    from joblib import __version__ as joblib_version
    from joblib.numpy_pickle import NumpyPickler

    whole = {"format": FORMAT, "format_version": FORMAT_VERSION, "body": _lay_out(tree, ("body",))}
    partial = path.with_name(f".{path.name}.{os.urandom(8).hex()}.partial")
    try:
        with partial.open("x+b") as file:
            pickler = NumpyPickler(file, protocol=_PROTOCOL)
            pickler.fast = True  # no memo
            pickler.dump(whole)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        _Reader(_content(partial, mmap=True), path).read()
        partial.replace(path)
    except OSError as problem:
        raise OutputError(
            f"the model {path} cannot be written ({problem.strerror})",
            remedy="name a folder that exists, may be written and has space",
        ) from problem
    except ModelError as problem:
        raise OutputError(
            f"no model can be written that could be read: {problem.found}, written by joblib {joblib_version}",
            remedy="install joblib 1.6, and keep what is many in arrays",
        ) from problem
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return digest


def read(path: Path, *, sha256: str | None = None, mmap: bool = True) -> Tree:
    """Read a model file without running anything in it.

    Parameters
    ----------
    path
        A file that `write` made.
    sha256
        The hexadecimal SHA-256 the whole file must have; checked before anything else of it is looked at.
    mmap
        Map the file, so that processes share its pages, instead of reading it into memory.

    Returns
    -------
    Tree
        What was written. The arrays are read-only.

    Raises
    ------
    ModelMissingError
        If there is no such file.
    ModelIncompatibleError
        If the file has another format version.
    ModelUnsafeError
        If it is anything else than an undamaged model file.
    ModelError
        If it cannot be read (permission, device).
    """
    data = _content(path, mmap=mmap)
    if sha256 is not None and (found := hashlib.sha256(data).hexdigest()) != sha256.lower():
        raise ModelUnsafeError(f"{path} has the SHA-256 {found}", expected=sha256.lower(), remedy=_MENDING)
    return _Reader(data, path).read()


def _lay_out(value: Any, where: tuple[str, ...]) -> Any:
    """Copy a tree into the one shape that all equal trees have."""
    kind = type(value)
    if kind in (dict, list) and len(where) > _DEEPEST:
        raise _unfit(where[:3], f"nests deeper than {_DEEPEST} levels, or contains itself", "a shallow tree")
    if kind is dict:
        for key in value:
            if type(key) is not str:
                raise _unfit(where, f"has the key {key!r}", "text")
            _lay_out(key, where)
        return {key: _lay_out(value[key], (*where, key)) for key in sorted(value)}
    if kind is list:
        return [_lay_out(entry, (*where, str(place))) for place, entry in enumerate(value)]
    if kind is np.ndarray or kind is np.memmap:
        if value.dtype.kind not in "biuf" or value.dtype.itemsize > 8:
            raise _unfit(
                where, f"is an array of {value.dtype}", "booleans, or whole numbers or floats of at most 64 bits"
            )
        if value.ndim > _MOST_DIMENSIONS:
            raise _unfit(where, f"is an array of {value.ndim} axes", f"at most {_MOST_DIMENSIONS}")
        return np.asarray(value, dtype=np.dtype(value.dtype.newbyteorder("<").str), order="C")
    if kind is str:
        try:
            value.encode()
        except UnicodeEncodeError as problem:
            raise _unfit(where, f"holds the text {value!r}", "text without half surrogate pairs") from problem
    elif kind is int:
        if not -(2**63) <= value < 2**63:
            raise _unfit(where, "is a whole number of more than 64 bits", "a smaller one")
    elif not (value is None or kind in (bool, float)):
        raise _unfit(
            where, f"is a {kind.__module__}.{kind.__qualname__}", "plain values, lists, dicts and numeric arrays"
        )
    return value


def _unfit(where: tuple[str, ...], found: str, expected: str) -> OutputError:
    return OutputError(f"{'.'.join(where)} of the model {found}", expected=expected)


def _content(path: Path, *, mmap: bool) -> bytes | mapping.mmap:
    """Open, map or read a regular file; whatever else goes by that name is refused without waiting for it."""
    try:
        with open(path, "rb", buffering=0, opener=_open_at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ModelUnsafeError(f"{path} is a pipe or a device", expected="a model file")
            if not 0 < status.st_size <= _MOST_BYTES:
                raise ModelUnsafeError(
                    f"{path} has {status.st_size:,} bytes",
                    expected=f"a model file of 1 to {_MOST_BYTES:,}",
                    remedy=_MENDING,
                )
            return mapping.mmap(file.fileno(), 0, access=mapping.ACCESS_READ) if mmap else file.readall()
    except (FileNotFoundError, NotADirectoryError) as problem:
        raise ModelMissingError(f"there is no model file {path}", remedy="train one, or name another") from problem
    except IsADirectoryError as problem:
        raise ModelUnsafeError(f"{path} is a folder", expected="a model file") from problem
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the name
        reason = getattr(problem, "strerror", None) or problem
        raise ModelError(f"the model file {path} cannot be read ({reason})") from problem


def _open_at_once(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # else a pipe without a writer blocks for ever


def _word(text: str) -> bytes:
    return pickle.BINUNICODE + struct.pack("<I", len(text)) + text.encode()


_LAW = re.compile(
    re.escape(
        pickle.PROTO
        + bytes([_PROTOCOL])
        + pickle.EMPTY_DICT
        + pickle.MARK
        + _word("format")
        + _word(FORMAT)
        + _word("format_version")
    )
    + rb"(?:K(.)|M(..)|J(....))",
    re.DOTALL,
)
"""How every model file begins, now and later; the groups hold the format's number, little-endian."""

_SIZE = rb"(?:K.|M..|J...[\x00-\x7f])"
_ARRAY = re.compile(
    re.escape(b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(" + _word("subclass") + b"cnumpy\nndarray\n")
    + re.escape(_word("shape"))
    + rb"(\)|%(n)b\x85|%(n)b{2}\x86|%(n)b{3}\x87|\(%(n)b{4}t)" % {b"n": _SIZE}
    + re.escape(_word("order") + _word("C") + _word("dtype") + b"cnumpy\ndtype\nX\x02\0\0\0")
    + rb"(b1|[iu][1248]|f[248])"
    + re.escape(b"\x89\x88\x87R(K\x03X\x01\0\0\0")
    + rb"[<|]"
    + re.escape(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb" + _word("allow_mmap") + b"\x88")
    + re.escape(_word("numpy_array_alignment_bytes") + b"K%cub" % _ALIGNMENT),
    re.DOTALL,
)
"""The one way joblib announces a little-endian numeric array in C order; the groups hold its shape and dtype."""


class _Reader:
    """Reads the bytes of one file from front to back."""

    def __init__(self, data: bytes | mapping.mmap, path: Path) -> None:
        self._data = data
        self._path = path
        self._at = 0

    def read(self) -> Tree:
        law = _LAW.match(self._data)
        if law is None:
            raise self._stranger()
        version = int.from_bytes(law[law.lastindex or 1], "little")
        if version != FORMAT_VERSION:
            raise ModelIncompatibleError(
                f"{self._path} has model format {version}",
                expected=f"format {FORMAT_VERSION}, the one this version reads",
                remedy="upgrade communique" if version > FORMAT_VERSION else "train the model again",
            )
        self._at = 2  # after PROTO and its number
        whole = self._values()
        if type(whole) is not dict or whole.keys() != {"format", "format_version", "body"}:
            raise self._flaw("has other parts than a head and a body")
        body = whole["body"]
        if type(body) is not dict:
            raise self._flaw(f"has a {type(body).__name__} for a body")
        if _depth(body) > _DEEPEST:
            raise self._flaw(f"nests deeper than {_DEEPEST} levels")
        return body

    def _values(self) -> Any:
        """Follow the opcodes to the end of the file.

        Each value leaves the stack once, into one container, for there is no opcode that copies or recalls.
        """
        stack: list[Any] = []
        below: list[list[Any]] = []  # the stacks set aside at each MARK
        for _ in range(_MOST_OPCODES):
            opcode = self._take(1)
            match opcode:
                case pickle.BINUNICODE:
                    stack.append(self._text())
                case pickle.GLOBAL:
                    stack.append(self._array(stack))
                case pickle.BINFLOAT:
                    stack.append(struct.unpack(">d", self._take(8))[0])
                case pickle.BININT1:
                    stack.append(self._integer(1, signed=False))
                case pickle.BININT2:
                    stack.append(self._integer(2, signed=False))
                case pickle.BININT:
                    stack.append(self._integer(4))
                case pickle.LONG1:
                    size = self._integer(1, signed=False)
                    if size > 8:
                        raise self._flaw(f"holds a whole number of {size} bytes")
                    stack.append(self._integer(size))
                case pickle.NONE:
                    stack.append(None)
                case pickle.NEWTRUE:
                    stack.append(True)
                case pickle.NEWFALSE:
                    stack.append(False)
                case pickle.EMPTY_DICT:
                    stack.append({})
                case pickle.EMPTY_LIST:
                    stack.append([])
                case pickle.MARK:
                    below.append(stack)
                    stack = []
                case pickle.APPEND | pickle.SETITEM:
                    count = 1 if opcode == pickle.APPEND else 2
                    contents, stack[-count:] = stack[-count:], []
                    self._fill(opcode, stack, contents)
                case pickle.APPENDS | pickle.SETITEMS:
                    if not below:
                        raise self._flaw("ends a group that never began")
                    contents, stack = stack, below.pop()
                    self._fill(opcode, stack, contents)
                case pickle.STOP:
                    if below or len(stack) != 1:
                        raise self._flaw("ends before its parts are put together")
                    if self._at != len(self._data):
                        raise self._flaw(f"goes on for {len(self._data) - self._at:,} bytes after its end")
                    return stack[0]
                case _:
                    raise self._strange(stack)
        raise self._flaw(f"holds more than {_MOST_OPCODES:,} values")

    def _fill(self, opcode: bytes, stack: list[Any], contents: list[Any]) -> None:
        container = stack[-1] if stack else None
        if opcode in (pickle.APPEND, pickle.APPENDS):
            if type(container) is not list or not contents:
                raise self._flaw("appends to what is no list")
            container.extend(contents)
            return
        if type(container) is not dict or not contents or len(contents) % 2:
            raise self._flaw("sets an item of what is no dict")
        for key, value in zip(contents[::2], contents[1::2], strict=True):
            if type(key) is not str or key in container:
                raise self._flaw("has a dict key that is twice there or no text")
            container[key] = value

    def _take(self, count: int) -> bytes:
        if count > len(self._data) - self._at:
            raise self._flaw("is cut short")
        start, self._at = self._at, self._at + count
        return self._data[start : self._at]

    def _integer(self, count: int, *, signed: bool = True) -> int:
        return int.from_bytes(self._take(count), "little", signed=signed)

    def _text(self) -> str:
        try:
            return self._take(self._integer(4, signed=False)).decode()
        except UnicodeDecodeError as problem:
            raise self._flaw("holds text that is not UTF-8") from problem

    def _array(self, stack: list[Any]) -> np.ndarray[Any, np.dtype[Any]]:
        match = _ARRAY.match(self._data, self._at - 1)
        if match is None:
            raise self._strange(stack)
        shape = tuple(int.from_bytes(size[1:], "little") for size in re.findall(_SIZE, match[1], re.DOTALL))
        dtype = np.dtype("<" + match[2].decode())
        self._at = match.end()
        padding = _ALIGNMENT - (self._at + 1) % _ALIGNMENT
        if self._take(1 + padding) != bytes([padding]) + b"\xff" * padding:
            raise self._flaw("has an array where none can start")
        size, left = math.prod(shape) * dtype.itemsize, len(self._data) - self._at
        if size > left:
            raise self._flaw(f"announces an array of {size:,} bytes where {left:,} are left")
        try:
            array: np.ndarray[Any, np.dtype[Any]] = np.ndarray(shape, dtype, buffer=self._data, offset=self._at)
        except ValueError as problem:  # no entries, yet axes whose product overflows
            raise self._flaw(f"announces an array of the shape {shape}") from problem
        if dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:
            # numpy sums the bytes to size what a mask selects, and then fills it
            raise self._flaw("holds booleans that are neither true nor false")
        self._at += size
        return array

    def _flaw(self, found: str) -> ModelUnsafeError:
        return ModelUnsafeError(
            f"{self._path} {found} (byte {self._at:,})", expected="an undamaged model file", remedy=_MENDING
        )

    def _strange(self, stack: list[Any]) -> ModelUnsafeError:
        """Say what it is that the last opcode begins."""
        rest = self._data[self._at - 1 : self._at + _NEAR]
        if name := next(_globals(rest, [part for part in stack[-2:] if type(part) is str]), None):
            return self._flaw(f"names the global {name}")
        if rest.startswith(pickle.GLOBAL):
            dtype = _DTYPE.search(rest)
            kind = f" of dtype {dtype[1].decode()}" if dtype else ""
            return self._flaw(f"announces an array{kind} in a way no model does")
        names = {opcode.code.encode("latin-1"): opcode.name for opcode in pickletools.opcodes}
        return self._flaw(f"uses the pickle opcode {names.get(rest[:1], rest[:1])}")

    def _stranger(self) -> ModelUnsafeError:
        """Say what a file is that does not begin as ours do."""
        start = self._data[:_FAR]
        for signature, kind in _STRANGERS.items():
            if start.startswith(signature):
                return self._flaw(f"is {kind}")
        if start.startswith(pickle.PROTO) or _OLDEST.match(start):
            for match in _GLOBAL.finditer(start):
                name = b".".join(part for part in match.groups() if part is not None).decode()
                if name not in _OURS:
                    return self._flaw(f"names the global {name}")
        return self._flaw("does not begin as a model file does")


def _depth(value: Any) -> int:
    """Count the levels of dicts and lists, level by level: a deep enough tree would exhaust a recursion."""
    depth, level = 0, [value]
    while level := [node for node in level if type(node) in (dict, list)]:
        depth += 1
        level = [child for node in level for child in (node.values() if type(node) is dict else node)]
    return depth


# What follows only finds words for a refusal that is already decided.

_NEAR, _FAR = 512, 1 << 16  # bytes searched for a name: within a model file, whose texts look like names, and elsewhere
_STRANGERS = {
    b"ZF0x": "a z-file of joblib before 0.10",
    **dict.fromkeys((b"x\x01", b"x\x5e", b"x\x9c", b"x\xda"), "compressed with zlib"),
    b"\x1f\x8b": "compressed with gzip",
    b"BZh": "compressed with bz2",
    b"\x5d\x00": "compressed with lzma",
    b"\xfd7zXZ": "compressed with xz",
    b"\x04\x22\x4d\x18": "compressed with lz4",
    b"PK\x03\x04": "a zip archive",
    b"\x93NUMPY": "a numpy file",
}
_NAME = rb"([A-Za-z_][\w.]{0,200})"
_TEXT = rb"(?:\x8c.|X....)%b(?:\x94|q.|r....)?" % _NAME
_GLOBAL = re.compile(rb"(?<!\w)[ci]%b\n%b\n|%b%b\x93" % (_NAME, _NAME, _TEXT, _TEXT), re.DOTALL)
_OLDEST = re.compile(rb"[ci]%b\n%b\n(?:p\d+\n|q.|\()" % (_NAME, _NAME), re.DOTALL)  # pickle before it had a number
_DTYPE = re.compile(rb"cnumpy\ndtype\nX....(\w+)", re.DOTALL)
_OURS = {"joblib.numpy_pickle.NumpyArrayWrapper", "numpy.ndarray", "numpy.dtype"}


def _globals(rest: bytes, texts: list[str]) -> Iterator[str]:
    """Go through the names a pickle would look up, but for the three of an array.

    ``rest`` is a pickle from some opcode on, ``texts`` are those that the opcodes before it left on the stack.
    """
    with contextlib.suppress(Exception):  # damaged, or the numbers of an array
        for opcode, argument, _ in pickletools.genops(rest):
            if isinstance(argument, str):
                texts.append(argument.replace(" ", "."))
            name = ".".join(texts[-2:]) if opcode.name == "STACK_GLOBAL" else texts[-1] if texts else ""
            if opcode.name in ("GLOBAL", "INST", "STACK_GLOBAL") and name not in _OURS:
                yield ascii(name[:200])[1:-1]
