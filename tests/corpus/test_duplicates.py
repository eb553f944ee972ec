"""Copies and near-copies are all found, and nothing else is."""

import subprocess
import sys
import unicodedata
from collections import defaultdict
from itertools import combinations, product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.corpus import duplicates
from communique.errors import DataError, UsageError

# Two or three words only: shingles collide all the time, texts repeat, and every set size meets every other.
few_words = st.lists(st.sampled_from("ab"), max_size=9) | st.lists(st.sampled_from("abc"), max_size=14)
texts = st.lists(few_words.map(" ".join), max_size=25)
thresholds = st.sampled_from([0.05, 0.2, 0.25, 1 / 3, 0.4, 0.5, 0.6, 2 / 3, 0.7, 0.75, 0.8, 0.9, 1.0]) | st.floats(
    0.01, 1.0
)


def similarity(one: str, other: str) -> float:
    """Compute what the docstring of the module says, for one pair."""
    a, b = one.split(), other.split()
    if not a or not b:
        return 0.0
    if min(len(a), len(b)) < 3:
        return float(a == b)
    x, y = ({tuple(words[i : i + 3]) for i in range(len(words) - 2)} for words in (a, b))
    return len(x & y) / len(x | y)


def oracle(pairs: dict[tuple[int, int], float], threshold: float) -> dict[tuple[int, int], float]:
    return {pair: value for pair, value in pairs.items() if value >= threshold}


def components(n: int, edges: list[tuple[int, int]]) -> list[set[int]]:
    of = {node: {node} for node in range(n)}
    for a, b in edges:
        if of[a] is not of[b]:
            of[a] |= of[b]
            for node in of[b]:
                of[node] = of[a]
    return sorted({id(part): part for part in of.values()}.values(), key=min)


def parts(numbers: np.ndarray) -> list[set[int]]:
    found = defaultdict(set)
    for row, number in enumerate(numbers.tolist()):
        found[number].add(row)
    assert list(found) == list(range(len(found)))  # numbered from 0, in the order of first appearance
    return list(found.values())


@given(texts, thresholds)
def test_pairs_are_those_of_comparing_all_with_all(rows: list[str], threshold: float) -> None:
    truth = {(i, j): similarity(rows[i], rows[j]) for i, j in combinations(range(len(rows)), 2)}
    i, j, value = duplicates.pairs(rows, threshold=threshold)
    assert dict(zip(zip(i.tolist(), j.tolist(), strict=True), value.tolist(), strict=True)) == oracle(truth, threshold)
    assert list(zip(i, j, strict=True)) == sorted(zip(i, j, strict=True))


@given(texts, texts, thresholds)
def test_pairs_across_are_those_of_comparing_all_with_all(rows: list[str], others: list[str], threshold: float) -> None:
    truth = {(i, j): similarity(rows[i], others[j]) for i, j in product(range(len(rows)), range(len(others)))}
    i, j, value = duplicates.pairs(rows, others, threshold=threshold)
    found = list(zip(i.tolist(), j.tolist(), strict=True))
    assert len(set(found)) == len(found)
    assert dict(zip(found, value.tolist(), strict=True)) == oracle(truth, threshold)


@given(texts, thresholds)
def test_groups_are_what_pairs_connect(rows: list[str], threshold: float) -> None:
    edges = [(i, j) for i, j in combinations(range(len(rows)), 2) if similarity(rows[i], rows[j]) >= threshold]
    assert parts(duplicates.groups(rows, threshold=threshold)) == components(len(rows), edges)


@given(texts, texts, thresholds)
def test_the_nearest_is_the_best_of_all_and_the_first_of_equals(
    rows: list[str], others: list[str], threshold: float
) -> None:
    j, value = duplicates.nearest(rows, others, threshold=threshold)
    for row, best, got in zip(rows, j.tolist(), value.tolist(), strict=True):
        values = [similarity(row, other) for other in others]
        top = max(values, default=0.0)
        assert (best, got) == ((values.index(top), top) if top >= threshold else (-1, 0.0))


@pytest.mark.parametrize("block", [1, 7, 100])
def test_the_size_of_a_block_changes_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(5)
    rows = [" ".join(chance.choice(list("abcd"), chance.integers(3, 12))) for _ in range(60)]
    others = [" ".join(chance.choice(list("abcd"), chance.integers(3, 12))) for _ in range(40)]

    def everything() -> list[list[float]]:
        found = [*duplicates.pairs(rows, threshold=0.4), *duplicates.nearest(rows, others, threshold=0.4)]
        return [part.tolist() for part in (*found, duplicates.groups(rows, threshold=0.6))]

    before = everything()
    monkeypatch.setattr(duplicates, "_BLOCK", block)
    monkeypatch.setattr(duplicates, "_CELLS", block)
    assert everything() == before


def test_one_changed_word_makes_a_near_copy_and_three_do_not() -> None:
    said = [f"word{number}" for number in range(30)]
    one, three = said.copy(), said.copy()
    one[12] = "other"
    three[5] = three[15] = three[25] = "other"
    i, j, value = duplicates.pairs([" ".join(words) for words in (said, one, three)])
    assert (i.tolist(), j.tolist(), value.tolist()) == ([0], [1], [25 / 31])


@pytest.mark.parametrize(
    "copy",
    [
        "we will NOT negotiate with the junta's envoys",
        "“We will not negotiate with the junta\u2019s envoys.”",
        "  We will\n\tnot negotiate…  with the\u00a0junta's envoys!!!",
        "We will not nego\u00adtiate with the junta's envoys",
        "\ufeffWe will not negotiate with the junta's envoys",
        "\uff37\uff45 \uff57\uff49\uff4c\uff4c \uff4e\uff4f\uff54 negotiate with the junta's envoys",
    ],
)
def test_quotes_capitals_and_spaces_make_no_other_statement(copy: str) -> None:
    said = "We will not negotiate with the junta's envoys."
    assert duplicates.exact([said, copy, said.replace("not", "now")]).tolist() == [0, 0, 1]


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_the_normal_form_makes_no_other_statement(form: str) -> None:
    said = ["Le Président a réaffirmé sa décision.", "Президент её йод", "सरकार ने कहा", "정부는 밝혔다", "Straße"]
    other = [unicodedata.normalize(form, text) for text in said]
    assert duplicates.exact(said + other).tolist() == [0, 1, 2, 3, 4] * 2
    assert duplicates.exact(["STRASSE", "straße", "ẞ"]).tolist() == [0, 0, 1]


def test_symbols_are_words_and_marks_are_not() -> None:
    assert duplicates.exact(["👍", "👎", "5 $", "5 €", "5"]).tolist() == [0, 1, 2, 3, 4]
    assert duplicates.exact(["a_b", "a b", "a-b", "ab"]).tolist() == [0, 0, 0, 1]


def test_scripts_without_spaces_are_compared_by_character() -> None:
    said = "外交部发言人表示中方坚决反对任何形式的单边制裁"
    edited = said.replace("坚决", "一贯")
    assert duplicates.groups([said, edited, "会议将于星期五在首都举行请各位代表准时出席"], threshold=0.6).tolist() == [
        0,
        0,
        1,
    ]


def test_texts_without_words_resemble_nothing() -> None:
    empty = ["", None, "  ", "...", "\x00", "?!"]
    assert duplicates.exact(empty).tolist() == list(range(6))
    assert duplicates.groups(empty).tolist() == list(range(6))
    assert [len(part) for part in duplicates.pairs(empty)] == [0, 0, 0]
    assert duplicates.nearest(empty, empty)[0].tolist() == [-1] * 6


def test_any_kind_of_string_column_will_do() -> None:
    said = ["We reject this outright.", None, "we reject this outright", "We accept."]
    plain = pa.array(said, pa.string())
    columns = [
        said,
        plain,
        plain.cast(pa.large_string()),
        plain.dictionary_encode(),
        pa.chunked_array([plain[:1], plain[1:1], plain[1:]]),
        pa.chunked_array([plain.dictionary_encode(), plain.dictionary_encode()])[:4],
        pa.array(["x", *said])[1:],
    ]
    for column in columns:
        assert duplicates.groups(column).tolist() == [0, 1, 0, 2]
    for none in ([], pa.array([], pa.string()), pa.chunked_array([], pa.string())):
        assert duplicates.groups(none).tolist() == []
        assert [len(part) for part in duplicates.pairs(none)] == [0, 0, 0]
        assert duplicates.nearest(said, none)[0].tolist() == [-1] * 4
        assert duplicates.nearest(none, said)[0].tolist() == []


@given(st.lists(st.text(max_size=12), max_size=12))
def test_any_text_is_a_copy_of_itself(rows: list[str]) -> None:
    rows = [row.encode("utf-8", "ignore").decode() for row in rows]
    codes, offsets = duplicates.words(rows)
    assert len(offsets) == len(rows) + 1
    assert offsets[-1] == len(codes)
    assert np.array_equal(
        duplicates.exact(rows + rows)[len(rows) :][np.diff(offsets) > 0], duplicates.exact(rows)[np.diff(offsets) > 0]
    )


@pytest.mark.parametrize("texts", [[1.5, ["x"]], ["half a pair: \ud800"], [b"\xff\xfe"]])
def test_what_is_no_text_is_refused(texts: list[object]) -> None:
    with pytest.raises(DataError, match="texts that are not text"):
        duplicates.exact(texts)


@pytest.mark.parametrize("threshold", [0, -0.5, 1.1, float("nan")])
def test_a_threshold_that_is_none_is_refused(threshold: float) -> None:
    for search in (duplicates.groups, duplicates.pairs):
        with pytest.raises(UsageError, match="expected a number above 0"):
            search(["a", "b"], threshold=threshold)


def test_runs_are_told_apart_even_where_plain_keys_would_overflow() -> None:
    chance = np.random.default_rng(2)
    codes = chance.choice([0, 1, 2**40, 2**61], 2000)
    keys = duplicates._grams(codes, 3)
    runs = list(zip(codes[:-2], codes[1:-1], codes[2:], strict=True))
    assert len(set(zip(keys.tolist(), runs, strict=True))) == len(set(runs)) == len(set(keys.tolist()))


def test_boilerplate_and_cliques_cost_no_square() -> None:
    """20,000 openings alike and 20,000 copies but for a number: all with all would be 400 million pairs."""
    opening = "the spokesperson of the ministry told reporters in the capital on monday that"
    alike = [f"{opening} a{n} b{n} c{n} d{n} e{n} f{n}" for n in range(20_000)]
    template = [f"{opening} the alert in district number {n}" for n in range(20_000)]
    found = duplicates.groups(alike + template + alike[:500])
    assert found[:20_000].tolist() == list(range(20_000))
    assert set(found[20_000:40_000].tolist()) == {20_000}
    assert found[40_000:].tolist() == list(range(500))


def test_importing_the_module_does_not_import_scipy() -> None:
    code = "import sys, communique.corpus.duplicates; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0
