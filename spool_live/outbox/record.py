"""Recording updates: one INSERT in the transaction of the edit, or at the end of a ``batch()``."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from functools import cache, partial

from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from spool_live import tracing
from spool_live.models import OutboxEntry, Site
from spool_live.outbox import batching, rows
from spool_live.signals import outbox_committed
from spool_live.updates import LiveUpdateData


def broadcast_update(
    site: Site | uuid.UUID | str, data: LiveUpdateData, *, using: str | None = None
) -> None:
    """Record an update by hand, inside the caller's transaction.

    ``site`` is a ``Site`` or its id; ``using`` is the alias of the database, by default where the
    outbox is written. The update is delivered after the commit, like any other. Raises
    ``ValueError`` if the site id is not a UUID.
    """
    site_id = uuid.UUID(str(site.pk if isinstance(site, Site) else site))
    record([(site_id, data)], using=using or router.db_for_write(OutboxEntry))


def record(updates: Sequence[tuple[uuid.UUID, LiveUpdateData]], *, using: str) -> None:
    """Write ``updates`` (site id and data each) into the outbox of ``using``, by one INSERT.

    Inside a ``batch()`` block they are written at its end.
    """
    if not updates:
        return
    connection = connections[using]
    now = str(connection.ops.adapt_datetimefield_value(timezone.now()))
    with tracing.recording() as span:
        given = [rows.as_row(site_id, data, now, span.context) for site_id, data in updates]
        span.holds(row[0] for row in given)
        if batching.is_open(connection):
            batching.wait(given, _notifier(using), connection)
        else:
            rows.insert(given, connection)
            _notify(connection)


def notify(*, using: str) -> None:
    """Notify a worker, after the commit, of entries that a trigger on ``using`` records by itself.

    If autocommit is off and no ``atomic`` block is open, Django does not know when the transaction
    commits: then the sweep finds the entries.
    """
    _notify(connections[using])


def _notify(connection: BaseDatabaseWrapper) -> None:
    if connection.in_atomic_block:
        _notify_after_commit(connection)
    elif connection.get_autocommit():
        notify_committed(connection.alias)


def _notify_after_commit(connection: BaseDatabaseWrapper) -> None:
    """Register the callback, once per transaction.

    The one registered last is enough if the savepoints it was registered in are all still open: it
    can then be discarded only together with what is recorded now.
    """
    notifier = _notifier(connection.alias)
    if connection.run_on_commit:
        savepoints, last, *_ = connection.run_on_commit[-1]
        if last is notifier and savepoints <= set(connection.savepoint_ids):
            return
    connection.on_commit(notifier, robust=True)


@cache
def _notifier(using: str) -> Callable[[], None]:
    return partial(notify_committed, using)


def notify_committed(using: str) -> None:
    """Send ``outbox_committed``: something waits in the outbox of ``using``.

    Errors that receivers raise are caught and logged by Django.
    """
    outbox_committed.send_robust(sender=OutboxEntry, using=using)
