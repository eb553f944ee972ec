from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import communique
from communique.corpus.sink import open_sink
from communique.corpus.source import read
from communique.errors import DataError, ModelError, UsageError
from communique.evaluation.bootstrap import Bootstrap
from communique.evaluation.trend import (
    DatedRows,
    Dates,
    Window,
    answer_rows,
    follow,
    gather,
    held_out_rows,
    read_dates,
    read_scores,
    window_of,
)
from communique.inference.bulk import answer
from communique.inference.prediction import Options

LABELS = ("threat", "offer", "none")
DAYS = st.dates(date(1000, 1, 1), date(9000, 12, 31))
WINDOWS = st.builds(Window, st.integers(1, 400), st.sampled_from("dwmy"))


# Windows


@given(WINDOWS, DAYS, st.integers(0, 5000))
def test_every_day_lies_in_its_window_and_windows_leave_no_gap(window, first, later):
    day = first + timedelta(later)
    number = window.number_of(day, first)
    assert window.begin(number, first) <= day <= window.end(number, first)
    assert window.end(number - 1, first) == window.begin(number, first) - timedelta(1) or number == 0
    assert window.number_of(window.end(number, first), first) == number


@pytest.mark.parametrize(
    ("length", "day", "begin", "end"),
    [
        ("30d", "2031-03-10", "2031-02-07", "2031-03-08"),
        ("1w", "2031-01-12", "2031-01-06", "2031-01-12"),
        ("3m", "2031-05-31", "2031-04-01", "2031-06-30"),
        ("1y", "2031-05-31", "2031-01-01", "2031-12-31"),
        ("10y", "2031-05-31", "2030-01-01", "2039-12-31"),
        ("1m", "2032-02-29", "2032-02-01", "2032-02-29"),
    ],
)
def test_windows_follow_the_calendar_and_days_the_first_date(length, day, begin, end):
    window, first = window_of(length), date(2031, 1, 8)
    number = window.number_of(date.fromisoformat(day), first)
    if length == "30d":
        number -= 1
    assert window.begin(number, first).isoformat() == begin
    assert window.end(number, first).isoformat() == end
    assert str(window) == length


def test_the_ends_of_the_calendar_are_no_trouble():
    for day in (date.min, date.max):
        for window in (Window(1, "d"), Window(9999, "y"), Window(2, "w"), Window(9999, "m"), Window(7, "y")):
            number = window.number_of(day, day)
            assert window.begin(number, day) <= day <= window.end(number, day)


@pytest.mark.parametrize("text", ["", "30", "d", "0d", "-3d", "1.5m", "30 days", "3h", "99999d", "٣d"])
def test_a_window_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="expected days, weeks, months or years, such as 30d"):
        window_of(text)


# Dates


@pytest.mark.parametrize(
    ("cell", "day", "known"),
    [
        ("2031-04-05", "2031-04-05", 3),
        (" 2031-04-05 ", "2031-04-05", 3),
        ("20310405", "2031-04-05", 3),
        ("2031-04-05T23:30:00-08:00", "2031-04-05", 3),
        ("2031-04-05 08:00:00.5", "2031-04-05", 3),
        ("2031-04-05T00:00:00Z", "2031-04-05", 3),
        ("2031-04", "2031-04-01", 2),
        ("2031", "2031-01-01", 1),
        ("2031.0", "2031-01-01", 1),
        ("0000", None, 0),
        ("2031-13", None, 0),
        ("2031-02-30", None, 0),
        ("5 April 2031", None, 0),
        ("04/05/2031", None, 0),
        ("", None, 0),
        ("٢٠٣١", None, 0),
    ],
)
def test_iso_dates_are_read_and_nothing_is_guessed(cell, day, known):
    dates = read_dates(pa.array([cell, None, cell]))
    assert dates.known.tolist() == [known, 0, known]
    if day:
        assert date.fromordinal(int(dates.days[0])).isoformat() == day


@given(st.lists(st.one_of(st.text(max_size=12), DAYS.map(str), st.datetimes().map(str)), max_size=20))
def test_any_cells_give_as_many_dates(cells):
    cells = [cell.encode("utf-8", "replace").decode() for cell in cells]
    dates = read_dates(pa.array(cells, pa.string()))
    assert len(dates.days) == len(dates.known) == len(cells)


# Shares


def rows_of(days: list[date], codes: list[int], by: list[int] | None = None) -> DatedRows:
    n = len(days)
    ordinals = np.array([day.toordinal() for day in days])
    return DatedRows(
        np.eye(3)[codes],
        Dates(ordinals, np.full(n, 3)),
        np.array(by if by is not None else [0] * n),
        np.arange(n),
        LABELS,
        ("Aldoria", "Bresk") if by is not None else (None,),
    )


def test_shares_are_those_of_the_rows_of_an_actor_in_a_window():
    chance = np.random.default_rng(0)
    days = [date(2031, 1, 1) + timedelta(int(day)) for day in chance.integers(0, 120, 600)]
    codes, by = chance.integers(3, size=600), chance.integers(2, size=600)
    trend = follow(rows_of(days, codes.tolist(), by.tolist()), Window(30, "d"), method="none", bootstrap=Bootstrap(50))
    assert sum(share.n for share in trend.shares) == 3 * 600
    for share in trend.shares:
        mine = [
            code
            for day, code, actor in zip(days, codes, by, strict=True)
            if share.start <= day <= share.end and ("Aldoria", "Bresk")[actor] == share.by
        ]
        assert share.n == len(mine)
        assert share.raw == share.share == pytest.approx(mine.count(LABELS.index(share.label)) / len(mine))
        assert share.low < share.share < share.high
    assert [share.label for share in trend.shares[:3]] == list(LABELS)
    starts = [(share.by, share.start) for share in trend.shares]
    assert starts == sorted(starts)


def test_a_window_with_few_rows_is_null_with_the_reason_and_plain_in_json():
    days = [date(2031, 1, 1)] * 40 + [date(2031, 2, 20)] * 5
    trend = follow(rows_of(days, [0, 1] * 20 + [2] * 5), Window(1, "m"), method="none", bootstrap=Bootstrap(50))
    plain = json.loads(json.dumps(trend.to_dict(), allow_nan=False))
    assert plain["window"] == "1m"
    assert plain["shares"][-1] == {
        "by": None, "start": "2031-02-01", "end": "2031-02-28", "n": 5, "label": "none", "share": None, "low": None,
        "high": None, "raw": 1.0, "method": "none", "note": "fewer than 30 rows",
    }  # fmt: skip
    assert plain["shares"][0]["note"] is None


def test_some_labels_can_be_kept_and_an_unknown_one_is_refused():
    trend = follow(rows_of([date(2031, 1, 1)] * 40, [0, 1] * 20), Window(1, "y"), method="none")
    assert [share.label for share in trend.of(["none", "threat"]).shares] == ["threat", "none"]
    with pytest.raises(UsageError, match="the label 'thread'"):
        trend.of(["thread"])


def test_no_rows_are_refused():
    with pytest.raises(DataError, match="no row with a date"):
        follow(rows_of([], []), Window(1, "y"), method="none")


# Rows


def write(folder, name: str, rows: list[dict]) -> str:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_rows_are_gathered_with_actors_groups_and_dates_of_any_type(tmp_path):
    name = write(
        tmp_path,
        "in.jsonl",
        [
            {"text": "a", "label": "threat", "when": 2031, "actor": "Bresk", "group": "x"},
            {"text": "b", "label": "offer", "when": "2032-05-01", "actor": 7, "group": "x"},
            {"text": "c", "label": "offer", "when": None, "actor": "Bresk"},
            {"text": "d", "when": "2032-05-01", "actor": "Bresk"},
            {"text": "e", "label": "threat", "when": "spring", "actor": None},
            {"text": "f", "label": "threat", "when": "2033", "actor": None},
        ],
    )
    answered = ((batch, batch.label) for batch in read([name]))
    found = gather(answered, (), Window(1, "y"), date="when", by="actor")
    rows = found.rows
    assert rows.labels == ("offer", "threat")
    assert rows.probability.tolist() == [[0, 1], [1, 0], [0, 1]]
    assert [rows.names[code] for code in rows.by] == ["Bresk", "7", None]
    assert rows.groups[0] == rows.groups[1] != rows.groups[2]
    assert rows.dates.known.tolist() == [1, 3, 1]
    assert found.undated == (f"{name}:3 (no date)", f"{name}:5 ('spring')")
    assert found.unanswered == (f"{name}:4",)


def test_a_date_too_coarse_for_the_window_is_left_out_and_said(tmp_path):
    name = write(
        tmp_path,
        "in.jsonl",
        [{"label": "threat", "date": day} for day in ("2031", "2031-04", "2031-04-03")],
    )
    for window, known, left_out in (
        ("1y", 3, []),
        ("1m", 2, ["only a year"]),
        ("9d", 1, ["only a year", "only a month"]),
    ):
        batches = read([name], need=frozenset())
        found = gather(((batch, batch.label) for batch in batches), (), window_of(window), date="date")
        assert len(found.rows.by) == known
        assert [reason.split(", ")[1].rstrip(")") for reason in found.undated] == left_out


def test_dates_none_of_which_can_be_read_are_refused_with_rows(tmp_path):
    name = write(tmp_path, "in.jsonl", [{"label": "threat", "date": day} for day in ("soon", "", "later")])
    batches = read([name], need=frozenset())
    with pytest.raises(DataError, match=r"none of 3 rows can be counted: .*in.jsonl:1 \('soon'\).*:2 \(no date\)"):
        gather(((batch, batch.label) for batch in batches), (), Window(1, "d"), date="date")


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_scores_that_classify_wrote_are_read_back(tmp_path, saved, labelled, form):
    source, target = tmp_path / "in.csv", tmp_path / f"out.{form}"
    texts = [*labelled.texts.to_pylist()[:50], ""]
    source.write_text("text\n" + "".join(f'"{text}"\n' for text in texts))
    classifier = communique.load(str(saved))
    with open_sink(target) as sink:
        for answered in answer(classifier, read([str(source)]), Options()):
            sink.write(answered.rows)
    (written,), (fresh,) = read([str(target)]), read([str(source)])
    np.testing.assert_allclose(answer_rows(written, classifier), answer_rows(fresh, classifier), atol=1e-12)
    assert np.isnan(answer_rows(written, classifier)[-1]).all()


def batch_of(**columns: list) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (batch_of(scores=[{"a": 0.5, "c": 0.5}]), "scores for a, c; expected a, b"),
        (batch_of(**{"scores.a": ["0.5"]}), "scores for a; expected a, b"),
        (batch_of(**{"scores.a": ["half"], "scores.b": ["0.5"]}), "a score that is no number"),
        (batch_of(scores=[{"a": 0.5, "b": 0.4}]), "do not sum to 1"),
        (batch_of(scores=[{"a": 1.5, "b": -0.5}]), "do not sum to 1"),
        (batch_of(scores=["nonsense"]), "a scores column that is no JSON"),
    ],
)
def test_scores_that_are_no_scores_of_the_model_are_refused(rows, words):
    with pytest.raises(DataError, match=words):
        read_scores(rows, ["a", "b"])


def test_rows_without_scores_have_none_and_empty_ones_are_unanswered():
    assert read_scores(batch_of(text=["x"]), ["a", "b"]) is None
    assert np.isnan(read_scores(batch_of(scores=[None, None]), ["a", "b"])).all()


# The model


def test_held_out_rows_are_the_models_own(trained):
    known = held_out_rows(trained.model)
    assert known.probability.shape == (len(known.truth), 4)
    np.testing.assert_allclose(known.probability.sum(axis=1), 1)


def test_a_model_without_held_out_scores_is_refused(trained):
    from dataclasses import replace

    with pytest.raises(ModelError, match=r"keeps no held-out scores.*--correct none"):
        held_out_rows(replace(trained.model, held_out=None))
