"""Counters of several processes add up, survive the death of one, and are what Prometheus reads."""

from __future__ import annotations

import os
import re
import threading

import pytest

from communique.service.metrics import BOUNDS, Metrics

LINE = re.compile(r'[a-z_]+(\{([a-z0-9_]+="(\\.|[^"\\\n])*",?)*\})? (-?[0-9.e+-]+|\+Inf|NaN)')


def value(metrics: Metrics, series: str) -> float:
    (line,) = [line for line in metrics.render().decode().splitlines() if line.startswith(series + " ")]
    return float(line.rpartition(" ")[2])


def test_every_line_is_a_series_or_a_remark():
    metrics = Metrics()
    metrics.request("/v1/classify", 200, 0.004)
    metrics.statements("small", {'a "quoted"\nlabel\\': 2, "ünïcode": 1, "": 1}, 1)
    metrics.reload(refused=True)
    for line in metrics.render().decode().removesuffix("\n").split("\n"):
        assert line.startswith(("# HELP ", "# TYPE ")) or LINE.fullmatch(line), line


def test_a_family_is_announced_once_before_its_series():
    metrics = Metrics()
    for route in ("/a", "/b"):
        metrics.request(route, 200, 0.1)
        metrics.request(route, 404, 0.1)
    text = metrics.render().decode()
    assert text.count("# TYPE communique_requests_total counter") == 1
    assert text.count("# TYPE communique_request_seconds histogram") == 1


def test_a_histogram_counts_every_request_in_its_buckets_and_above():
    metrics = Metrics()
    times = [0.0, 0.001, 0.0011, 0.3, 7.0, 99.0]
    for seconds in times:
        metrics.request("/r", 200, seconds)
    for bound in BOUNDS:
        below = sum(seconds <= bound for seconds in times)
        assert value(metrics, f'communique_request_seconds_bucket{{route="/r",le="{bound}"}}') == below
    assert value(metrics, 'communique_request_seconds_bucket{route="/r",le="+Inf"}') == len(times)
    assert value(metrics, 'communique_request_seconds_count{route="/r"}') == len(times)
    assert value(metrics, 'communique_request_seconds_sum{route="/r"}') == pytest.approx(sum(times))


def test_processes_add_up_and_a_successor_goes_on_where_the_dead_one_stopped():
    metrics = Metrics(3)
    for slab in (1, 2, 1):  # the third takes the place of the first
        child = os.fork()
        if child == 0:
            metrics.use(slab)
            for _ in range(100):
                metrics.request("/r", 200, 0.01)
                metrics.statements("small", {"none": 2}, 1)
            os.kill(os.getpid(), 9)
        os.waitpid(child, 0)
    metrics.reload(refused=False)
    assert value(metrics, 'communique_requests_total{route="/r",status="200"}') == 300
    assert value(metrics, 'communique_statements_total{model="small",label="none"}') == 600
    assert value(metrics, 'communique_abstentions_total{model="small"}') == 300
    assert value(metrics, 'communique_reloads_total{result="ok"}') == 1


def test_threads_lose_no_count():
    metrics = Metrics()

    def count() -> None:
        for _ in range(2000):
            metrics.add("communique_worker_restarts_total", {})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(metrics, "communique_worker_restarts_total{}") == 8000


def test_more_series_than_there_is_room_for_are_left_out_quietly():
    metrics = Metrics(2)
    for number in range(20_000):
        metrics.statements("small", {f"label {number}": 1})
        metrics.request(f"/{number}", 200, 0.1)
    assert value(metrics, 'communique_statements_total{model="small",label="label 0"}') == 1
    assert len(metrics.render()) < 1_000_000
