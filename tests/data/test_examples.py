"""The example texts and their hand-marked statements."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from typing import Any

import pytest

from communique.bundled import DATA
from communique.codebook import bundled_codebook

EXAMPLES = DATA / "examples"
MARKED = ["article", "press_conference"]


def marked(name: str) -> tuple[str, list[dict[str, Any]]]:
    lines = (EXAMPLES / f"{name}.statements.jsonl").read_text("utf-8").splitlines()
    return (EXAMPLES / f"{name}.txt").read_text("utf-8"), [json.loads(line) for line in lines]


def test_every_example_file_is_known() -> None:
    expected = {f"{name}{end}" for name in MARKED for end in (".txt", ".statements.jsonl")} | {"statements.csv"}
    assert {path.name for path in EXAMPLES.iterdir()} == expected


@pytest.mark.parametrize("name", MARKED)
def test_marked_offsets_are_exact(name: str) -> None:
    text, statements = marked(name)
    assert "\r" not in text
    for statement in statements:
        spans = statement["spans"]
        assert statement["text"] == " ".join(text[start:end] for start, end in spans)
        assert (statement["start"], statement["end"]) == (spans[0][0], spans[-1][1])
        assert all(text[start:end].strip() == text[start:end] for start, end in spans)
    flat = [offset for statement in statements for span in statement["spans"] for offset in span]
    assert flat == sorted(flat)


@pytest.mark.parametrize("name", MARKED)
def test_marked_statements_have_one_schema(name: str) -> None:
    text, statements = marked(name)
    fields = ["id", "text", "start", "end", "spans", "kind", "speaker", "office", "actor", "cue", "label"]
    for number, statement in enumerate(statements, 1):
        assert list(statement) == fields
        assert statement["id"] == f"{name}-{number:02}"
        assert statement["kind"] in ({"turn"} if name == "press_conference" else {"direct", "partial", "indirect"})
        assert statement["label"] in bundled_codebook().names
        assert statement["speaker"].lower() in text.lower()
        assert statement["office"] in text.lower()
        assert statement["actor"] in text
        assert statement["cue"] in text


@pytest.mark.parametrize("name", MARKED)
def test_both_texts_hold_every_stance(name: str) -> None:
    assert {statement["label"] for statement in marked(name)[1]} == set(bundled_codebook().names)


def test_the_article_is_what_a_reader_pastes_with_all_that_makes_quotation_hard() -> None:
    text, statements = marked("article")
    assert 600 <= len(text.split()) <= 900
    assert text.startswith("Skip to content\n")
    assert "Jump to comments" in text
    assert '"' not in text
    kinds = [statement["kind"] for statement in statements]
    assert min(kinds.count(kind) for kind in ("direct", "partial", "indirect")) >= 4
    assert len({statement["speaker"] for statement in statements}) >= 6
    assert len({statement["actor"] for statement in statements}) >= 4
    broken = [statement for statement in statements if len(statement["spans"]) > 1]
    between = [text[statement["spans"][0][1] : statement["spans"][1][0]] for statement in broken]
    assert sum(gap == "\n\n“" for gap in between) == 1
    assert sum("”" in gap for gap in between) >= 3
    directs = [statement for statement in statements if statement["kind"] == "direct"]
    assert all(text[start - 1] == "“" for statement in directs for start, _ in statement["spans"])
    assert all(text[statement["end"]] == "”" for statement in directs)
    assert all(("“" in statement["text"]) == (statement["kind"] == "partial") for statement in statements)


def test_the_transcript_has_a_statement_for_every_turn_but_the_questions() -> None:
    text, statements = marked("press_conference")
    assert 400 <= len(text.split()) <= 700
    for statement in statements:
        head = f"{statement['cue']}: "
        assert text[statement["start"] - len(head) - 1 : statement["start"]] == f"\n{head}"
    turns = sum(
        line.startswith(("MODERATOR:", "SPOKESPERSON MS. ADRELL:", "COMMODORE TORVIK:")) for line in text.split("\n")
    )
    assert len(statements) == turns
    assert text.count("\nQ") >= 6


def test_the_csv_holds_twelve_statements_that_need_a_real_csv_reader() -> None:
    with (EXAMPLES / "statements.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [list(row) for row in rows] == [["id", "date", "speaker", "country", "text"]] * 12
    assert len({row["id"] for row in rows}) == 12
    assert all(6 <= len(row["text"].split()) <= 90 for row in rows)
    assert all(any(mark in row["text"] for row in rows) for mark in '\n,"')


def test_no_example_is_in_the_dataset(
    parts: dict[str, list[dict[str, Any]]], near_duplicates: Callable[[list[str]], list[tuple[str, str]]]
) -> None:
    with (EXAMPLES / "statements.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    texts += [statement["text"] for name in MARKED for statement in marked(name)[1]]
    assert near_duplicates(texts + [row["text"] for rows in parts.values() for row in rows]) == []
