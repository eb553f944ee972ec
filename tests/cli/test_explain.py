from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import termios
from contextlib import suppress

import pyarrow.parquet as pq
import pytest

from communique.cli.explain import _LISTED
from communique.inference.explanation import explain, top_phrases
from communique.inference.prediction import Classifier

TEXTS = [
    "Any attack will be answered with force.",
    "We are ready for talks—now…",
    "The claim is “false”, the harvest good.",
]
COLUMNS = ["label", "runner_up", "confidence", "scores", "margin", "intercept", "evidence"]


@pytest.fixture
def classifier(trained) -> Classifier:
    return Classifier(trained.model)


def rows_of(result) -> list[dict]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def at_terminal(spawn, *arguments: str, columns: int = 80, **environment: str) -> str:
    """Run a command with a terminal for its stdout; return what the terminal showed."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    try:
        done: subprocess.CompletedProcess[str] = spawn(
            *arguments, stdout=theirs, env=plain | {"TERM": "xterm-256color"} | environment
        )
        os.close(theirs)
        assert done.returncode == 0, done.stderr
        shown = b""
        with suppress(OSError):  # what Linux says at the end of a terminal
            while piece := os.read(ours, 4096):
                shown += piece
        return shown.decode()
    finally:
        os.close(ours)


# Rows


def test_a_row_has_the_explanation_behind_its_own_columns(run, model, classifier):
    rows = rows_of(run("explain", "-m", model, *TEXTS))
    for number, (row, one) in enumerate(zip(rows, explain(classifier, TEXTS), strict=True), start=1):
        assert list(row) == ["id", "text", *COLUMNS]
        assert row == {"id": str(number), **one.to_dict()}
        assert row["intercept"] + sum(word["weight"] for word in row["evidence"]) == pytest.approx(row["margin"])
        assert all(row["text"][word["start"] : word["end"]] == word["text"] for word in row["evidence"])


def test_label_and_scores_are_those_of_classify(run, model):
    for ours, theirs in zip(
        rows_of(run("explain", "-m", model, *TEXTS)), rows_of(run("classify", "-m", model, *TEXTS)), strict=True
    ):
        assert {name: ours[name] for name in theirs} == theirs


def test_files_keep_their_rows_columns_and_order(run, model, here):
    (here / "in.csv").write_text('who,text,label,evidence\na,"one, attack",mine,x\nb,,,\nc,talks,mine,y\n')
    result = run("explain", "-m", model, "in.csv", "--jobs", "2")
    rows = rows_of(result)
    assert list(rows[0]) == ["id", "who", "text", "given_label", "given_evidence", *COLUMNS]
    assert [(row["who"], row["given_evidence"] or "") for row in rows] == [("a", "x"), ("b", ""), ("c", "y")]
    assert [row["evidence"] is None for row in rows] == [False, True, False]
    assert "in.csv:2" in result.stderr


def test_many_rows_are_explained_in_their_order(run, model, here, classifier):
    texts = [f"{TEXTS[number % 3]} {number}" for number in range(5000)]
    (here / "many.txt").write_text("".join(text + "\n" for text in texts))
    rows = rows_of(run("explain", "-m", model, "many.txt"))
    assert [row["text"] for row in rows] == texts
    assert rows[4999]["evidence"] == explain(classifier, texts[4999:])[0].to_dict()["evidence"]


def test_a_label_is_explained_against_another(run, model, classifier):
    rows = rows_of(run("explain", "-m", model, "--label", "none", "--against", "dismissive", *TEXTS))
    wanted = explain(classifier, TEXTS, label="none", against="dismissive")
    assert [row["margin"] for row in rows] == [one.margin for one in wanted]
    assert {(row["label"], row["runner_up"]) for row in rows} == {("none", "dismissive")}


@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_in_a_table_of_cells_the_evidence_is_json(run, model, form):
    wanted = rows_of(run("explain", "-m", model, *TEXTS))
    result = run("explain", "-m", model, *TEXTS, "-f", form)
    cells = list(csv.DictReader(io.StringIO(result.stdout, newline=""), delimiter={"csv": ",", "tsv": "\t"}[form]))
    assert [json.loads(row["evidence"]) for row in cells] == [row["evidence"] for row in wanted]
    assert [float(row["margin"]) for row in cells] == [row["margin"] for row in wanted]


def test_a_parquet_file_equals_the_json(run, model, here):
    assert run("explain", "-m", model, *TEXTS, "-o", "out.parquet").exit_code == 0
    assert pq.read_table("out.parquet").to_pylist() == rows_of(run("explain", "-m", model, *TEXTS))
    assert list(here.iterdir()) == [here / "out.parquet"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--label", "peace"], 2, ["'peace'", "escalatory"]),
        (["--against", "peace"], 2, ["'peace'", "escalatory"]),
        (["--label", "none", "--against", "none"], 2, ["itself"]),
        (["--format", "xml"], 2, ["'xml'", "terminal, jsonl"]),
        (["--format", "terminal", "-o", "out.txt"], 2, ["terminal", "--format jsonl"]),
        (["-m", "nobody"], 4, ["nobody"]),
        (["-o", "no/such/folder/out.jsonl"], 1, ["no/such/folder"]),
    ],
)
def test_what_cannot_be_done_is_said(refused, model, arguments, code, words):
    refused(["explain", "-m", model, *arguments, TEXTS[0]], code, *words)


def test_a_missing_file_is_said(refused, model):
    refused(["explain", "-m", model, "statments.csv"], 3, "statments.csv")


def test_no_input_is_a_misuse(spawn, told, model):
    ours, theirs = pty.openpty()
    told(spawn("explain", "-m", model, stdin=theirs), 2, "no statement")
    os.close(ours)
    os.close(theirs)


# What a person sees


def test_a_terminal_shows_words_in_the_colours_of_the_labels(spawn, model, classifier):
    shown = at_terminal(spawn, "explain", "-m", model, TEXTS[0])
    (one,) = explain(classifier, TEXTS[:1])
    colours = {"escalatory": "31", "conciliatory": "36", "dismissive": "35", "none": "32"}
    strongest = max(one.evidence, key=lambda word: abs(word.weight))
    colour = colours[one.label if strongest.weight > 0 else one.runner_up]
    assert f"\x1b[1;7;{colour}m{strongest.text}\x1b[0m" in shown
    for word in one.evidence:
        if abs(word.weight) > 0.1 * abs(strongest.weight):
            colour = colours[one.label if word.weight > 0 else one.runner_up]
            assert re.search(rf"\x1b\[[17;]*{colour}m{re.escape(word.text)}\x1b\[0m", shown)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert TEXTS[0] in plain
    assert f"{one.label} {one.confidence:.2f}" in plain
    assert f"{one.margin:+.2f} = words {one.margin - one.intercept:+.2f}, before any word {one.intercept:+.2f}" in plain
    assert "A word has the colour of the label it speaks for" in plain


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colours_the_strongest_words_carry_their_weights(spawn, model, classifier, environment):
    shown = at_terminal(spawn, "explain", "-m", model, TEXTS[0], columns=200, **environment)
    assert not re.search(r"\x1b\[[0-9;]*(?:3[0-7]|38|48)[0-9;]*m", shown)
    (one,) = explain(classifier, TEXTS[:1])
    strongest = max(one.evidence, key=lambda word: abs(word.weight))
    assert f"{strongest.text}[{strongest.weight:+.2f}]" in shown


def test_away_from_a_terminal_nothing_is_coloured(run, model, classifier):
    result = run("explain", "-m", model, *TEXTS, "", "--format", "terminal")
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    for one in explain(classifier, TEXTS):
        assert f"{one.label} {one.confidence:.2f}" in result.stdout
        for side, sign in ((one.label, 1), (one.runner_up, -1)):
            words = [word for word in one.evidence if word.weight * sign > 0]
            assert f"for {side}" in result.stdout
            for word in sorted(words, key=lambda word: -abs(word.weight))[: _LISTED // 2]:
                assert word.text.lower() in result.stdout
    assert "4  no text" in result.stdout


def test_a_statement_cannot_paint_the_terminal(run, model):
    hostile = "attack [bold]\\[x] \x1b[2J\x07 \u202eklat force\r[/]"
    shown = run("explain", "-m", model, hostile, "--format", "terminal").stdout
    assert not set("\x1b\x07\u202e\r") & set(shown)
    assert "[bold]\\[x]" in re.sub(r"\[[-+][0-9.]+\]", "", shown)


# models top


def test_the_top_phrases_of_a_model_are_listed(run, model, trained):
    rows = rows_of(run("models", "top", model, "--count", "5"))
    wanted = top_phrases(trained.model, 5)
    assert rows == [{"label": label, **vars(phrase)} for label, phrases in wanted.items() for phrase in phrases]
    assert rows_of(run("models", "top", model, "-n", "5", "--label", "none", "--json")) == rows[-5:]
    assert any(row["analyzer"] == "char_wb" for row in rows_of(run("models", "top", model, "--fragments")))


def test_a_terminal_shows_the_top_phrases_in_a_table(spawn, model, trained):
    shown = at_terminal(spawn, "models", "top", model, "-n", "3", columns=160)
    for label, phrases in top_phrases(trained.model, 3).items():
        assert label in shown
        assert all(f"{phrase.term} {phrase.weight:.1f}" in shown for phrase in phrases)
    assert "␣" in at_terminal(spawn, "models", "top", model, "-n", "20", "--fragments", columns=160)


def test_top_phrases_of_what_is_not_there_are_refused(refused, model):
    refused(["models", "top", model, "--label", "peace"], 2, "'peace'", "escalatory")
    refused(["models", "top", "nobody"], 4, "nobody")
