"""Model files: what is written is read, byte for byte the same each time, and nothing else is ever read or run."""

import builtins
import contextlib
import copy
import copyreg
import errno
import gzip
import hashlib
import io
import itertools
import math
import mmap
import os
import pickle
import pickletools
import re
import resource
import socket
import struct
import subprocess
import sys
import threading
import tracemalloc
import zlib
from pathlib import Path

import joblib
import joblib.numpy_pickle
import joblib.numpy_pickle_compat
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stnp

from communique.errors import ModelError, ModelIncompatibleError, ModelMissingError, ModelUnsafeError, OutputError
from communique.model import artefact

TREE = {
    "coefficients": np.arange(12, dtype="f4").reshape(4, 3),
    "intercepts": np.array([0.5, -1.0, np.nan]),
    "scalar": np.array(7, dtype="u2"),
    "none": np.zeros((0, 5), dtype="i8"),
    "mask": np.array([True, False, True]),
    "axes": np.arange(24, dtype="i2").reshape(1, 2, 3, 4),
    "codebook": {
        "labels": ["escalatory", "conciliatory", "none", "заявление", "声明", "😀"],
        "background": "none",
        "question": "",
        "empty": [],
        "nothing": {},
        "rules": [{"n": 1, "yes": True, "no": False, "void": None}, [[], [1.5, -0.0, float("inf")]]],
    },
    "sizes": [0, 255, 256, 65535, 65536, 2**31, -1, -(2**31), -(2**31) - 1, 2**63 - 1, -(2**63)],
    "many": {f"key {number:04}": number for number in range(2345)},
}

HEAD = (
    b"\x80\x03}(X\x06\x00\x00\x00formatX\x10\x00\x00\x00communique-model"
    b"X\x0e\x00\x00\x00format_versionK\x01X\x04\x00\x00\x00body"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.joblib"


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk, where hundreds of files are written."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def parse(data: bytes) -> dict:
    """Read a file that was never laid on the disk."""
    return artefact._Reader(data, Path("model.joblib")).read()


def same(left: object, right: object) -> bool:
    """Tell whether two trees are equal to the last bit, type for type."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray):
        return (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes())
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return struct.pack("<d", left) == struct.pack("<d", right) if isinstance(left, float) else left == right


def nodes(tree: object) -> list:
    children = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return [tree, *itertools.chain.from_iterable(map(nodes, children))]


def array_of(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Fill an array with any bits at all: NaNs of every kind are among them."""
    noise = np.random.default_rng(seed).bytes(math.prod(shape) * np.dtype(dtype).itemsize)
    array = np.frombuffer(noise, dtype="u1" if dtype == "?" else dtype).reshape(shape)
    return np.asarray(array > 127) if dtype == "?" else array


arrays = st.builds(
    array_of,
    st.sampled_from(["?", "i1", "u1", *(order + kind + size for order in "<>" for kind in "iuf" for size in "248")]),
    stnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    st.integers(0, 2**32),
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | texts | arrays
trees = st.dictionaries(
    texts,
    st.recursive(leaves, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5)),
    max_size=6,
)
quick = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def native(tree: object) -> object:
    """Bring every array of a tree into the layout a file has."""
    if isinstance(tree, np.ndarray):
        return np.asarray(tree, dtype=tree.dtype.newbyteorder("<"), order="C")
    if isinstance(tree, dict):
        return {key: native(value) for key, value in tree.items()}
    return [native(value) for value in tree] if isinstance(tree, list) else tree


# --- what is written is read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mapped", [True, False])
def test_what_is_written_is_read(path, mapped):
    digest = artefact.write(TREE, path)
    assert same(artefact.read(path, sha256=digest, mmap=mapped), TREE)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()


@settings(quick, max_examples=30)
@given(tree=trees)
def test_any_tree_is_read_as_it_was_written_and_as_joblib_reads_it(path, hasty, tree):
    artefact.write(tree, path)
    back = artefact.read(path)
    assert same(back, native(tree))
    whole = joblib.load(path)
    assert whole == {"format": "communique-model", "format_version": 1, "body": whole["body"]}
    assert same(back, whole["body"])


def test_joblib_maps_the_same_file(path):
    artefact.write(TREE, path)
    mapped = joblib.load(path, mmap_mode="r")["body"]
    assert isinstance(mapped["coefficients"], np.memmap)
    np.testing.assert_array_equal(mapped["coefficients"], TREE["coefficients"])


@settings(quick, max_examples=30)
@given(tree=trees)
def test_equal_trees_give_equal_bytes(path, hasty, tree):
    def shuffled(value):
        if isinstance(value, dict):
            return {shuffled(key): shuffled(value[key]) for key in reversed(value)}
        if isinstance(value, str):
            return "".join(list(value))
        if isinstance(value, np.ndarray):
            return np.array(value, dtype=value.dtype.newbyteorder(">"), order="F")
        return [shuffled(entry) for entry in value] if isinstance(value, list) else value

    digest = artefact.write(tree, path)
    assert artefact.write(copy.deepcopy(tree), path) == digest
    assert artefact.write(shuffled(tree), path) == digest
    assert artefact.write(artefact.read(path), path) == digest


def test_parts_that_are_one_object_are_written_as_if_they_were_two(path):
    text, array, inner = "shared words", np.arange(3), {"dtype": "C", "shape": "numpy"}
    digest = artefact.write({"a": [text, text, inner, inner], "b": array, "c": array}, path)
    apart = {
        "a": ["shared words", "".join(["shared ", "words"]), dict(inner), dict(inner)],
        "b": np.arange(3),
        "c": np.arange(3),
    }
    assert artefact.write(apart, path) == digest


def test_the_file_is_this_byte_for_byte(path):
    artefact.write({"b": np.array([[1, 2, 3]], dtype="<u2"), "a": [True, "é"]}, path)
    announced = (
        b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x08\0\0\0subclasscnumpy\nndarray\nX\x05\0\0\0shapeK\x01K\x03\x86"
        b"X\x05\0\0\0orderX\x01\0\0\0CX\x05\0\0\0dtypecnumpy\ndtype\nX\x02\0\0\0u2\x89\x88\x87R(K\x03X\x01\0\0\0<NNN"
        b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbX\x0a\0\0\0allow_mmap\x88X\x1b\0\0\0numpy_array_alignment_bytesK\x10ub"
    )
    start = HEAD + b"}(X\x01\0\0\0a](\x88X\x02\0\0\0\xc3\xa9eX\x01\0\0\0b" + announced
    padding = 16 - (len(start) + 1) % 16
    assert path.read_bytes() == start + bytes([padding]) + b"\xff" * padding + b"\1\0\2\0\3\0" + b"uu."


def test_the_writer_leaves_out_the_memo(path):
    artefact.write({key: value for key, value in TREE.items() if not isinstance(value, np.ndarray)}, path)
    used = {opcode.name for opcode, _, _ in pickletools.genops(path.read_bytes())}
    assert not {name for name in used if "PUT" in name or "GET" in name or name in ("MEMOIZE", "DUP", "FRAME")}


@pytest.mark.parametrize("mapped", [True, False])
def test_arrays_are_plain_aligned_and_read_only(path, mapped):
    artefact.write(TREE, path)
    for array in (node for node in nodes(artefact.read(path, mmap=mapped)) if isinstance(node, np.ndarray)):
        assert type(array) is np.ndarray
        assert array.flags.c_contiguous
        assert array.flags.aligned
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True


def test_a_mapped_model_outlives_its_replacement(path):
    artefact.write({"weights": np.arange(100_000)}, path)
    before = artefact.read(path)
    artefact.write({"weights": np.zeros(5)}, path)
    np.testing.assert_array_equal(before["weights"], np.arange(100_000))
    path.unlink()
    np.testing.assert_array_equal(before["weights"], np.arange(100_000))


def test_a_mapped_array_can_be_written_again(path):
    weights = np.lib.format.open_memmap(path.with_suffix(".npy"), mode="w+", dtype="f4", shape=(3, 2))
    weights[:] = 1.5
    artefact.write({"weights": weights}, path)
    assert same(artefact.read(path), {"weights": np.full((3, 2), 1.5, dtype="f4")})


def test_eight_megabytes_are_mapped_not_copied(path):
    artefact.write({f"array {number}": np.full(67_000, number, dtype="f4") for number in range(30)}, path)
    assert path.stat().st_size > 8_000_000
    artefact.read(path)
    tracemalloc.start()
    tree = artefact.read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(tree) == 30
    assert peak < 500_000


def test_reading_imports_neither_joblib_nor_scikit_learn(path):
    artefact.write(TREE, path)
    script = (
        "import sys, pathlib; from communique.model import artefact; artefact.read(pathlib.Path(sys.argv[1]));"
        "print(*sorted({name.split('.')[0] for name in sys.modules} & {'joblib', 'sklearn', 'scipy', 'pyarrow'}))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# --- writing: whole or not at all ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (np.array([object()]), "array of object"),
        (np.array(["text"]), "array of <U4"),
        (np.array([b"text"]), "array of |S4"),
        (np.zeros(2, dtype="c8"), "array of complex64"),
        (np.zeros(2, dtype="M8[s]"), "array of datetime64"),
        (np.zeros(2, dtype=np.longdouble), "array of float128"),
        (np.zeros(2, dtype=[("a", "i4"), ("b", "O")]), "array of "),
        (np.zeros((1,) * 5), "array of 5 axes"),
        (np.ma.masked_array([1, 2], [True, False]), "numpy.ma.MaskedArray"),
        (np.zeros(2).view(type("Subclass", (np.ndarray,), {})), ".Subclass"),
        (np.float64(1), "numpy.float64"),
        (np.str_("text"), "numpy.str_"),
        (np.float32, "builtins.type"),
        (2**63, "more than 64 bits"),
        (-(2**63) - 1, "more than 64 bits"),
        ("half \ud800", r"'half \ud800'"),
        ({"half \ud800": 1}, r"'half \ud800'"),
        ({1: 2}, "the key 1"),
        ((1, 2), "builtins.tuple"),
        (b"bytes", "builtins.bytes"),
        ({1}, "builtins.set"),
        (len, "builtins.builtin_function_or_method"),
        (Path("x"), "PosixPath"),
    ],
    ids=lambda value: re.sub(" at 0x[0-9a-f]+", "", repr(value)),
)
def test_what_is_not_plain_is_not_written_and_named(path, value, found):
    with pytest.raises(OutputError) as refusal:
        artefact.write({"part": [0, value]}, path)
    assert found in str(refusal.value)
    assert "body.part.1 " in str(refusal.value)
    assert list(path.parent.iterdir()) == []


def test_a_tree_that_contains_itself_is_not_written(path):
    tree = {"part": []}
    tree["part"].append(tree)
    with pytest.raises(OutputError, match="contains itself"):
        artefact.write(tree, path)


@pytest.mark.parametrize(("levels", "fits"), [(31, True), (32, False)])
def test_reader_and_writer_agree_on_the_deepest_tree(path, levels, fits):
    inner: object = 1
    for _ in range(levels):
        inner = [inner]
    if fits:
        artefact.write({"a": inner}, path)
        assert artefact.read(path) == {"a": inner}
    else:
        with pytest.raises(OutputError, match="deeper than 32"):
            artefact.write({"a": inner}, path)


def test_what_could_not_be_read_takes_no_name(path, monkeypatch):
    artefact.write({"old": 1}, path)
    monkeypatch.setattr(artefact, "_MOST_OPCODES", 100)
    with pytest.raises(OutputError, match=f"could be read: .*more than 100 values.*joblib {joblib.__version__}"):
        artefact.write({"new": [1] * 101}, path)
    monkeypatch.undo()
    assert artefact.read(path) == {"old": 1}
    assert list(path.parent.iterdir()) == [path]


def test_a_joblib_that_writes_otherwise_is_found_when_writing(path, monkeypatch):
    class Wordy(joblib.numpy_pickle.NumpyArrayWrapper):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.novelty = 1

    Wordy.__module__, Wordy.__qualname__ = "joblib.numpy_pickle", "NumpyArrayWrapper"
    monkeypatch.setattr(joblib.numpy_pickle, "NumpyArrayWrapper", Wordy)
    with pytest.raises(OutputError, match=f"written by joblib {joblib.__version__}"):
        artefact.write(TREE, path)
    assert list(path.parent.iterdir()) == []


@contextlib.contextmanager
def full_disk():
    """Let no file of this process grow beyond 4 kB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_old_model_and_nothing_else(path):
    artefact.write({"old": 1}, path)
    with full_disk(), pytest.raises(OutputError, match="cannot be written"):
        artefact.write({"new": np.zeros(100_000)}, path)
    assert artefact.read(path) == {"old": 1}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, MemoryError])
@pytest.mark.parametrize("deed", ["fsync", "replace"])
def test_an_interruption_leaves_the_old_model_and_nothing_else(path, monkeypatch, stop, deed):
    def interrupt(*args):
        raise stop

    artefact.write({"old": 1}, path)
    monkeypatch.setattr(*((os, "fsync") if deed == "fsync" else (Path, "replace")), interrupt)
    with pytest.raises(stop):
        artefact.write({"new": 2}, path)
    assert artefact.read(path) == {"old": 1}
    assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / "model.joblib").mkdir(parents=True)
    for place in (tmp_path / "missing" / "m", tmp_path / "file" / "m", tmp_path / "folder" / "model.joblib"):
        with pytest.raises(OutputError) as refusal:
            artefact.write({}, place)
        assert str(place) in str(refusal.value)
    assert list((tmp_path / "folder").iterdir()) == [tmp_path / "folder" / "model.joblib"]


def test_a_model_gets_the_permissions_of_any_new_file(path):
    other = path.with_name("other")
    other.write_text("")
    artefact.write({}, path)
    assert path.stat().st_mode == other.stat().st_mode


# --- reading: what is no model file --------------------------------------------------------------------------------


def test_a_missing_file_is_missing(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "nowhere", tmp_path / "no" / "where", tmp_path / "file" / "below"):
        with pytest.raises(ModelMissingError, match="there is no model file"):
            artefact.read(place)


@contextlib.contextmanager
def nobody():
    """Give up root's freedom to read everything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_one_may_not_read_says_so(path):
    artefact.write({}, path)
    path.chmod(0)
    with nobody(), pytest.raises(ModelError, match="cannot be read \\(Permission denied\\)"):
        artefact.read(path)


def test_a_name_no_file_can_have_says_so(tmp_path):
    for name in ("nul\0", "x" * 300):
        with pytest.raises(ModelError, match="cannot be read"):
            artefact.read(tmp_path / name)


def special(kind: str, path: Path) -> contextlib.AbstractContextManager:
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "endless":
        path.touch()
        os.truncate(path, 5 << 30)  # sparse
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.path.relpath(path))  # a socket's name must be short
        return listener
    return contextlib.nullcontext()


@pytest.mark.parametrize("mapped", [True, False])
@pytest.mark.parametrize(
    ("kind", "error", "found"),
    [
        ("folder", ModelUnsafeError, "is a folder"),
        ("pipe", ModelUnsafeError, "pipe or a device"),
        ("device", ModelUnsafeError, "pipe or a device"),
        ("empty", ModelUnsafeError, "has 0 bytes"),
        ("endless", ModelUnsafeError, "has 5,368,709,120 bytes"),
        ("socket", ModelError, "cannot be read"),
    ],
)
def test_what_is_no_plain_file_is_refused_without_waiting(path, monkeypatch, kind, error, found, mapped):
    monkeypatch.chdir(path.parent)
    with special(kind, path), pytest.raises(error, match=found):
        artefact.read(path, mmap=mapped)


def test_the_hash_is_checked_before_anything_else(path):
    digest = artefact.write(TREE, path)
    assert artefact.read(path, sha256=digest.upper())
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    with pytest.raises(ModelUnsafeError, match=f"SHA-256 .*; expected {digest}"):
        artefact.read(path, sha256=digest)
    path.write_bytes(gzip.compress(b"anything"))
    with pytest.raises(ModelUnsafeError, match="SHA-256"):
        artefact.read(path, sha256=digest)


@pytest.mark.parametrize(("number", "remedy"), [(b"K\x02", "upgrade"), (b"M\x00\x01", "upgrade"), (b"K\x00", "train")])
def test_another_format_version_says_which_and_what_to_do(path, number, remedy):
    path.write_bytes(HEAD.replace(b"K\x01", number) + b"whatever a later version may put here")
    found = int.from_bytes(number[1:], "little")
    with pytest.raises(ModelIncompatibleError, match=f"format {found}; expected format 1.*; {remedy}"):
        artefact.read(path)


# --- the gallery: nothing runs -------------------------------------------------------------------------------------


SYSTEM = os.system  # before any test replaces it


class Payload:
    """Unpickles by running a shell command that leaves a file behind."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return SYSTEM, (f"touch {self.canary}",)


class Evaluated(Payload):
    def __reduce__(self):
        return builtins.eval, (f"open({str(self.canary)!r}, 'w').close()",)


@pytest.fixture
def canary(tmp_path, monkeypatch):
    """Give the file a payload would make, and see at the end that there is none."""
    ran = []
    monkeypatch.setattr(os, "system", ran.append)
    yield tmp_path / "canary"
    assert not (tmp_path / "canary").exists()
    assert not ran


def unmemoised(value: object) -> bytes:
    file = io.BytesIO()
    pickler = joblib.numpy_pickle.NumpyPickler(file, protocol=3)
    pickler.fast = True
    pickler.dump(value)
    return file.getvalue()


def dumped(value: object, **options) -> bytes:
    file = io.BytesIO()
    joblib.dump(value, file, **options)
    return file.getvalue()


def headed(body: object) -> dict:
    return {"format": "communique-model", "format_version": 1, "body": body}


def zfile(value: object) -> bytes:
    file = io.BytesIO()
    joblib.numpy_pickle_compat.write_zfile(file, pickle.dumps(value, 2))
    return file.getvalue()


def object_array(value: object) -> np.ndarray:
    array = np.empty(1, dtype=object)
    array[0] = value
    return array


def scalar_array(value: object) -> np.ndarray:
    array = np.empty((), dtype=object)
    array[()] = value
    return array


def structured(value: object) -> np.ndarray:
    return np.array([(1, value)], dtype=[("number", "i4"), ("thing", "O")])


WEIGHTS = np.arange(6.0)

ARMED = {
    "a joblib file": (lambda evil: dumped(evil), "global posix.system"),
    "beside a real model": (lambda evil: dumped(headed({"w": WEIGHTS, "z": evil})), "global posix.system"),
    "beside a real model, without memo": (lambda e: unmemoised(headed({"w": WEIGHTS, "z": e})), "global posix.system"),
    "before a real model, without memo": (lambda e: unmemoised(headed({"a": e, "w": WEIGHTS})), "global posix.system"),
    "as a key": (lambda evil: unmemoised(headed({evil: 1})), "global posix.system"),
    "as the body": (lambda evil: unmemoised(headed(evil)), "global posix.system"),
    "as a part of the head": (lambda evil: unmemoised(headed({}) | {"more": evil}), "global posix.system"),
    "in an object array": (
        lambda e: unmemoised(headed({"w": object_array(e)})),
        "global numpy._core.multiarray._reconstruct",
    ),
    "in an object array in another": (
        lambda e: unmemoised(headed({"w": object_array(object_array(e))})),
        "global numpy._core.multiarray._reconstruct",
    ),
    "in an object array without axes": (
        lambda e: unmemoised(headed({"w": scalar_array(e)})),
        "global numpy._core.multiarray._reconstruct",
    ),
    "in a structured array": (
        lambda e: unmemoised(headed({"w": structured(e)})),
        "global numpy._core.multiarray._reconstruct",
    ),
    "in an object array of a joblib file": (
        lambda e: dumped(object_array(e)),
        "global numpy._core.multiarray._reconstruct",
    ),
    **{
        f"compressed with {method}": (
            lambda evil, method=method: dumped(evil, compress=(method, 3)),
            f"compressed with {method}",
        )
        for method in ("zlib", "gzip", "bz2", "lzma", "xz", "lz4")
    },
    **{
        f"pickle protocol {protocol}": (
            lambda evil, protocol=protocol: pickle.dumps(evil, protocol),
            "global posix.system",
        )
        for protocol in range(6)
    },
    **{
        f"joblib with pickle protocol {protocol}": (
            lambda evil, protocol=protocol: dumped(headed({"w": WEIGHTS, "z": evil}), protocol=protocol),
            "global posix.system",
        )
        for protocol in range(2, 6)
    },
}


@pytest.mark.parametrize("name", ARMED)
def test_a_payload_does_not_run_and_is_named(path, canary, name):
    make, found = ARMED[name]
    path.write_bytes(make(Payload(canary)))
    for mapped in (True, False):
        with pytest.raises(ModelUnsafeError) as refusal:
            artefact.read(path, mmap=mapped)
        assert found in str(refusal.value)
        assert str(path) in str(refusal.value)


@pytest.mark.parametrize("name", ARMED)
def test_the_payloads_are_live(path, tmp_path, name):
    path.write_bytes(ARMED[name][0](Payload(tmp_path / "canary")))
    with contextlib.suppress(TypeError):  # an int is no list: the deed is done by then
        joblib.load(path)
    assert (tmp_path / "canary").exists()


def test_a_z_file_is_named_and_not_read(path, canary):
    path.write_bytes(zfile(Payload(canary)))
    with pytest.raises(ModelUnsafeError, match=r"z-file of joblib before 0\.10"):
        artefact.read(path)


def test_a_call_to_eval_is_named(path, canary):
    path.write_bytes(unmemoised(headed({"a": Evaluated(canary)})))
    with pytest.raises(ModelUnsafeError, match=r"global builtins\.eval"):
        artefact.read(path)


def test_a_scikit_learn_model_is_named(path):
    from sklearn.linear_model import LogisticRegression

    joblib.dump(LogisticRegression(), path)
    with pytest.raises(ModelUnsafeError, match=r"global sklearn\.linear_model\._logistic\.LogisticRegression"):
        artefact.read(path)


def word(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text.encode())) + text.encode()


def body(value: bytes) -> bytes:
    """Forge a model file whose part "a" consists of these opcodes."""
    return HEAD + b"}" + word("a") + value + b"su."


def announced(**parts: bytes) -> bytes:
    """Forge what joblib writes before an array, and the array: three doubles."""
    part = {
        "wrapper": b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n",
        "subclass": b"cnumpy\nndarray\n",
        "shape": b"K\x03\x85",
        "order": word("C"),
        "dtype": word("f8"),
        "flags": b"\x89\x88",
        "endian": word("<"),
        "fields": b"NNN",
        "mmap": b"\x88",
        "alignment": b"K\x10",
        "more": b"",
        "data": bytes(24),
    } | parts
    start = (
        part["wrapper"]
        + b")\x81}("
        + word("subclass")
        + part["subclass"]
        + word("shape")
        + part["shape"]
        + word("order")
        + part["order"]
        + word("dtype")
        + b"cnumpy\ndtype\n"
        + part["dtype"]
        + part["flags"]
        + b"\x87R(K\x03"
        + part["endian"]
        + part["fields"]
        + b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + word("allow_mmap")
        + part["mmap"]
        + word("numpy_array_alignment_bytes")
        + part["alignment"]
        + part["more"]
        + b"ub"
    )
    pad = 16 - (len(body(b"")) - 3 + len(start) + 1) % 16
    return start + part.get("padding", bytes([pad]) + b"\xff" * pad) + part["data"]


def test_the_forger_can_forge_a_good_file(path):
    path.write_bytes(body(announced()))
    assert same(artefact.read(path), {"a": np.zeros(3)})
    assert path.read_bytes() == unmemoised(headed({"a": np.zeros(3)}))


WRAPPER = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n"
LIVE_SLOTS = WRAPPER + b"N}" + word("read") + b"cposix\nsystem\ns\x86b"

FORGED = {
    # opcodes that call, import or build
    "state on a class": (LIVE_SLOTS, "global "),
    "slot state within an object array": (
        announced(dtype=word("O8"), data=b"\x80\x03" + LIVE_SLOTS + b"."),
        "dtype O8",
    ),
    "slot state on a wrapper": (announced(more=b"N\x86") + LIVE_SLOTS, "in a way no model does"),
    "a wrapper before joblib 0.10": (
        b"cjoblib.numpy_pickle_compat\nNDArrayWrapper\n)\x81}" + word("filename") + word("evil.npy") + b"sb",
        "global joblib.numpy_pickle_compat.NDArrayWrapper",
    ),
    "a wrapper that is something else": (announced(wrapper=b"cposix\nsystem\n"), "global posix.system"),
    "a wrapper by nearly the right name": (
        announced(wrapper=b"cjoblib.numpy_pickle\nNumpyArrayWrapperX\n"),
        "global joblib.numpy_pickle.NumpyArrayWrapperX",
    ),
    "a dotted name": (b"cnumpy\nndarray.__class__\n", "global numpy.ndarray.__class__"),
    "a numpy scalar": (b"cnumpy._core.multiarray\nscalar\n", "global numpy._core.multiarray.scalar"),
    "numpy's reconstruct": (b"cnumpy._core.multiarray\n_reconstruct\n", "global numpy._core.multiarray._reconstruct"),
    "a name off the stack": (word("posix") + word("system") + b"\x93", "global posix.system"),
    "a name off the stack, short": (b"\x8c\x05posix\x94\x8c\x06system\x94\x93", "global posix.system"),
    "a name with an escape sequence": (word("\x1b[2J") + word("system") + b"\x93", r"global \x1b[2J.system"),
    "an instance": (b"(X\x04\0\0\0trueiposix\nsystem\n", "global posix.system"),
    "an object": (b"(" + word("a") + b"o", "opcode OBJ"),
    "a call": (word("a") + b")R", "opcode EMPTY_TUPLE"),
    "a build": (b"}}b", "opcode BUILD"),
    "a new object": (word("a") + word("b") + b"\x81", "opcode NEWOBJ"),
    "a new object with keywords": (word("a") + word("b") + b"}\x92", "opcode NEWOBJ_EX"),
    "extension 1": (b"\x82\xf0", "opcode EXT1"),
    "extension 2": (b"\x83\xf0\x00", "opcode EXT2"),
    "extension 4": (b"\x84\xf0\x00\x00\x00", "opcode EXT4"),
    "a persistent id": (b"Pevil\n", "opcode PERSID"),
    "a persistent id off the stack": (word("evil") + b"Q", "opcode BINPERSID"),
    "a buffer outside": (b"\x97", "opcode NEXT_BUFFER"),
    "another pickle within": (pickle.dumps([1], 3), "opcode PROTO"),
    "an unknown opcode": (b"\xee", r"opcode b'\xee'"),
    # references
    "ten billion laughs": (b"]q\x00(" + b"]q\x01(h\x00h\x00e" * 30 + b"e", "opcode BINPUT"),
    "ten billion laughs by copies": (b"](" + b"2" * 30 + b"e", "opcode DUP"),
    "a list in itself": (b"]\x94(h\x00e", "opcode MEMOIZE"),
    "a recalled value": (b"h\x00", "opcode BINGET"),
    # sizes
    "a text beyond the file": (b"X\xff\xff\xff\xff", "cut short"),
    "a longer text beyond the file": (b"\x8d" + b"\xff" * 8, "opcode BINUNICODE8"),
    "bytes beyond the file": (b"\x8e" + b"\xff" * 8, "opcode BINBYTES8"),
    "a whole number beyond the file": (b"\x8b\xff\xff\xff\x7f", "opcode LONG4"),
    "a whole number of 2,040 bits": (b"\x8a\xff" + b"\x7f" * 255, "whole number of 255 bytes"),
    "a whole number in digits": (b"I" + b"9" * 100_000 + b"\n", "opcode INT"),
    "a bytearray beyond the file": (b"\x96" + b"\xff" * 8, "opcode BYTEARRAY8"),
    "a frame beyond the file": (b"\x95" + b"\xff" * 8, "opcode FRAME"),
    "deep lists": (b"]" * 20_000 + b"a" * 19_999, "deeper than 32"),
    "deep lists in groups": (b"](" * 10_000 + b"N" + b"e" * 10_000, "deeper than 32"),
    "deep dicts": (b"}" + (word("") + b"}") * 10_000 + b"s" * 10_000, "deeper than 32"),
    "groups without end": (b"(" * 20_000, "no dict"),
    "more values than a model has": (b"](" + b"]" * (1 << 17) + b"e", "more than 131,072 values"),
    # arrays
    "an array of 8 TiB": (announced(shape=b"J\x00\x00\x00\x40J\x00\x04\x00\x00\x86"), "8,796,093,022,208 bytes"),
    "an array whose size overflows": (announced(shape=b"(" + b"J\xff\xff\xff\x7f" * 4 + b"t"), "where 27 are left"),
    "an empty array whose size overflows": (
        announced(shape=b"(K\x00" + b"J\xff\xff\xff\x7f" * 3 + b"t", data=b""),
        "shape (0, 2147483647",
    ),
    "an array longer by one": (announced(data=b"", shape=b"K\x01\x85"), "announces an array of 8 bytes where 3"),
    "an array of negative length": (announced(shape=b"J\xff\xff\xff\xff\x85"), "in a way no model does"),
    "an array of five axes": (announced(shape=b"(K\x01K\x01K\x01K\x01K\x01t"), "in a way no model does"),
    "an array of as many axes as the file is long": (
        announced(shape=b"(" + b"K\x01" * 9999 + b"t"),
        "in a way no model does",
    ),
    "an array with text for a length": (announced(shape=word("3") + b"\x85"), "in a way no model does"),
    "a matrix": (announced(subclass=b"cnumpy\nmatrix\n"), "global numpy.matrix"),
    "a memmap": (announced(subclass=b"cnumpy\nmemmap\n"), "global numpy.memmap"),
    "a subclass that is a function": (announced(subclass=b"cposix\nsystem\n"), "global posix.system"),
    "an array in Fortran's order": (announced(order=word("F")), "in a way no model does"),
    "a big-endian array": (announced(endian=word(">")), "in a way no model does"),
    "an array of objects": (announced(dtype=word("O8"), endian=word("|")), "dtype O8"),
    "an array of text": (announced(dtype=word("U4")), "dtype U4"),
    "an array of records": (announced(dtype=word("V8"), fields=b"NNN"), "dtype V8"),
    "an array of complex numbers": (announced(dtype=word("c8")), "dtype c8"),
    "an array of dates": (announced(dtype=word("M8")), "dtype M8"),
    "an array of float128": (announced(dtype=word("f16")), "dtype f16"),
    "a copied dtype": (announced(flags=b"\x89\x89"), "in a way no model does"),
    "a dtype with fields": (announced(fields=b"N(tN"), "in a way no model does"),
    "an array that must not be mapped": (announced(mmap=b"\x89"), "in a way no model does"),
    "another alignment": (announced(alignment=b"K\x40"), "in a way no model does"),
    "more attributes": (announced(more=word("x") + b"N"), "in a way no model does"),
    "no padding": (announced(padding=b"\x00"), "where none can start"),
    "padding with a message": (announced(padding=b"\x0d" + b"msg!" * 3 + b"!"), "where none can start"),
    "booleans that are two": (announced(dtype=word("b1"), endian=word("|"), data=b"\1\2\0"), "neither true nor false"),
    # structure
    "text that is not UTF-8": (b"X\x02\0\0\0\xc3(", "not UTF-8"),
    "text with half a surrogate pair": (b"X\x03\0\0\0\xed\xa0\x80", "not UTF-8"),
    "a key that is a number": (b"}K\x01K\x01s", "no text"),
    "a key that is a list": (b"}]K\x01s", "no text"),
    "a key twice": (b"}(" + word("k") + b"N" + word("k") + b"Nu", "twice"),
    "a key without a value": (b"}(" + word("k") + b"u", "no dict"),
    "an empty group for a dict": (b"}(u", "no dict"),
    "an empty group for a list": (b"](e", "no list"),
    "an append to a dict": (b"}Na", "no list"),
    "an item of a list": (b"]" + word("k") + b"Ns", "no dict"),
    "an append to a text": (word("k") + b"Na", "no list"),
    "a tuple": (b"K\x01\x85", "opcode TUPLE1"),
    "a set": (b"\x8f", "opcode EMPTY_SET"),
    "bytes": (b"C\x01x", "opcode SHORT_BINBYTES"),
    "a pop": (b"NN0", "opcode POP"),
    "an early end": (b".", "ends before"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_part_is_refused_and_named(path, canary, name):
    reading = joblib.numpy_pickle.NumpyArrayWrapper.read
    forged, found = FORGED[name]
    path.write_bytes(body(forged))
    for mapped in (True, False):
        with pytest.raises(ModelUnsafeError) as refusal:
            artefact.read(path, mmap=mapped)
        assert found in str(refusal.value)
        assert len(str(refusal.value)) < 1000
    assert joblib.numpy_pickle.NumpyArrayWrapper.read is reading


def test_a_warm_extension_cache_opens_no_door(path, canary, monkeypatch):
    monkeypatch.setitem(copyreg._extension_cache, 0xF0, os.system)
    path.write_bytes(body(b"\x82\xf0" + word(f"touch {canary}") + b"\x85R"))
    with pytest.raises(ModelUnsafeError, match="opcode EXT1"):
        artefact.read(path)


GOOD = unmemoised(headed({"a": WEIGHTS, "b": "text"}))

DAMAGED = {
    "no body": (GOOD[: GOOD.index(b"X\x04\0\0\0body")] + b"u.", "other parts"),
    "a body twice": (HEAD + b"}" + word("body") + b"}u.", "twice"),
    "a second format": (HEAD + b"}" + word("format") + word("evil") + b"u.", "twice"),
    "another part": (HEAD + b"}" + word("more") + b"}u.", "other parts"),
    "a list for a body": (HEAD + b"]u.", "a list for a body"),
    "an array for a body": (unmemoised(headed(WEIGHTS)), "a ndarray for a body"),
    "nothing for a body": (HEAD + b"Nu.", "a NoneType for a body"),
    "no end": (GOOD[:-1], "cut short"),
    "two ends": (GOOD + b".", "goes on for 1 bytes after its end"),
    "a second pickle": (GOOD + b"cposix\nsystem\n(X\x04\0\0\0trueR.", "goes on for 26 bytes"),
    "the head alone": (HEAD, "cut short"),
    "another format": (GOOD.replace(b"communique", b"communiqua"), "does not begin"),
    "another protocol": (dumped(headed({"a": 1})), "does not begin"),
    "text": (b"id,text,label\n1,We will answer.,escalatory\n", "does not begin"),
    "lines of words": (b"cat\ndog\ncow\n" * 9, "does not begin"),
    "a pickle by hand": (b"cos\nsystem\n(S'true'\ntR.", "names the global os.system"),
    "words that begin with x": (b"x,y\n", "does not begin"),
    "JSON": (b'{"format": "communique-model"}', "does not begin"),
    "zeros": (bytes(1000), "does not begin"),
    "a zip archive": (b"PK\x03\x04" + bytes(30), "zip archive"),
    "a numpy file": (b"\x93NUMPY\x01\x00", "numpy file"),
    "an end alone": (b".", "does not begin"),
    "a protocol alone": (b"\x80", "does not begin"),
    "names without end": (b"\x80\x04" + b"c" * 1_000_000, "does not begin"),
    "a model compressed with zlib": (dumped(headed({}), compress=("zlib", 3)), "compressed with zlib"),
    "a decompression bomb": (zlib.compress(bytes(50_000_000), 9), "compressed with zlib"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_or_alien_file_is_refused_and_named(path, name):
    damaged, found = DAMAGED[name]
    path.write_bytes(damaged)
    tracemalloc.start()
    try:
        with pytest.raises(ModelUnsafeError) as refusal:
            artefact.read(path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
    assert found in str(refusal.value)


def test_a_file_of_nothing_but_dicts_stays_small_in_memory():
    data = body(b"](" + b"}" * 300_000 + b"e")
    tracemalloc.start()
    try:
        with pytest.raises(ModelUnsafeError, match="more than"):
            parse(data)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


SMALL = unmemoised(
    headed({"a": np.arange(6, dtype="f4").reshape(2, 3), "b": ["x", 1, 2.5, None, True], "c": {"d": np.array([True])}})
)
PLAIN = (dict, list, str, int, float, bool, type(None), np.ndarray)


def read_or_refuse(data: bytes) -> None:
    tracemalloc.start()
    try:
        with contextlib.suppress(ModelError):
            assert all(type(node) in PLAIN for node in nodes(parse(data)))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_every_truncation_is_refused(path):
    for length in range(len(SMALL)):
        with pytest.raises(ModelUnsafeError):
            parse(SMALL[:length])


def test_every_changed_byte_gives_a_plain_tree_or_a_refusal():
    for place, value in itertools.product(range(len(SMALL)), (0x00, 0x28, 0x63, 0x93, 0xFF)):
        with contextlib.suppress(ModelError):
            assert all(
                type(node) in PLAIN for node in nodes(parse(SMALL[:place] + bytes([value]) + SMALL[place + 1 :]))
            )


@settings(quick, max_examples=400)
@given(data=st.data())
def test_any_mutation_gives_a_plain_tree_or_a_refusal(canary, data):
    mutated = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(mutated)))
        stop = data.draw(st.integers(start, min(start + 6, len(mutated))))
        mutated[start:stop] = data.draw(st.binary(max_size=6) | st.sampled_from([mutated[start:stop] * 2, b"q\0h\0"]))
    read_or_refuse(bytes(mutated))


opcodes = st.sampled_from(
    [op.code.encode("latin-1") for op in pickletools.opcodes] + [word("k"), word("posix"), WRAPPER, announced()]
)


@settings(quick, max_examples=400)
@given(parts=st.lists(opcodes | st.binary(max_size=3), max_size=40))
def test_any_opcodes_give_a_plain_tree_or_a_refusal(canary, parts):
    read_or_refuse(body(b"".join(parts)))


@quick
@given(data=st.binary(max_size=200))
def test_any_bytes_are_refused(data):
    with pytest.raises(ModelUnsafeError):
        parse(data)


def test_many_threads_read_one_file(path):
    artefact.write(TREE, path)
    wrong: list[int] = []

    def look() -> None:
        wrong.extend(number for number in range(20) if not same(artefact.read(path), TREE))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_refusals_are_one_line_that_ends_in_a_remedy(path):
    path.write_bytes(body(FORGED["a persistent id"][0]))
    with pytest.raises(ModelUnsafeError) as refusal:
        artefact.read(path)
    assert str(refusal.value) == (
        f"{path} uses the pickle opcode PERSID (byte 74); expected an undamaged model file; "
        "train the model again, or fetch it anew from a source you trust"
    )


def test_an_input_error_while_reading_says_so(path, monkeypatch):
    artefact.write({}, path)

    def fail(*args, **options):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(mmap, "mmap", fail)
    with pytest.raises(ModelError, match="Input/output error"):
        artefact.read(path)
