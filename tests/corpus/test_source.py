"""Reading: what goes in comes out, whatever the format, and what cannot be read is named."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import threading
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from communique.corpus import objects, stream
from communique.corpus.columns import Columns
from communique.corpus.source import read, read_texts
from communique.errors import DataError

if TYPE_CHECKING:
    from communique.corpus.batch import Batch

SCRIPTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30) | st.sampled_from(
    [
        "«Ни шагу назад»",
        "لن نتراجع",
        "हम पीछे नहीं हटेंगे",
        "决不后退",
        "🕊️",
        'He said ""no""',
        "a,b;c\td",
        "x\ny",
        "x\r\ny",
        "x\ry",
        "no\x00ne",
        "NA",
        "007",
        "İı ß ﬁ",
    ]
)
PERSISTENT = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(path: Path, content: bytes | str) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def rows_of(inputs: str | Sequence[str], **options: Any) -> list[dict[str, Any]]:
    batches = list(read([inputs] if isinstance(inputs, str) else inputs, **options))
    return [row for batch in batches for row in batch.rows.to_pylist()]


def texts_of(inputs: str | Sequence[str], **options: Any) -> list[str | None]:
    return [
        text
        for batch in read([inputs] if isinstance(inputs, str) else inputs, **options)
        for text in batch.text.to_pylist()
    ]


ROWS = [
    {"uid": "a", "body": 'We will "never" yield,\nnot one inch.', "country": "NA", "when": "2023-07-18"},
    {"uid": "007", "body": "Мы готовы к переговорам", "country": "", "when": "2023-07-18T10:00:00Z"},
    {"uid": "c", "body": "", "country": "null", "when": "18/07/2023"},
]


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",", ends: str = "\n") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter, lineterminator=ends)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def as_lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


def as_arrow(rows: list[dict[str, Any]], make: Callable[..., Any]) -> bytes:
    out, table = io.BytesIO(), pa.Table.from_pylist(rows)
    with make(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


FILES = {
    "a.csv": as_csv(ROWS),
    "crlf.csv": as_csv(ROWS, ends="\r\n"),
    "excel.csv": b"\xef\xbb\xbf" + as_csv(ROWS, ";", "\r\n"),
    "utf16.csv": as_csv(ROWS).decode().encode("utf-16"),
    "utf16be.csv": b"\xfe\xff" + as_csv(ROWS).decode().encode("utf-16-be"),
    "utf32.csv": as_csv(ROWS).decode().encode("utf-32"),
    "utf16.jsonl": as_lines(ROWS).decode().encode("utf-16"),
    "unended.csv": as_csv(ROWS).rstrip(b"\n") + b"\nd,e,f,g",
    "a.tsv": as_csv(ROWS, "\t"),
    "a.jsonl": as_lines(ROWS),
    "bom.jsonl": b"\xef\xbb\xbf" + as_lines(ROWS),
    "crlf.ndjson": as_lines(ROWS).replace(b"}\n", b"}\r\n"),
    "blank.jsonl": b"\n \n" + as_lines(ROWS).replace(b"}\n", b"}\n\n"),
    "a.json": json.dumps(ROWS, indent=1).encode(),
    "data.json": json.dumps({"version": 1, "data": ROWS}).encode(),
    "lines.json": as_lines(ROWS),
    "a.parquet": as_parquet(ROWS),
    "a.arrow": as_arrow(ROWS, pa.ipc.new_file),
    "a.feather": as_arrow(ROWS, pa.ipc.new_file),
    "stream.ipc": as_arrow(ROWS, pa.ipc.new_stream),
}


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str, zipped: bool) -> None:
    content = gzip.compress(FILES[name]) if zipped else FILES[name]
    rows = rows_of(write(tmp_path / (name + ".gz" * zipped), content))
    assert rows[:3] == ROWS
    assert len(rows) == 3 + (name == "unended.csv")


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("name", FILES)
def test_stdin_tells_by_itself_what_it_is_given(monkeypatch: pytest.MonkeyPatch, name: str, zipped: bool) -> None:
    content = gzip.compress(FILES[name]) if zipped else FILES[name]
    if name == "a.tsv":
        content = content.replace(b"uid", b"id")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert texts_of("-")[:3] == [row["body"] for row in ROWS]


def test_plain_text_has_one_statement_a_line_and_a_blank_line_keeps_its_number(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "One.\r\n\n«Три», 三.\nno end")
    assert rows_of(file) == [
        {"id": "1", "text": "One."},
        {"id": "2", "text": ""},
        {"id": "3", "text": "«Три», 三."},
        {"id": "4", "text": "no end"},
    ]
    assert texts_of(file, columns=Columns(text="body"), batch_rows=1) == ["One.", "", "«Три», 三.", "no end"]


@pytest.mark.parametrize(
    "content", ["[Applause] We shall not yield.\n", "{sic} they said\n", "Never, never, never.\n", "quoth the envoy\n"]
)
def test_stdin_that_is_no_table_is_plain_text(monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    assert texts_of("-") == [content.rstrip("\n")]


@pytest.mark.parametrize(
    "name", ["empty.csv", "empty.jsonl", "empty.txt", "empty.tsv", "header.csv", "blank.jsonl", "brackets.json"]
)
def test_a_file_without_rows_yields_nothing(tmp_path: Path, name: str) -> None:
    content = {"header.csv": "text,label\n", "blank.jsonl": "\n\n", "brackets.json": "[]"}.get(name, "")
    assert rows_of(write(tmp_path / name, content)) == []


def test_globs_are_sorted_and_ids_run_over_all_inputs(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.jsonl"):
        write(tmp_path / name, f'{{"text": "{name}"}}\n' if name.endswith("jsonl") else f"{name}\n")
    assert [(row["id"], row["text"]) for row in rows_of([f"{tmp_path}/*.txt", f"{tmp_path}/c.jsonl"])] == [
        ("1", "a.txt"),
        ("2", "b.txt"),
        ("3", "c.jsonl"),
    ]
    with pytest.raises(DataError, match="no file matches"):
        rows_of(f"{tmp_path}/*.parquet")


def test_a_file_whose_name_looks_like_a_glob_is_itself(tmp_path: Path) -> None:
    assert texts_of(write(tmp_path / "a[1].txt", "yes\n")) == ["yes"]


def test_a_named_pipe_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "p.parquet"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(as_parquet(ROWS),))
    writer.start()
    assert rows_of(str(pipe)) == ROWS
    writer.join()


def test_the_batch_keeps_the_users_columns_and_shows_the_roles(tmp_path: Path) -> None:
    lines = [
        {"body": "x", "Stance": "none", "uid": 7, "note": {"a": [1]}, "scenario": "s1"},
        {"body": "y", "Stance": "", "note": None, "scenario": 2},
    ]
    batch = next(read([write(tmp_path / "a.jsonl", as_lines(lines))], need=frozenset({"text", "label"})))
    assert batch.rows.schema.names == ["body", "Stance", "uid", "note", "scenario"]
    assert batch.columns == Columns("body", "Stance", "uid", "scenario")
    assert batch.labelled.to_pydict() == {
        "id": ["7", "2"],
        "text": ["x", "y"],
        "label": ["none", None],
        "group": ["s1", "2"],
    }
    assert batch.rows.column("uid").to_pylist() == [7, 2]
    assert batch.name_row(1) == f"{tmp_path}/a.jsonl:2"


def test_gaps_in_a_csv_id_are_filled_with_running_numbers(tmp_path: Path) -> None:
    batch = next(read([write(tmp_path / "a.csv", "id,text\nx,a\n,b\n")]))
    assert batch.id.to_pylist() == batch.rows.column("id").to_pylist() == ["x", "2"]


def test_row_numbers_count_within_the_file_and_across_batches(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{name}.txt", "x\n" * 5) for name in "ab"]
    batches = list(read(files, batch_rows=2))
    assert [(Path(batch.source).stem, batch.first_row, len(batch.id)) for batch in batches] == [
        *(("a", 1, 2), ("a", 3, 2), ("a", 5, 1)),
        *(("b", 1, 2), ("b", 3, 2), ("b", 5, 1)),
    ]
    assert [each for batch in batches for each in batch.id.to_pylist()] == [str(i) for i in range(1, 11)]


def test_columns_that_json_rows_bring_later_are_found_and_those_found_stay(tmp_path: Path) -> None:
    lines = [{"body": "a"}, {"body": "b", "stance": "none", "text": "no"}, {"extra": 1}]
    batches = list(read([write(tmp_path / "a.jsonl", as_lines(lines))], batch_rows=1))
    assert [batch.text.to_pylist() for batch in batches] == [["a"], ["b"], [None]]
    assert [batch.label.to_pylist() for batch in batches] == [[None], ["none"], [None]]
    assert batches[2].rows.to_pylist() == [{"id": "3", "body": None, "stance": None, "text": None, "extra": 1}]


def test_texts_given_as_arguments_are_a_batch() -> None:
    batch = read_texts(["One.", "Two."])
    assert batch.rows.to_pylist() == [{"id": "1", "text": "One."}, {"id": "2", "text": "Two."}]
    with pytest.raises(DataError, match="not UTF-8"):
        read_texts(["\udcff"])


# Nothing is rewritten


@PERSISTENT
@given(
    st.lists(st.tuples(SCRIPTS, SCRIPTS), min_size=1, max_size=20),
    st.sampled_from([",", "\t", ";"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_csv_comes_out_as_it_went_in(tmp_path: Path, cells: list[tuple[str, str]], delimiter: str, ends: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=ends, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "extra"), *cells])
    file = write(tmp_path / ("a.tsv" if delimiter == "\t" else "a.csv"), out.getvalue())
    assert [(row["text"], row["extra"]) for row in rows_of(file, batch_rows=3)] == cells


@PERSISTENT
@given(
    st.lists(
        st.tuples(SCRIPTS.filter(lambda text: "\x00" not in text), SCRIPTS.filter(lambda text: "\x00" not in text)),
        min_size=1,
        max_size=20,
    )
)
def test_csv_is_read_as_arrow_reads_it(tmp_path: Path, cells: list[tuple[str, str]]) -> None:
    file = tmp_path / "a.csv"
    pa.csv.write_csv(pa.table({"text": [text for text, _ in cells], "extra": [extra for _, extra in cells]}), file)
    options = pa.csv.ConvertOptions(column_types={"text": pa.string(), "extra": pa.string()}, strings_can_be_null=False)
    theirs = pa.csv.read_csv(file, convert_options=options, parse_options=pa.csv.ParseOptions(newlines_in_values=True))
    assert [{"text": row["text"], "extra": row["extra"]} for row in rows_of(str(file))] == theirs.to_pylist()


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | SCRIPTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCRIPTS, inner, max_size=3),
    max_leaves=6,
)


def thaw(batch: Batch) -> list[dict[str, Any]]:
    """The rows as JSON has them: what travels as JSON is parsed."""
    columns = []
    for column in batch.rows.columns:
        values = column.to_pylist()
        columns.append(
            [None if v is None else json.loads(v) for v in values] if column.type == pa.json_(pa.string()) else values
        )
    return [dict(zip(batch.rows.schema.names, row, strict=True)) for row in zip(*columns, strict=True)]


@PERSISTENT
@given(st.lists(st.dictionaries(st.sampled_from(["a", "é", ""]), VALUES), min_size=1, max_size=12), st.booleans())
def test_json_comes_out_as_it_went_in(tmp_path: Path, extras: list[dict[str, Any]], lines: bool) -> None:
    rows = [{"id": str(index), "text": "x", **extra} for index, extra in enumerate(extras)]
    file = write(tmp_path / ("a.jsonl" if lines else "a.json"), as_lines(rows) if lines else json.dumps(rows))
    ours = [row for batch in read([file], batch_rows=4) for row in thaw(batch)]
    for row, expected in zip(ours, rows, strict=True):
        assert {key: value for key, value in row.items() if value is not None} == {
            key: value for key, value in expected.items() if value is not None
        }
        assert all(type(row[key]) is type(value) for key, value in expected.items())


def test_what_other_readers_rewrite_is_kept(tmp_path: Path) -> None:
    lines = [
        {"text": "x", "country": "NA", "date": "2023-07-18", "mixed": "x", "number": 1},
        {"text": "y", "country": "nan", "date": "2023-07-18T00:00:00Z", "mixed": 5, "number": 2.5},
    ]
    batch = next(read([write(tmp_path / "a.jsonl", as_lines(lines))]))
    assert [{key: value for key, value in row.items() if key != "id"} for row in thaw(batch)] == lines
    table = next(read([write(tmp_path / "a.csv", "text,country,code\nx,NA,007\ny,,1e5\n")]))
    assert table.rows.column("country").to_pylist() == ["NA", ""]
    assert table.rows.column("code").to_pylist() == ["007", "1e5"]


def test_an_object_of_many_different_keys_stays_one_column(tmp_path: Path) -> None:
    lines = [{"text": "x", "scores": {f"k{i}": i}} for i in range(3000)]
    batch = next(read([write(tmp_path / "a.jsonl", as_lines(lines))]))
    assert batch.rows.num_columns == 3
    assert thaw(batch)[2999]["scores"] == {"k2999": 2999}


def test_types_of_parquet_and_arrow_are_kept_and_strings_of_every_kind_are_texts(tmp_path: Path) -> None:
    for kind in (pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string()), pa.binary()):
        text = pa.array(["x", None, "é"], pa.string())
        text = text.dictionary_encode() if pa.types.is_dictionary(kind) else text.cast(kind)
        table = pa.table({"text": text, "when": pa.array([1, 2, 3], pa.timestamp("ms"))})
        with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
            writer.write_table(table)
        batches = list(read([str(tmp_path / "a.arrow")], batch_rows=2))
        assert [text for batch in batches for text in batch.text.to_pylist()] == ["x", None, "é"]
        assert batches[0].rows.schema.field("text").type == kind
        assert batches[0].rows.schema.field("when").type == pa.timestamp("ms")


def test_class_numbers_in_parquet_become_the_class_names(tmp_path: Path) -> None:
    notes = {
        "info": {
            "features": {
                "label": {"names": ["none", "escalatory"], "_type": "ClassLabel"},
                "text": {"dtype": "string", "_type": "Value"},
            }
        }
    }
    table = pa.table({"text": ["x", "y", "z"], "label": [1, 0, -1]}).replace_schema_metadata(
        {"huggingface": json.dumps(notes)}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    batch = next(read([str(tmp_path / "a.parquet")]))
    assert batch.label.to_pylist() == batch.rows.column("label").to_pylist() == ["escalatory", "none", None]


# Large things


def test_a_row_of_several_megabytes_is_read(tmp_path: Path) -> None:
    long = "Word, " * 700_000
    assert texts_of(write(tmp_path / "a.jsonl", as_lines([{"text": "x"}, {"text": long}]))) == ["x", long]
    assert texts_of(write(tmp_path / "a.csv", as_csv([{"text": "x"}, {"text": long}]))) == ["x", long]
    assert texts_of(write(tmp_path / "long.json", as_lines([{"text": long}, {"text": "x"}]))) == [long, "x"]


def test_quoted_line_ends_are_read_wherever_blocks_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"text": f'He said: "{i}"\nand left,\r\nslowly.', "n": str(i)} for i in range(3000)]
    file = write(tmp_path / "a.csv", as_csv(rows))
    for block in (7, 1000, 2**20):
        monkeypatch.setattr(stream, "BLOCK", block)
        assert [row["text"] for row in rows_of(file)] == [row["text"] for row in rows]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.txt", "a.json", "a.jsonl.gz"])
def test_an_endless_line_is_refused_before_it_fills_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    fine = b"text\n" + b"fine enough\n" * 9999 if name == "a.csv" else b'{"text": "fine"}\n' * 10_000
    if name.endswith("gz"):
        with gzip.open(path, "wb", compresslevel=1) as out:
            out.write(fine)
            for _ in range(40):
                out.write(b"a" * 2**20)
    else:
        path.write_bytes(fine)
        with path.open("ab") as out:
            out.truncate(2**30)  # a sparse file: a gigabyte of NUL without its room on disk
    tracemalloc.start()
    with pytest.raises(DataError, match=r"line 10001 of .* is longer than 16 MB"):
        list(read([str(path)], keep_unreadable=True))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150 * 2**20


def test_a_cell_that_is_never_closed_is_refused_before_it_fills_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("communique.corpus.delimited.LINE_LIMIT", 2**20)
    file = write(tmp_path / "a.csv", 'text\n"open\n' + "line\n" * 2**20)
    with pytest.raises(DataError, match="quotation mark that opens a cell"):
        list(read([file], keep_unreadable=True))


def test_a_json_array_beyond_the_limit_is_sent_to_json_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "DOCUMENT_LIMIT", 1000)
    with pytest.raises(DataError, match="save it as JSON Lines"):
        rows_of(write(tmp_path / "a.json", json.dumps([{"text": "x" * 2000}])))


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.txt", "a.parquet", "a.arrow"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BLOCK", 2**16)
    count = 10_000 if name in ("a.parquet", "a.arrow") else 2000  # a page of Parquet is a megabyte

    def peak(count: int) -> int:
        rows = [{"text": f"Statement {i} " + "word " * 40} for i in range(count)]
        make = {".jsonl": as_lines, ".csv": as_csv, ".parquet": as_parquet}.get(Path(name).suffix)
        content = make(rows) if make else as_arrow(rows, pa.ipc.new_file)
        file = write(
            tmp_path / name, "".join(row["text"] + "\n" for row in rows).encode() if name.endswith("txt") else content
        )
        del rows, content
        highest, before = 0, pa.total_allocated_bytes()
        tracemalloc.start()
        for batch in read([file], batch_rows=500):
            highest = max(highest, pa.total_allocated_bytes() - before + len(batch.text))
        highest += tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    small, large = peak(count), peak(4 * count)
    assert large < 1.5 * small


# What cannot be read


BROKEN = {
    "json.jsonl": (b'{"text": "a"}\n{"text": "b"\n{"text": "c"}\n', "character 13"),
    "list.jsonl": (b'{"text": "a"}\n["b"]\n{"text": "c"}\n', "a list, expected an object"),
    "two.jsonl": (b'{"text": "a"}\n{"text": "b"}, {"text": "b2"}\n{"text": "c"}\n', "unexpected"),
    "half.jsonl": (b'{"text": "a"}\n{"text": "\\ud800"}\n{"text": "c"}\n', "surrogate"),
    "number.jsonl": (b'{"text": "a"}\n{"text": 5}\n{"text": "c"}\n', "the text is a number, expected a string"),
    "nested.json": (b'[{"text": "a"}, {"text": ["b"]}, {"text": "c"}]', "the text is a list"),
    "null.json": (b'[{"text": "a"}, null, {"text": "c"}]', "null, expected an object"),
    "bytes.jsonl": (b'{"text": "a"}\n{"text": "\xe9"}\n{"text": "c"}\n', r"byte 11 \(0xE9\) is not UTF-8"),
    "bytes.csv": (b"text,n\na,1\n\xe9t\xe9,2\nc,3\n", r"byte 1 \(0xE9\) is not UTF-8"),
    "bytes.txt": (b"a\nb\xff\nc\n", r"byte 2 \(0xFF\) is not UTF-8"),
    "cells.csv": (b"text,n\na,1\nb,2,3\nc,3\n", "line 3: 3 cells, expected 2 as in the header"),
    "few.tsv": (b"text\tn\na\t1\nb\nc\t3\n", "line 3: 1 cells, expected 2"),
    "quote.csv": (b'text,n\na,1\n"b"b,2\nc,3\n', "line 3: a quotation mark within a quoted cell is not doubled"),
    "half16.jsonl": (
        '{"text": "a"}\n{"text": "'.encode("utf-16") + b"\x00\xd8" + '"}\n{"text": "c"}\n'.encode("utf-16-le"),
        "not UTF-8",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_unreadable_row_is_refused_with_its_file_number_and_reason(tmp_path: Path, name: str) -> None:
    content, reason = BROKEN[name]
    with pytest.raises(DataError, match=rf"row 2 of .*{name} cannot be read \(.*{reason}") as caught:
        rows_of(write(tmp_path / name, content))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("name", BROKEN)
def test_an_unreadable_row_keeps_its_place_if_asked(tmp_path: Path, name: str) -> None:
    (batch,) = read([write(tmp_path / name, BROKEN[name][0])], keep_unreadable=True)
    assert batch.text.to_pylist() == ["a", None, "c"]
    assert batch.id.to_pylist() == batch.rows.column("id").to_pylist() == ["1", "2", "3"]
    assert [fault.row for fault in batch.faults] == [2]
    assert batch.error.to_pylist() == [None, batch.faults[0].message, None]


def test_rows_without_any_readable_one_keep_their_places_too(tmp_path: Path) -> None:
    batches = list(
        read(
            [write(tmp_path / "a.jsonl", '{"uid"\n{"body"\n{"body": "x", "uid": "u"}\n')],
            keep_unreadable=True,
            batch_rows=2,
        )
    )
    assert [batch.text.to_pylist() for batch in batches] == [[None, None], ["x"]]
    assert [batch.id.to_pylist() for batch in batches] == [["1", "2"], ["u"]]


def test_a_blank_line_does_not_hide_where_the_broken_line_is(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 2 of .* \(line 4: "):
        rows_of(write(tmp_path / "a.jsonl", '{"text": "a"}\n\n\n{"text"\n'))


def test_a_quotation_mark_never_closed_is_reported_at_the_line_it_opens(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 2 of .*line 3: the opening quotation mark of a cell is never closed"):
        rows_of(write(tmp_path / "a.csv", 'text,n\na,1\n"b,2\nc,3\nd,4\n'))


def test_rows_behind_a_broken_one_are_still_read_with_their_numbers(tmp_path: Path) -> None:
    lines = [f'{{"text": "{i}"}}' if i % 7 else "{" for i in range(1, 1001)]
    file = write(tmp_path / "a.jsonl", "\n".join(lines))
    batches = list(read([file], keep_unreadable=True, batch_rows=64))
    assert [fault.row for batch in batches for fault in batch.faults] == list(range(7, 1001, 7))
    assert [text for batch in batches for text in batch.text.to_pylist()] == [
        str(i) if i % 7 else None for i in range(1, 1001)
    ]


def test_a_missing_text_is_no_fault_but_null(tmp_path: Path) -> None:
    (batch,) = read([write(tmp_path / "a.jsonl", '{"text": "a"}\n{"text": null}\n{}\n')])
    assert (batch.text.to_pylist(), batch.faults) == (["a", None, None], ())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "is a PNG image"),
        ("a.csv", b"PK\x03\x04" + bytes(100), "is a ZIP archive or an Excel workbook"),
        ("a.jsonl", bytes(range(256)) * 20, "is a binary file"),
        ("a.txt", "Unless\n".encode("utf-16-le"), "is a binary file, or UTF-16 without"),
        ("a.bin", b"\x7fELF\x02\x01\x01" + bytes(500), "is a binary file"),
        ("a.csv", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "is a PDF"),
        ("a.jsonl", b"BZh91AY", "compressed with bzip2"),
        ("a.json", b'[{"text": "a"}, {"text"]', r"is not JSON \(line 1, character 24"),
        ("a.json", b'[{"text": "\\udc00"}]', "is not JSON"),
        ("a.json", b'"hello"', "holds no more than a string; expected an array of objects"),
        ("a.parquet", b"PAR1" + bytes(100), "is damaged"),
        ("a.parquet", as_parquet(ROWS)[:-20], "is damaged"),
        ("a.parquet", b"no parquet at all", "is damaged"),
        ("a.arrow", as_arrow(ROWS, pa.ipc.new_file)[:-50], "is damaged"),
        ("a.arrow", as_arrow(ROWS, pa.ipc.new_stream)[:-50], "is damaged"),
        ("a.csv.gz", gzip.compress(as_csv(ROWS))[:-12], "cannot be read"),
        ("a.csv.gz", gzip.compress(as_csv(ROWS)) + b"trailing", "cannot be read"),
        ("a.csv", "text\nodd".encode("utf-16") + b"\x00", "is not UTF-16"),
        ("a.csv", b"te\xffxt,label\n", r"the header of .* cannot be read \(byte 3"),
        ("a.csv", b'"text,label\n', "the header of .* cannot be read"),
        ("a.csv", b"Never again,escalatory\nWe will talk,none\n", "no text column among 'Never again', 'escalatory'"),
        ("a.csv", b"text,text\na,b\n", "more than one column named 'text'"),
        ("a.jsonl", b'{"text": 1}\n{"text": 2}\n', "column 'text' of .* holds int64; expected statements"),
        ("a.jsonl", b'{"text": [1]}\n', "holds no text; expected statements"),
        ("a.jsonl", b"{}\n", "no text column"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_data_is_refused_in_one_sentence(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        rows_of(write(tmp_path / name, content))
    assert "\n" not in str(caught.value)


def test_strings_in_parquet_that_are_no_utf8_are_refused(tmp_path: Path) -> None:
    bad = pa.StringArray.from_buffers(2, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff"))
    pq.write_table(pa.table({"text": ["x", "y"], "extra": bad}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="Invalid UTF8 sequence at string index 1"):
        rows_of(str(tmp_path / "a.parquet"))


@pytest.mark.parametrize(
    ("name", "reason"), [("nowhere.csv", "No such file or directory"), ("x" * 300, "File name too long")]
)
def test_a_file_that_is_not_there_is_named(name: str, reason: str) -> None:
    with pytest.raises(DataError, match=rf"{name} cannot be read \({reason}\)"):
        rows_of(name)


def test_a_text_column_of_bytes_that_are_no_text_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([b"\xff", b"\xfe"])}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="holds binary; expected statements"):
        rows_of(str(tmp_path / "a.parquet"))


def test_a_label_column_of_lists_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["x"], "label": [["a"]]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"column 'label' of .* holds list"):
        _ = next(read([str(tmp_path / "a.parquet")])).label


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200),
    st.sampled_from(["a.csv", "a.tsv", "a.jsonl", "a.json", "a.txt", "a.parquet", "a.arrow", "a.gz", "a"]),
)
def test_no_bytes_whatever_cause_anything_but_rows_or_our_error(tmp_path: Path, content: bytes, name: str) -> None:
    for magic in (
        b"",
        b"text\n",
        b'{"text": ',
        b"\xff\xfe",
        b"PAR1",
        b"ARROW1\0\0",
        b"\x1f\x8b\x08",
        b"\xff\xff\xff\xff",
    ):
        file = write(tmp_path / name, magic + content)
        try:
            for batch in read([file], keep_unreadable=True):
                assert len(batch.text) == len(batch.id) == batch.rows.num_rows
        except DataError:
            pass
