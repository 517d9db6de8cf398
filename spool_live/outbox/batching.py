"""``with batch():`` the updates of a transaction, written by one statement at its end.

Django has no hook before a commit, so the block says where the end is. What was recorded rides on
``on_commit`` callbacks until then: Django forgets those of a savepoint that is rolled back, and
with them goes what was recorded inside it. Where more waits than one statement takes, it is written
before the end, so that a million updates need no more memory than some thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from spool_live.models import OutboxEntry
from spool_live.outbox import rows as outbox_rows
from spool_live.outbox.rows import Row

_OPEN = "spool_live_open_batches"
"""Attribute of a connection: how many blocks are open on it, one within the other."""


class _Waiting:
    """Rows that were recorded at one level of savepoints, as a callback that Django may drop."""

    def __init__(self, notify: Callable[[], None]) -> None:
        self.rows: list[Row] = []
        self._notify = notify

    def __call__(self) -> None:
        self._notify()


@contextmanager
def batch(*, using: str | None = None) -> Iterator[None]:
    """Open a transaction whose updates are written by one INSERT at its end, before it commits
    (one for each 2,000, where they are more).

    ``using`` is the alias of the database; the default is where the outbox is written.

    Blocks may be nested: the outermost writes. An error inside leaves neither edits nor updates,
    as ``transaction.atomic`` does; so does a savepoint that is rolled back inside.
    """
    alias = using or router.db_for_write(OutboxEntry)
    connection = connections[alias]
    with transaction.atomic(using=alias):
        depth = connection.__dict__.get(_OPEN, 0)
        setattr(connection, _OPEN, depth + 1)
        try:
            yield
            if depth == 0 and not connection.needs_rollback:
                _write(connection)
        finally:
            setattr(connection, _OPEN, depth)


def is_open(connection: BaseDatabaseWrapper) -> bool:
    """Return whether what is recorded on ``connection`` now waits for the end of a block."""
    return bool(connection.__dict__.get(_OPEN))


def wait(rows: Iterable[Row], notify: Callable[[], None], connection: BaseDatabaseWrapper) -> None:
    """Keep ``rows`` until the end of the block; ``notify`` is called after the commit."""
    callbacks = connection.run_on_commit
    if callbacks:
        savepoints, last, *_ = callbacks[-1]
        if isinstance(last, _Waiting) and savepoints == set(connection.savepoint_ids):
            last.rows += rows
            if len(last.rows) >= outbox_rows.ROWS_PER_STATEMENT and _may_be_written(connection):
                _write(connection)
            return
    waiting = _Waiting(notify)
    waiting.rows += rows
    connection.on_commit(waiting, robust=True)


def _may_be_written(connection: BaseDatabaseWrapper) -> bool:
    """Return whether all that waits was recorded inside every savepoint that is open now: else one
    that is rolled back would take rows along that are not its own."""
    now = set(connection.savepoint_ids) - {None}
    return all(
        now <= savepoints
        for savepoints, waiting, *_ in connection.run_on_commit
        if isinstance(waiting, _Waiting) and waiting.rows
    )


def _write(connection: BaseDatabaseWrapper) -> None:
    callbacks = [callback for _, callback, *_ in connection.run_on_commit]
    waiting = [callback for callback in callbacks if isinstance(callback, _Waiting)]
    rows = [row for one in waiting for row in one.rows]
    for one in waiting:
        one.rows.clear()
    if rows:
        outbox_rows.insert(rows, connection)
