"""Writing: what is written reads back, and a run that fails leaves nothing and harms nothing."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from communique.corpus.batch import JSON
from communique.corpus.sink import open_sink
from communique.corpus.source import read
from communique.errors import DataError, OutputError, UsageError

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20) | st.sampled_from(
    ['"', '""', ",", "\t", "\n", "\r", "a\r\nb", "", " ", "«不»", "不", "no\x00ne", "NA"]
)
PERSISTENT = settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
FORMS = ["a.jsonl", "a.csv", "a.tsv", "a.parquet", "a.jsonl.gz", "a.csv.gz", "a.parquet.gz"]


def batch_of(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows)


def put(path: Any, *batches: pa.RecordBatch, **options: Any) -> Any:
    with open_sink(path, **options) as sink:
        for batch in batches:
            sink.write(batch)
    return path


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", FORMS)
@PERSISTENT
@given(
    rows=st.lists(st.fixed_dictionaries({"id": TEXTS.filter(bool), "text": TEXTS, "x": TEXTS}), min_size=1, max_size=12)
)
def test_what_is_written_reads_back(tmp_path: Path, name: str, rows: list[dict[str, str]]) -> None:
    put(tmp_path / name, batch_of(rows[:5]), batch_of(rows[5:]) if rows[5:] else batch_of(rows)[:0], force=True)
    assert [row for batch in read([str(tmp_path / name)]) for row in batch.rows.to_pylist()] == rows


@PERSISTENT
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1), st.sampled_from([",", "\t"]))
def test_csv_is_what_the_standard_library_reads(tmp_path: Path, cells: list[tuple[str, str]], delimiter: str) -> None:
    file = put(
        tmp_path / "a.csv",
        batch_of([{"a,\t": a, 'b"': b} for a, b in cells]),
        form="csv" if delimiter == "," else "tsv",
        force=True,
    )
    read_back = list(csv.reader(io.StringIO(file.read_bytes().decode(), newline=""), delimiter=delimiter, strict=True))
    assert [tuple(row) for row in read_back] == [("a,\t", 'b"'), *cells]


@PERSISTENT
@given(st.lists(TEXTS, min_size=1))
def test_an_only_column_loses_no_row(tmp_path: Path, texts: list[str]) -> None:
    file = put(tmp_path / "a.csv", batch_of([{"text": text} for text in texts]), force=True)
    assert [text for batch in read([str(file)]) for text in batch.text.to_pylist()] == texts


SCORED = pa.RecordBatch.from_pylist(
    [
        {
            "id": "1",
            "text": "x",
            "confidence": 0.1 + 0.2,
            "scores": {"none": 0.25, "escalatory": 1.0},
            "acts": [{"start": 0}],
        },
        {"id": "2", "text": None, "confidence": None, "scores": None, "acts": None},
    ]
)


def test_a_line_of_json_has_every_column_in_its_order_and_plain_characters(tmp_path: Path) -> None:
    file = put(tmp_path / "a.jsonl", SCORED, batch_of([{"text": "«不»"}]))
    assert file.read_text() == (
        '{"id":"1","text":"x","confidence":0.30000000000000004,"scores":{"none":0.25,"escalatory":1.0},"acts":[{"start":0}]}\n'
        '{"id":"2","text":null,"confidence":null,"scores":null,"acts":null}\n'
        '{"text":"«不»"}\n'
    )


def test_scores_become_columns_in_csv_and_other_nested_values_json(tmp_path: Path) -> None:
    assert put(tmp_path / "a.csv", SCORED).read_text() == (
        "id,text,confidence,scores.none,scores.escalatory,acts\n"
        '1,x,0.30000000000000004,0.25,1.0,"[{""start"":0}]"\n'
        "2,,,,,\n"
    )


def test_scores_stay_one_column_in_parquet(tmp_path: Path) -> None:
    assert pq.read_table(put(tmp_path / "a.parquet", SCORED)).to_pylist() == SCORED.to_pylist()


def test_what_came_as_json_leaves_as_it_came(tmp_path: Path) -> None:
    line = (
        '{"id":"1","text":"x","meta":{"b":[1,2.5,null],"a":{}},"year":2023}\n'
        '{"id":"2","text":"y","meta":"none","year":"x"}\n'
    )
    (tmp_path / "in.jsonl").write_text(line)
    batches = [batch.rows for batch in read([str(tmp_path / "in.jsonl")])]
    assert put(tmp_path / "out.jsonl", *batches).read_text() == line
    assert (
        put(tmp_path / "out.csv", *batches).read_text()
        == 'id,text,meta,year\n1,x,"{""b"":[1,2.5,null],""a"":{}}",2023\n2,y,none,x\n'
    )


def test_without_rows_every_format_is_a_file_that_can_be_read(tmp_path: Path) -> None:
    for name in FORMS:
        assert list(read([str(put(tmp_path / name))])) == []


def test_a_column_missing_later_is_null_and_a_new_one_in_csv_is_refused(tmp_path: Path) -> None:
    first, less, more = batch_of([{"a": "1", "b": "2"}]), batch_of([{"b": "3"}]), batch_of([{"a": "4", "c": "5"}])
    assert put(tmp_path / "a.csv", first, less).read_text() == "a,b\n1,2\n,3\n"
    with pytest.raises(DataError, match="the column 'c' appears only after the first rows were written"):
        put(tmp_path / "b.csv", first, more)
    assert leftovers(tmp_path) == ["a.csv"]


@pytest.mark.parametrize("group", [1, 100], ids=["rewritten", "held"])
def test_parquet_takes_columns_and_types_as_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    monkeypatch.setattr("communique.corpus.sink._GROUP_ROWS", group)
    batches = [
        batch_of([{"a": None, "n": 1, "m": 1, "s": "x"}]),
        batch_of([{"a": "x", "n": 2, "m": 2**53 + 1}]),
        batch_of([{"n": 3, "m": 0.5, "s": 5, "late": True}]),
        batch_of([{"n": None, "m": "y", "s": None}]),
    ]
    table = pq.read_table(put(tmp_path / "a.parquet", *batches))
    assert table.schema == pa.schema(
        [("a", pa.string()), ("n", pa.int64()), ("m", JSON), ("s", JSON), ("late", pa.bool_())]
    )
    assert table.to_pydict() == {
        "a": [None, "x", None, None],
        "n": [1, 2, 3, None],
        "m": ["1", "9007199254740993", "0.5", '"y"'],
        "s": ['"x"', None, "5", None],
        "late": [None, None, True, None],
    }


def test_a_batch_too_large_for_arrows_strings_is_written_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("communique.corpus.sink._PIECE_BYTES", 100)
    rows = [{"text": f"{i} " * 10} for i in range(100)]
    assert lines_of(put(tmp_path / "a.jsonl", batch_of(rows))) == rows


def test_gz_holds_the_same_bytes_every_time(tmp_path: Path) -> None:
    one, two = (put(tmp_path / f"{name}.csv.gz", SCORED).read_bytes() for name in "ab")
    assert one == two
    assert gzip.decompress(one) == put(tmp_path / "c.csv", SCORED).read_bytes()


# Places


def test_a_file_that_is_there_is_kept_unless_forced_and_then_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("precious")
    file.chmod(0o600)
    with pytest.raises(OutputError, match="is there already; choose another name, or add --force"):
        put(file, SCORED)
    assert file.read_text() == "precious"
    assert len(lines_of(put(file, SCORED, force=True))) == 2
    assert file.stat().st_mode & 0o777 == 0o600
    assert leftovers(tmp_path) == ["a.jsonl"]


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, OSError, SystemExit, GeneratorExit])
def test_a_run_that_fails_leaves_what_was_there(tmp_path: Path, name: str, failure: type[BaseException]) -> None:
    (tmp_path / name).write_text("precious")

    def fail() -> None:
        with open_sink(tmp_path / name, force=True) as sink:
            sink.write(SCORED)
            raise failure

    with pytest.raises(failure):
        fail()
    assert (tmp_path / name).read_text() == "precious"
    assert leftovers(tmp_path) == [name]


def test_nothing_is_at_the_place_before_all_is_written(tmp_path: Path) -> None:
    with open_sink(tmp_path / "a.jsonl") as sink:
        sink.write(SCORED)
        assert not (tmp_path / "a.jsonl").exists()
    assert leftovers(tmp_path) == ["a.jsonl"]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.jsonl").write_text("old")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "real.jsonl")
    put(tmp_path / "link.jsonl", SCORED, force=True)
    assert (tmp_path / "link.jsonl").is_symlink()
    assert len(lines_of(tmp_path / "real.jsonl")) == 2


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("no/folder/a.jsonl", OutputError, "No such file or directory"),
        ("folder.jsonl", OutputError, "is a folder; expected a file"),
        ("file/a.jsonl", OutputError, "Not a directory"),
        ("a.xlsx", UsageError, r"ends in .xlsx; expected .jsonl"),
        ("a", UsageError, "ends in no suffix"),
        ("a.json.gz", UsageError, r"ends in .json;"),
        ("x" * 300 + ".csv", OutputError, "File name too long"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_refused_before_the_first_row(
    tmp_path: Path, name: str, error: type[Exception], message: str
) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(error, match=message), open_sink(tmp_path / name):
        pytest.fail("the place was accepted")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused_before_the_first_row(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"), open_sink(tmp_path / "a.csv"):
        pytest.fail("the place was accepted")


@pytest.mark.parametrize("form", ["jsonl", "csv", "tsv", "parquet"])
def test_a_full_device_is_an_output_error(form: Any) -> None:
    big = batch_of([{"text": "x" * 1000}] * 1000)
    for batches in ([SCORED], [big] * 3):
        with pytest.raises(OutputError, match=r"/dev/full cannot be written \(No space left on device"):
            put(Path("/dev/full"), *batches, form=form)


def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path: Path) -> None:
    program = f"""
import random, resource
import pyarrow as pa
from communique.corpus.sink import open_sink
from communique.errors import OutputError
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
chance = random.Random(1)
batch = pa.RecordBatch.from_pylist([{{"text": chance.randbytes(40).hex()}} for _ in range(5000)])
for name in {FORMS}:
    try:
        with open_sink({str(tmp_path)!r} + "/" + name) as sink:
            for _ in range(20):
                sink.write(batch)
    except OutputError as problem:
        print(problem)
"""
    command = [sys.executable, "-W", "error", "-c", program]
    ran = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert ran.stdout.splitlines() == [f"{tmp_path}/{name} cannot be written (File too large)" for name in FORMS]
    assert ran.stderr == ""
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("target", [None, "-"])
@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_stdout_gets_bytes(monkeypatch: pytest.MonkeyPatch, target: str | None, form: Any) -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stdout)
    put(target, batch_of([{"text": "不"}]), form=form)
    written = stdout.buffer.getvalue()
    rows = pq.read_table(io.BytesIO(written)).to_pylist() if form == "parquet" else written.decode()
    assert rows == {"jsonl": '{"text":"不"}\n', "csv": "text\n不\n", "parquet": [{"text": "不"}]}[form]


def test_a_closed_pipe_is_left_for_the_caller_to_end_quietly() -> None:
    program = """
import os, sys
import pyarrow as pa
from communique.corpus.sink import open_sink
try:
    with open_sink(None, "jsonl") as sink:
        for _ in range(10_000):
            sink.write(pa.RecordBatch.from_pylist([{"text": "x" * 1000}] * 10))
except BrokenPipeError:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(141)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as ran:
        assert ran.stdout is not None
        assert ran.stdout.readline().startswith(b'{"text"')
        ran.stdout.close()
        assert ran.wait() == 141


def test_a_full_stdout_is_an_output_error() -> None:
    program = """
import pyarrow as pa
from communique.corpus.sink import open_sink
from communique.errors import OutputError
import os, sys
try:
    with open_sink(None) as sink:
        sink.write(pa.RecordBatch.from_pylist([{"text": "x"}]))
except OutputError as problem:
    print(problem, file=sys.stderr)
    os._exit(1)
"""
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run([sys.executable, "-c", program], check=False, stdout=full, stderr=subprocess.PIPE)
    assert ran.stderr == b"standard output cannot be written (No space left on device)\n"
    assert ran.returncode == 1
