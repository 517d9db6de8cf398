"""The proof on the running services, with real keys, tokens, sockets and updates.

First, subscribers join with a key that is then revoked. Afterwards all others join, on the topic of
the new epoch. Then updates of both sites are written, and what arrived is judged. The probe sites
are removed in the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from spool_live import keys
from spool_live.isolation.live.cases import cases, leaving_cases
from spool_live.isolation.live.sites import Deliverer, ProbeSite, probe_sites
from spool_live.isolation.live.subscribers import MISSING_PARTITION, ProbeSubscriber, Subscribers
from spool_live.keys.trail import Origin, acting

ROUNDS = 3
GRACE = 1.0
"""Seconds to wait for updates that must not arrive."""


@dataclass(frozen=True)
class LiveResult:
    """What one subscriber received. ``latency`` is the median from commit to arrival, in
    milliseconds."""

    case: str
    expected: str
    state: str
    received: str
    latency: float | None
    ok: bool
    remedy: str = ""

    def as_row(self) -> dict[str, Any]:
        """Return the result as a row of a table, or as a JSON object."""
        return {
            "ok": "ok" if self.ok else "FAILED",
            "subscriber": self.case,
            "expected": self.expected,
            "join": self.state,
            "received": self.received,
            "latency_ms": None if self.latency is None else round(self.latency, 1),
            "remedy": self.remedy,
        }


@dataclass
class LiveReport:
    """The results of all subscribers, and the problems of the delivery itself."""

    results: list[LiveResult] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every subscriber received exactly the updates of its own site."""
        return not self.troubles and bool(self.results) and all(r.ok for r in self.results)


def verify_live(
    request_token: Callable[[str], dict[str, Any]],
    deliverer: Deliverer,
    *,
    progress: Callable[[str], None] = lambda stage: None,
) -> LiveReport:
    """Prove that each subscriber receives its own site's updates, and no others.

    ``request_token`` exchanges the plain text of a key for the answer of ``POST token/``. Its
    errors, and interrupts, are raised after the probe sites are removed. ``progress`` is called
    with a description of each step.
    """
    report = LiveReport()
    with probe_sites(deliverer, progress) as (one, other):
        sites = [one, other]
        progress("sending two sites to Supabase")
        if not deliverer.deliver(sites):
            report.troubles.append("The sites did not reach Supabase: run manage.py live_status.")
            return report
        leaving = request_token(one.plain["leaving"])
        with Subscribers(
            leaving["supabase_url"], leaving["supabase_key"], deliverer, progress
        ) as group:
            progress("joining with a key that will be revoked")
            revoked = group.join(list(leaving_cases(one, leaving)))
            _write(deliverer, [one], "warm-up")
            deliverer.wait_until(lambda: all("A warm-up" in s.arrived for s in revoked))
            report.results += [_before_revocation(s) for s in revoked]

            progress("revoking the key, and joining as all other subscribers")
            with acting(Origin.PROBE):
                keys.revoke_key(one.keys["leaving"])
            deliverer.deliver(sites)
            own, others = (request_token(p.plain["own"]) for p in sites)
            rest = group.join(list(cases(one, other, own, others, leaving["token"])))
            one.written.clear()

            progress("writing to both sites")
            for number in range(ROUNDS):
                _write(deliverer, sites, str(number))
            entitled = [s for s in rest if s.case.own is not None]
            deliverer.wait_until(lambda: all(_complete(s) for s in entitled))
            time.sleep(GRACE)
            report.results += [_judge(s, one, other) for s in [*revoked, *rest]]
    if deliverer.workers and not deliverer.workers_answered:
        report.troubles.append(
            "No worker delivered in time, so this process did: start Celery with its beat, or pass "
            "--no-worker if there is none on purpose."
        )
    return report


def _write(deliverer: Deliverer, sites: list[ProbeSite], text: str) -> None:
    for name, probe in zip("AB", sites, strict=False):
        probe.write(f"{name} {text}")
    deliverer.deliver(sites)


def _complete(subscriber: ProbeSubscriber) -> bool:
    own = subscriber.case.own
    return own is not None and set(own.written) <= set(subscriber.arrived)


def _before_revocation(subscriber: ProbeSubscriber) -> LiveResult:
    """Return the result of a subscriber before its key was revoked. Only if it received an update
    then, receiving nothing afterwards proves something."""
    received = "A warm-up" in subscriber.arrived
    subscriber.arrived.pop("A warm-up", None)
    return LiveResult(
        case=f"{subscriber.case.name}: before the revocation",
        expected="1 of A",
        state=subscriber.state,
        received="1 of A" if received else "nothing",
        latency=None,
        ok=received,
        remedy="" if received else _silent(subscriber),
    )


def _judge(subscriber: ProbeSubscriber, one: ProbeSite, other: ProbeSite) -> LiveResult:
    own = subscriber.case.own
    arrived = subscriber.arrived
    expected = set(own.written) if own else set()
    moments = {**one.written, **other.written}
    latencies = sorted((arrived[slug] - moments[slug]) * 1000 for slug in expected & set(arrived))
    leaked = set(arrived) - expected
    remedy = ""
    if leaked:
        remedy = "It received updates that it must not receive: run manage.py verify_rls."
    elif expected - set(arrived):
        remedy = _silent(subscriber)
    return LiveResult(
        case=subscriber.case.name,
        expected=_counted(expected),
        state=subscriber.state,
        received=_counted(set(arrived)),
        latency=latencies[len(latencies) // 2] if latencies else None,
        ok=set(arrived) == expected,
        remedy=remedy,
    )


def _silent(subscriber: ProbeSubscriber) -> str:
    if MISSING_PARTITION in subscriber.state:
        return (
            "Realtime did not make a partition of realtime.messages for today, although a client "
            "is connected: see its log, and try again in a minute."
        )
    case = subscriber.case
    where = "realtime.messages" if case.topic else "the publication supabase_realtime"
    return (
        f"It did not receive all of its updates: check that {where} exists, and run "
        "manage.py live_setup."
    )


def _counted(slugs: set[str]) -> str:
    counts = {name: sum(slug.startswith(name) for slug in slugs) for name in "AB"}
    return ", ".join(f"{n} of {name}" for name, n in counts.items() if n) or "nothing"
