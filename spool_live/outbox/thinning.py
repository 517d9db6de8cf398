"""Thinning: of a backlog too large for the rate, only the newest state of each item is broadcast.

The whole backlog is numbered at once, in order. An update whose item has a newer one is not
broadcast but left to catch-up: a client sees the gap in the numbers and asks for what it missed.
The rest is broadcast in the order of the numbers, as always. Only on PostgreSQL; on other databases
the whole backlog is broadcast in its order.
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime
from typing import Any

from django.db import connections

from spool_live.conf import live_settings
from spool_live.models import OutboxEntry
from spool_live.outbox import coalescing
from spool_live.outbox.lease import statement

logger = logging.getLogger(__name__)


def is_on(using: str) -> bool:
    """Return whether backlogs on ``using`` are thinned: there is a rate, and it is PostgreSQL."""
    return bool(live_settings().delivery_rate) and connections[using].vendor == "postgresql"


def thin_numbered(using: str, site_id: uuid.UUID, now: datetime) -> None:
    """Thin the backlog of a site that was numbered already, because Supabase is away.

    To be called in the transaction that numbers, which has locked the site's row.
    """
    pending = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.PENDING)
    if pending[_bearable() :][:1].exists():
        with connections[using].cursor() as cursor:
            cursor.execute(
                "SELECT set_config('spool_live.leased', %s, true)", ["{" + str(site_id) + "}"]
            )
            cursor.execute(statement("thin"), {**coalescing.held_parameters(now), "now": now})


def thin_backlog(using: str, parameters: dict[str, Any]) -> None:
    """Thin the backlog of the sites that are leased with ``parameters["token"]``.

    Does so only if more waits than the rate allows within ``DELIVERY_BACKLOG``. To be called in the
    transaction of the claim.
    """
    bearable = _bearable()
    unnumbered = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.PENDING, seq=None)
    if unnumbered[bearable : bearable + 1].exists():
        logger.warning(
            "More than %d updates wait: the newest state of each item is delivered, older ones "
            "are left to catch-up.",
            bearable,
        )
        with connections[using].cursor() as cursor:
            cursor.execute(statement("thin"), parameters)


def _bearable() -> int:
    """Return how many updates the rate allows within ``DELIVERY_BACKLOG``."""
    settings = live_settings()
    return int(settings.delivery_rate * settings.delivery_backlog.total_seconds())
