"""A worker that hangs is told from one that is busy, and from a moment in which everybody stood still."""

from __future__ import annotations

import os

from communique.service.pulse import Pulse


def listen(pulse: Pulse, start: int, stop: int, alive: tuple[int, ...] = ()) -> list[int]:
    """Look every second from ``start`` to ``stop``, while some workers live; give the second of the first silence."""
    for now in range(start, stop):
        for slab in alive:
            pulse.beat(slab)
        if pulse.listen(now):
            return [now, *pulse.listen(now)]
    return []


def test_a_worker_that_is_silent_beyond_the_limit_is_found_and_no_other():
    pulse = Pulse(4, 10)
    pulse.listen(0)
    for slab in range(4):
        pulse.begin(slab)
    assert listen(pulse, 1, 60, alive=(0, 1, 3)) == [11, 2]


def test_a_worker_that_is_new_has_its_time():
    pulse = Pulse(2, 10)
    assert listen(pulse, 0, 9, (0,)) == []
    pulse.begin(1)
    assert listen(pulse, 9, 18, (0,)) == []
    assert listen(pulse, 18, 30, (0,))[1:] == [1]


def test_a_word_now_and_then_is_enough():
    pulse = Pulse(2, 10)
    for start in range(0, 90, 9):
        assert listen(pulse, start, start + 8, (0,)) == []
        pulse.beat(1)
        assert listen(pulse, start + 8, start + 9, (0,)) == []


def test_time_in_which_the_supervisor_stood_still_does_not_count():
    """A laptop was closed, a container paused, a job stopped with Ctrl-Z: nobody could have said anything."""
    pulse = Pulse(2, 10)
    pulse.listen(0)
    pulse.begin(1)
    assert pulse.listen(1) == []
    assert pulse.listen(3600) == []
    assert pulse.listen(7200) == []


def test_what_another_process_says_is_heard():
    pulse = Pulse(2, 10)
    pulse.listen(0)
    for now in range(1, 30):
        if os.fork() == 0:
            pulse.beat(1)
            os._exit(0)
        os.wait()
        pulse.beat(0)
        assert pulse.listen(now) == []
