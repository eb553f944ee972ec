from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from communique.model import registry

FIELDS = ["by", "start", "end", "n", "label", "share", "low", "high", "raw", "method", "note"]


@pytest.fixture
def dated(labelled, here) -> str:
    """Two hundred statements of two actors over a hundred days; forty of the first days are Bresk's alone."""
    lines = []
    for number, row in enumerate(labelled.rows.to_pylist()):
        day = date(2031, 1, 1) + timedelta(number // 2)
        actor = "Bresk" if number < 80 or number % 2 else "Aldoria"
        text, label, group = row["text"], row["label"], row["group"]
        lines.append(
            json.dumps({"text": text, "label": label, "date": str(day), "actor": actor, "event": group}) + "\n"
        )
    (here / "in.jsonl").write_text("".join(lines))
    return "in.jsonl"


def rows_of(result) -> list[dict]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


# What comes out


def test_a_pipe_gets_a_row_for_each_actor_window_and_label(run, model, dated):
    rows = rows_of(run("trend", dated, "-m", model, "--by", "actor", "--window", "1m"))
    assert all(list(row) == FIELDS for row in rows)
    assert sum(row["n"] for row in rows) == 4 * 200
    assert {row["by"] for row in rows} == {"Aldoria", "Bresk"}
    assert {row["method"] for row in rows} == {"count"}
    told = [row for row in rows if row["share"] is not None]
    assert told
    assert all(0 <= row["low"] <= row["share"] <= row["high"] <= 1 for row in told)
    refused = [row for row in rows if row["share"] is None]
    assert {row["note"] for row in refused} == {"fewer than 30 rows"}
    assert all(row["n"] < 30 for row in refused)


def test_without_by_there_is_one_trend(run, model, dated):
    rows = rows_of(run("trend", dated, "-m", model, "--window", "1y", "--label", "none", "--correct", "em"))
    assert [(row["by"], row["n"], row["label"], row["method"]) for row in rows] == [(None, 200, "none", "em")]


def test_scores_of_an_earlier_run_give_the_same_and_are_told(run, model, dated, here):
    fresh = run("trend", dated, "-m", model, "--by", "actor")
    assert fresh.stderr == ""
    for name in ("out.jsonl", "out.csv", "out.parquet"):
        assert run("classify", dated, "-m", model, "-o", name).exit_code == 0
        again = run("trend", name, "-m", model, "--by", "actor")
        assert f"{name} has scores; they are taken as those of stance" in again.stderr
        assert again.stdout == fresh.stdout


def test_given_labels_are_counted_as_they_stand(run, dated):
    rows = rows_of(run("trend", dated, "-m", "nobody", "--label-column", "label", "--window", "1y"))
    assert [row["share"] for row in rows] == [0.25] * 4
    assert {row["method"] for row in rows} == {"none"}


def test_rows_that_belong_together_widen_the_intervals(run, dated):
    def width(*options: str) -> float:
        rows = rows_of(run("trend", dated, "--label-column", "label", "--window", "1y", *options))
        return sum(row["high"] - row["low"] for row in rows)

    (alone, bound) = width(), width("--group", "actor")
    assert alone != bound


def test_any_number_of_jobs_gives_the_same(run, model, dated):
    one, two = (run("trend", dated, "-m", model, "--by", "actor", "--jobs", jobs).stdout for jobs in (1, 2))
    assert one == two != ""


def test_the_table_has_a_line_for_each_window_and_explains_its_marks(run, model, dated):
    shown = run("trend", dated, "-m", model, "--by", "actor", "--window", "1m", "--format", "table").stdout
    plain = " ".join(shown.split())
    assert "Share of each label, windows of 1 month, in percent" in plain
    assert "95 % intervals; corrected by adjusted count." in plain
    assert "[1] fewer than 30 rows." in plain
    assert sum("2031-0" in line for line in shown.splitlines()) == 7


def test_many_labels_stand_below_each_other(run, here):
    lines = [f'{{"date": "2031-01-01", "label": "label {number % 9}"}}\n' for number in range(90)]
    (here / "in.jsonl").write_text("".join(lines))
    shown = run("trend", "in.jsonl", "--label-column", "label", "--format", "table").stdout
    assert sum("2031-01-01" in line for line in shown.splitlines()) == 9
    assert "label 8" in shown


def test_other_formats_and_files_hold_the_same(run, model, dated, here):
    rows = rows_of(run("trend", dated, "-m", model))
    table = list(csv.DictReader(io.StringIO(run("trend", dated, "-m", model, "-f", "csv").stdout)))
    assert [row["label"] for row in table] == [row["label"] for row in rows]
    assert list(table[0]) == FIELDS
    assert run("trend", dated, "-m", model, "-o", "t.parquet").exit_code == 0
    assert pq.read_table(here / "t.parquet").to_pylist() == rows
    facts = json.loads(run("trend", dated, "-m", model, "--json").stdout)
    assert facts["shares"] == rows
    assert facts["left_out"] == {"undated": [], "unanswered": []}


def test_a_figure_is_drawn_beside_the_rows(run, model, dated, here):
    result = run("trend", dated, "-m", model, "--by", "actor", "--figure", "t.svg")
    assert len(rows_of(result)) > 8
    root = ET.fromstring((here / "t.svg").read_bytes())  # noqa: S314 - our own
    assert "Share of each label, windows of 30 days" in "".join(root.itertext())


def test_rows_left_out_are_named(run, model, dated, here):
    with Path(dated).open("a") as stream:
        stream.write('{"text": "We talk.", "date": "soon"}\n{"text": "", "date": "2031-01-01"}\n{"text": 5}\n')
    result = run("trend", dated, "-m", model)
    assert result.exit_code == 0
    assert "left out 2 rows (in.jsonl:202, in.jsonl:203 (the text is a number" in result.stderr
    assert "left out 1 row (in.jsonl:201 ('soon')) without a date fit for the window" in result.stderr


# What goes wrong


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--window", "30"], 2, ["a window of '30'", "such as 30d"]),
        (["--correct", "magic"], 2, ["the correction 'magic'", "none, count, soft, em"]),
        (["--correct", "em", "--label-column", "label"], 2, ["--correct em with --label-column"]),
        (["--label", "thread"], 2, ["the label 'thread'", "escalatory"]),
        (["--label", "thread", "--label-column", "label"], 2, ["the label 'thread'"]),
        (["--figure", "t.png"], 2, ["ends in .svg"]),
        (["--figure", "there.svg"], 1, ["there.svg is there already", "--force"]),
        (["--figure", "no/such.svg"], 1, ["no/such.svg cannot be written"]),
        (["--format", "xml"], 2, ["the format 'xml'"]),
        (["--format", "table", "-o", "t.txt"], 2, ["a table cannot be written to a file"]),
        (["--json", "-o", "t.jsonl"], 2, ["--json together with"]),
        (["--date", "when"], 3, ["no column 'when'", "'text', 'label', 'date', 'actor', 'event'", "--date"]),
        (["--by", "state"], 3, ["no column 'state'"]),
        (["--date", "actor"], 3, ["none of 200 rows can be counted", "in.jsonl:1 ('Bresk')", "--date"]),
        (["--text-column", "speech"], 3, ["no column 'speech'"]),
        (["-m", "nobody"], 4, ["no model 'nobody'"]),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_nothing_is_written(refused, model, dated, here, options, code, words):
    (here / "there.svg").write_text("kept")
    refused(["trend", dated, *([] if "-m" in options else ["-m", model]), *options], code, *words)


def test_years_alone_need_windows_of_years(run, refused, model, here):
    (here / "in.csv").write_text("text,date\n" + "We are ready for talks.,2031\n" * 40)
    refused(["trend", "in.csv", "-m", model], 3, "in.csv:1 ('2031', only a year)", "a longer --window")
    assert len(rows_of(run("trend", "in.csv", "-m", model, "--window", "1y"))) == 4


def test_a_file_without_text_or_scores_is_refused(refused, model, here):
    (here / "in.csv").write_text("date,actor\n2031-01-01,Bresk\n")
    refused(["trend", "in.csv", "-m", model], 3, "neither a text column nor scores")


def test_scores_of_other_labels_are_refused(refused, model, here):
    (here / "in.jsonl").write_text('{"date": "2031-01-01", "scores": {"a": 0.5, "b": 0.5}}\n')
    refused(["trend", "in.jsonl", "-m", model], 3, "scores for a, b", "--model")


def test_a_model_without_held_out_scores_corrects_nothing(run, refused, trained, dated, here):
    registry.save(replace(trained.model, held_out=None), {}, folder=here / "bare")
    refused(["trend", dated, "-m", "bare"], 4, "keeps no held-out scores", "--correct none")
    assert rows_of(run("trend", dated, "-m", "bare", "--correct", "none"))
