from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from communique.errors import ModelIncompatibleError
from communique.inference import bulk
from communique.inference.prediction import Options
from communique.service import desk as room
from communique.service.desk import Desk, Rows, answer_batch, make_batch, unless_gone
from communique.service.shelf import Served, Shelf


@pytest.fixture(scope="module")
def served(shop: Path) -> Served:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMMUNIQUE_MODELS", str(shop))
        return Shelf(("small",)).default


def together(*asked: Coroutine[Any, Any, Any]) -> list[Any]:
    async def gather() -> list[Any]:
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(gather())


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many statements each pass had."""
    counted: list[int] = []
    whole = bulk.answer

    def counting(classifier: Any, batches: Any, *rest: Any, **named: Any) -> Any:
        counted.extend(batch.rows.num_rows for batch in batches)
        return whole(classifier, batches, *rest, **named)

    monkeypatch.setattr(room, "answer", counting)
    return counted


TEXTS = st.text(st.characters(codec="utf-8"), max_size=60) | st.sampled_from(
    ["We are ready for talks.", "Any attack will be answered with force.", "The harvest was good.", ""]
)
OPTIONS = st.sampled_from([Options(), Options(evidence=True), Options(threshold=0.7, top_k=2), Options(coverage=0.8)])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.lists(TEXTS, max_size=4), OPTIONS), max_size=8))
def test_requests_answered_together_get_what_each_would_get_alone(served, asked):
    desk = Desk()
    joined = together(*(desk.classify(served, options, texts) for texts, options in asked))
    for (texts, options), rows in zip(asked, joined, strict=True):
        alone = answer_batch(served.classifier, make_batch(texts), options) if texts else Rows([], [], 0)
        assert (rows.lines, rows.labels, rows.abstained) == (alone.lines, alone.labels, alone.abstained)


def test_requests_that_wait_for_the_same_share_one_pass(served, passes):
    desk = Desk()
    answers = together(*(desk.classify(served, Options(), [f"Number {n}."]) for n in range(20)))
    assert passes == [20]
    assert [answer.lines[0].count(f"Number {n}.") for n, answer in enumerate(answers)] == [1] * 20


def test_other_options_are_another_pass(served, passes):
    desk = Desk()
    together(*(desk.classify(served, Options(top_k=1 + n % 2), ["No."]) for n in range(10)))
    assert sorted(passes) == [5, 5]


def test_what_is_heavy_does_not_hold_up_what_is_light(served):
    desk = Desk()
    finished: list[str] = []

    async def ask(name: str, texts: list[str]) -> None:
        await desk.classify(served, Options(), texts)
        finished.append(name)

    together(ask("heavy", ["word " * 15_000] * 4), ask("light", ["No."]))
    assert finished == ["light", "heavy"]


def test_the_failure_of_one_fails_no_other(served, monkeypatch):
    whole = bulk.answer

    def fragile(classifier: Any, batches: Any, *rest: Any, **named: Any) -> Any:
        if any("poison" in (text or "") for batch in batches for text in batch.text.to_pylist()):
            raise ZeroDivisionError
        return whole(classifier, batches, *rest, **named)

    monkeypatch.setattr(room, "answer", fragile)
    desk = Desk()
    texts = ["We are ready.", "poison", "Never."]
    good, bad, fine = together(*(desk.classify(served, Options(), [text]) for text in texts))
    assert isinstance(bad, ZeroDivisionError)
    assert (len(good.lines), len(fine.lines)) == (1, 1)


def test_options_that_the_model_cannot_keep_fail_alone(served, monkeypatch):
    def refuse(*_: object) -> None:
        raise ModelIncompatibleError("no held-out scores")

    monkeypatch.setattr(type(served.classifier), "promise", refuse)
    desk = Desk()
    plain, asked = together(
        desk.classify(served, Options(), ["No."]), desk.classify(served, Options(max_error=0.123), ["No."])
    )
    assert isinstance(asked, ModelIncompatibleError)
    assert plain.labels


def test_who_has_left_is_not_answered(served, passes):
    async def ask() -> None:
        desk = Desk()
        tasks = [asyncio.ensure_future(desk.classify(served, Options(), [f"{n}"])) for n in range(4)]
        await asyncio.sleep(0)  # all have asked, none is answered
        tasks[1].cancel()
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert [task.cancelled() for task in tasks] == [False, True, True, False]

    asyncio.run(ask())
    assert passes == [2]


def test_work_that_nobody_waits_for_any_more_is_not_begun():
    done: list[int] = []

    async def ask() -> None:
        desk = Desk()
        gate = asyncio.Event()
        loop = asyncio.get_running_loop()

        def busy() -> None:
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(10)

        first = [asyncio.ensure_future(desk.run(busy)) for _ in range(room._THREADS)]
        await asyncio.sleep(0)
        work = asyncio.ensure_future(desk.run(lambda: done.append(1)))

        async def gone() -> None:
            await asyncio.sleep(0)

        with pytest.raises(asyncio.CancelledError):
            await unless_gone(work, gone)
        gate.set()
        await asyncio.gather(*first)
        desk.close()

    asyncio.run(ask())
    assert done == []


def test_a_desk_starts_no_thread_before_it_is_asked():
    import threading

    before = threading.active_count()
    Desk()
    assert threading.active_count() == before


def test_it_tells_how_long_the_longest_piece_of_work_has_taken():
    desk = Desk()
    assert desk.stuck() == 0

    async def work() -> None:
        first, second = threading.Event(), threading.Event()
        pieces = [asyncio.ensure_future(desk.run(event.wait)) for event in (first, second)]
        await asyncio.sleep(0.05)
        assert desk.stuck() >= 0.04
        first.set()
        await pieces[0]
        assert desk.stuck() >= 0.04
        second.set()
        await pieces[1]
        assert desk.stuck() == 0

    asyncio.run(work())
    desk.close()
