from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import communique
from communique.learning import presets

FAST = ["--preset", "fast"]
OUT = ["--output", "out"]


@pytest.fixture
def labels(data) -> str:
    return str(data / "labels.csv")


@pytest.fixture
def holdout(data) -> str:
    return str(data / "holdout.csv")


def plain(shown: str) -> str:
    return " ".join(shown.split())


# What comes out


def test_a_model_is_saved_marked_and_used(run, labels, holdout, here):
    result = run("train", labels, "--holdout", holdout, *FAST, "--name", "mine", *OUT)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"mine on {holdout}: 40 statements" in plain(result.stdout)
    assert "Saved mine" in result.stdout
    assert sorted(path.name for path in (here / "out").iterdir()) == ["card.md", "manifest.json", "model.joblib"]
    assert communique.load("out").predict(["we welcome the step of the other side"]).tolist() == ["conciliatory"]


def test_without_a_holdout_the_marks_are_cross_validated_and_called_so(run, labels):
    result = run("train", labels, *FAST, *OUT)
    assert result.exit_code == 0
    assert "cross-validated on its own training rows (no holdout was given): 80 statements" in plain(result.stdout)


def test_the_json_is_the_manifest_and_the_path(run, labels, holdout, here):
    result = run("train", labels, "--holdout", holdout, *FAST, *OUT, "--json")
    facts = json.loads(result.stdout)
    assert result.stderr == ""
    assert facts.pop("path") == "out"
    assert facts == json.loads((here / "out" / "manifest.json").read_text())
    assert facts["data"]["rows"] == 80
    assert facts["data"]["groups"] == 10
    assert facts["holdout"]["n"] == 40
    assert set(facts["holdout"]["intervals"]) >= {"macro_f1", "accuracy"}
    assert "cross_validated" not in facts


def test_a_model_without_output_goes_to_the_models_and_is_current(run, labels, tmp_path):
    assert run("train", labels, *FAST, "--name", "mine").exit_code == 0
    (version,) = [path.name for path in (tmp_path / "models" / "mine").iterdir() if path.is_dir()]
    assert (tmp_path / "models" / "mine" / "current").read_text().strip() == version
    assert run("classify", "-m", "mine", "We talk.").exit_code == 0
    assert run("classify", "-m", f"mine@{version}", "We talk.").exit_code == 0


def test_the_same_seed_gives_the_same_file_for_any_number_of_jobs(run, labels, here):
    for name, jobs in (("one", 1), ("two", 2)):
        assert run("train", labels, *FAST, "--seed", "5", "--jobs", jobs, "--output", name).exit_code == 0
    assert (here / "one" / "model.joblib").read_bytes() == (here / "two" / "model.joblib").read_bytes()


def test_a_model_repeats_from_the_recipe_it_was_made_by(run, labels, here):
    (here / "recipe.toml").write_text(presets.preset("fast").to_toml())
    for name, options in (("one", FAST), ("two", ["--recipe", "recipe.toml"])):
        assert run("train", labels, *options, "--output", name).exit_code == 0
    assert (here / "one" / "model.joblib").read_bytes() == (here / "two" / "model.joblib").read_bytes()


def test_rows_without_a_text_or_a_label_are_left_out_and_named(run, labels, here):
    (here / "more.csv").write_text('text,label,scenario\n"",none,s1\nWe speak of nothing,,s2\n')
    result = run("train", labels, "more.csv", *FAST, *OUT)
    assert result.exit_code == 0
    assert "left out 1 row without a text (more.csv:1)" in result.stderr
    assert "left out 1 row without a label (more.csv:2)" in result.stderr


def test_statements_on_both_sides_are_told(run, labels):
    result = run("train", labels, "--holdout", labels, *FAST, *OUT)
    assert result.exit_code == 0
    assert "80 holdout statements are nearly copies of training ones" in result.stderr


def test_columns_of_any_name_will_do(run, data, here):
    text = Path(data / "labels.csv").read_text().replace("text,label,scenario", "speech,verdict,who", 1)
    (here / "in.csv").write_text(text)
    named = ["--text-column", "speech", "--label-column", "verdict", "--group", "who"]
    assert run("train", "in.csv", *named, *FAST, *OUT).exit_code == 0
    assert json.loads((here / "out" / "manifest.json").read_text())["data"]["groups"] == 10


def test_labels_are_read_from_stdin(run, data):
    result = run("train", "-", *FAST, *OUT, stdin=(data / "labels.csv").read_text())
    assert result.exit_code == 0


# What goes wrong


def write(path: Path, rows: list[tuple[str, str]]) -> str:
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows), "utf-8")
    return str(path)


def test_missing_data_is_refused(refused):
    refused(["train", "gone.csv", *FAST, *OUT], 3, "gone.csv cannot be read (No such file or directory)")
    refused(["train", "gone*.csv", *FAST, *OUT], 3, "no file matches gone*.csv")
    refused(["train", "hf://no/such", *FAST, *OUT], 3, "the dataset no/such is neither a folder nor in the cache")


def test_a_missing_holdout_is_refused_before_training(refused, labels):
    refused(["train", labels, "--holdout", "gone.csv", *OUT], 3, "gone.csv cannot be read")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("bin.csv", bytes(9000), ["bin.csv is a binary file"]),
        ("doc.csv", b"%PDF-1.7\n%", ["doc.csv is a PDF"]),
        ("says.csv", b"say,what\na,b\n", ["no text column among 'say', 'what'"]),
        ("bare.csv", b"text,what\na,b\n", ["no label column among 'text', 'what'", "expected one named label"]),
        ("empty.csv", b"", ["empty.csv holds no labelled statement"]),
        ("head.csv", b"text,label\n", ["head.csv holds no labelled statement"]),
        ("blank.csv", b"text,label\n,a\n  ,b\n", ["blank.csv holds no labelled statement"]),
        ("latin.csv", b"text,label\nfine,a\ncaf\xe9,b\n", ["row 2 of latin.csv cannot be read (byte 4 (0xE9)"]),
        ("odd.csv", b"text,label\na,b\nc\n", ["row 2 of odd.csv cannot be read (line 3: 1 cells"]),
        ("bad.jsonl", b'{"text":"a","label":"b"}\n{"text":\n', ["row 2 of bad.jsonl cannot be read"]),
        ("plain.txt", b"one\ntwo\n", ["no label column among 'text'"]),
    ],
)  # fmt: skip
def test_data_that_cannot_be_read_is_refused(refused, here, name, content, words):
    (here / name).write_bytes(content)
    refused(["train", name, *FAST, *OUT], 3, *words)


def test_a_wrong_column_is_refused_with_those_found(refused, labels):
    for option in ("--text-column", "--label-column", "--id-column", "--group"):
        refused(["train", labels, option, "nope", *OUT], 3, "no column 'nope'", "'text', 'label', 'scenario'")


def test_a_line_without_end_is_refused(refused, here):
    with (here / "huge.csv").open("wb") as file:
        file.write(b"text,label\n")
        for _ in range(20):
            file.write(b"and again " * 100_000)
    refused(["train", "huge.csv", *OUT], 3, "line 2 of huge.csv is longer than 16 MB")


def test_unsound_data_is_refused(refused, here):
    one = write(here / "one.csv", [(f"text number {n}", "good") for n in range(30)])
    refused(["train", one, *FAST, *OUT], 3, "all 30 statements have the label 'good'", "at least two labels")
    few = write(here / "few.csv", [("we agree", "good"), ("we object", "bad")])
    refused(["train", few, *FAST, *OUT], 3, "2 labelled statements", "one a fold")
    rare = write(here / "rare.csv", [(f"word{n} thing{n}", "good" if n else "bad") for n in range(30)])
    refused(["train", rare, *FAST, *OUT], 3, "the label 'bad' on 1 statement", "at least 2 of each label")
    grouped = here / "grouped.csv"
    grouped.write_text("text,label,group\n" + "".join(f"a{n} b{n},{'xy'[n % 2]},g\n" for n in range(30)))
    refused(["train", str(grouped), *FAST, *OUT], 3, "1 group of statements", "--group")


def test_a_label_the_codebook_has_not_is_refused(refused, labels, here):
    (here / "book.toml").write_text(
        "".join(f"[[labels]]\nname = '{name}'\n" for name in ("escalatory", "none", "dismisive", "conciliatory"))
    )
    refused(
        ["train", labels, "--codebook", "book.toml", *OUT],
        3,
        "the label 'dismissive' on 20 of 80",
        "did you mean 'dismisive'?",
    )
    other = write(here / "other.csv", [("a text", "unheard")])
    refused(
        ["train", labels, "--holdout", other, *OUT], 3, "the label 'unheard' on 1 of 1 statements", "one of escalatory"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ["cannot be read (No such file"]),
        ("name = ", ["is not TOML"]),
        ("labels = []", ["without labels"]),
        ("labels = 3", ["without labels"]),
        ("[[labels]]\nname='a'\n[[labels]]\nname='a'", ["every label named once"]),
        ("colour = 'red'\n[[labels]]\nname='a'", ["unknown part 'colour'"]),
    ],
)
def test_a_bad_codebook_is_refused(refused, labels, here, text, words):
    if text is not None:
        (here / "book.toml").write_text(text)
    refused(["train", labels, "--codebook", "book.toml", *OUT], 3, *words)


GOOD = presets.preset("fast").to_toml()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ["the recipe r.toml cannot be read (No such file"]),
        ("folds = = 3", ["the recipe r.toml is not TOML"]),
        ("name = 'x'", ["lacks features or classifiers"]),
        ("colour = 'red'\n" + GOOD, ["unknown part 'colour'"]),
        (GOOD.replace("folds = 3", "folds = 1"), ["1 folds in the recipe", "2 or more"]),
        (GOOD.replace("folds = 3", "folds = 'three'"), ["folds = 'three'"]),
        (GOOD.replace('kind = "svm"', 'kind = "oracle"'), ["oracle"]),
        (GOOD.replace('analyzer = "word"', 'analyzer = "letters"'), ["the analyzer 'letters'"]),
        (GOOD.replace('metric = "macro_f1"', 'metric = "beauty"'), ["the metric 'beauty'"]),
        (re.sub(r"min_df = \d+", "min_df = 99999", GOOD), ["term is left of 80 texts", "lower min_df"]),
    ],
)
def test_a_bad_recipe_is_refused(refused, labels, here, text, words):
    if text is not None:
        assert text != GOOD
        (here / "r.toml").write_text(text)
    refused(["train", labels, "--recipe", "r.toml", *OUT], 3, *words)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--preset", "turbo"], 2, ["the preset 'turbo'", "fast, balanced, thorough"]),
        (["--metric", "beauty"], 2, ["the metric 'beauty'", "macro_f1"]),
        (["--metric", "f1:nobody"], 2, ["the metric f1:nobody", "conciliatory"]),
        (["--time-budget", "soon"], 2, ["a time budget of 'soon'", "90s, 5m or 1h"]),
        (["--time-budget", "-3s"], 2, ["a time budget of '-3s'"]),
        (["--name", "a/b"], 2, ["the model name 'a/b'"]),
        (["--name", ".."], 2, ["the model name '..'"]),
        (["--output", "taken"], 1, ["taken already holds a model", "--force"]),
        (["--output", "file.txt"], 1, ["file.txt is a file", "a folder"]),
        (["--output", "file.txt/deep"], 1, ["file.txt cannot be written"]),
    ],
)  # fmt: skip
def test_a_wrong_option_is_refused(refused, labels, here, options, code, words):
    (here / "file.txt").write_text("kept")
    (here / "taken").mkdir()
    (here / "taken" / "model.joblib").write_text("kept")
    refused(["train", labels, *FAST, *options], code, *words)
    assert {path.name for path in here.iterdir()} == {"file.txt", "taken"}


def test_force_replaces_a_model(run, labels, here):
    (here / "out").mkdir()
    (here / "out" / "model.joblib").write_text("old")
    assert run("train", labels, *FAST, *OUT, "--force").exit_code == 0
    assert run("classify", "-m", "out", "We talk.").exit_code == 0


def limit_files(size: int):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_disk_that_fills_up_leaves_nothing(spawn, told, labels, here):
    done = spawn("train", labels, *FAST, *OUT, preexec_fn=limit_files(5_000))
    told(done, 1, "model.joblib cannot be written (File too large)")
    assert not list(here.iterdir())


# Ctrl-C

INTERRUPTIBLE = """
from communique.cli.app import app
from communique.learning import selection, training

selection._WORTH_PROCESSES = 0  # small data, but processes all the same
select = training.select

def select_aloud(*arguments, **named):
    print("training", flush=True)
    return select(*arguments, **named)

training.select = select_aloud
app()
"""


def descendants(of: int) -> set[int]:
    """List the processes below one, the dead that nobody has buried left out."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(folder.name)] = int(parent)
    found = {of}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {of}


def alive(processes: set[int]) -> set[int]:
    def is_alive(process: int) -> bool:
        try:
            return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    return set(filter(is_alive, processes))


def is_fitting(process: int) -> bool:
    """Tell whether a process has loaded what fits: before that, Python may say a word at its own start-up."""
    try:
        return "/sklearn/svm/_liblinear" in Path(f"/proc/{process}/maps").read_text()
    except OSError:
        return False


def wait_until(happens, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_in_the_middle_of_training_ends_everything_quietly(labels, here, tmp_path, jobs):
    members = "".join(
        f'[[classifiers]]\n[[classifiers.members]]\nkind = "svm"\nC = {0.1 + n / 1000}\n' for n in range(900)
    )
    (here / "long.toml").write_text(
        '[[features]]\n[[features.blocks]]\nanalyzer = "char_wb"\nngrams = [2, 5]\n' + members
    )
    command = [sys.executable, "-c", INTERRUPTIBLE, "train", labels, "--recipe", "long.toml", "--jobs", str(jobs)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout.readline() == "training\n"
        if jobs > 1:
            wait_until(lambda: sum(map(is_fitting, descendants(process.pid))) >= jobs)
        time.sleep(0.5)
        assert process.poll() is None
        below = descendants(process.pid)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        out, error = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out, error) == (130, "", "communique: interrupted; nothing was written\n")
    assert len(below) >= jobs if jobs > 1 else not below
    wait_until(lambda: not alive(below), 5)
    assert [path.name for path in here.iterdir()] == ["long.toml"]
    assert not (tmp_path / "models").exists()
