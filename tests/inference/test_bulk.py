from __future__ import annotations

import threading
import time

import numpy as np
import pyarrow as pa
import pytest

from communique.corpus.batch import Block, make_batch
from communique.corpus.columns import Columns
from communique.errors import DataError
from communique.inference.bulk import answer, ordered
from communique.inference.prediction import Classifier, Options


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_answers_come_in_order_whatever_each_takes(jobs):
    naps = np.random.default_rng(jobs).random(60) / 200

    def work(number: int) -> int:
        time.sleep(naps[number])
        return number * number

    assert list(ordered(work, range(60), jobs)) == [number * number for number in range(60)]


@pytest.mark.parametrize("jobs", [0, 1, 3])
def test_nothing_in_gives_nothing_out(jobs):
    assert list(ordered(str, [], jobs)) == []


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_only_a_few_items_are_taken_ahead(jobs):
    taken = 0

    def items():
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield number

    for done, _ in enumerate(ordered(lambda item: item, items(), jobs), start=1):
        assert taken - done <= 2 * jobs + 1


def test_several_work_at_once_but_no_more_than_were_asked_for():
    lock, busy, most = threading.Lock(), 0, 0

    def work(item: int) -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.01)
        with lock:
            busy -= 1

    list(ordered(work, range(20), 3))
    assert 1 < most <= 3


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_failure_comes_through_in_its_place_and_stops_the_work(jobs):
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 5:
            raise DataError("row 5")
        return number

    got = []
    with pytest.raises(DataError, match="row 5"):
        got.extend(ordered(work, range(1000), jobs))
    assert len(begun) <= 5 + 2 * jobs + 2
    assert all("ThreadPool" not in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_failure_of_the_source_comes_through(jobs):
    def items():
        yield 1
        raise DataError("the file is damaged")

    with pytest.raises(DataError, match="damaged"):
        list(ordered(lambda item: item, items(), jobs))


@pytest.mark.parametrize("jobs", [1, 3])
def test_who_leaves_early_ends_the_work(jobs):
    begun = []
    answers = ordered(begun.append, range(1000), jobs)
    next(answers)
    answers.close()
    assert len(begun) <= 2 * jobs + 2
    assert all("ThreadPool" not in thread.name for thread in threading.enumerate())


# Answers to batches


@pytest.fixture(scope="module")
def classifier(trained) -> Classifier:
    return Classifier(trained.model)


def batch_of(columns: dict[str, list], broken: dict[int, str] | None = None, first_row: int = 1):
    rows = pa.RecordBatch.from_pydict(columns)
    settled = Columns().settle(rows.schema.names, "in.csv")
    return make_batch(Block(rows, broken or {}), settled, "in.csv", first_row=first_row, number=first_row)


def test_verdicts_stand_behind_the_rows_and_their_names_win(classifier):
    batch = batch_of({"label": ["a", "b"], "text": ["We are ready.", "We strike."], "scores": [1, 2]})
    (answered,) = answer(classifier, [batch], Options(), jobs=1)
    assert answered.rows.schema.names == ["id", "given_label", "text", "given_scores", "label", "confidence", "scores"]
    assert answered.rows.column("given_label").to_pylist() == ["a", "b"]
    assert answered.rows.select(["label", "confidence", "scores"]).to_pylist() == classifier.classify(batch.text)
    assert answered.empty == ()
    assert answered.batch is batch


def test_a_row_without_a_text_gets_nulls_in_every_answer(classifier):
    batch = batch_of({"text": ["one", None, "", " \t\n", "five", "\u00a0\u3000"]}, first_row=11)
    options = Options(threshold=0.5, top_k=2)
    (answered,) = answer(classifier, [batch], options, jobs=1)
    rows = answered.rows.to_pylist()
    for row, empty in zip(rows, [False, True, True, True, False, True], strict=True):
        assert all((row[name] is None) == empty for name in ("label", "confidence", "scores", "top", "abstained"))
    assert answered.empty == ("in.csv:12", "in.csv:13", "in.csv:14", "in.csv:16")
    assert [row["id"] for row in rows] == [str(number) for number in range(11, 17)]
    expected = classifier.classify(["one", "five"], options)
    assert [{name: rows[place][name] for name in expected[0]} for place in (0, 4)] == expected


def test_a_broken_row_counts_as_broken_not_as_empty(classifier):
    batch = batch_of({"text": ["one", None, None]}, {1: "byte 2 is not UTF-8"})
    (answered,) = answer(classifier, [batch], Options(), jobs=1)
    assert answered.empty == ("in.csv:3",)
    assert [row["label"] is None for row in answered.rows.to_pylist()] == [False, True, True]


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_answers_do_not_depend_on_how_rows_are_batched_or_threaded(classifier, labelled, jobs):
    texts = labelled.texts.to_pylist()
    batches = [batch_of({"text": texts[start : start + 7]}, first_row=start + 1) for start in range(0, len(texts), 7)]
    answered = list(answer(classifier, batches, Options(), jobs=jobs))
    rows = [row for each in answered for row in each.rows.to_pylist()]
    assert [row["text"] for row in rows] == texts
    assert [row["id"] for row in rows] == [str(number + 1) for number in range(len(texts))]
    assert [row["scores"] for row in rows] == [verdict["scores"] for verdict in classifier.classify(texts)]


def test_an_empty_batch_is_answered_with_an_empty_one(classifier):
    batch = batch_of({"text": ["x"]})
    none = make_batch(Block(batch.rows.slice(0, 0)), batch.columns, "in.csv")
    (answered,) = answer(classifier, [none], Options(threshold=0.5, top_k=1), jobs=1)
    assert answered.rows.num_rows == 0
    assert answered.rows.schema.names == ["id", "text", "label", "confidence", "scores", "top", "abstained", "reason"]
