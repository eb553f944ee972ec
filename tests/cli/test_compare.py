from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from communique.model import registry


@pytest.fixture(scope="session")
def other(trained, tmp_path_factory) -> str:
    """The small model with the phrases of one label unlearned: worse, and certainly so."""
    model = trained.model
    weights = model.weights.copy()
    weights[:, model.labels.index("dismissive")] = 0
    intercepts = model.intercepts - 9 * (np.array(model.labels) == "dismissive")
    folder = tmp_path_factory.mktemp("model") / "other"
    registry.save(replace(model, weights=weights, intercepts=intercepts), trained.facts, folder=folder)
    return str(folder)


@pytest.fixture
def holdout(labelled, here) -> str:
    rows = labelled.rows.to_pylist()
    with (here / "holdout.jsonl").open("w") as file:
        for number, row in enumerate(rows):
            row |= {"genre": ["note", "speech"][number // 4 % 2], "year": 2000 + number}
            file.write(json.dumps(row) + "\n")
    return "holdout.jsonl"


def facts_of(result) -> dict:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_json_tells_everything(run, model, other, holdout):
    facts = facts_of(run("compare", model, other, holdout, "--slice", "genre", "--slice", "length", "--json"))
    assert facts["n"] == 200
    assert facts["model_a"]["sha256"] != facts["model_b"]["sha256"]
    change = facts["accuracy"]
    assert change["difference"] == pytest.approx(change["after"] - change["before"])
    assert change["interval"][1] < 0
    flips = facts["flips"]
    assert len(facts["rows"]) == sum(flips.values())
    assert flips["right_to_wrong"] - flips["wrong_to_right"] == round(-200 * change["difference"])
    assert facts["mcnemar_p"] < 0.001 > facts["sign_flip_p"]
    assert {one["value"] for one in facts["slices"] if one["column"] == "genre"} == {"note", "speech"}
    assert all(one["value"].endswith("words") for one in facts["slices"] if one["column"] == "length")
    assert {phrase["label"] for phrase in facts["moved"]} == {"escalatory", "conciliatory", "dismissive", "none"}
    assert facts["gates"] == []


def test_tables_tell_the_verdict_the_flips_and_the_phrases(run, model, other, holdout):
    result = run("compare", model, other, holdout, "--slice", "genre")
    assert result.exit_code == 0, result.stderr
    for words in (
        "200 statements in 25 groups",
        "macro-F1 over the stances",
        "F1 of dismissive",
        "A is right more often, and hardly by chance",
        "genre speech",
        "Went wrong",
        "Phrases whose weight moved most",
    ):
        assert words in result.stdout


def test_a_model_against_itself_differs_in_nothing(run, model, holdout):
    facts = facts_of(run("compare", model, model, holdout, "--json", "--fail-if-worse", "macro_f1"))
    assert (facts["mcnemar_p"], facts["rows"], facts["moved"]) == (1, [], [])
    assert facts["gates"][0]["worse_by"] == 0
    assert "Neither has more right answers" in run("compare", model, model, holdout).stdout


def test_without_data_the_bundled_holdout_is_used(run, model):
    facts = facts_of(run("compare", model, model, "--slice", "genre", "--json"))
    assert facts["data"]["files"] == ["the bundled holdout"]
    assert "easier than life" in facts["note"]


@pytest.mark.parametrize(
    "gate",
    [
        "accuracy",
        "macro_f1",
        "macro_f1_stances",
        "log_loss",
        "f1:dismissive",
        "slice=genre:speech",
        "slice=genre",
        "slice=length",
    ],
)
def test_a_worse_model_ends_with_5_and_the_facts_still_come(run, model, other, holdout, gate):
    result = run("compare", model, other, holdout, "--fail-if-worse", gate, "--json")
    assert result.exit_code == 5
    assert "worse by " in result.stderr
    assert result.stderr.count("\n") == 1
    gates = json.loads(result.stdout)["gates"]
    assert any(one["failed"] for one in gates)
    assert all(one["worse_by"] > 0 for one in gates if one["failed"])
    assert run("compare", other, model, holdout, "--fail-if-worse", gate).exit_code == 0


def test_a_margin_lets_a_loss_pass(run, model, other, holdout):
    command = ["compare", model, other, holdout, "--fail-if-worse", "accuracy", "--margin"]
    loss = -facts_of(run(*command[:4], "--json"))["accuracy"]["difference"]
    assert run(*command, loss + 0.001).exit_code == 0
    assert run(*command, loss).exit_code == 0
    assert run(*command, loss - 0.001).exit_code == 5


def test_beyond_doubt_lets_pass_what_may_be_chance(run, model, trained, holdout, tmp_path):
    """A model that has a row or two more wrong is worse, but who would swear to it."""
    intercepts = trained.model.intercepts - 0.15 * (np.array(trained.model.labels) == "dismissive")
    registry.save(replace(trained.model, intercepts=intercepts), trained.facts, folder=tmp_path / "near")
    command = ["compare", model, tmp_path / "near", holdout, "--fail-if-worse", "accuracy"]
    change = facts_of(run(*command[:4], "--json"))["accuracy"]
    assert change["difference"] < 0 <= change["interval"][1]
    assert run(*command).exit_code == 5
    assert run(*command, "--beyond-doubt").exit_code == 0


def test_several_gates_are_told_in_one_sentence(run, model, other, holdout):
    result = run("compare", model, other, holdout, "--fail-if-worse", "accuracy", "--fail-if-worse", "slice=genre:note")
    assert result.exit_code == 5
    assert "accuracy went from" in result.stderr
    assert "accuracy where genre is note went from" in result.stderr


def test_a_small_slice_is_judged_but_said_to_be_small(run, model, other, here, labelled):
    rows = labelled.rows.slice(0, 60).to_pylist()
    lines = [json.dumps(row | {"genre": "rare" if number < 20 else "common"}) for number, row in enumerate(rows)]
    (here / "few.jsonl").write_text("\n".join(lines))
    result = run("compare", model, model, "few.jsonl", "--fail-if-worse", "slice=genre:rare")
    assert result.exit_code == 0
    assert "genre rare has but 20 statements in 3 groups: chance rules" in result.stderr
    result = run("compare", model, model, "few.jsonl", "--fail-if-worse", "slice=genre")
    assert (result.exit_code, "all are small" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--fail-if-worse", "beauty"], 2, ["--fail-if-worse beauty", "f1:escalatory", "slice=COLUMN:VALUE"]),
        (["--fail-if-worse", "f1:nobody"], 2, ["--fail-if-worse f1:nobody"]),
        (["--fail-if-worse", "slice="], 2, ["--fail-if-worse slice="]),
        (["--fail-if-worse", "slice=genre:opera"], 2, ["no statement has the genre 'opera'", "note, speech"]),
        (["--fail-if-worse", "slice=colour:red"], 3, ["no column 'colour'", "genre"]),
        (["--slice", "colour"], 3, ["no column 'colour'", "length, or one of"]),
    ],
)
def test_a_wrong_option_is_refused(refused, model, other, holdout, options, code, words):
    refused(["compare", model, other, holdout, *options], code, *words)


def test_what_cannot_be_compared_is_refused(refused, model, trained, holdout, here, tmp_path):
    book = trained.model.codebook
    labels = (*book.labels[:3], replace(book.labels[3], name="neutral"))
    renamed = replace(trained.model, codebook=replace(book, labels=labels, background=None))
    registry.save(renamed, trained.facts, folder=tmp_path / "renamed")
    refused(["compare", model, tmp_path / "renamed", holdout], 2, "different labels", "'none' only in the first")
    refused(["compare", model, "nowhere", holdout], 4, "no model 'nowhere'")
    refused(["compare", model, model, "missing.csv"], 3, "missing.csv")
    (here / "strange.csv").write_text("text,label\nWe talk.,hopeful\n")
    refused(["compare", model, model, "strange.csv"], 3, "the label 'hopeful'")


def test_help_has_an_example(run):
    assert "Example: communique compare" in run("compare", "--help").stdout.replace("\n", " ")


def test_comparing_needs_no_scikit_learn(spawn, model, holdout, here):
    (Path(here) / "sklearn.py").write_text("raise ImportError('asked for')")
    done = spawn("compare", model, model, holdout, "--json")
    assert done.returncode == 0, done.stderr
