from __future__ import annotations

import csv
import gzip
import io
import json
import os
import pty
import resource
import shlex
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer

import communique
from communique.text.tokens import pattern_of

LABELS = ["escalatory", "conciliatory", "dismissive", "none"]
TEXTS = [
    "We are ready for talks.",
    "Any attack will be answered with force.",
    "The claim is “false”, and the harvest good.",
]


def rows_of(result) -> list[dict]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


# What comes out


def test_a_text_gives_a_row_with_id_text_and_verdict(run, model):
    (row,) = rows_of(run("classify", "--model", model, TEXTS[0]))
    assert list(row) == ["id", "text", "label", "confidence", "scores"]
    assert (row["id"], row["text"]) == ("1", TEXTS[0])
    assert list(row["scores"]) == LABELS
    assert sum(row["scores"].values()) == pytest.approx(1)
    assert row["confidence"] == max(row["scores"].values()) == row["scores"][row["label"]]


def test_several_texts_are_numbered(run, model):
    rows = rows_of(run("classify", "-m", model, *TEXTS))
    assert [(row["id"], row["text"]) for row in rows] == list(zip("123", TEXTS, strict=True))


def test_the_columns_of_the_input_are_kept_and_its_label_renamed(run, model, here):
    row = {
        "when": "2031-04-01",
        "text": TEXTS[0],
        "label": "mine",
        "confidence": 3,
        "nested": {"a": [1, None]},
        "id": 7,
    }
    (here / "in.jsonl").write_text(json.dumps(row) + "\n")
    (answer,) = rows_of(run("classify", "-m", model, "in.jsonl"))
    assert list(answer) == [
        "when",
        "text",
        "given_label",
        "given_confidence",
        "nested",
        "id",
        "label",
        "confidence",
        "scores",
    ]
    assert (answer["given_label"], answer["given_confidence"]) == ("mine", 3)
    assert {name: answer[name] for name in ("when", "text", "nested", "id")} == {
        name: row[name] for name in ("when", "text", "nested", "id")
    }


def test_rows_keep_their_order_over_files_of_many_kinds(run, model, here):
    (here / "a1.csv").write_text('\ufefftext\nalpha\n"be\nta"\n', "utf-8")
    (here / "a2.csv").write_text("text\ngamma\n", "utf-8")
    (here / "b.jsonl.gz").write_bytes(gzip.compress(b'{"body":"delta"}\n{"body":"epsilon"}\n'))
    (here / "c.txt").write_text("zeta\neta\n")
    result = run("classify", "-m", model, "a*.csv", "b.jsonl.gz", "-", "c.txt", stdin="from stdin\n")
    rows = rows_of(result)
    assert [row.get("text", row.get("body")) for row in rows] == [
        "alpha", "be\nta", "gamma", "delta", "epsilon", "from stdin", "zeta", "eta",
    ]  # fmt: skip
    assert [row["id"] for row in rows] == list(map(str, range(1, 9)))


def test_many_rows_keep_their_order_with_many_threads(run, model, here):
    (here / "many.txt").write_text("".join(f"statement {number}\n" for number in range(12_000)))
    rows = rows_of(run("classify", "-m", model, "many.txt", "--jobs", "4"))
    assert [row["text"] for row in rows] == [f"statement {number}" for number in range(12_000)]
    assert (
        run("classify", "-m", model, "many.txt", "--jobs", "1").stdout.splitlines()
        == [json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in rows]
        or [json.loads(line) for line in run("classify", "-m", model, "many.txt", "--jobs", "1").stdout.splitlines()]
        == rows
    )


def test_without_arguments_stdin_is_read(run, model):
    (row,) = rows_of(run("classify", "-m", model, stdin=TEXTS[1] + "\n"))
    assert row["text"] == TEXTS[1]


def test_an_argument_is_a_file_if_there_is_one_else_a_text(run, model, here):
    (here / "peace").write_text("We are ready.\nWe are not.\n")
    assert len(rows_of(run("classify", "-m", model, "peace"))) == 2
    assert [row["text"] for row in rows_of(run("classify", "-m", model, "war"))] == ["war"]


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_csv_and_tsv_have_a_column_a_score_and_equal_the_json(run, model, here, delimiter):
    name = {",": "csv", "\t": "tsv"}[delimiter]
    (here / "in.csv").write_text('text,note\n"one, two",a\n"say ""x""\nand more",b\t\n')
    wanted = rows_of(run("classify", "-m", model, "in.csv"))
    result = run("classify", "-m", model, "in.csv", "--format", name)
    rows = list(csv.DictReader(io.StringIO(result.stdout, newline=""), delimiter=delimiter))
    assert list(rows[0]) == ["id", "text", "note", "label", "confidence", *(f"scores.{label}" for label in LABELS)]
    for row, want in zip(rows, wanted, strict=True):
        assert [row[key] for key in ("id", "text", "note", "label")] == [
            want[key] for key in ("id", "text", "note", "label")
        ]
        assert [float(row[f"scores.{label}"]) for label in LABELS] == list(want["scores"].values())


def test_parquet_equals_the_json(run, model, here):
    wanted = rows_of(run("classify", "-m", model, *TEXTS))
    assert run("classify", "-m", model, *TEXTS, "--output", "out.parquet").exit_code == 0
    assert pq.read_table("out.parquet").to_pylist() == wanted
    assert list(here.iterdir()) == [here / "out.parquet"]


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.tsv", "out.jsonl.gz"])
def test_an_output_file_holds_what_stdout_would(run, model, here, name):
    done = run("classify", "-m", model, *TEXTS, "-o", name)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    written = (here / name).read_bytes()
    written = gzip.decompress(written) if name.endswith(".gz") else written
    kind = name.removesuffix(".gz").rpartition(".")[2]
    assert written.decode() == run("classify", "-m", model, *TEXTS, "--format", kind).stdout


def test_the_table_names_every_label_and_shows_text_as_it_is(run, model):
    result = run("classify", "-m", model, "[b] \\[x] \x1b[2J\x07.", "--format", "table")
    assert result.exit_code == 0
    shown = " ".join(result.stdout.split())
    assert "[b] \\[x] [2J ." in shown
    assert "\x1b" not in result.stdout
    assert all(label in shown for label in LABELS)


def test_an_unsure_row_is_marked(run, model):
    long = [f"In the morning the minister said, at the river and before parliament, {text}" for text in TEXTS]
    for flag in ("--threshold", "--min-confidence"):
        for row in rows_of(run("classify", "-m", model, *long, flag, "0.9")):
            assert row["abstained"] == (row["confidence"] < 0.9)
            assert row["reason"] == ("close call" if row["abstained"] else None)
    assert "(unsure)" in run("classify", "-m", model, TEXTS[2], "-f", "table", "--threshold", "1").stdout


def test_a_text_unlike_those_of_the_training_is_left_unanswered(run, model):
    texts = ["Talks.", "Die Regierung weist alle diese haltlosen Vorwürfe mit Nachdruck und in aller Form zurück."]
    rows = rows_of(run("classify", "-m", model, *texts, "--max-error", "0.9"))
    assert [row["reason"] for row in rows] == ["too short", "wrong language or script"]
    assert all(row["abstained"] and row["label"] in LABELS for row in rows)


def test_texts_in_a_language_that_the_model_has_not_learnt_are_told_once(run, model):
    german = "Die Regierung weist alle diese haltlosen Vorwürfe mit Nachdruck und in aller Form zurück."
    told = "2 of the first 3 texts are not in the language"
    assert run("classify", "-m", model, german, german, TEXTS[0]).stderr.count(told) == 1
    assert told in run("classify", "-m", model, german, german, TEXTS[0], "--format", "table").stderr
    assert told not in run("classify", "-m", model, german, german, TEXTS[0], "--max-error", "0.9").stderr
    assert "language" not in run("classify", "-m", model, german, TEXTS[0]).stderr
    assert "the text is not in the language" in run("classify", "-m", model, german).stderr


def test_a_promise_that_cannot_be_made_is_said(run, model):
    result = run("classify", "-m", model, TEXTS[0], "--max-error", "0.001", "--coverage", "0.999")
    assert result.exit_code == 0
    assert "held-out rows" in result.stderr
    assert "every label is listed" in result.stderr
    assert sorted(rows_of(result)[0]["labels"]) == sorted(LABELS)


def test_sets_of_labels_are_listed_most_probable_first(run, model):
    for row in rows_of(run("classify", "-m", model, *TEXTS, "--coverage", "0.9")):
        assert row["labels"] == sorted(row["labels"], key=lambda label: -row["scores"][label])


def test_top_k_lists_the_most_probable_first(run, model):
    for row in rows_of(run("classify", "-m", model, *TEXTS, "--top-k", "3")):
        ranked = sorted(row["scores"].items(), key=lambda entry: -entry[1])[:3]
        assert [(entry["label"], entry["confidence"]) for entry in row["top"]] == ranked
    for row in rows_of(run("classify", "-m", model, *TEXTS, "--top-k", "9", "--threshold", "0.2")):
        assert [entry["label"] for entry in row["top"]] == [
            label for label, score in sorted(row["scores"].items(), key=lambda e: -e[1]) if score >= 0.2
        ]


def test_the_model_may_be_named_by_the_environment(run, model, monkeypatch):
    wanted = rows_of(run("classify", "-m", model, TEXTS[0]))
    monkeypatch.setenv("COMMUNIQUE_MODEL", model)
    assert rows_of(run("classify", TEXTS[0])) == wanted


# Oracles


def test_the_command_line_says_what_the_python_interface_says(run, model, labelled):
    classifier = communique.load(model)
    texts = labelled.texts.to_pylist()[:50]
    rows = rows_of(run("classify", "-m", model, *texts))
    probability = classifier.predict_proba(texts)
    assert np.allclose([list(row["scores"].values()) for row in rows], probability, rtol=0, atol=1e-12)
    assert [row["label"] for row in rows] == classifier.predict(texts).tolist()
    assert [{key: row[key] for key in ("label", "confidence", "scores")} for row in rows] == classifier.classify(texts)


def test_scores_are_those_of_a_scikit_learn_pipeline_with_the_same_numbers(run, model, labelled):
    fitted = communique.load(model).model
    texts = [*labelled.texts.to_pylist()[:40], *TEXTS, "U.S. – “won’t”  STOP", "Ünïcödé 和平 переговоры", "…"]
    parts, weights = [], []
    for block, start in zip(fitted.features.blocks, fitted.features.starts, strict=False):
        rule = block.block
        vectorizer = TfidfVectorizer(
            vocabulary=block.vocabulary.terms().to_pylist(),
            analyzer=rule.terms.analyzer,
            ngram_range=rule.terms.ngrams,
            token_pattern=pattern_of(rule.terms.tokens).pattern if rule.terms.analyzer == "word" else None,
            preprocessor=rule.terms.fold,
            sublinear_tf=rule.sublinear,
        )
        vectorizer.idf_ = block.idf
        parts.append(vectorizer.transform(texts) * rule.scale)
        weights.append(fitted.weights[start : start + len(block.idf)] / block.idf[:, None])
    scores = (hstack(parts, "csr") @ np.concatenate(weights) + fitted.intercepts) / fitted.temperature
    wanted = np.exp(scores - scores.max(axis=1, keepdims=True))
    wanted /= wanted.sum(axis=1, keepdims=True)
    rows = rows_of(run("classify", "-m", model, *texts))
    assert np.allclose([list(row["scores"].values()) for row in rows], wanted, rtol=0, atol=1e-5)


# What goes wrong


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("zeros.csv", bytes(5000), ["zeros.csv is a binary file"]),
        ("all.txt", bytes(range(256)) * 20, ["all.txt is a binary file"]),
        ("sheet.csv", b"PK\x03\x04" + bytes(99), ["ZIP archive or an Excel workbook", "save it as CSV"]),
        ("says.csv", b"say,what\nhello,a\n", ["no text column among 'say', 'what'", "expected one named text"]),
        ("cut.jsonl.gz", gzip.compress(b'{"text":"a"}\n' * 999, mtime=0)[:-9], ["cut.jsonl.gz cannot be read"]),
        ("bad.parquet", b"PAR1 nothing PAR1", ["bad.parquet"]),
        ("bad.json", b'[{"text": "a"}, ', ["bad.json is not JSON"]),
        ("gone.csv", None, ["gone.csv cannot be read (No such file"]),
    ],
)
def test_data_that_cannot_be_read_is_refused(refused, model, here, name, content, words):
    if content is not None:
        (here / name).write_bytes(content)
    refused(["classify", "-m", model, name, "-o", "out.jsonl"], 3, *words)
    assert not (here / "out.jsonl").exists()


def test_a_wrong_column_is_refused_with_those_found(refused, model, here):
    (here / "in.csv").write_text("text,note\na,b\n")
    refused(["classify", "-m", model, "in.csv", "--text-column", "speech"], 3, "no column 'speech'", "'text', 'note'")


def test_a_glob_without_a_file_is_refused(refused, model):
    refused(["classify", "-m", model, "no*.csv"], 3, "no file matches no*.csv")


def test_files_and_texts_do_not_mix(refused, model, here):
    (here / "in.csv").write_text("text\na\n")
    refused(["classify", "-m", model, "in.csv", "a text"], 3, "no file 'a text'")


def test_an_empty_text_keeps_its_row_and_is_told(run, model):
    result = run("classify", "-m", model, "", TEXTS[0], " \t")
    rows = rows_of(result)
    assert [row["label"] is None for row in rows] == [True, False, True]
    assert rows[0] == {"id": "1", "text": "", "label": None, "confidence": None, "scores": None}
    assert "2 rows (the command line:1, the command line:3) without a text" in result.stderr


@pytest.mark.parametrize("texts", [[""], ["", "  "]])
def test_nothing_but_empty_texts_is_bad_data(refused, model, texts):
    result = refused(["classify", "-m", model, *texts], 3, "no row has a text")
    assert len(result.stdout.splitlines()) == len(texts)


def test_rows_without_a_text_keep_their_place(run, model, here):
    (here / "in.csv").write_text('id,text\na,one\nb,\nc,"  "\nd,two\n')
    result = run("classify", "-m", model, "in.csv")
    assert [(row["id"], row["label"] is None) for row in rows_of(result)] == [
        ("a", False), ("b", True), ("c", True), ("d", False),
    ]  # fmt: skip
    assert "in.csv:2, in.csv:3" in result.stderr


def test_an_unreadable_row_keeps_its_place_is_named_and_ends_with_3(run, model, here):
    (here / "in.csv").write_bytes(b"text,n\nfine,1\nb\xff\xfead,2\nfine,3,4\nfine,5\n")
    result = run("classify", "-m", model, "in.csv")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 3
    assert [row["label"] is None for row in rows] == [False, True, True, False]
    assert rows[3]["n"] == "5"
    assert "in.csv:2 (byte 2 (0xFF) is not UTF-8)" in result.stderr
    assert "in.csv:3 (line 4: 3 cells, expected 2 as in the header)" in result.stderr


def test_an_output_file_with_unreadable_rows_is_not_left(refused, model, here):
    (here / "in.txt").write_bytes(b"fine\nb\xffad\n")
    refused(["classify", "-m", model, "in.txt", "-o", "out.jsonl"], 3, "in.txt:2 (byte 2 (0xFF) is not UTF-8)")


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--format", "xml"], 2, ["the format 'xml'", "table, jsonl, csv, tsv or parquet"]),
        (["--threshold", "1.5"], 2, ["a threshold of 1.5", "between 0 and 1"]),
        (["--threshold", "nan"], 2, ["a threshold of nan"]),
        (["--top-k", "0"], 2, ["top-k 0"]),
        (["--format", "table", "-o", "out.txt"], 2, ["a table cannot be written to a file"]),
        (["-o", "out.docx"], 2, ["ends in .docx", "--format"]),
        (["-o", "no/such/out.csv"], 1, ["no/such/out.csv cannot be written (No such file"]),
        (["-o", "there.csv/out.csv"], 1, ["there.csv/out.csv cannot be written"]),
        (["-o", "there.csv"], 1, ["there.csv is there already", "--force"]),
        (["-o", "folder.csv"], 1, ["folder.csv is a folder"]),
        (["-o", "/dev/full", "--format", "jsonl"], 1, ["/dev/full cannot be written (No space left"]),
        (["-m", "nobody"], 4, ["no model 'nobody'"]),
        (["-m", "there.csv"], 4, ["there.csv does not begin as a model file does"]),
    ],
)  # fmt: skip
def test_a_wrong_option_is_refused(refused, model, here, options, code, words):
    (here / "there.csv").write_text("kept")
    (here / "folder.csv").mkdir()
    refused(["classify", "-m", model, TEXTS[0], *options], code, *words)


def test_force_replaces_the_output(run, model, here):
    (here / "out.jsonl").write_text("old")
    assert run("classify", "-m", model, TEXTS[0], "-o", "out.jsonl", "--force").exit_code == 0
    assert json.loads((here / "out.jsonl").read_text())["text"] == TEXTS[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_refused(refused, model, here):
    (here / "shut").mkdir(mode=0o500)
    refused(["classify", "-m", model, TEXTS[0], "-o", "shut/out.csv"], 1, "Permission denied")


def limit_files(size: int):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet", "out.csv.gz"])
def test_a_disk_that_fills_up_leaves_the_old_file(spawn, told, model, here, name):
    (here / "in.txt").write_text("".join(f"{number:x} {number**3:x}\n" for number in range(6000)))
    (here / name).write_text("old")
    done = spawn("classify", "-m", model, "in.txt", "-o", name, "--force", preexec_fn=limit_files(40_000))
    told(done, 1, f"{name} cannot be written (File too large)")
    assert sorted(path.name for path in here.iterdir()) == sorted(["in.txt", name])
    assert (here / name).read_text() == "old"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_stdout_is_told(spawn, told, model):
    with Path("/dev/full").open("wb") as full:
        told(spawn("classify", "-m", model, TEXTS[0], stdout=full), 1, "standard output cannot be written (No space")


def test_a_line_without_end_is_refused_while_it_is_read_in_little_memory(model, measured, tmp_path):
    command = [*measured, "classify", "-m", model, "-", "--format", "jsonl", "-o", "out.jsonl"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "bufsize": 0}
    fed = 0
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as process:
        with suppress(BrokenPipeError):
            while fed < 1e9:
                fed += process.stdin.write(b"and again " * 100_000)
        peak, error = process.communicate(timeout=60)
    assert process.returncode == 3
    assert error.decode().startswith(
        "communique: line 1 of standard input is longer than 16 MB; expected one statement"
    )
    assert fed < 30e6
    assert int(peak) < 260_000  # kB
    assert not list(tmp_path.iterdir())


def shell(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_reader_that_leaves_early_is_no_error(model, here, form):
    (here / "in.txt").write_text("We are ready for talks.\n" * 30_000)
    command = f"{shlex.quote(sys.executable)} -m communique classify -m {shlex.quote(model)} in.txt -f {form}"
    done = shell(f'{command} | head -1; echo "${{PIPESTATUS[0]}}"', here)
    first, status = done.stdout.splitlines()
    assert first.startswith('{"id":"1","text":"We are' if form == "jsonl" else "id,text,label")
    assert (status, done.stderr) == ("0", "")


def at_terminal(spawn, stream: str, *arguments: str, columns: int = 80) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run a command with a terminal for one of its streams; also return what the terminal showed."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    try:
        done = spawn(*arguments, **{stream: theirs})
        os.close(theirs)
        return done, os.read(ours, 100_000).decode()
    finally:
        os.close(ours)


def test_a_terminal_gets_a_table_and_progress_a_pipe_gets_json_lines(spawn, model, here):
    done, shown = at_terminal(spawn, "stdout", "classify", "-m", model, TEXTS[0], columns=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "statement" in shown
    assert "{" not in shown
    done, shown = at_terminal(spawn, "stderr", "classify", "-m", model, TEXTS[0])
    assert done.returncode == 0
    assert "classified" in shown
    assert json.loads(done.stdout)["text"] == TEXTS[0]


def test_a_terminal_of_usual_width_shows_the_statement(spawn, model):
    done, shown = at_terminal(spawn, "stdout", "classify", "-m", model, TEXTS[0])
    assert done.returncode == 0
    assert "statement" in shown
    assert "ready" in shown


def test_memory_does_not_grow_with_the_rows(model, measured, tmp_path):
    sentences = [f"The envoy of ridge {n % 97} met court {n % 89} about gas {n}." for n in range(5000)]
    peaks = []
    for times in (4, 20):
        source = tmp_path / f"{times}.txt"
        source.write_text("\n".join(sentences * times))
        command = [*measured, "classify", "-m", model, source, "--jobs", "2", "--format", "csv", "-o", f"{times}.csv"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=120)
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 30_000  # kB


def test_nothing_heavy_is_imported(plain_environment, model, tmp_path):
    script = (
        "import sys; from communique.cli.app import app\n"
        "try: app()\n"
        "finally: print([m for m in ('sklearn', 'datasets', 'pandas', 'joblib', 'rich.table', 'multiprocessing.pool', "
        "'numpy.f2py') if m in sys.modules], file=sys.stderr)"
    )
    for arguments in (["We are ready."], ["in.csv", "-f", "csv"]):
        (tmp_path / "in.csv").write_text("text\nWe are ready.\n")
        done = subprocess.run(
            [sys.executable, "-c", script, "classify", "-m", model, *arguments],
            cwd=tmp_path, env=plain_environment, capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        assert done.stderr.strip() == "[]"
