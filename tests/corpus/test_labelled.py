"""Labelled statements are gathered whole: what is left out is named, what came along stays beside its row."""

import json

import pytest

from communique.codebook import codebook_of
from communique.corpus.columns import Columns
from communique.corpus.labelled import collect, labelled_of
from communique.corpus.source import read
from communique.errors import DataError


@pytest.fixture
def file(tmp_path):
    rows = [
        {"text": "one", "label": "a", "genre": "speech"},
        {"text": " ", "label": "a"},
        {"text": "two", "label": None, "genre": "note"},
        {"text": "three", "label": "b", "topic": 7},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def test_rows_without_text_or_label_are_left_out_and_named(file):
    data = collect(read([file]))
    assert data.rows.column("text").to_pylist() == ["one", "three"]
    assert data.skipped == (f"{file}:2",)
    assert data.unlabelled == (f"{file}:3",)
    assert data.counts == {"a": 1, "b": 1}
    assert data.extras is None


def test_other_columns_stay_beside_their_rows(file):
    data = collect(read([file, file], batch_rows=1), extras=True)
    assert data.extras.column("text").to_pylist() == data.rows.column("text").to_pylist() == ["one", "three"] * 2
    assert data.extras.column("genre").to_pylist() == ["speech", None] * 2


def test_nothing_labelled_is_told(tmp_path):
    path = tmp_path / "none.csv"
    path.write_text("text,label\n,a\nx,\n", "utf-8")
    with pytest.raises(DataError, match="no labelled statement"):
        collect(read([str(path)], Columns()))


def test_the_fingerprint_knows_texts_labels_groups_and_where_one_ends():
    base = labelled_of(["ab", "c"], ["x", "y"])
    same = labelled_of(["ab", "c"], ["x", "y"])
    others = [
        labelled_of(["a", "bc"], ["x", "y"]),
        labelled_of(["ab", "c"], ["y", "x"]),
        labelled_of(["c", "ab"], ["x", "y"]),
        labelled_of(["ab", "c"], ["x", "y"], ["g", "g"]),
    ]
    assert base.fingerprint == same.fingerprint
    assert len({base.fingerprint, *(other.fingerprint for other in others)}) == 5


def test_codes_follow_the_codebook_and_strangers_are_named():
    data = labelled_of(["p", "q", "r"], ["none", "escalatory", "none"])
    book = codebook_of(["escalatory", "conciliatory", "dismissive", "none"])
    assert data.codes(book).tolist() == [3, 0, 3]
    with pytest.raises(DataError, match="did you mean 'none'"):
        labelled_of(["p"], ["nome"]).codes(book)


def test_columns_whose_types_clash_are_kept_as_text(tmp_path):
    (tmp_path / "a.csv").write_text("text,label,year\none,a,1999\n", "utf-8")
    (tmp_path / "b.jsonl").write_text('{"text": "two", "label": "b", "year": 2001}\n', "utf-8")
    data = collect(read([str(tmp_path / "a.csv"), str(tmp_path / "b.jsonl")]), extras=True)
    assert data.extras.column("year").to_pylist() == ["1999", "2001"]
