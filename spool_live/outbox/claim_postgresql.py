"""The statements of a claim on PostgreSQL, sent in one round trip where that is possible."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connections
from django.db.backends.utils import CursorWrapper

from spool_live.conf import live_settings
from spool_live.outbox import coalescing, thinning
from spool_live.outbox.entries import ClaimedEntry
from spool_live.outbox.lease import FEW, ROW_BYTES, ClaimedSite, Lease, farthest, statement
from spool_live.sql import read_sql

Taken = tuple[list[ClaimedSite], list[ClaimedEntry]]


def goes_at_once(using: str) -> bool:
    """Return whether a claim on ``using`` can be sent in one round trip.

    It cannot if something has to be done between its statements (coalescing, thinning), nor with
    server-side binding, which takes one statement at a time.
    """
    connection = connections[using]
    one_at_a_time = connection.settings_dict.get("OPTIONS", {}).get("server_side_binding")
    in_between = coalescing.windows() or thinning.is_on(using)
    return connection.vendor == "postgresql" and not one_at_a_time and not in_between


def claim_at_once(lease: Lease) -> tuple[bool, Taken]:
    """Lease sites and take their entries in one round trip, which the server runs as one
    transaction. Each statement sees what was committed before it began.

    Returns whether Supabase is away (then nothing is leased), and what was taken.
    """
    statements = (
        read_sql("outbox/circuit_failures"),
        statement("lease"),
        statement("take"),
        read_sql("outbox/leased_sites"),
    )
    with connections[lease.using].cursor() as cursor:
        cursor.execute(";".join(statements), _parameters(lease, trial=False))
        is_away = cursor.fetchone() is not None
        cursor.nextset()
        cursor.nextset()
        entries = _read_entries(cursor)
        cursor.nextset()
        return is_away, (_read_sites(cursor), entries)


def is_ready(using: str, now: datetime) -> bool:
    """Return whether any site has something that may be delivered now."""
    lease = Lease(using, uuid.uuid4(), now, now)
    with connections[using].cursor() as cursor:
        cursor.execute(statement("ready"), {**_parameters(lease, trial=True), "limit": 1})
        return bool(cursor.fetchone()[0])


def claim_in_steps(lease: Lease) -> Taken:
    """Lease sites, coalesce and thin what waits of them, then take and number their next entries.

    To be called inside the claim's transaction: the sites stay locked until it commits. An entry
    keeps its number through retries, and also when it is dead.
    """
    parameters = _parameters(lease, trial=True)
    with connections[lease.using].cursor() as cursor:
        cursor.execute(statement("lease", alone=lease.alone is not None), parameters)
        cursor.execute(read_sql("outbox/leased_sites"), parameters)
        leased = [site.site_id for site in _read_sites(cursor)]
    coalescing.coalesce_waiting(lease.using, leased, lease.now)
    if thinning.is_on(lease.using):
        thinning.thin_backlog(lease.using, parameters)
    with connections[lease.using].cursor() as cursor:
        cursor.execute(statement("take"), parameters)
        entries = _read_entries(cursor)
        cursor.execute(read_sql("outbox/leased_sites"), parameters)
        return _read_sites(cursor), entries


def array(values: Iterable[object]) -> str:
    """Return numbers or UUIDs as the text of a PostgreSQL array.

    The driver's own adaptation of a list takes ten times as long.
    """
    return "{" + ",".join(map(str, values)) + "}"


def _parameters(lease: Lease, *, trial: bool) -> dict[str, Any]:
    settings = live_settings()
    farthest_lease, farthest_retry = farthest(lease.now)
    return {
        **coalescing.held_parameters(lease.now),
        "start": lease.start,
        "alone": lease.alone,
        "trial": trial,
        "token": lease.token,
        "leased_until": lease.until,
        "farthest_lease": farthest_lease,
        "farthest_retry": farthest_retry,
        "limit": settings.batch_limit,
        "few": FEW,
        "bytes": settings.delivery_batch_bytes,
        "row_bytes": ROW_BYTES,
    }


def _read_sites(cursor: CursorWrapper) -> list[ClaimedSite]:
    return [ClaimedSite(*row) for row in cursor.fetchall()]


def _read_entries(cursor: CursorWrapper) -> list[ClaimedEntry]:
    return [ClaimedEntry(*row) for row in cursor.fetchall()]
