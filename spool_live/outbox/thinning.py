"""Thinning: of a backlog that the rate cannot carry in time, the newest states go first.

All of it is numbered at once, in order. An update whose item has a newer one is not broadcast: it
is left to catch-up, which serves every number, and for which the gap makes every client ask. What
is broadcast goes in the order of the numbers, as ever. On PostgreSQL only; elsewhere a backlog goes
in its order.
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
    """Return whether a backlog on ``using`` may have to be thinned."""
    return bool(live_settings().delivery_rate) and connections[using].vendor == "postgresql"


def thin_numbered(using: str, site_id: uuid.UUID, now: datetime) -> None:
    """Thin what waits of a site whose backlog has its numbers already, because Supabase is away. In
    the transaction that numbers, which holds the site's row."""
    pending = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.PENDING)
    if pending[_bearable() :][:1].exists():
        with connections[using].cursor() as cursor:
            cursor.execute(
                "SELECT set_config('spool_live.leased', %s, true)", ["{" + str(site_id) + "}"]
            )
            cursor.execute(statement("thin"), {**coalescing.held_parameters(now), "now": now})


def thin_backlog(using: str, parameters: dict[str, Any]) -> None:
    """Thin what waits of the sites leased with ``parameters["token"]``, if it is too much: more
    than the rate carries within ``DELIVERY_BACKLOG``. In the transaction of the claim."""
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
    settings = live_settings()
    return int(settings.delivery_rate * settings.delivery_backlog.total_seconds())
