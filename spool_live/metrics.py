"""Metrics for Prometheus, read from the databases: the same for every process and host.

``LiveCollector`` can be registered with a registry of the project's own; the endpoint ``metrics/``
uses a registry that holds nothing else. It reads a table, so it needs no multiprocess mode, and is
correct in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from spool_live import counts, status
from spool_live.status import Kind, State, Status, Totals
from spool_live.supabase.databases import content_databases
from spool_live.throttling import counters

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class LiveCollector(Collector):
    """A collector of all that spool_live measures. A scrape costs a handful of indexed queries."""

    def describe(self) -> Iterable[Metric]:
        """Return no metrics, so that registering this collector does not query the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of the state, and of each content database that answers."""
        now = timezone.now()
        found = status.current()
        unanswered = {p.using for p in found.problems if p.kind is Kind.DATABASE}
        answering = [using for using in content_databases() if using not in unanswered]
        yield from _state(found, now)
        yield from _totals({using: status.of_database(using, now) for using in answering}, now)
        yield from _counts([counts.read(using) for using in answering])
        yield GaugeMetricFamily(
            "spool_live_throttle_degraded",
            "1 while this process throttles by itself, because the cache does not answer.",
            value=float(counters.degraded),
        )


def render() -> bytes:
    """Return the Prometheus text of all metrics."""
    registry = CollectorRegistry()
    registry.register(LiveCollector())
    return generate_latest(registry)


def _state(found: Status, now: datetime) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "spool_live_state", "1 for the state that the system is in, 0 for others.", labels=["state"]
    )
    for each in State:
        state.add_metric([each.value], float(each is found.state))
    yield state
    problems = GaugeMetricFamily(
        "spool_live_problems", "What keeps updates from arriving, by kind.", labels=["kind"]
    )
    for kind in Kind:
        number = sum(problem.kind is kind for problem in found.problems)
        problems.add_metric([kind.value], number)
    yield problems
    ages = GaugeMetricFamily(
        "spool_live_heartbeat_age_seconds",
        "Age of each part's last activity.",
        labels=["database", "part"],
    )
    for part in found.parts:
        ages.add_metric([part.using, part.part], (now - part.at).total_seconds())
    yield ages
    connected = GaugeMetricFamily(
        "spool_live_realtime_connections",
        "Clients connected to Realtime, where that can be known.",
        labels=["database"],
    )
    for part in found.parts:
        clients = status.connections_of(part, now)
        if clients is not None:
            connected.add_metric([part.using], clients)
    yield connected


def _totals(totals: Mapping[str, Totals], now: datetime) -> Iterator[Metric]:
    gauges = {
        "outbox_entries": ("Updates that wait or were refused permanently.", "state"),
        "outbox_oldest_pending_seconds": ("Age of the oldest waiting update.", None),
        "sites_held_up": ("Sites whose delivery waits for a retry.", None),
        "sites_mirror_pending": ("Sites with key changes on their way to Supabase.", None),
        "api_keys": ("API keys by state.", "state"),
        "failed_authentications_last_hour": ("Failed authentications by reason.", "reason"),
    }
    for name, (text, label) in gauges.items():
        labels = ["database", *([label] if label else [])]
        family = GaugeMetricFamily(f"spool_live_{name}", text, labels=labels)
        for using, found in totals.items():
            for value, number in _samples(name, found, now):
                family.add_metric([using, *([value] if label else [])], number)
        yield family


def _samples(name: str, totals: Totals, now: datetime) -> Iterable[tuple[str, float]]:
    oldest = (now - totals.oldest).total_seconds() if totals.oldest else 0.0
    found: dict[str, Mapping[str, float]] = {
        "outbox_entries": totals.entries,
        "outbox_oldest_pending_seconds": {"": oldest},
        "sites_held_up": {"": totals.sites_held_up},
        "sites_mirror_pending": {"": totals.sites_mirror_pending},
        "api_keys": totals.api_keys,
        "failed_authentications_last_hour": totals.failed_authentications,
    }
    return found[name].items()


def _counts(series: Iterable[Mapping[counts.Key, float]]) -> Iterator[Metric]:
    added: dict[counts.Key, float] = {}
    for one in series:
        for key, value in one.items():
            added[key] = added.get(key, 0.0) + value
    for metric in counts.METRICS:
        yield _histogram(metric, added) if metric.buckets else _counter(metric, added)


def _counter(metric: counts.Metric, series: Mapping[counts.Key, float]) -> Metric:
    if not metric.labels:
        value = series.get((metric.name, ""), 0.0)
        return CounterMetricFamily(metric.name, metric.help, value=value)
    family = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    for (name, text), value in sorted(series.items()):
        if name == metric.name:
            labels = counts.labels_of(text)
            family.add_metric([labels.get(label, "") for label in metric.labels], value)
    return family


def _histogram(metric: counts.Metric, series: Mapping[counts.Key, float]) -> Metric:
    found = {
        counts.labels_of(text)["le"]: value
        for (name, text), value in series.items()
        if name == f"{metric.name}_bucket"
    }
    buckets, cumulative = [], 0.0
    for bound in [*(f"{bound:g}" for bound in metric.buckets), "+Inf"]:
        cumulative += found.get(bound, 0.0)
        buckets.append((bound, cumulative))
    total = series.get((f"{metric.name}_sum", ""), 0.0)
    return HistogramMetricFamily(metric.name, metric.help, buckets=buckets, sum_value=total)
