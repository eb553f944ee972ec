"""The datasheet says what is in the files, in numbers that anyone can recount."""

from __future__ import annotations

import hashlib
import json
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from communique.bundled import DATA
from communique.codebook import bundled_codebook

Parts = dict[str, list[dict[str, Any]]]
LABELS = bundled_codebook().names


@pytest.fixture(scope="module")
def datasheet() -> str:
    return (DATA / "README.md").read_text("utf-8")


def table(head: list[str], rows: list[list[object]]) -> str:
    cells = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join(
        f"| {' | '.join(f'{cell:,}' if isinstance(cell, int) else str(cell) for cell in row)} |\n" for row in cells
    )


def parts_table(parts: Parts) -> str:
    rows: list[list[object]] = []
    for name, part in parts.items():
        labels = Counter(row["label"] for row in part)
        lengths = [len(row["text"].split()) for row in part]
        quartiles = " / ".join(
            f"{value:.0f}" for value in [min(lengths), *statistics.quantiles(lengths, n=4), max(lengths)]
        )
        rows.append(
            [
                f"`{name}`",
                len(part),
                len({row["scenario"] for row in part}),
                *map(labels.__getitem__, LABELS),
                quartiles,
            ]
        )
    return table(["part", "rows", "scenarios", *LABELS, "words (least / quartiles / most)"], rows)


def genres_table(parts: Parts) -> str:
    genres = {name: Counter(row["genre"] for row in parts[name]) for name in ("train", "holdout")}
    labels = Counter((row["genre"], row["label"]) for name in genres for row in parts[name])
    order = (genres["train"] + genres["holdout"]).most_common()
    rows: list[list[object]] = [
        [f"`{genre}`", *(count[genre] for count in genres.values()), *(labels[genre, label] for label in LABELS)]
        for genre, _ in order
    ]
    return table(["genre (`train` and `holdout`)", "train", "holdout", *LABELS], rows)


def packets_table(parts: Parts) -> str:
    counts = {name: Counter(row["packet"] for row in parts[name]) for name in ("train", "holdout")}
    labels = Counter((row["packet"], row["label"]) for name in counts for row in parts[name])
    twice = Counter(row["packet"] for name in counts for row in parts[name] if len(row["labels"]) == 2)
    rows: list[list[object]] = [
        [
            f"`{packet}`",
            *(count[packet] for count in counts.values()),
            *(labels[packet, label] for label in LABELS),
            twice[packet],
        ]
        for packet in sorted(counts["train"] | counts["holdout"])
    ]
    return table(["packet", "train", "holdout", *LABELS, "read twice"], rows)


def test_the_counts_by_part_are_true(parts: Parts, datasheet: str) -> None:
    assert parts_table(parts) in datasheet, parts_table(parts)


def test_the_counts_by_genre_are_true(parts: Parts, datasheet: str) -> None:
    assert genres_table(parts) in datasheet, genres_table(parts)


def test_the_counts_by_packet_are_true(parts: Parts, datasheet: str) -> None:
    assert packets_table(parts) in datasheet, packets_table(parts)


def test_the_agreement_is_what_the_votes_say(parts: Parts, datasheet: str) -> None:
    votes = [row["labels"] for rows in parts.values() for row in rows if len(row["labels"]) == 2]
    disputed = sum(first != second for first, second in votes)
    assert f"{len(votes):,} rows with two votes, {disputed} of them disputed" in " ".join(datasheet.split())


def test_the_front_matter_is_a_dataset_card_that_names_every_file(datasheet: str) -> None:
    card: dict[str, Any] = yaml.safe_load(datasheet.split("---\n")[1])
    assert card["license"] == "mit"
    files = [entry["path"] for config in card["configs"] for entry in config["data_files"]]
    found = {path for pattern in files for path in DATA.glob(pattern)}
    assert found == set((DATA / "statements").iterdir())


def test_the_croissant_file_describes_the_files_as_they_are(parts: Parts) -> None:
    croissant = json.loads((DATA / "croissant.json").read_text("utf-8"))
    described = {entry["contentUrl"]: (entry["contentSize"], entry["sha256"]) for entry in croissant["distribution"]}
    actual = {
        f"statements/{path.name}": (f"{path.stat().st_size} B", hashlib.sha256(path.read_bytes()).hexdigest())
        for path in (DATA / "statements").iterdir()
    }
    assert described == actual
    fields = list(parts["train"][0])
    for records, entry in zip(croissant["recordSet"], croissant["distribution"], strict=True):
        assert [field["name"] for field in records["field"]] == fields
        assert {field["source"]["fileObject"]["@id"] for field in records["field"]} == {entry["@id"]}
        assert [field["name"] for field in records["field"] if field.get("repeated")] == ["labels"]


def test_the_hugging_face_library_loads_every_part_with_one_schema(parts: Parts, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    for name, rows in parts.items():
        files = sorted(str(path) for path in (DATA / "statements").glob(f"{name}*.jsonl"))
        loaded = datasets.load_dataset("json", data_files=files, split="train", cache_dir=str(tmp_path))
        assert loaded.column_names == list(rows[0])
        assert loaded["labels"][:] == [row["labels"] for row in rows]
