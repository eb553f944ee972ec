"""Cells as text: as `json` and `orjson` would write them."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.corpus.batch import JSON
from communique.corpus.cells import find_bytes, format_cells, format_json

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20) | st.text('\\"\n\r\t\b\f\x00\x1f\x7f/é\u2028', max_size=20)


@given(st.lists(st.none() | TEXTS, max_size=20), st.integers(0, 3))
def test_strings_are_escaped_as_json_escapes_them(texts: list[str | None], start: int) -> None:
    array = pa.array(texts, pa.string()).slice(start)
    assert format_json(array).to_pylist() == [
        None if text is None else json.dumps(text, ensure_ascii=False) for text in texts[start:]
    ]


@given(st.lists(st.none() | st.floats()))
def test_fractions_keep_every_digit_and_stay_fractions(numbers: list[float | None]) -> None:
    for number, text in zip(numbers, format_json(pa.array(numbers, pa.float64())).to_pylist(), strict=True):
        if number is None or not math.isfinite(number):
            assert text is None
        else:
            assert isinstance(json.loads(text), float)
            assert math.copysign(1, json.loads(text)) == math.copysign(1, number)
            assert json.loads(text) == number


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_whole_numbers_are_kept(numbers: list[int | None]) -> None:
    assert format_json(pa.array(numbers, pa.int64())).to_pylist() == [None if n is None else str(n) for n in numbers]


@given(
    st.lists(
        st.none()
        | st.fixed_dictionaries(
            {"a": st.none() | st.integers(0, 9), 'b"é': st.none() | TEXTS, "c": st.lists(TEXTS, max_size=2)}
        )
    )
)
def test_nested_values_are_json_all_the_way_down(values: list[dict[str, Any] | None]) -> None:
    kind = pa.struct([("a", pa.int64()), ('b"é', pa.string()), ("c", pa.list_(pa.string()))])
    texts = format_json(pa.array(values, kind)).to_pylist()
    assert [None if text is None else json.loads(text) for text in texts] == values


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([True, None]), ["true", None]),
        (pa.nulls(2), [None, None]),
        (pa.array([date(2023, 7, 18)]), ['"2023-07-18"']),
        (pa.array([datetime(2023, 7, 18, 1, 2, 3)]), ['"2023-07-18T01:02:03.000000"']),
        (pa.array([datetime(2023, 7, 18, tzinfo=UTC)], pa.timestamp("s", "UTC")), ['"2023-07-18T00:00:00Z"']),
        (pa.array([Decimal("1.50")]), ["1.50"]),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ['"x"', '"y"', '"x"']),
        (pa.array([b"\xff\x00"]), ['"/wA="']),
        (pa.array([b"ab"], pa.binary(2)), ['"YWI="']),
        (pa.array([[1, None], None]), ["[1,null]", None]),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), ['[["k",1]]']),
        (pa.array([{}, None], pa.struct([])), ["{}", None]),
        (pa.array(['{"a":\n1}', None], JSON), ['{"a": 1}', None]),
        (pa.array(["é"], pa.large_string()), ['"é"']),
        (pa.array(["é"], pa.string_view()), ['"é"']),
        (pa.array([0.1], pa.float32()), ["0.1"]),
        (pa.array([datetime(2023, 7, 18).time()]), ['"00:00:00.000000"']),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_every_arrow_type_has_a_form_in_json(array: pa.Array, expected: list[str | None]) -> None:
    assert format_json(array).to_pylist() == expected


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array(['say "no"', None]), ['say "no"', ""]),
        (pa.array([0.5, 1.0, None]), ["0.5", "1.0", ""]),
        (pa.array(['"x"', "5", '{"a":"b"}', None], JSON), ["x", "5", '{"a":"b"}', ""]),
        (pa.array([[1, 2], None]), ["[1,2]", ""]),
        (pa.array([{"a": "b"}, None]), ['{"a":"b"}', ""]),
    ],
)
def test_a_cell_of_csv_is_bare_text_and_nested_values_json(array: pa.Array, expected: list[str]) -> None:
    assert format_cells(array).to_pylist() == expected


@given(st.lists(TEXTS, max_size=8), st.integers(0, 3))
def test_bytes_are_found_where_they_are_and_only_there(texts: list[str], start: int) -> None:
    seen = "".join(texts[start:]).encode()
    wanted = b'\\"\n\x00,'
    assert find_bytes(pa.array(texts, pa.string()).slice(start), wanted) == bytes(
        byte for byte in wanted if byte in seen
    )
