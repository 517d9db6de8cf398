"""Counters of delivery and of the HTTP API, summed over all processes and hosts.

Counts are kept in memory for a second; then a background thread adds them to a small table by one
statement, so that no request and no transaction waits for them. A process that is killed loses
that second. Names and units follow the conventions of Prometheus. The number of rows is bounded by
the labels below, none of which comes from a request.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter as Counted
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import connections, router

from spool_live.deferred import DeferredWrites
from spool_live.models import Counter
from spool_live.sql import read_sql

Key = tuple[str, str]
"""Name of a series, and its labels as canonical JSON."""
SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the buckets of durations, in seconds."""
SIZES = (1.0, 5.0, 10.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
"""Upper bounds of the buckets of batch sizes, in updates."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A counter, or a histogram where it has ``buckets`` (upper bounds, ascending)."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


UPDATES = Metric("spool_live_updates", "Updates that left the outbox, by outcome.", ("outcome",))
POSTPONED = Metric("spool_live_updates_postponed", "Attempts at updates that had to wait.")
DELIVERY = Metric(
    "spool_live_delivery_seconds", "From the edit to its row at Supabase.", buckets=SECONDS
)
BATCH = Metric("spool_live_batch_updates", "Updates in one batch.", buckets=SIZES)
REQUESTS = Metric(
    "spool_live_supabase_requests",
    "Calls to Supabase, by what was asked and by what it answered.",
    ("call", "outcome"),
)
REQUEST_SECONDS = Metric(
    "spool_live_supabase_request_seconds", "How long calls to Supabase took.", buckets=SECONDS
)
UNFORESEEN = Metric(
    "spool_live_unforeseen_errors",
    "Unexpected errors while updates are claimed, mirrored, sent or settled.",
    ("step",),
)
CLEANED = Metric("spool_live_cleaned_rows", "Rows that cleanup removed, by table.", ("table",))
TOKENS = Metric("spool_live_tokens", "Tokens that were minted.")
CATCH_UPS = Metric("spool_live_catch_ups", "Pages of catch-up, by status.", ("status",))
UNAUTHORIZED = Metric(
    "spool_live_failed_authentications", "Requests whose credentials failed.", ("reason",)
)
THROTTLED = Metric("spool_live_throttled_requests", "Requests answered with 429.", ("limit",))
WEBHOOKS = Metric("spool_live_webhooks", "Requests to webhook endpoints, by outcome.", ("outcome",))
WEBHOOK_SECONDS = Metric(
    "spool_live_webhook_seconds", "How long requests to webhook endpoints took.", buckets=SECONDS
)
METRICS = (
    UPDATES, POSTPONED, DELIVERY, BATCH, REQUESTS, REQUEST_SECONDS, UNFORESEEN, CLEANED, TOKENS,
    CATCH_UPS, UNAUTHORIZED, THROTTLED,
    WEBHOOKS, WEBHOOK_SECONDS,
)  # fmt: skip
"""Every metric that is kept in the table of counters."""


def count(metric: Metric, amount: float = 1, **labels: str) -> None:
    """Add ``amount`` to a counter. Returns at once."""
    if amount:
        _writes.add((metric.name, _canonical(labels)), float(amount))


def observe(metric: Metric, values: Iterable[float]) -> None:
    """Add ``values`` to a histogram. Returns at once."""
    found = list(values)
    for place, number in Counted(bisect_left(metric.buckets, value) for value in found).items():
        bound = f"{metric.buckets[place]:g}" if place < len(metric.buckets) else "+Inf"
        _writes.add((f"{metric.name}_bucket", _canonical({"le": bound})), float(number))
    if found:
        _writes.add((f"{metric.name}_sum", ""), sum(max(value, 0.0) for value in found))


def read(using: str) -> dict[Key, float]:
    """Return the value of every series on ``using``. Buckets are not cumulative."""
    rows = Counter.objects.using(using).values_list("name", "labels", "value")
    return {(name, labels): value for name, labels, value in rows}


def unforeseen(using: str) -> dict[str, int]:
    """Return how many unexpected errors there were on ``using``, by step, since counting began."""
    rows = Counter.objects.using(using).filter(name=UNFORESEEN.name).order_by("labels")
    return {
        labels_of(labels)["step"]: int(value)
        for labels, value in rows.values_list("labels", "value")
    }


def labels_of(text: str) -> dict[str, str]:
    """Return the labels of a series, from their canonical JSON."""
    found: dict[str, str] = json.loads(text) if text else {}
    return found


def write_now() -> None:
    """Write the counts that are kept in memory, on the calling thread."""
    _writes.write_now()


def forget() -> None:
    """Forget the counts that are kept in memory."""
    _writes.reset()


def _canonical(labels: Mapping[str, str]) -> str:
    return json.dumps(labels, sort_keys=True) if labels else ""


def _write(batch: Mapping[Key, float]) -> None:
    """Add the counts by one statement, in the order of the keys, so that two processes that write
    at the same time never deadlock."""
    using = router.db_for_write(Counter)
    rows = [(*key, value) for key, value in sorted(batch.items())]
    name = "add_mysql" if connections[using].vendor == "mysql" else "add"
    values = ", ".join(["(%s, %s, %s)"] * len(rows))
    with connections[using].cursor() as cursor:
        statement = read_sql(f"counters/{name}").replace("{values}", values)
        cursor.execute(statement, [field for row in rows for field in row])


_writes: DeferredWrites[Key, float] = DeferredWrites(_write, lambda held, more: held + more)
