from __future__ import annotations

import json
import shutil

import pytest


@pytest.fixture
def source(labelled, here) -> str:
    (here / "in.txt").write_text("".join(f"{text}\n" for text in labelled.texts.to_pylist()[:50]))
    return "in.txt"


@pytest.fixture
def receipt(run, model, source, here) -> str:
    result = run("classify", source, "-m", model, "-o", "out.csv", "--receipt", "r.json", "--min-confidence", "0.6")
    assert (result.exit_code, result.stderr) == (0, "")
    return "r.json"


def edit(here, change) -> None:
    plain = json.loads((here / "r.json").read_text())
    change(plain)
    (here / "r.json").write_text(json.dumps(plain))


def test_the_same_again_is_said_in_a_sentence(run, receipt):
    result = run("verify", receipt)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("The same: 50 rows by stance ")


def test_the_json_has_the_verdict(run, receipt):
    facts = json.loads(run("verify", receipt, "--json").stdout)
    assert facts["same"] is True
    assert facts["differences"] == facts["notes"] == []
    assert facts["rows"] == 50


def test_a_receipt_names_command_options_and_output(receipt, here):
    plain = json.loads((here / receipt).read_text())
    assert plain["options"]["threshold"] == 0.6
    assert plain["output"]["name"] == "out.csv"
    assert plain["given"] == ["in.txt"]


def test_other_answers_end_with_5(run, refused, receipt, here):
    edit(here, lambda plain: plain["counts"]["labels"].update(none=0))
    refused(["verify", receipt], 5, "are not those of today", "rows labelled 'none': 0 then")
    result = run("verify", receipt, "--json")
    assert result.exit_code == 5
    assert json.loads(result.stdout)["same"] is False


def test_changed_files_end_with_3(refused, receipt, here):
    (here / "in.txt").write_text("We talk.\n")
    refused(["verify", receipt], 3, "in.txt has changed")
    (here / "in.txt").unlink()
    refused(["verify", receipt], 3, "in.txt is gone")


def test_a_changed_output_ends_with_3(refused, receipt, here):
    (here / "out.csv").write_text("label\nnone\n")
    refused(["verify", receipt], 3, "out.csv, the file written, has changed")


def test_a_missing_model_ends_with_4(refused, receipt, here):
    edit(here, lambda plain: plain["model"].update(given="gone", sha256="0" * 64))
    refused(["verify", receipt], 4, "is not there")


def test_another_model_ends_with_4(run, refused, receipt, data):
    assert run("train", data / "labels.csv", "--preset", "fast", "--output", "other").exit_code == 0
    refused(["verify", receipt, "--model", "other"], 4, "other is another one")


def test_a_model_may_have_moved(run, receipt, model, here):
    edit(here, lambda plain: plain["model"].update(given="gone"))
    assert run("verify", receipt).exit_code == 4
    shutil.copytree(model, here / "moved")
    assert run("verify", receipt, "--model", "moved").exit_code == 0


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"format": "communique-receipt", "format_version": 1}'])
def test_what_is_no_receipt_ends_with_3(refused, here, content):
    (here / "r.json").write_text(content)
    refused(["verify", "r.json"], 3, "r.json is")


def test_rows_of_stdin_are_read_from_stdin_again(run, refused, model, here):
    rows = "We are ready for talks.\nAny attack will be answered.\n"
    assert run("classify", "-m", model, "--receipt", "r.json", stdin=rows).exit_code == 0
    assert run("verify", "r.json", stdin=rows).exit_code == 0
    refused(["verify", "r.json"], 3, "standard input holds other rows", stdin="We talk.\n" * 2)


def test_texts_and_tables_carry_receipts_too(run, model, here):
    result = run("classify", "-m", model, "We are ready for talks.", "-f", "table", "--receipt", "r.json")
    assert result.exit_code == 0
    assert run("verify", "r.json").exit_code == 0


def test_a_receipt_is_never_overwritten_unasked_nor_left_by_a_run_that_failed(run, refused, model, source, here):
    (here / "r.json").write_text("kept")
    arguments = ["classify", source, "-m", model, "-o", "out.csv", "--receipt", "r.json"]
    refused(arguments, 1, "r.json is there already", "--force")
    (here / "bad.txt").write_bytes(b"fine\nb\xffad\n")
    refused(["classify", "bad.txt", "-m", model, "-o", "out.csv", "--receipt", "s.json"], 3, "bad.txt:2")
    assert run(*arguments, "--force").exit_code == 0
    assert json.loads((here / "r.json").read_text())["format"] == "communique-receipt"
