"""Hugging Face datasets: local ones read without the network, rewritten by nobody; the others refused offline."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault(
    "HF_HOME", tempfile.mkdtemp()
)  # read when `datasets` is imported: before the first test that does
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from communique.corpus.source import read
from communique.errors import DataError


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        pytest.fail(f"something went to the network: {args}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def dataset() -> Any:
    import datasets

    datasets.disable_progress_bars()
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["none", "escalatory"]),
            "country": datasets.Value("string"),
        }
    )
    return datasets.Dataset.from_dict(
        {"text": ["a", "b", "c"], "label": [1, 0, -1], "country": ["NA", "DE", ""]}, features=features
    )


ROWS = [
    {"id": "1", "text": "a", "label": "escalatory", "country": "NA"},
    {"id": "2", "text": "b", "label": "none", "country": "DE"},
    {"id": "3", "text": "c", "label": None, "country": ""},
]


def rows_of(source: object, **options: Any) -> list[dict[str, Any]]:
    return [row for batch in read([str(source)], **options) for row in batch.rows.to_pylist()]


def test_a_saved_dataset_is_read_with_its_class_names(tmp_path: Path, dataset: Any) -> None:
    dataset.save_to_disk(tmp_path / "one")
    assert rows_of(tmp_path / "one") == rows_of(f"hf://{tmp_path}/one", batch_rows=2) == ROWS


def test_a_saved_dataset_with_splits_wants_one_named(tmp_path: Path, dataset: Any) -> None:
    import datasets

    datasets.DatasetDict({"train": dataset, "test": dataset.select([0])}).save_to_disk(tmp_path / "two")
    with pytest.raises(
        DataError, match=r"has the splits train, test; expected one of them to be named; write hf://.*two:train"
    ):
        rows_of(tmp_path / "two")
    with pytest.raises(DataError, match="has the splits train, test, not dev"):
        rows_of(f"hf://{tmp_path}/two:dev")
    assert rows_of(f"hf://{tmp_path}/two:test") == ROWS[:1]


def test_a_saved_dataset_with_one_split_needs_no_name(tmp_path: Path, dataset: Any) -> None:
    import datasets

    datasets.DatasetDict({"train": dataset}).save_to_disk(tmp_path / "one")
    assert rows_of(tmp_path / "one") == ROWS


def test_a_folder_of_data_files_is_read_split_by_split_and_nothing_is_rewritten(tmp_path: Path) -> None:
    (tmp_path / "train-1.csv").write_text("text,country,date\na,NA,2023-07-18\n")
    (tmp_path / "train-2.csv").write_text("text,country,date\nb,null,007\n")
    (tmp_path / "test.csv").write_text("text,country,date\nc,,x\n")
    with pytest.raises(DataError, match="has the splits train, test"):
        rows_of(tmp_path)
    assert rows_of(f"hf://{tmp_path}:train") == [
        {"id": "1", "text": "a", "country": "NA", "date": "2023-07-18"},
        {"id": "2", "text": "b", "country": "null", "date": "007"},
    ]


def test_dates_in_a_folder_of_json_lines_stay_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "1", "text": "a", "date": "2023-07-18"}) + "\n")
    assert rows_of(tmp_path) == [{"id": "1", "text": "a", "date": "2023-07-18"}]


def test_a_file_changed_within_its_size_and_time_is_read_as_it_is_now(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("text\nold\n")
    times = (file.stat().st_atime, file.stat().st_mtime)
    assert rows_of(tmp_path)[0]["text"] == "old"
    file.write_text("text\nnew\n")
    os.utime(file, times)
    assert rows_of(tmp_path)[0]["text"] == "new"


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="doesn't contain any data files"):
        rows_of(tmp_path)


def test_a_damaged_saved_dataset_is_refused(tmp_path: Path, dataset: Any) -> None:
    dataset.save_to_disk(tmp_path / "one")
    next((tmp_path / "one").glob("*.arrow")).write_bytes(b"nothing")
    with pytest.raises(DataError, match="cannot be read"):
        rows_of(tmp_path / "one")


def test_a_name_on_the_hub_is_refused_at_once_unless_the_user_lets_us_go_online(tmp_path: Path) -> None:
    program = """
import socket, sys
def refuse(*args, **kwargs): sys.exit(9)
socket.getaddrinfo = socket.socket.connect = refuse
from communique.corpus.source import read
from communique.errors import DataError
try:
    list(read(["hf://nobody/no_such_dataset:train"]))
except DataError as problem:
    print(problem)
"""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment["HF_HOME"] = str(tmp_path)
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment)
    assert "neither a folder nor in the cache" in ran.stdout
    assert "set HF_HUB_OFFLINE=0 to let it be downloaded" in ran.stdout


def test_files_are_read_without_importing_datasets(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\nx\n")
    program = """
import sys
from communique.corpus.source import read
list(read(sys.argv[1:]))
sys.exit("datasets" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program, tmp_path / "a.csv"], check=False).returncode == 0
