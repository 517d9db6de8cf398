"""The statements of a claim as PostgreSQL takes them: sets at once, one way to and fro."""

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
    """Return whether a claim is some statements in a row, with nothing to be done in between."""
    connection = connections[using]
    one_at_a_time = connection.settings_dict.get("OPTIONS", {}).get("server_side_binding")
    in_between = coalescing.windows() or thinning.is_on(using)
    return connection.vendor == "postgresql" and not one_at_a_time and not in_between


def claim_at_once(lease: Lease) -> tuple[bool, Taken]:
    """Lease and take in one way to and fro, which the server takes for one transaction; each
    statement sees what was committed before it. The first answer says that Supabase is away: then
    nothing is leased."""
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
    """Return whether any site has something that may go now."""
    lease = Lease(using, uuid.uuid4(), now, now)
    with connections[using].cursor() as cursor:
        cursor.execute(statement("ready"), {**_parameters(lease, trial=True), "limit": 1})
        return bool(cursor.fetchone()[0])


def claim_in_steps(lease: Lease) -> Taken:
    """Claim with what happens between lease and numbers. In the transaction of the claim: the sites
    stay locked until it commits, and an entry keeps its number through retries and death."""
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
    """Return numbers or UUIDs as PostgreSQL writes an array: the driver takes ten times as long."""
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
