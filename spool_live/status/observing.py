"""Reads the databases with a handful of indexed queries. A backlog does not make them slower."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connections
from django.db.models import Count, Max, Q

from spool_live.models import (
    AlertNotice,
    DeliveryCircuit,
    Heartbeat,
    OutboxEntry,
    Site,
    SiteDelivery,
)
from spool_live.muting import is_muted
from spool_live.outbox import circuit, coalescing
from spool_live.sql import read_sql
from spool_live.status.states import Activity

SAMPLE = 2_000
"""How many pending updates are read at most: those that are next, the oldest among them."""


@dataclass(slots=True)
class Waiting:
    """The pending updates of a site that were read."""

    count: int = 0
    oldest: datetime | None = None
    """When the oldest of them became due: a declared coalescing window is not a delay."""

    def add(self, due: datetime) -> None:
        """Count an update that could be delivered from ``due`` on."""
        self.count += 1
        self.oldest = due if self.oldest is None else min(self.oldest, due)


@dataclass(slots=True)
class Dead:
    """The dead updates of a site that were read."""

    count: int = 0
    since: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of one content database at ``now``."""

    using: str
    now: datetime
    heartbeats: dict[str, Activity] = field(default_factory=dict)
    outage: DeliveryCircuit | None = None
    waiting: dict[uuid.UUID, Waiting] = field(default_factory=dict)
    is_all_of_it: bool = True
    """Whether ``waiting`` holds every pending update."""
    dead: dict[uuid.UUID, Dead] = field(default_factory=dict)
    held_up: dict[uuid.UUID, SiteDelivery] = field(default_factory=dict)
    """Sites that wait for a retry, or whose mirror is refused."""
    names: dict[uuid.UUID, str] = field(default_factory=dict)
    is_muted: bool = False
    """Whether this process runs tests, and so sends nothing by itself."""


def observe(using: str, now: datetime) -> Observation:
    """Read the content database ``using``. Raises ``DatabaseError`` where it does not answer."""
    waiting, is_all_of_it = _waiting(using)
    dead = _dead(using)
    troubled = Q(retry_at__isnull=False) | ~Q(mirror_error="")
    held_up = {site.pk: site for site in SiteDelivery.objects.using(using).filter(troubled)}
    return Observation(
        using=using,
        now=now,
        heartbeats=_heartbeats(using),
        outage=circuit.outage(using),
        waiting=waiting,
        is_all_of_it=is_all_of_it,
        dead=dead,
        held_up=held_up,
        names=_names(using, {*waiting, *dead, *held_up}),
        is_muted=is_muted(),
    )


def unsent_notices(using: str) -> list[str]:
    """Return a sentence for each channel that does not take its alert notices."""
    tried = AlertNotice.objects.using(using).filter(sent_at=None, attempts__gt=0).exclude(error="")
    by_channel = tried.values("channel").order_by("channel")
    found = by_channel.annotate(count=Count("pk"), reason=Max("error"))
    return [
        f"{row['count']} alert notice(s) could not be sent by {row['channel']} yet, and are tried "
        f"again: {row['reason']}."
        for row in found
    ]


def _heartbeats(using: str) -> dict[str, Activity]:
    return {
        row.part: Activity(
            using=using,
            part=row.part,
            at=row.at,
            active_since=row.active_since,
            succeeded_at=row.succeeded_at,
            failing_since=row.failing_since,
            error=row.error,
            detail=row.detail,
        )
        for row in Heartbeat.objects.using(using).all()
    }


def _waiting(using: str) -> tuple[dict[uuid.UUID, Waiting], bool]:
    windows = coalescing.windows()
    found: defaultdict[uuid.UUID, Waiting] = defaultdict(Waiting)
    rows = _next_updates(using)
    for site_id, collection, event_type, timestamp in rows:
        window = windows.get(collection, timedelta(0))
        may_wait = event_type == coalescing.UPDATED
        found[site_id].add(timestamp + window if may_wait else timestamp)
    share = max(1, SAMPLE // max(1, len(found)))
    is_all_of_it = all(waiting.count < share for waiting in found.values())
    return dict(found), is_all_of_it and len(rows) < SAMPLE


def _next_updates(using: str) -> list[tuple[uuid.UUID, str, str, datetime]]:
    """Return site, collection, event type and time of the updates that are next.

    The oldest of each site are among them.
    """
    if connections[using].vendor == "postgresql":
        with connections[using].cursor() as cursor:
            cursor.execute(read_sql("status/waiting"), {"sample": SAMPLE})
            rows: list[tuple[uuid.UUID, str, str, datetime]] = cursor.fetchall()
            return rows
    pending = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.PENDING)
    columns = ("site_id", "collection", "event_type", "timestamp")
    return list(pending.order_by("id").values_list(*columns)[:SAMPLE])


def _dead(using: str) -> dict[uuid.UUID, Dead]:
    entries = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.DEAD).order_by("id")
    found: defaultdict[uuid.UUID, Dead] = defaultdict(Dead)
    columns = ("site_id", "settled_at", "timestamp", "last_error")
    for site_id, settled_at, timestamp, reason in entries.values_list(*columns)[:SAMPLE]:
        dead = found[site_id]
        since = settled_at or timestamp
        dead.count += 1
        dead.since = since if dead.since is None else min(dead.since, since)
        dead.reason = reason
    return dict(found)


def _names(using: str, site_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    wanted = list(site_ids)
    if not wanted:
        return {}
    sites = Site.objects.using(using).filter(pk__in=wanted)
    return dict(sites.values_list("pk", "name"))
