from __future__ import annotations

import json
import shlex
import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss

import communique
from communique.corpus.labelled import collect
from communique.corpus.source import read


@pytest.fixture
def holdout(data) -> str:
    return str(data / "holdout.csv")


def test_the_json_has_every_headline_with_its_interval(run, model, holdout):
    result = run("evaluate", model, holdout, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    facts = json.loads(result.stdout)
    headlines = {"macro_f1", "macro_f1_stances", "accuracy", "log_loss", "brier", "ece"}
    assert set(facts) >= headlines | {"labels", "confusion", "intervals", "model", "data", "n", "groups"}
    for name in headlines:
        low, high = facts["intervals"][name]
        assert low <= high
        assert facts[name] >= 0
    assert facts["n"] == np.sum(facts["confusion"]["matrix"]) == 40
    assert facts["data"]["files"] == [holdout]


def test_the_marks_are_scikit_learns(run, model, holdout):
    facts = json.loads(run("evaluate", model, holdout, "--json").stdout)
    rows = collect(read([holdout], need=frozenset({"text", "label"})))
    classifier = communique.load(model)
    truth = rows.rows.column("label").to_pylist()
    predicted = classifier.predict(rows.texts)
    labels = list(classifier.labels)
    assert facts["accuracy"] == pytest.approx(accuracy_score(truth, predicted))
    assert facts["macro_f1"] == pytest.approx(f1_score(truth, predicted, average="macro"))
    stances = [label for label in labels if label != classifier.model.codebook.background]
    assert facts["macro_f1_stances"] == pytest.approx(f1_score(truth, predicted, labels=stances, average="macro"))
    matrix = confusion_matrix(truth, predicted, labels=labels).tolist()
    assert facts["confusion"] == {"labels": labels, "matrix": matrix}
    order = np.argsort(labels)
    probability = classifier.predict_proba(rows.texts)[:, order]
    assert facts["log_loss"] == pytest.approx(log_loss(truth, probability, labels=sorted(labels)))


def test_the_tables_name_model_data_and_every_label(run, model, holdout):
    result = run("evaluate", model, holdout)
    assert result.exit_code == 0
    shown = " ".join(result.stdout.split())
    for words in (holdout, "40 statements in 5 groups", "macro-F1 over the stances", "none (background)", "Confusion"):
        assert words in shown


def test_without_data_the_bundled_holdout_is_used(run, model):
    result = run("evaluate", model, "--json")
    facts = json.loads(result.stdout)
    assert result.exit_code == 0
    assert facts["data"]["files"] == ["the bundled holdout"]
    assert "composed" in facts["note"]


def test_a_gate_that_is_not_met_ends_with_5_after_the_marks(run, model, holdout):
    result = run("evaluate", model, holdout, "--json", "--min-macro-f1", "0.999")
    assert result.exit_code == 5
    value = json.loads(result.stdout)["macro_f1"]
    assert result.stderr == f"communique: macro-F1 is {value:.4f}; expected at least 0.999\n"
    assert run("evaluate", model, holdout, "--json", "--min-macro-f1", f"{value:.17g}").exit_code == 0
    assert run("evaluate", model, holdout, "--min-macro-f1", "nan").exit_code == 5


def test_rows_without_a_text_or_label_are_counted(run, model, holdout, here):
    (here / "more.csv").write_text('text,label\n"",none\nWe speak of nothing,\n')
    result = run("evaluate", model, holdout, "more.csv", "--json")
    assert result.exit_code == 0
    assert "1 row" in result.stderr
    assert json.loads(result.stdout)["n"] == 40


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.csv", None, ["gone.csv cannot be read"]),
        ("bin.csv", bytes(5000), ["bin.csv is a binary file"]),
        ("bare.csv", b"text,what\na,b\n", ["no label column among 'text', 'what'"]),
        ("empty.csv", b"", ["holds no labelled statement"]),
        ("bad.csv", b"text,label\nfine,none\nb\xffad,none\n", ["row 2 of bad.csv cannot be read (byte 2 (0xFF)"]),
        ("typo.csv", b"text,label\nfine,nonne\n", ["the label 'nonne' on 1 of 1 statements", "did you mean 'none'?"]),
    ],
)
def test_bad_data_is_refused(refused, model, here, name, content, words):
    if content is not None:
        (here / name).write_bytes(content)
    refused(["evaluate", model, name], 3, *words)


def test_a_reader_that_leaves_early_is_no_error(model, holdout, here):
    command = f"{shlex.quote(sys.executable)} -m communique evaluate {shlex.quote(model)} {shlex.quote(holdout)} --json"
    script = f'{command} | head -1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", script], cwd=here, capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout, done.stderr) == ("{\n0\n", "")
