"""The lease: the right of one claim to work on sites, for a limited time."""

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
"""The order in which the entries of one site are delivered: numbered ones first. A transaction may
commit late, so an entry with a lower id may become visible after others were numbered; a retry of
those still goes first."""
ROW_BYTES = 300
"""Approximate size of an update in a request, without its metadata."""
FEW = 10
"""A site with at most so many entries joins a batch that is already full, so that it does not wait
for the backlogs of other sites."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What a claim writes on the sites that it takes: its token, and until when it holds them."""

    using: str
    token: uuid.UUID
    now: datetime
    until: datetime
    alone: uuid.UUID | None = None
    """The one site to be claimed; ``None`` for any."""
    start: uuid.UUID = field(default_factory=uuid.uuid4)
    """Sites are tried in the order of their ids: first those above this id, then the others."""


@dataclass(frozen=True, slots=True)
class ClaimedSite:
    """A leased site, as it was after its entries were taken."""

    site_id: uuid.UUID
    failures: int
    """How often its delivery failed in a row."""
    is_deleted: bool
    """Whether the site does not exist any more."""
    is_behind: bool
    """Whether the site must be mirrored to the Supabase database before its next update is sent."""


def is_free(now: datetime) -> Q:
    """Return the condition on ``SiteDelivery`` for sites that are not leased and wait for no
    retry."""
    farthest_lease, farthest_retry = farthest(now)
    leased = Q(leased_until__gt=now, leased_until__lte=farthest_lease)
    waits = Q(retry_at__gt=now, retry_at__lte=farthest_retry)
    return ~leased & ~waits


def farthest(now: datetime) -> tuple[datetime, datetime]:
    """Return the latest times at which a lease and a retry that are valid at ``now`` can end.

    A time further ahead was written before the clock was set back, and is ignored.
    """
    settings = live_settings()
    return now + 2 * settings.delivery_lease, now + settings.retry_max + ASKED_MAX


def statement(name: str, *, alone: bool = False) -> str:
    """Return a statement of the outbox for PostgreSQL, with its fragments filled in.

    ``alone`` selects the variant for a single site. The condition for updates that wait to be
    coalesced is left out if no collection has a window: the statement is much cheaper to plan then.
    """
    waits = any(coalescing.windows().values())
    parts = {
        "{walk}": read_sql("outbox/alone" if alone else "outbox/walk"),
        "{held}": read_sql("outbox/held") if waits else "",
    }
    text = read_sql(f"outbox/{name}")
    for place, part in parts.items():
        text = text.replace(place, part)
    return text
