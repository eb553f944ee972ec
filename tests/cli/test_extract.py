from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from communique import bundled
from communique.extraction import clauses, files
from communique.extraction.attribution import Attribution

EXAMPLES = bundled.DATA / "examples"
ARTICLE = EXAMPLES / "article.txt"
TRANSCRIPT = EXAMPLES / "press_conference.txt"


def rows_of(result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def quiet(result):
    assert (result.exit_code, result.stderr) == (0, "")
    return result


@pytest.mark.parametrize("given", [ARTICLE, TRANSCRIPT])
def test_the_example_gives_its_hand_marked_statements(run, given):
    marked = [json.loads(line) for line in given.with_suffix(".statements.jsonl").read_text("utf-8").splitlines()]
    rows = rows_of(quiet(run("extract", str(given))))
    for row, mark in zip(rows, marked, strict=True):
        wanted = {name: mark[name] for name in mark if name != "label"}
        assert {name: row[name] for name in wanted} == wanted
        assert 0 < row["confidence"] <= 1
        assert row["source"] == str(given)


def test_a_folder_a_glob_and_the_files_give_the_same(run, tmp_path):
    (tmp_path / "deep").mkdir()
    first, second = tmp_path / "deep" / "a.txt", tmp_path / "z.txt"
    shutil.copy(ARTICLE, first)
    shutil.copy(TRANSCRIPT, second)
    (tmp_path / "notes.log").write_text("not an article")
    by_name = quiet(run("extract", str(first), str(second))).stdout
    assert quiet(run("extract", str(tmp_path))).stdout == by_name
    assert quiet(run("extract", str(tmp_path / "**" / "*.txt"))).stdout == by_name


def test_a_table_names_a_speaker_once(run):
    given = "Tamuri’s prime minister said it was over. The Lake Commission said it was not."
    shown = quiet(run("extract", "-", "--format", "table", stdin=given.encode())).stdout
    assert "prime minister, Tamuri" in " ".join(shown.split())
    assert shown.count("prime minister") == shown.count("Lake Commission") == 1


def test_stdin_is_an_article(run):
    given = rows_of(quiet(run("extract", "-", stdin=ARTICLE.read_bytes())))
    by_name = rows_of(quiet(run("extract", str(ARTICLE))))
    changed = ("id", "source")
    assert [{k: v for k, v in row.items() if k not in changed} for row in given] == [
        {k: v for k, v in row.items() if k not in changed} for row in by_name
    ]


def test_many_files_on_many_cores_give_what_one_core_gives(run, tmp_path, monkeypatch):
    text = ARTICLE.read_text("utf-8")
    for number in range(9):
        (tmp_path / f"{number}.txt").write_text(text[: 3000 + 200 * number], "utf-8")
    alone = quiet(run("extract", str(tmp_path), "--jobs", "1")).stdout
    monkeypatch.setattr(files, "_FEW", 2)
    monkeypatch.setattr(files, "_CHUNK", 2)
    assert quiet(run("extract", str(tmp_path), "--jobs", "2")).stdout == alone


def test_every_format_holds_the_same_rows(run, tmp_path):
    rows = rows_of(quiet(run("extract", str(ARTICLE))))
    quiet(run("extract", str(ARTICLE), "-o", str(tmp_path / "out.parquet")))
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == rows
    quiet(run("extract", str(ARTICLE), "-o", str(tmp_path / "out.jsonl")))
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()] == rows
    table = quiet(run("extract", str(ARTICLE), "--format", "csv")).stdout
    assert table.splitlines()[0] == ",".join(rows[0])


def test_the_whole_article_can_be_had_with_its_offsets(run):
    (whole,) = rows_of(quiet(run("extract", str(ARTICLE), "--format", "article")))
    text = whole["article"]["text"]
    assert text == ARTICLE.read_text("utf-8")
    for row in whole["statements"]:
        assert row["text"] == " ".join(" ".join(text[start:end].split()) for start, end in row["spans"])


def test_a_file_that_cannot_be_read_does_not_lose_the_others(run, tmp_path):
    shutil.copy(ARTICLE, tmp_path / "a.txt")
    (tmp_path / "b.txt").write_bytes(b"\x00\x01\x02\xff" * 100)
    shutil.copy(TRANSCRIPT, tmp_path / "c.txt")
    result = run("extract", str(tmp_path))
    assert result.exit_code == 3
    assert "1 of 3 files could not be read" in result.stderr
    assert "b.txt" in result.stderr
    assert {Path(str(row["source"])).name for row in rows_of(result)} == {"a.txt", "c.txt"}
    for verb in (["extract"], ["classify", "--article"]):
        result = run(*verb, str(tmp_path), "-o", "out.jsonl", "--force")
        assert result.exit_code == 3
        rows = [json.loads(line) for line in Path("out.jsonl").read_text("utf-8").splitlines()]
        assert {Path(str(row["source"])).name for row in rows} == {"a.txt", "c.txt"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["missing.txt"], 3, "no file missing.txt"),
        ([str(ARTICLE), "--format", "xml"], 2, "the format 'xml'"),
        ([str(ARTICLE), "--read-as", "tiff"], 2, "--read-as tiff"),
        ([str(ARTICLE), "--format", "table", "-o", "t"], 2, "a table cannot be written to a file"),
        (["\0"], 3, "no file '\\x00'"),
    ],
)
def test_misuse_is_told_in_a_sentence(run, arguments, code, said):
    result = run("extract", *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_an_empty_folder_says_what_it_should_hold(run, tmp_path):
    result = run("extract", str(tmp_path))
    assert result.exit_code == 3
    assert "holds no article; expected files ending in .txt" in result.stderr


def test_an_article_without_a_statement_is_told_and_no_error(run, tmp_path):
    (tmp_path / "dull.txt").write_text("The harbour was quiet on Monday. Two ferries left on time.\n")
    result = run("extract", str(tmp_path / "dull.txt"))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no statement found" in result.stderr


def test_classified_statements_have_the_answer_of_their_text_alone(run):
    rows = rows_of(quiet(run("classify", "--article", str(ARTICLE))))
    extracted = rows_of(quiet(run("extract", str(ARTICLE))))
    assert [row["text"] for row in rows] == [row["text"] for row in extracted]
    assert [row["speaker_confidence"] for row in rows] == [row["confidence"] for row in extracted]
    alone = quiet(
        run("classify", "-", stdin="".join(json.dumps({"text": row["judged"]}) + "\n" for row in rows).encode())
    )
    for row, single in zip(rows, rows_of(alone), strict=True):
        assert row["label"] == single["label"]
        assert row["confidence"] == pytest.approx(single["confidence"], abs=1e-5)
    text = " ".join(ARTICLE.read_text("utf-8").split())
    for row in rows:
        assert row["before"] in text
        assert row["after"] in text
        assert row["before"] or row["after"]
        assert row["judged"] == row["text"] or (row["cue"] in row["judged"] and row["text"] in row["judged"])


def test_on_a_terminal_the_article_is_shown_with_labels_and_speakers(run, monkeypatch):
    monkeypatch.setattr("communique.cli.classify.is_terminal", lambda stream: True)
    shown = quiet(run("classify", "--article", str(ARTICLE))).stdout
    rows = rows_of(quiet(run("classify", "--article", str(ARTICLE), "--format", "jsonl")))
    flat = " ".join(shown.replace("\u00a0", " ").split())
    for row in rows:
        assert f"[{row['label']} {row['confidence']:.2f}" in flat
    assert "Skip to content" not in flat
    table = shown[shown.rindex(" who ") :]
    for row in rows:
        assert (str(row["speaker"]) or "(unknown)").split()[0] in table


def test_receipts_are_for_rows(run, tmp_path):
    result = run("classify", "--article", str(ARTICLE), "--receipt", str(tmp_path / "r.json"))
    assert result.exit_code == 2
    assert "run communique extract first" in result.stderr
    assert not (tmp_path / "r.json").exists()


def test_a_zipped_file_is_zipped_and_an_unknown_suffix_refused(run):
    plain = quiet(run("extract", str(ARTICLE))).stdout
    quiet(run("extract", str(ARTICLE), "-o", "out.jsonl.gz"))
    zipped = gzip.decompress(Path("out.jsonl.gz").read_bytes()).decode()
    assert [json.loads(line) for line in zipped.splitlines()] == [json.loads(line) for line in plain.splitlines()]
    result = run("extract", str(ARTICLE), "-o", "out.odd")
    assert result.exit_code == 2
    assert not Path("out.odd").exists()


def test_whoever_classifies_rows_does_not_load_the_grammar(here):
    (here / "rows.jsonl").write_text('{"text": "We are ready for talks."}\n')
    script = (
        "import sys; from communique.cli import main; sys.argv = ['communique', 'classify', 'rows.jsonl']\n"
        "try: main()\n"
        "finally: print([name for name in sys.modules if name.startswith('communique.extraction')], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=here, check=False)
    assert done.stderr.strip() == "[]"


def test_spacy_is_imported_by_its_switch_alone(spawn, tmp_path):
    (tmp_path / "spacy.py").write_text("raise ImportError('a stand-in')")
    traced = {"env": os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONVERBOSE": "1"}}
    without = spawn("extract", ARTICLE, **traced)
    assert without.returncode == 0
    assert str(tmp_path / "spacy.py") not in without.stderr
    switched = spawn("extract", ARTICLE, "--spacy", "en_sea", **traced)
    assert switched.returncode == 2
    assert str(tmp_path / "spacy.py") in switched.stderr


def test_a_parser_helps_when_switched_on(run, tmp_path, monkeypatch):
    class Parser:
        def complete(self, article, found, lexicon):
            start = article.text.index("ships")
            return (*found, Attribution(((start, len(article.text) - 1),), "indirect", None, (0, 4), 0.7))

    asked = []
    monkeypatch.setattr(clauses, "load_parser", lambda name: asked.append(name) or Parser())
    (tmp_path / "a.txt").write_text("Envoy Orr made the case that ships may pass.")
    assert run("extract", tmp_path / "a.txt").stdout == ""
    (row,) = rows_of(quiet(run("extract", tmp_path / "a.txt", "--spacy", "en_sea")))
    assert row["text"] == "ships may pass"
    (row,) = rows_of(run("classify", "--article", tmp_path / "a.txt", "--spacy", "en_sea"))
    assert row["text"] == "ships may pass"
    assert set(asked) == {"en_sea"}


def test_spacy_that_is_not_there_is_told_before_anything_is_read(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)
    clauses.load_parser.cache_clear()
    failed = run("extract", "nowhere.txt", "--spacy", "en_sea")
    assert (failed.exit_code, failed.stdout) == (2, "")
    assert "pip install 'communique[spacy]'" in failed.stderr
    alone = run("classify", "We want peace.", "--spacy", "en_sea")
    assert (alone.exit_code, alone.stdout) == (2, "")
    assert "--article" in alone.stderr


def test_a_fault_of_ours_in_one_article_does_not_cost_the_others(run, tmp_path, monkeypatch):
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text(f"The minister said that talks {name} would go on.")
    whole = files.extract

    def extract(article, parser):
        if "talks b" in article.text:
            raise IndexError("list index out of range")
        return whole(article, parser)

    monkeypatch.setattr(files, "extract", extract)
    result = run("extract", str(tmp_path), "--jobs", "1")
    assert [json.loads(line)["source"] for line in result.stdout.splitlines()] == [
        str(tmp_path / "a.txt"),
        str(tmp_path / "c.txt"),
    ]
    assert result.exit_code == 3
    assert "b.txt: a fault in communique (IndexError: list index out of range)" in result.stderr
    assert run("extract", str(tmp_path / "b.txt")).exit_code == 1
