"""Counts: summed over processes, written beside everybody's work, bounded."""

from __future__ import annotations

import threading

import pytest
from django.db import connections

from spool_live import counts
from spool_live.counts import SECONDS, Metric
from spool_live.models import Counter

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_counted")]
THING = Metric("spool_live_things", "Things.", ("kind",))
TIME = Metric("spool_live_time_seconds", "Time.", buckets=SECONDS)


def test_counts_of_a_second_are_one_statement(django_assert_num_queries: object) -> None:
    for _ in range(100):
        counts.count(THING, kind="a")
        counts.count(THING, 2, kind="b")
    with django_assert_num_queries(1):  # type: ignore[operator]
        counts.write_now()
    counts.count(THING, kind="a")
    counts.write_now()
    assert counts.read("default") == {
        ("spool_live_things", '{"kind": "a"}'): 101,
        ("spool_live_things", '{"kind": "b"}'): 200,
    }


def test_nothing_is_no_row() -> None:
    counts.count(THING, 0, kind="a")
    counts.observe(TIME, [])
    counts.write_now()
    assert not Counter.objects.exists()


def test_histogram_puts_each_value_into_its_bucket() -> None:
    counts.observe(TIME, [0.05, 0.051, 299.0, 300.1, -1.0])
    counts.write_now()
    buckets = {
        counts.labels_of(labels)["le"]: value
        for (name, labels), value in counts.read("default").items()
        if name.endswith("_bucket")
    }
    assert buckets == {"0.05": 2, "0.1": 1, "300": 1, "+Inf": 1}
    assert counts.read("default")["spool_live_time_seconds_sum", ""] == pytest.approx(599.201, 1e-3)


@pytest.mark.django_db(transaction=True)
def test_processes_that_write_at_once_add_up() -> None:
    gate = threading.Barrier(6)

    def work(number: int) -> None:
        try:
            for _ in range(20):
                gate.wait()
                keys = [("x", "a"), ("x", "b"), ("x", "c")]
                counts._write(dict.fromkeys(reversed(keys) if number % 2 else keys, 1.0))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(counts.read("default").values()) == {120.0}


def test_every_metric_has_a_name_with_its_unit() -> None:
    for metric in counts.METRICS:
        assert metric.name.startswith("spool_live_")
        assert not metric.name.endswith("_total"), "the exposition adds it"
        assert bool(metric.buckets) == metric.name.endswith(("_seconds", "_batch_updates"))
