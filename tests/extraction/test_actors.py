"""States by whatever they are called."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from communique import bundled
from communique.errors import DataError
from communique.extraction import actors


def test_every_word_of_the_gazetteer_is_of_its_state() -> None:
    states = actors.read_states()
    with (bundled.DATA / "gazetteer.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = {row["name"].removeprefix("the ") for row in rows}
    assert set(states.values()) == names
    assert {name: states[name] for name in names} == {name: name for name in names}
    assert "" not in states


@pytest.mark.parametrize("content", [None, b"a,b\n1,2\n", b"\xff\xfe"])
def test_a_gazetteer_that_cannot_be_read_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "gazetteer.csv").write_bytes(content)
    monkeypatch.setattr(bundled, "DATA", tmp_path)
    with pytest.raises(DataError, match="gazetteer"):
        actors.read_states.__wrapped__()
