"""``with batch():`` collects the updates of a transaction and writes them by one INSERT at its end.

Django has no hook before a commit, so the block marks where the end is. Until then the recorded
rows are attributes of ``on_commit`` callbacks: Django discards the callbacks of a savepoint that is
rolled back, and with them the rows that were recorded inside it. As soon as there are enough rows
to fill one statement they are written early, so that a million updates need no more memory than a
few thousand.
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
"""Name of the attribute of a connection that counts the nested blocks that are open on it."""


class _Waiting:
    """An ``on_commit`` callback that holds the rows recorded within one set of open savepoints."""

    def __init__(self, notify: Callable[[], None]) -> None:
        self.rows: list[Row] = []
        self._notify = notify

    def __call__(self) -> None:
        self._notify()


@contextmanager
def batch(*, using: str | None = None) -> Iterator[None]:
    """Open a transaction whose updates are written just before it commits, by one INSERT for each
    2,000 of them.

    ``using`` is the alias of the database; the default is where the outbox is written.

    Blocks may be nested: the outermost one writes. If the block raises, its edits and its updates
    are both rolled back, as with ``transaction.atomic``; the same goes for a savepoint inside it.
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
    """Return whether a ``batch()`` block is open on ``connection``."""
    return bool(connection.__dict__.get(_OPEN))


def wait(rows: Iterable[Row], notify: Callable[[], None], connection: BaseDatabaseWrapper) -> None:
    """Keep ``rows`` until the block ends, and call ``notify`` after the commit."""
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
    """Return whether all collected rows were recorded inside every savepoint that is open now.

    If they were not, rolling back an inner savepoint would also remove rows of an outer one.
    """
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
