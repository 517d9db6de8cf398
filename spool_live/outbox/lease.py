"""The lease: which sites a claim may work on, and nobody else until it ends."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F, Q

from spool_live.backoff import ASKED_MAX
from spool_live.conf import live_settings
from spool_live.outbox import coalescing
from spool_live.sql import read_sql

DELIVERY_ORDER = (F("seq").asc(nulls_last=True), "id")
"""The order of one site's entries. What has a number goes before what has none, however late a
transaction commits: a retry keeps its place in front of entries with lower ids that were not
visible when it was numbered."""
ROW_BYTES = 300
"""About what an update takes on the wire beside its metadata."""
FEW = 10
"""A site with so few entries goes beside a full batch: it does not wait for others' backlogs."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What a claim writes on the sites it takes: its token, and until when they are its own."""

    using: str
    token: uuid.UUID
    now: datetime
    until: datetime
    alone: uuid.UUID | None = None
    """The only site that is asked for, if it is one."""
    start: uuid.UUID = field(default_factory=uuid.uuid4)
    """The sites are looked at in the order of their ids, from the first one above this, and round
    to it."""


@dataclass(frozen=True, slots=True)
class ClaimedSite:
    """A leased site, as it was once its entries were taken.

    ``failures``: how often its delivery failed in a row. ``is_gone``: it does not exist any more.
    ``is_behind``: the site has to be mirrored to the Supabase database before its next update goes.
    """

    site_id: uuid.UUID
    failures: int
    is_gone: bool
    is_behind: bool


def is_free(now: datetime) -> Q:
    """Return the condition on ``SiteDelivery``: no lease is held on the site, and no retry waited
    for."""
    farthest_lease, farthest_retry = farthest(now)
    leased = Q(leased_until__gt=now, leased_until__lte=farthest_lease)
    waits = Q(retry_at__gt=now, retry_at__lte=farthest_retry)
    return ~leased & ~waits


def farthest(now: datetime) -> tuple[datetime, datetime]:
    """Return where a lease and a retry end at the latest: what is further ahead is from before the
    clock was set back, and holds nothing up."""
    settings = live_settings()
    return now + 2 * settings.delivery_lease, now + settings.retry_max + ASKED_MAX


def statement(name: str, *, alone: bool = False) -> str:
    """Return the SQL of the outbox for PostgreSQL, its parts put in. Without a window in which
    updates wait for others it is much cheaper to plan."""
    waits = any(coalescing.windows().values())
    parts = {
        "{walk}": read_sql("outbox/alone" if alone else "outbox/walk"),
        "{held}": read_sql("outbox/held") if waits else "",
    }
    text = read_sql(f"outbox/{name}")
    for place, part in parts.items():
        text = text.replace(place, part)
    return text
