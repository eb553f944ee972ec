"""Whether the workers live: one that hangs is alive to the kernel, and its clients would wait for ever.

Each worker counts up a number of its own while its event loop turns and its threads get on. The supervisor looks
whether the numbers change. So nothing is sent, and no side can block the other; a worker that is only busy counts on,
for the loop gets its turn beside the threads that compute.
"""

from __future__ import annotations

import mmap

_STILL = 2.0  # seconds: if two looks lie further apart, it is the supervisor, or all of us, that stood still


class Pulse:
    """Numbers in a shared map, one for each process, which alone writes it.

    Parameters
    ----------
    slabs
        How many processes there are.
    limit
        Seconds that a worker may be silent.
    """

    def __init__(self, slabs: int, limit: float) -> None:
        self._cells = memoryview(mmap.mmap(-1, slabs * 8)).cast("q")
        self._limit = limit
        self._heard = list(self._cells)
        self._silent = [0.0] * slabs
        self._looked = 0.0

    def beat(self, slab: int) -> None:
        """Say that this worker lives."""
        self._cells[slab] += 1

    def begin(self, slab: int) -> None:
        """Note that there is a new worker, which has its time to say its first word."""
        self._silent[slab] = 0.0

    def listen(self, now: float) -> list[int]:
        """Look at all of them, every second or so; give the slabs that have been silent for too long.

        Only the time between looks counts: after a machine has slept, or all processes have been stopped and go on,
        nobody is late.
        """
        passed, self._looked = min(now - self._looked, _STILL), now
        for slab, beats in enumerate(self._cells):
            self._silent[slab] = self._silent[slab] + passed if beats == self._heard[slab] else 0.0
            self._heard[slab] = beats
        return [slab for slab, silent in enumerate(self._silent) if silent > self._limit]
