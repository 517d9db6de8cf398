"""What the system looks like in numbers, read from the databases: the same for every process.

Text format: Prometheus exposition format 0.0.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from spool_live import status
from spool_live.supabase.databases import content_databases
from spool_live.throttling import counters

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Gauge:
    """One metric: its name, what it tells, and its samples (labels and value)."""

    name: str
    help: str
    samples: list[tuple[dict[str, str], float]] = field(default_factory=list)


def collect(now: datetime | None = None) -> list[Gauge]:
    """Every metric, over all content databases. A handful of indexed queries each."""
    moment = now or timezone.now()
    gauges = [
        Gauge("spool_live_outbox_entries", "Updates that wait for delivery or were refused."),
        Gauge("spool_live_outbox_oldest_pending_seconds", "Age of the oldest waiting update."),
        Gauge("spool_live_sites_held_up", "Sites whose delivery waits for a retry."),
        Gauge(
            "spool_live_sites_mirror_pending", "Sites with key changes Supabase has not heard of."
        ),
        Gauge("spool_live_api_keys", "API keys by state."),
        Gauge("spool_live_failed_authentications_last_hour", "Failed authentications by reason."),
    ]
    for using in content_databases():
        for gauge, samples in zip(gauges, _samples(using, moment), strict=True):
            gauge.samples.extend(({"database": using, **labels}, n) for labels, n in samples)
    found = status.current()
    state = Gauge("spool_live_state", "1 for the state that the system is in, 0 for the others.")
    state.samples.extend(({"state": s.value}, float(s is found.state)) for s in status.State)
    problems = Gauge("spool_live_problems", "What keeps updates from arriving, by kind.")
    for kind in status.Kind:
        number = sum(problem.kind is kind for problem in found.problems)
        problems.samples.append(({"kind": kind.value}, float(number)))
    heartbeats = Gauge("spool_live_heartbeat_age_seconds", "Age of each part's last activity.")
    for part in found.parts:
        labels = {"database": part.using, "part": part.part}
        heartbeats.samples.append((labels, (moment - part.at).total_seconds()))
    dead_cache = Gauge(
        "spool_live_throttle_degraded", "1 while this process throttles by itself: dead cache."
    )
    dead_cache.samples.append(({}, float(counters.degraded)))
    return [*gauges, state, problems, heartbeats, dead_cache]


def render(gauges: Iterable[Gauge]) -> str:
    """The Prometheus text of ``gauges``."""
    return "".join(line + "\n" for gauge in gauges for line in _lines(gauge))


def _samples(using: str, now: datetime) -> Iterator[list[tuple[dict[str, str], float]]]:
    totals = status.of_database(using, now)
    yield [({"state": state}, number) for state, number in totals.entries.items()]
    yield [({}, (now - totals.oldest).total_seconds() if totals.oldest else 0.0)]
    yield [({}, totals.sites_held_up)]
    yield [({}, totals.sites_mirror_pending)]
    yield [({"state": state}, number) for state, number in totals.api_keys.items()]
    yield [({"reason": reason}, n) for reason, n in totals.failed_authentications.items()]


def _lines(gauge: Gauge) -> Iterator[str]:
    yield f"# HELP {gauge.name} {gauge.help}"
    yield f"# TYPE {gauge.name} gauge"
    for labels, value in gauge.samples:
        inside = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
        yield f"{gauge.name}{{{inside}}} {value:g}" if inside else f"{gauge.name} {value:g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
