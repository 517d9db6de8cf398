"""Numbering: the next entries of leased sites, as many as fit into a request, with their seq."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connections
from django.db.models import Model

from spool_live.conf import live_settings
from spool_live.models import OutboxEntry, SiteDelivery
from spool_live.outbox import coalescing
from spool_live.outbox.entries import ClaimedEntry, read_entries
from spool_live.outbox.lease import DELIVERY_ORDER, Lease
from spool_live.sql import read_sql

ROW_BYTES = 300
"""About what an update takes on the wire beside its metadata."""


def take_entries(lease: Lease, sites: dict[uuid.UUID, SiteDelivery]) -> list[ClaimedEntry]:
    """The next entries of ``sites``, numbered, by site and number. Under the lease, in the
    transaction of the claim: an entry keeps its number through retries and death."""
    connection = connections[lease.using]
    if connection.vendor != "postgresql":
        return _take_portably(lease, sites)
    settings = live_settings()
    values = {
        **coalescing.held_parameters(lease.now),
        "sites": array(sites),
        "limit": settings.batch_limit,
        "bytes": settings.delivery_batch_bytes,
        "row_bytes": ROW_BYTES,
    }
    with connection.cursor() as cursor:
        cursor.execute(read_sql("outbox/take"), values)
        return [ClaimedEntry(*row) for row in cursor.fetchall()]


def array(values: Iterable[object]) -> str:
    """Numbers or UUIDs as PostgreSQL writes an array: the driver takes ten times as long."""
    return "{" + ",".join(map(str, values)) + "}"


def number(
    using: str, sites: dict[uuid.UUID, SiteDelivery], entries: Sequence[ClaimedEntry]
) -> None:
    """Gives those of ``entries`` (in order) that have no number yet the next ones of their site."""
    unnumbered = [entry for entry in entries if entry.seq is None]
    for entry in unnumbered:
        site = sites[entry.site_id]
        site.last_seq += 1
        entry.seq = site.last_seq
    if unnumbered:
        raised = {entry.site_id: sites[entry.site_id].last_seq for entry in unnumbered}
        _store_column(using, SiteDelivery, "last_seq", raised)
        _store_column(using, OutboxEntry, "seq", {entry.pk: entry.seq for entry in unnumbered})


def _take_portably(lease: Lease, sites: dict[uuid.UUID, SiteDelivery]) -> list[ClaimedEntry]:
    settings = live_settings()
    pending = OutboxEntry.objects.using(lease.using).filter(
        state=OutboxEntry.State.PENDING, site_id__in=list(sites)
    )
    oldest = pending.exclude(coalescing.is_held(lease.now)).order_by(*DELIVERY_ORDER)
    entries: list[ClaimedEntry] = []
    size = 0
    for entry in read_entries(oldest[: settings.batch_limit]):
        size += ROW_BYTES + len(entry.metadata)
        if entries and size > settings.delivery_batch_bytes:
            break
        entries.append(entry)
    number(lease.using, sites, entries)
    return sorted(entries, key=lambda entry: (entry.site_id.int, entry.seq or 0))


def _store_column(using: str, model: type[Model], column: str, values: dict[Any, Any]) -> None:
    """Sets a bigint column of the rows whose primary keys are the keys of ``values``."""
    if connections[using].vendor != "postgresql":
        rows = [model(pk=pk, **{column: value}) for pk, value in values.items()]
        model._base_manager.using(using).bulk_update(rows, [column], batch_size=100)
        return
    table, pk = model._meta.db_table, model._meta.pk
    key_type = pk.db_type(connections[using])
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} AS t SET {column} = n.value "  # noqa: S608 - names of our own models
            f"FROM unnest(%s::{key_type}[], %s::bigint[]) AS n (key, value) "
            f"WHERE t.{pk.column} = n.key",
            [array(values), array(values.values())],
        )
