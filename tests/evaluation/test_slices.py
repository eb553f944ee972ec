import json

import numpy as np
import pyarrow as pa
import pytest

from communique.corpus.labelled import collect, labelled_of
from communique.corpus.source import read
from communique.errors import DataError
from communique.evaluation.bootstrap import Bootstrap
from communique.evaluation.findings import judge
from communique.evaluation.metrics import Judged
from communique.evaluation.slices import (
    MISSING,
    OTHER,
    Partition,
    holm,
    judge_slices,
    partition,
    partition_by_length,
    partitions_of,
)

LABELS = ("threat", "offer", "none")


# Parting rows


def test_names_are_parts_the_most_frequent_first():
    parted = partition("genre", pa.array(["speech", "note", "speech", "", None, "note", "speech"]))
    assert parted.parts == ("speech", "note", MISSING)
    assert parted.codes.tolist() == [0, 1, 0, 2, 2, 1, 0]


def test_few_numbers_are_names_and_many_are_cut_at_their_quartiles():
    years = [str(2020 + number % 5) for number in range(100)]
    assert set(partition("year", pa.array(years)).parts) == set(years)
    parted = partition("words", pa.array([str(number) for number in range(1, 101)] + [""]))
    assert parted.parts == ("1 to 25", "26 to 50", "51 to 75", "76 to 100", MISSING)
    assert np.bincount(parted.codes).tolist() == [25, 25, 25, 25, 1]


def test_equal_numbers_are_never_parted():
    numbers = np.array([0] * 60 + list(range(1, 41)))
    parted = partition("casualties", pa.array(numbers.astype(str)))
    assert parted.parts == ("0", "1 to 15", "16 to 40")
    for code in range(3):
        assert not set(numbers[parted.codes == code]) & set(numbers[parted.codes != code])


def test_nan_is_missing_and_not_a_number():
    assert partition("score", pa.array([f"{n}.5" for n in range(20)] + ["nan"])).parts[-1] == MISSING


@pytest.mark.parametrize("write", ["2031-{:02}-01", "2031-{:02}-01T12:30:00", "2031-{:02}-01T12:30:00Z"])
def test_dates_are_cut_at_their_quartiles(write):
    parted = partition("date", pa.array([write.format(month) for month in range(1, 13)]))
    assert parted.parts[0] == "2031-01-01 to 2031-03-01"
    assert len(parted.parts) == 4


def test_a_year_among_dates_is_its_first_day():
    parted = partition("date", pa.array(["2031", "2030-05", *(f"2032-0{month}-03" for month in range(1, 10))]))
    assert parted.parts[0] == "2030-05-01 to 2032-01-03"


def test_rare_values_of_a_column_of_many_are_one_part():
    parted = partition("actor", pa.array([f"actor {n % 150:03}" for n in range(250)]))
    assert len(parted.parts) == 101
    assert parted.parts[-1] == OTHER
    assert np.bincount(parted.codes)[:-1].min() == 2
    assert np.bincount(parted.codes)[-1] == 50


def test_length_is_counted_in_words():
    parted = partition_by_length(pa.array([" ".join(["word"] * number) for number in range(1, 41)]))
    assert parted.parts == ("1 to 10 words", "11 to 20 words", "21 to 30 words", "31 to 40 words")


def test_columns_fit_the_rows_that_are_kept_over_files_of_any_shape(tmp_path):
    (tmp_path / "a.csv").write_text("text,label,genre\none,x,speech\n,x,lost\ntwo,,lost\nthree,y,note\n")
    (tmp_path / "b.jsonl").write_text('{"text":"four five","label":"x","year":2031}\n')
    labelled = collect(read([str(tmp_path / "a.csv"), str(tmp_path / "b.jsonl")]), extras=True)
    genre, year, length = partitions_of(labelled, ["genre", "year", "length", "genre"])
    assert len(labelled) == 3
    assert [genre.parts[code] for code in genre.codes] == ["speech", "note", MISSING]
    assert [year.parts[code] for code in year.codes] == [MISSING, MISSING, "2031"]
    assert length.codes.tolist() == [0, 0, 1]
    with pytest.raises(DataError, match=r"no column 'actor'.*length, or one of id, text, label, genre"):
        partitions_of(labelled, ["actor"])


def test_without_other_columns_there_is_still_the_length():
    labelled = labelled_of(["one", "two words"], ["a", "b"])
    assert partitions_of(labelled, ["length"])[0].parts == ("1 word", "2 words")
    with pytest.raises(DataError, match="no column 'genre'"):
        partitions_of(labelled, ["genre"])


# Scoring parts


def test_parts_have_the_scores_that_their_rows_alone_have():
    judged, parted = _random(600, 60), _parts(600, 3)
    slices = judge_slices(judged, [parted]).slices
    for code, one in enumerate(slices):
        alone = judge(_take(judged, parted.codes == code))
        rest = judge(_take(judged, parted.codes != code)).scores
        assert (one.n, one.groups) == (alone.n, alone.groups)
        for name in ("accuracy", "macro_f1", "macro_f1_stances", "ece"):
            ours, theirs = getattr(one, name), getattr(alone.scores, name)
            assert ours.value == pytest.approx(theirs.value)
            assert ours.low <= ours.value <= ours.high
            assert ours.high - ours.low == pytest.approx(theirs.high - theirs.low, rel=0.25)
        assert one.accuracy_less_rest.value == pytest.approx(alone.scores.accuracy.value - rest.accuracy.value)
        assert one.macro_f1_less_rest.value == pytest.approx(alone.scores.macro_f1.value - rest.macro_f1.value)


def test_a_partition_into_one_part_gives_what_the_whole_file_has():
    judged = _random(300, 40)
    slices = judge_slices(judged, [Partition("language", ("en",), np.zeros(300, np.int64))])
    (one,) = slices.slices
    whole = judge(judged).scores
    for name in ("accuracy", "macro_f1", "macro_f1_stances", "ece"):
        assert _same(getattr(one, name), getattr(whole, name))
    assert np.isnan(one.accuracy_less_rest.value)
    assert slices.ranked == ()
    assert "Every statement has the same language (en): there is nothing to compare." in slices.remarks


def test_neither_the_order_of_rows_nor_the_names_of_groups_change_a_slice():
    judged, parted = _random(300, 40), _parts(300, 4)
    order = np.random.default_rng(2).permutation(300)
    shuffled = _take(judged, order, np.random.default_rng(3).permutation(300)[judged.groups])
    ours = judge_slices(judged, [parted]).to_dict()["slices"]
    theirs = judge_slices(shuffled, [Partition(parted.column, parted.parts, parted.codes[order])]).to_dict()["slices"]
    for one, other in zip(ours, theirs, strict=True):
        assert one["accuracy"] == pytest.approx(other["accuracy"])
        assert one["intervals"]["macro_f1"] == pytest.approx(other["intervals"]["macro_f1"])
        assert one["p"] == pytest.approx(other["p"])


def test_a_hard_part_ranks_worst_and_stands_out():
    judged, parted = _random(1000, 100), _parts(1000, 5)
    predicted = np.where((parted.codes == 3) & (np.arange(1000) % 2 == 0), (judged.truth + 1) % 3, judged.predicted)
    slices = judge_slices(_answer(judged, predicted), [parted])
    worst, *others = slices.ranked
    assert worst.value == "part 3"
    assert worst.p < 0.001
    assert worst.accuracy_less_rest.high < 0
    assert all(one.accuracy.value > 0.7 for one in others)
    assert any("corrected for that (Holm), column part 3" in remark for remark in slices.remarks)


@pytest.mark.parametrize(("rows", "groups"), [(29, 29), (60, 9)])
def test_small_parts_are_said_so_and_not_ranked(rows, groups):
    judged = _random(1000, 1000)
    small = np.arange(1000) < rows
    judged = _take(judged, np.arange(1000), np.where(small, np.arange(1000) % groups, judged.groups + 1000))
    slices = judge_slices(judged, [Partition("genre", ("large", "small"), small.astype(np.int64))])
    large, small_one = slices.slices
    assert small_one.small
    assert not large.small
    assert np.isnan(small_one.p)
    assert small_one not in slices.ranked
    assert any("1 of 2 parts is small" in remark for remark in slices.remarks)


def test_json_holds_no_nan():
    judged = _random(40, 2)
    codes = np.array([0] * 38 + [1, 2])
    facts = judge_slices(judged, [Partition("genre", ("a", "b", "c"), codes)], Bootstrap(50)).to_dict()
    plain = json.loads(json.dumps(facts, allow_nan=False))
    assert [one["value"] for one in plain["slices"]] == ["a", "b", "c"]
    assert plain["slices"][1]["intervals"]["accuracy"] is None


def test_many_columns_of_many_values_are_quick():
    judged = _random(2000, 200)
    columns = [Partition(f"c{c}", tuple(map(str, range(100))), (np.arange(2000) * (c + 1)) % 100) for c in range(1, 3)]
    columns = [Partition(one.column, one.parts, np.unique(one.codes, return_inverse=True)[1]) for one in columns]
    columns = [Partition(one.column, tuple(map(str, range(one.codes.max() + 1))), one.codes) for one in columns]
    assert len(judge_slices(judged, columns, Bootstrap(200)).slices) > 80


def test_holm_agrees_with_its_definition():
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.005])
    assert holm(p) == pytest.approx([0.03, np.nan, 0.06, 0.06, 0.02], nan_ok=True)
    assert holm(np.array([0.9, 0.8])) == pytest.approx([1, 1])


def _random(rows, groups):
    generator = np.random.default_rng(1)
    truth = generator.integers(3, size=rows)
    probability = generator.dirichlet(np.ones(3), rows) / 2 + np.eye(3)[truth] / 4 + 1 / 12
    return Judged(truth, probability.argmax(axis=1), probability, np.arange(rows) % groups, LABELS, "none")


def _answer(judged, predicted):
    probability = np.full((len(predicted), 3), 0.1) + 0.7 * np.eye(3)[predicted]
    return Judged(judged.truth, predicted, probability, judged.groups, LABELS, "none")


def _take(judged, rows, groups=None):
    groups = judged.groups if groups is None else groups
    return Judged(judged.truth[rows], judged.predicted[rows], judged.probability[rows], groups[rows], LABELS, "none")


def _parts(rows, number):
    codes = np.random.default_rng(5).integers(number, size=rows)
    return Partition("column", tuple(f"part {code}" for code in range(number)), codes)


def _same(one, other):
    return (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))
