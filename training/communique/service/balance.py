"""How many connections each worker has: so that none takes more than its share from the socket they wait at.

The kernel wakes all workers for a new connection and gives it to the one that comes first. While one computes, the
other would take all that come, and later compute while the first has nothing to do.
"""

from __future__ import annotations

import mmap

_SLACK = 8  # a worker may have an eighth more than the one with the fewest: nothing where a single one matters


class Balance:
    """Numbers in a shared map, one for each worker, who alone writes it; zero while it takes no connections.

    Parameters
    ----------
    slabs
        How many processes there are.
    """

    def __init__(self, slabs: int) -> None:
        self._cells = memoryview(mmap.mmap(-1, slabs * 8)).cast("q")

    def tell(self, slab: int, connections: int) -> None:
        """Say that a worker takes connections, and how many it has."""
        self._cells[slab] = connections + 1

    def leave(self, slab: int) -> None:
        """Say that a worker takes none, or is no more: the others need not wait for it."""
        self._cells[slab] = 0

    def has_room(self, slab: int) -> bool:
        """Tell whether it is this worker's turn: it has hardly more than the one with the fewest."""
        told = self.told()
        fewest = min((number for number in told if number), default=told[slab]) - 1
        return told[slab] - 1 <= fewest + fewest // _SLACK

    def told(self) -> tuple[int, ...]:
        """Give what stands there now: of each process the number and one more, or zero."""
        return tuple(self._cells)
