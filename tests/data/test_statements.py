"""What the datasheet promises of the labelled statements."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from communique.bundled import DATA
from communique.codebook import bundled_codebook
from communique.corpus.split import HOLDOUT, split

Parts = dict[str, list[dict[str, Any]]]
TEXTS = ["id", "text", "label", "scenario", "speaker", "genre", "topic"]
FIELDS = [*TEXTS, "labels", "packet"]
SHARDS = sorted((DATA / "statements").glob("*"))


@pytest.mark.parametrize("shard", SHARDS, ids=lambda path: path.name)
def test_every_file_is_json_lines_of_less_than_five_megabytes(shard: Path) -> None:
    content = shard.read_bytes()
    assert re.fullmatch(r"(train-\d\d|holdout|contrast)\.jsonl", shard.name)
    assert len(content) < 5_000_000
    assert content.endswith(b"}\n")
    assert b"\r" not in content


def test_every_row_has_the_same_fields_all_of_them_text_but_the_votes(parts: Parts) -> None:
    for rows in parts.values():
        for row in rows:
            assert list(row) == FIELDS
            values = [row[field] for field in [*TEXTS, "packet"]]
            assert all(isinstance(value, str) and value and value == value.strip() for value in values), row["id"]


def test_a_label_is_one_of_its_one_or_two_votes(parts: Parts) -> None:
    names = set(bundled_codebook().names)
    for rows in parts.values():
        for row in rows:
            assert isinstance(row["labels"], list)
            assert len(row["labels"]) in (1, 2), row["id"]
            assert row["label"] in row["labels"], row["id"]
            assert set(row["labels"]) <= names, row["id"]


def test_a_packet_is_that_of_its_scenario(parts: Parts) -> None:
    for name, rows in parts.items():
        older = "contrast" if name == "contrast" else "register"
        for row in rows:
            written = re.fullmatch(r"(w\d\d)\d\d", row["scenario"])
            assert row["packet"] == (written[1] if written else older), row["id"]


def test_an_id_is_the_hash_of_its_text_and_stands_once(parts: Parts) -> None:
    rows = [row for rows in parts.values() for row in rows]
    assert [row["id"] for row in rows] == ["st-" + hashlib.sha1(row["text"].encode()).hexdigest()[:10] for row in rows]  # noqa: S324
    assert max(Counter(row["id"] for row in rows).values()) == 1


def test_labels_are_those_of_the_codebook(parts: Parts) -> None:
    for rows in parts.values():
        assert {row["label"] for row in rows} == set(bundled_codebook().names)


def test_texts_are_clean_and_of_the_promised_length(parts: Parts) -> None:
    for rows in parts.values():
        for row in rows:
            assert 6 <= len(row["text"].split()) <= 90, row["id"]
            assert unicodedata.normalize("NFC", row["text"]) == row["text"], row["id"]
            assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028\u2029\ufeff\ufffd]|  ", row["text"]), row[
                "id"
            ]


def test_the_split_is_what_the_hash_of_the_scenario_says(parts: Parts) -> None:
    for number, name in enumerate(("holdout", "train")):
        assert set(split([row["scenario"] for row in parts[name]], [HOLDOUT, 1 - HOLDOUT]).tolist()) == {number}


def test_no_scenario_is_in_two_parts_and_each_mixes_its_labels(parts: Parts) -> None:
    labels: dict[str, Counter[str]] = {}
    homes: dict[str, set[str]] = {}
    for name, rows in parts.items():
        for row in rows:
            labels.setdefault(row["scenario"], Counter())[row["label"]] += 1
            homes.setdefault(row["scenario"], set()).add(name)
    assert all(len(home) == 1 for home in homes.values())
    assert all(len(count) >= 3 for count in labels.values())
    assert {count.total() for count in labels.values()} <= {10, 18, 19, 20}


def test_no_statement_is_a_near_duplicate_of_another(
    parts: Parts, near_duplicates: Callable[[list[str]], list[tuple[str, str]]]
) -> None:
    assert near_duplicates([row["text"] for rows in parts.values() for row in rows]) == []


def test_near_duplicates_are_found_where_there_are_some(
    near_duplicates: Callable[[list[str]], list[tuple[str, str]]],
) -> None:
    texts = [
        "We will answer any attack at once.",
        "Nothing alike here at all.",
        "We WILL answer any attack, at once and hard",
    ]
    assert near_duplicates(texts) == [(texts[0], texts[2])]


def test_no_state_of_this_world_is_named(parts: Parts) -> None:
    states = Path(__file__).with_name("states.txt").read_text("utf-8").splitlines()
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, states))})\b")
    texts = [row["text"] for rows in parts.values() for row in rows]
    texts += [example for label in bundled_codebook().labels for example in label.examples]
    texts += [path.read_text("utf-8") for path in (DATA / "examples").iterdir()]
    assert [found[0] for text in texts if (found := pattern.search(text))] == []
