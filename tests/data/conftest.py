"""The bundled data, read plainly: by nothing of ours, so that these tests judge the files and not the reader."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from communique.bundled import DATA

Row = dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="session")
def parts() -> dict[str, list[Row]]:
    """The rows of each part of the dataset."""
    folder = DATA / "statements"
    shards = sorted(folder.glob("train-*.jsonl"))
    return {
        "train": [row for shard in shards for row in read_rows(shard)],
        "holdout": read_rows(folder / "holdout.jsonl"),
        "contrast": read_rows(folder / "contrast.jsonl"),
    }


@pytest.fixture(scope="session")
def near_duplicates() -> Callable[[list[str]], list[tuple[str, str]]]:
    """All pairs of texts that share at least half of their three-word shingles, by an exact sparse product."""

    def find(texts: list[str]) -> list[tuple[str, str]]:
        columns: dict[tuple[str, ...], int] = {}
        shingles = []
        for text in texts:
            words = re.findall(r"\w+", text.lower())
            triples = set(zip(words, words[1:], words[2:], strict=False))
            shingles.append([columns.setdefault(triple, len(columns)) for triple in triples])
        sizes = np.array([len(row) for row in shingles])
        starts = np.concatenate([[0], np.cumsum(sizes)])
        indices = np.array([column for row in shingles for column in row], np.int64)
        matrix = sparse.csr_array((np.ones(len(indices), np.int32), indices, starts), (len(texts), len(columns)))
        shared = sparse.triu(matrix @ matrix.T, k=1).tocoo()
        alike = shared.data >= 0.5 * (sizes[shared.row] + sizes[shared.col] - shared.data)
        return [(texts[i], texts[j]) for i, j in zip(shared.row[alike], shared.col[alike], strict=True)]

    return find
