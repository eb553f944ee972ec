"""Workers share connections evenly, and none waits for one that is gone."""

from __future__ import annotations

import os

import pytest

from communique.service.balance import Balance


def share(balance: Balance, workers: list[int], connections: int) -> dict[int, int]:
    """Let workers take connections one after another, the first who may."""
    has = dict.fromkeys(workers, 0)
    for worker in workers:
        balance.tell(worker, 0)
    for _ in range(connections):
        taker = next(worker for worker in workers if balance.has_room(worker))
        has[taker] += 1
        balance.tell(taker, has[taker])
    return has


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
@pytest.mark.parametrize("connections", [1, 2, 7, 8, 64, 1000])
def test_somebody_may_always_take_the_next_one_and_all_get_their_share(workers, connections):
    has = share(Balance(workers + 1), list(range(1, workers + 1)), connections).values()
    assert max(has) - min(has) <= 1 + min(has) // 8


def test_nobody_waits_for_who_has_left_or_never_came():
    balance = Balance(4)
    balance.tell(1, 100)
    assert balance.has_room(1)
    balance.tell(2, 3)
    assert not balance.has_room(1)
    balance.leave(2)
    assert balance.has_room(1)


def test_what_another_process_says_is_heard():
    balance = Balance(3)
    balance.tell(1, 5)
    child = os.fork()
    if child == 0:
        balance.tell(2, 2)
        os._exit(0)
    os.waitpid(child, 0)
    assert balance.told() == (0, 6, 3)
    assert not balance.has_room(1)
    assert balance.has_room(2)
