"""Delivery of committed rows to ``postgres_changes`` subscribers, batch after batch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import psycopg

from spool_live.local.realtime.changes import evaluate
from spool_live.local.realtime.database import Session
from spool_live.local.realtime.hub import let_others_run
from spool_live.local.realtime.pgoutput import Change
from spool_live.local.realtime.rates import Rate
from spool_live.local.realtime.subscriptions import Subscriptions

logger = logging.getLogger(__name__)

_LARGEST_BATCH = 500
_LONGEST_PAUSE = 5
"""The longest time between two polls, in intervals, while there are no changes."""
_LONGEST_QUEUE = 20_000
_FRAMES_PER_TURN = 200


class ChangeFeed:
    """A bounded queue of changes, which are delivered in commit order.

    ``interval`` is the time between two polls in seconds; 0 delivers changes at once.
    """

    def __init__(
        self,
        session: Session,
        subscriptions: Subscriptions,
        rate: Rate,
        max_record_bytes: int,
        interval: float,
    ) -> None:
        self._session = session
        self._subscriptions = subscriptions
        self._rate = rate
        self._max_record_bytes = max_record_bytes
        self._interval = interval
        self._queue: asyncio.Queue[Change] = asyncio.Queue(_LONGEST_QUEUE)

    async def put(self, change: Change) -> None:
        """Queue a change, if any subscriber wants it; wait while the queue is full."""
        if self._subscriptions.on_table(change.relation.oid):
            await self._queue.put(change)

    async def run(self) -> None:
        """Deliver until cancelled: at once, or at the pace at which the real server polls."""
        idle_polls = 0
        while True:
            batch = [] if self._interval else [await self._queue.get()]
            while len(batch) < _LARGEST_BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            if batch:
                await self._deliver(batch)
            idle_polls = 0 if batch else idle_polls + 1
            if self._interval:
                await asyncio.sleep(self._interval * min(1 + idle_polls, _LONGEST_PAUSE))

    async def _deliver(self, batch: Sequence[Change]) -> None:
        if self._rate.exceeded:  # silently, as on the hosted service
            return
        try:
            deliveries = await evaluate(
                self._session, self._subscriptions, batch, self._max_record_bytes
            )
        except psycopg.OperationalError as error:
            logger.warning("postgres_changes: %d changes are lost: %s", len(batch), error)
            return
        except psycopg.Error as error:
            _report_raising_policy(batch, error)
            return
        for number, delivery in enumerate(deliveries, start=1):
            delivery.subscriber.send_encoded(delivery.encoded)
            self._rate.count()
            if number % _FRAMES_PER_TURN == 0:
                await let_others_run()


def _report_raising_policy(batch: Sequence[Change], error: psycopg.Error) -> None:
    tables = sorted({f"{change.relation.schema}.{change.relation.name}" for change in batch})
    logger.error(
        "postgres_changes: no subscriber got %d changes of %s, because deciding who may see them "
        "raised %s: %s. On the hosted service this stops delivery for the whole project: the Row "
        "Level Security policies of these tables, and the functions they call, must never "
        "raise.\n%s",
        len(batch),
        ", ".join(tables),
        error.sqlstate,
        error.diag.message_primary,
        error.diag.context,
    )
