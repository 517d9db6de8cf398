"""The statements of a claim as PostgreSQL takes them: sets at once, one way to and fro."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import connections
from django.db.backends.utils import CursorWrapper

from spool_live.conf import live_settings
from spool_live.models import SiteDelivery
from spool_live.outbox import circuit, coalescing, thinning
from spool_live.outbox.entries import ClaimedEntry
from spool_live.outbox.lease import ROW_BYTES, Lease, Leased, farthest, statement


def goes_at_once(using: str) -> bool:
    """Whether a claim is three statements in a row, with nothing to be done in between."""
    connection = connections[using]
    one_at_a_time = connection.settings_dict.get("OPTIONS", {}).get("server_side_binding")
    in_between = coalescing.windows() or thinning.is_on(using)
    return connection.vendor == "postgresql" and not one_at_a_time and not in_between


def claim_at_once(lease: Lease) -> tuple[bool, Leased, list[ClaimedEntry]]:
    """Leases and takes in one way to and fro, which the server takes for one transaction; each
    statement sees what was committed before it. The first answer says that Supabase is away: then
    nothing is leased."""
    statements = (circuit.FAILURES, statement("lease"), statement("take"))
    with connections[lease.using].cursor() as cursor:
        cursor.execute(";".join(statements), _parameters(lease, trial=False))
        is_away = cursor.fetchone() is not None
        cursor.nextset()
        leased = _read_leased(cursor, lease)
        cursor.nextset()
        return is_away, leased, _read_entries(cursor)


def lease_sites(lease: Lease) -> Leased:
    """Leases the sites whose updates come next. To be called in the transaction of the claim: the
    rows stay locked until it commits."""
    with connections[lease.using].cursor() as cursor:
        cursor.execute(statement("lease"), _parameters(lease, trial=True))
        return _read_leased(cursor, lease)


def take_entries(lease: Lease, sites: dict[uuid.UUID, SiteDelivery]) -> list[ClaimedEntry]:
    """The next entries of the leased sites, numbered, by site and number. In the transaction of
    the claim: an entry keeps its number through retries and death."""
    parameters = _parameters(lease, trial=True)
    if thinning.is_on(lease.using):
        thinning.thin_backlog(lease.using, parameters)
    with connections[lease.using].cursor() as cursor:
        cursor.execute(statement("take"), parameters)
        return _read_entries(cursor)


def array(values: Iterable[object]) -> str:
    """Numbers or UUIDs as PostgreSQL writes an array: the driver takes ten times as long."""
    return "{" + ",".join(map(str, values)) + "}"


def _parameters(lease: Lease, *, trial: bool) -> dict[str, Any]:
    settings = live_settings()
    farthest_lease, farthest_retry = farthest(lease.now)
    return {
        **coalescing.held_parameters(lease.now),
        "trial": trial,
        "token": lease.token,
        "leased_until": lease.until,
        "farthest_lease": farthest_lease,
        "farthest_retry": farthest_retry,
        "limit": settings.batch_limit,
        "bytes": settings.delivery_batch_bytes,
        "row_bytes": ROW_BYTES,
    }


def _read_leased(cursor: CursorWrapper, lease: Lease) -> Leased:
    _, *names = [column.name for column in cursor.description]
    rows = cursor.fetchall()
    states = [SiteDelivery.from_db(lease.using, names, state) for _, *state in rows]
    there = {state.pk for state, (is_there, *_) in zip(states, rows, strict=True) if is_there}
    return Leased.of(states, there)


def _read_entries(cursor: CursorWrapper) -> list[ClaimedEntry]:
    return [ClaimedEntry(*row) for row in cursor.fetchall()]
