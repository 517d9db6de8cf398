"""Recording: one INSERT in the transaction of the edit."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from spool_live.models import OutboxEntry, Site
from spool_live.signals import outbox_committed
from spool_live.updates import LiveUpdateData, clean_text, metadata_json, new_update_id

_INTO = (
    "INSERT INTO live_updates_outbox (update_id, site_id, event_type, collection, item_id, slug, "
    "timestamp, metadata) VALUES "
)
_ROW = "(%s, %s, %s, %s, %s, %s, %s, %s)"


def broadcast_update(
    site: Site | uuid.UUID | str, data: LiveUpdateData, *, using: str | None = None
) -> None:
    """Records an update by hand, inside the caller's transaction on ``using``.

    ``site`` is a ``Site`` or its id. It is delivered after the commit, like any other update.
    """
    site_id = site.pk if isinstance(site, Site) else uuid.UUID(str(site))
    record([(site_id, data)], using=using or router.db_for_write(OutboxEntry))


def record(updates: Sequence[tuple[uuid.UUID, LiveUpdateData]], *, using: str) -> None:
    """Writes ``updates`` (site id and data each) into the outbox of ``using``, by one INSERT.

    Raw SQL, because this is the price of every save: the ORM's way costs twice as much.
    """
    connection = connections[using]
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    parameters: list[Any] = []
    for site_id, data in updates:
        parameters += (
            _uuid(connection, new_update_id()),
            _uuid(connection, site_id),
            data.event_type.value,
            clean_text(data.collection),
            _uuid(connection, data.item_id),
            None if data.slug is None else clean_text(data.slug),
            now,
            metadata_json(data.metadata),
        )
    with connection.cursor() as cursor:
        cursor.execute(_INTO + ", ".join([_ROW] * len(updates)), parameters)
    transaction.on_commit(partial(announce_commit, using), using=using, robust=True)


def announce_commit(using: str) -> None:
    """Tells that something waits in the outbox of ``using``. Receivers' errors stay with them."""
    outbox_committed.send_robust(sender=OutboxEntry, using=using)


def _uuid(connection: BaseDatabaseWrapper, value: uuid.UUID) -> uuid.UUID | str:
    return value if connection.features.has_native_uuid_field else value.hex
