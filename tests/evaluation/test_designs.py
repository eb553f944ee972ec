import json
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from communique.errors import DataError, UsageError
from communique.evaluation.bootstrap import Bootstrap
from communique.evaluation.designs import Exam, cut_windows, go_forward, leave_out, pack, read_dates

LABELS = ("escalatory", "none")
FEW = Bootstrap(resamples=300)


class Memory:
    """Learns which label each speaker has most; of a speaker not met it says what is most frequent."""

    def __init__(self, speakers, truth):
        self.speakers, self.truth, self.asked = np.asarray(speakers), truth, []

    def __call__(self, train, test):
        self.asked.append((train, test))
        counts = np.zeros((self.speakers.max() + 1, 2)) + np.bincount(self.truth[train], minlength=2) / len(train)
        np.add.at(counts, (self.speakers[train], self.truth[train]), 1)
        return counts[self.speakers[test]] / counts[self.speakers[test]].sum(axis=1, keepdims=True)


def exam(truth, learner, **given):
    ids = [f"r{row}" for row in range(len(truth))]
    return Exam(truth, LABELS, "none", ids, learner, **{"bootstrap": FEW, **given})


def named(numbers):
    return [f"speaker {number}" for number in numbers]


def test_where_the_speaker_is_the_label_random_folds_flatter_much():
    speakers = np.repeat(np.arange(40), 10)
    truth = speakers % 2
    found = leave_out(exam(truth, Memory(speakers, truth)), "speaker", named(speakers))
    assert found.random.scores.accuracy.value > 0.95
    assert found.apart.scores.accuracy.value < 0.6
    assert found.gap.accuracy.low > 0.3
    assert found.gap.accuracy.value == pytest.approx(
        found.random.scores.accuracy.value - found.apart.scores.accuracy.value
    )
    assert found.meaning("accuracy").startswith("Random folds flatter: on a speaker it has not met expect")


def test_where_speakers_are_random_no_gap_can_be_told_from_chance():
    held = 0
    for seed in range(20):
        chance = np.random.default_rng(seed)
        truth, speakers = chance.integers(2, size=400), chance.integers(40, size=400)
        signal = np.where(chance.random(400) < 0.8, truth, 1 - truth)

        def noisy(train, test, signal=signal, chance=chance):
            said = np.where(chance.random(len(test)) < 0.2, 1 - signal[test], signal[test])
            return np.column_stack([0.9 - 0.8 * said, 0.1 + 0.8 * said])

        found = leave_out(exam(truth, noisy, seed=seed), "speaker", named(speakers))
        held += found.gap.accuracy.low <= 0 <= found.gap.accuracy.high
        if found.gap.accuracy.low <= 0 <= found.gap.accuracy.high:
            assert "told from chance" in found.meaning("accuracy")
    assert held >= 17


def test_both_designs_fit_to_as_many_rows_and_test_each_row_once_and_only_one_parts_a_value():
    chance = np.random.default_rng(3)
    truth, speakers = chance.integers(2, size=230), chance.integers(23, size=230)
    memory = Memory(speakers, truth)
    found = leave_out(exam(truth, memory, folds=7), "speaker", named(speakers))
    random, apart = memory.asked[:7], memory.asked[7:]
    assert [len(train) for train, _ in random] == [len(train) for train, _ in apart]
    assert [(fold.train, fold.test) for fold in found.folds] == [(len(train), len(test)) for train, test in apart]
    for cuts in (random, apart):
        np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in cuts])), np.arange(230))
        assert all(len(np.intersect1d(train, test)) == 0 for train, test in cuts)
    assert all(not set(speakers[train]) & set(speakers[test]) for train, test in apart)
    assert any(set(speakers[train]) & set(speakers[test]) for train, test in random)
    assert sum(fold.values for fold in found.folds) == len(np.unique(speakers))


def test_a_row_without_a_speaker_is_a_group_of_its_own():
    truth = np.arange(40) % 2
    speakers = [None] * 20 + named(np.repeat(np.arange(4), 5))
    found = leave_out(exam(truth, Memory(np.arange(40), truth)), "speaker", speakers)
    assert found.apart.groups == 24


@given(st.lists(st.integers(0, 12), min_size=20, max_size=120), st.integers(2, 5), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_packing_leaves_no_fold_empty_and_no_fold_larger_than_need_be(groups, folds, seed):
    groups = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(groups)
    if len(sizes) < folds:
        return
    truth = np.arange(len(groups)) % 3
    fold = pack(groups, truth, folds, seed)
    filled = np.bincount(fold, sizes, folds)
    assert filled.min() > 0
    assert filled.max() <= len(groups) / folds + sizes.max()


def test_packing_spreads_labels_too():
    truth = np.repeat(np.arange(40) % 4, 10)  # each group has one label
    fold = pack(np.repeat(np.arange(40), 10), truth, 5, seed=0)
    shares = np.zeros((5, 4))
    np.add.at(shares, (np.repeat(fold, 10), truth), 1)
    assert (shares == 20).all()


dates_of = st.lists(st.integers(0, 40), min_size=12, max_size=90)


@given(dates_of, st.integers(2, 5), st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_forward_never_trains_on_the_future_and_random_never_on_what_it_is_asked(days, folds, seed):
    if len(set(days)) <= folds:
        return
    dates = [(date(2024, 1, 1) + timedelta(days=day)).isoformat() for day in days]
    truth = np.arange(len(days)) % 2
    memory = Memory(np.zeros(len(days), int), truth)
    found = go_forward(exam(truth, memory, folds=folds, seed=seed, bootstrap=Bootstrap(resamples=2)), "date", dates)
    random, apart = memory.asked[:-folds], memory.asked[-folds:]
    times = np.array(dates)
    assert len(apart) == folds == len(found.folds)
    for (train, test), fold in zip(apart, found.folds, strict=True):
        assert max(times[train]) < min(times[test])
        assert (fold.first, fold.last, fold.train) == (min(times[test]), max(times[test]), len(train))
        np.testing.assert_array_equal(train, np.flatnonzero(times < min(times[test])))
    for train, test in random:
        assert len(np.intersect1d(train, test)) == 0
        assert len(np.unique(train)) == len(train)
    tested = [np.sort(np.concatenate([test for _, test in cuts])) for cuts in (random, apart)]
    np.testing.assert_array_equal(*tested)
    assert sorted({len(train) for train, _ in random}) == sorted({len(train) for train, _ in apart})


def test_where_words_change_with_time_going_forward_costs():
    """Every month has one speaker of its own, who decides the label."""
    month = np.repeat(np.arange(24), 20)
    truth = (np.random.default_rng(0).permutation(24) % 2)[month]
    dates = [f"{2022 + m // 12}-{m % 12 + 1:02d}" for m in month]
    found = go_forward(exam(truth, Memory(month, truth)), "date", dates)
    assert found.gap.accuracy.low > 0.2
    assert "the time after its training expect" in found.meaning("accuracy")
    same = go_forward(exam(truth, Memory(np.zeros(480, int), truth)), "date", dates, groups=[str(m) for m in month])
    assert same.gap.accuracy.low <= 0
    assert same.apart.groups == 20


def test_windows_are_about_equal_whatever_the_dates():
    starts = cut_windows(np.full(60, 5), 5)
    np.testing.assert_array_equal(starts, [0, 10, 20, 30, 40, 50])


@given(st.lists(st.integers(1, 200), min_size=3, max_size=40), st.data())
def test_windows_begin_one_after_the_other_and_none_is_empty(counts, data):
    windows = data.draw(st.integers(2, len(counts) - 1))
    starts = cut_windows(np.array(counts), windows)
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    assert starts[-1] < len(counts)


@pytest.mark.parametrize(
    ("dates", "read"),
    [
        (["2024-05-31", "20240601"], ["2024-05-31", "2024-06-01"]),
        (["2024", "2023-12-31"], ["2024", "2023"]),
        (["2024-05", "2023-12-31"], ["2024-05", "2023-12"]),
        ([" 2024-05-31 ", "2024-W22-6"], ["2024-05-31", "2024-06-01"]),
        (["2024-06-01T00:30:00+02:00", "2024-05-31T23:00:00"],
         ["2024-05-31T22:30:00.000000", "2024-05-31T23:00:00.000000"]),
        (["2024-05-31 10:00:00", "2024-05-31"], ["2024-05-31", "2024-05-31"]),
        ([], []),
    ],
)  # fmt: skip
def test_dates_are_read_at_the_coarsest_grain_among_them(dates, read):
    assert read_dates("date", dates, [str(row) for row in range(len(dates))]).tolist() == read


@pytest.mark.parametrize("bad", ["31.05.2024", "2024-13-01", "2024-13", "soon", "", None, "24", "2024-02-30", "٢٠٢٤"])
def test_dates_that_cannot_be_read_are_named_by_their_rows(bad):
    with pytest.raises(DataError, match=r"1 of 2 rows have no date in the column 'day' that can be read: b \("):
        read_dates("day", ["2024-05-31", bad], ["a", "b"])


def test_of_many_unreadable_dates_the_first_are_named():
    with pytest.raises(DataError, match=r"7 of 7 .* r0 \('x'\), .* r4 \('x'\) \.\.\.; expected an ISO date"):
        read_dates("day", ["x"] * 7, [f"r{row}" for row in range(7)])


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ([None] * 20, "has no values"),
        ([""] * 20, "has no values"),
        (["Varga"] * 20, "one value only, 'Varga'"),
        (["Varga", "Osei"] * 10, "has 2 values; expected at least 5, one a fold; ask for 2 folds"),
    ],
)
def test_columns_that_cannot_be_left_out_are_refused(values, match):
    truth = np.arange(20) % 2
    with pytest.raises(DataError, match=match):
        leave_out(exam(truth, Memory(truth, truth)), "speaker", values)


@pytest.mark.parametrize(
    ("dates", "match"),
    [
        (["2024"] * 20, "has 1 different date; expected at least 6.*; give statements of more dates"),
        (["2023", "2024"] * 10, "has 2 different dates; .*; give"),
        (["2022", "2023", "2024", "2025"] * 5, "has 4 different dates; .*; ask for 3 folds, or give"),
    ],
)
def test_too_few_dates_are_refused(dates, match):
    truth = np.arange(20) % 2
    with pytest.raises(DataError, match=match):
        go_forward(exam(truth, Memory(truth, truth)), "date", dates)


def test_one_fold_is_refused():
    with pytest.raises(UsageError, match="1 folds"):
        exam(np.zeros(4, int), None, folds=1)


def test_facts_are_json_and_say_what_they_mean():
    speakers = np.repeat(np.arange(6), 10)
    truth = np.arange(60) % 2
    told = []
    found = leave_out(
        exam(truth, Memory(speakers, truth), progress=lambda *step: told.append(step)), "speaker", named(speakers)
    )
    facts = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert facts["kind"] == "grouped"
    assert facts["gap"]["accuracy"] == pytest.approx(facts["random"]["accuracy"] - facts["apart"]["accuracy"])
    low, high = facts["gap"]["intervals"]["macro_f1"]
    assert low <= facts["gap"]["macro_f1"] <= high
    assert facts["meaning"].endswith("Fewer than 10 groups: trust no interval here.")
    assert told == [(step, 10) for step in range(1, 11)]
