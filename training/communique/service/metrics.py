r"""Counters of several processes, shown together in Prometheus' text format.

The numbers lie in one anonymous shared map that the workers inherit. Each process writes to a slab of its own, so no
count is lost and nothing is locked between processes; whoever is asked adds the slabs up. A worker that takes a dead
one's place takes over its slab, and counters never fall. prometheus-client does the same with files in a folder, which
a read-only service has no place for, and which stay behind for every process that died.

A slab is a row of doubles: how many are used, then records of three parts: the length of the name in doubles and the
number of values, the name, the values.
"""

from __future__ import annotations

import mmap
import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from communique.service.shelf import Served

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds

_SLAB = 1 << 14  # doubles: some 800 series
_HELP = {
    "communique_requests_total": "Requests, by route and status.",
    "communique_request_seconds": "Time from the head of a request to the end of its answer, by route.",
    "communique_statements_total": "Statements classified, by model and label (empty: no text).",
    "communique_abstentions_total": "Statements on which the model abstained.",
    "communique_reloads_total": "New model versions met, by result.",
    "communique_worker_restarts_total": "Workers that died and were replaced.",
    "communique_worker_hangs_total": "Workers that hung, and were ended to be replaced.",
    "communique_model_info": "The models at work.",
}


class Metrics:
    """Counts in the slab of this process; see `use`.

    Parameters
    ----------
    slabs
        How many processes will count at the same time.
    """

    def __init__(self, slabs: int = 1) -> None:
        self._slabs = slabs
        self._cells = memoryview(mmap.mmap(-1, slabs * _SLAB * 8)).cast("d")
        self.use(0)

    def use(self, slab: int) -> None:
        """Count in this slab from now on; what it holds already stays."""
        self._start = slab * _SLAB
        self._places = {name: place for name, place, _ in self._records(slab)}
        self._routes: dict[tuple[str, int], tuple[int, int]] = {}
        self._lock = threading.Lock()

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that has been answered."""
        with self._lock:
            places = self._routes.get((route, status))
            if places is None:
                labels = {"route": route, "status": str(status)}
                places = self._routes[route, status] = (
                    self._place(_series("communique_requests_total", labels)),
                    self._place(_series("communique_request_seconds", {"route": route}), len(BOUNDS) + 2),
                )
            cells, (count, times) = self._cells, places
            if count < 0 or times < 0:
                return
            cells[count] += 1
            cells[times] += seconds
            cells[times + 1 + bisect_left(BOUNDS, seconds)] += 1

    def statements(self, model: str, labels: Mapping[str, int], abstained: int = 0) -> None:
        """Count statements by the label they were given."""
        for label, number in labels.items():
            self.add("communique_statements_total", {"model": model, "label": label}, number)
        if abstained:
            self.add("communique_abstentions_total", {"model": model}, abstained)

    def reload(self, *, refused: bool) -> None:
        """Count a new model version."""
        self.add("communique_reloads_total", {"result": "refused" if refused else "ok"})

    def add(self, name: str, labels: Mapping[str, str], number: float = 1) -> None:
        """Count something; beyond what a slab holds, new series are not kept."""
        with self._lock:
            place = self._place(_series(name, labels))
            if place >= 0:
                self._cells[place] += number

    def render(self, served: Iterable[Served] = ()) -> bytes:
        """Write all of it in Prometheus' text format 0.0.4."""
        totals: dict[str, list[float]] = {
            _series("communique_reloads_total", {"result": result}): [0.0] for result in ("ok", "refused")
        }
        for slab in range(self._slabs):
            for name, place, width in self._records(slab):
                values = list(self._cells[place : place + width])
                before = totals.get(name)
                totals[name] = values if before is None else [a + b for a, b in zip(before, values, strict=True)]
        for model in served:
            labels = {"model": model.name, "version": model.version, "sha256": model.sha256}
            totals[_series("communique_model_info", labels)] = [1.0]
        lines, family = [], ""
        for name in sorted(totals):
            plain, _, labels_text = name.partition("{")
            if plain != family:
                family = plain
                kind = "histogram" if plain.endswith("_seconds") else "counter" if plain.endswith("_total") else "gauge"
                lines += [f"# HELP {plain} {_HELP[plain]}", f"# TYPE {plain} {kind}"]
            lines += _lines(plain, labels_text.rstrip("}"), totals[name])
        return ("\n".join(lines) + "\n").encode()

    def _place(self, name: str, width: int = 1) -> int:
        """Find the first value of a series, -1 if there is no room for it."""
        place = self._places.get(name)
        if place is None:
            letters = name.encode()
            length = -(-len(letters) // 8)
            used = 1 + int(self._cells[self._start])
            if used + 2 + length + width > _SLAB:
                return -1
            at = self._start + used
            self._cells[at] = length
            self._cells[at + 1] = width
            self._cells.cast("B")[(at + 2) * 8 : (at + 2) * 8 + len(letters)] = letters
            place = self._places[name] = at + 2 + length
            self._cells[self._start] = used - 1 + 2 + length + width  # last: a reader never sees half a record
        return place

    def _records(self, slab: int) -> Iterable[tuple[str, int, int]]:
        start = slab * _SLAB
        at, end = start + 1, start + 1 + int(self._cells[start])
        letters = self._cells.cast("B")
        while at < end:
            length, width = int(self._cells[at]), int(self._cells[at + 1])
            name = bytes(letters[(at + 2) * 8 : (at + 2 + length) * 8]).rstrip(b"\0").decode()
            yield name, at + 2 + length, width
            at += 2 + length + width


def _series(name: str, labels: Mapping[str, str]) -> str:
    return name + "{" + ",".join(f'{label}="{_escape(value)}"' for label, value in labels.items()) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n").replace("\0", "")


def _lines(name: str, labels: str, values: list[float]) -> Iterable[str]:
    if not name.endswith("_seconds"):
        yield f"{name}{{{labels}}} {_number(values[0])}"
        return
    below = 0.0
    for bound, count in zip((*BOUNDS, "+Inf"), values[1:], strict=True):
        below += count
        yield f'{name}_bucket{{{labels},le="{bound}"}} {_number(below)}'
    yield f"{name}_sum{{{labels}}} {values[0]!r}"
    yield f"{name}_count{{{labels}}} {_number(below)}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
