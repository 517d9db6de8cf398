"""A bounded queue that loses nothing: it reads from the log later what does not fit."""

from __future__ import annotations

import asyncio

import pytest

from spool_live.client.engine.consumer import Consumer
from spool_live.client.engine.sequencer import Page
from spool_live.client.exceptions import DisconnectedError, GivenUpError, ServerUnreachableError
from spool_live.client.policy import Timing
from spool_live.client.updates import Reset, UpdateFilter
from tests.client.engine.test_sequencer import seqs, update, updates
from tests.waiting import eventually

TIMING = Timing(backoff_initial=0.001, backoff_maximum=0.001)


class Log:
    """A log of so many updates, read page by page."""

    def __init__(self, newest: int, page: int = 3, *, dead: tuple[int, ...] = ()) -> None:
        self.newest = newest
        self.page = page
        self.dead = dead
        self.reads: list[int] = []
        self.failures = 0
        self.epoch: int | None = 1
        self.oldest = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def __call__(self, after: int, limit: int) -> Page:
        self.reads.append(after)
        newest = self.newest
        await self.answers.wait()
        if self.failures:
            self.failures -= 1
            raise ServerUnreachableError("down")
        if after < self.oldest:
            return Page([], seq=newest, reset=True, epoch=self.epoch)
        found = [n for n in range(after + 1, newest + 1) if n not in self.dead]
        size = min(self.page, limit)
        rows = found[:size]
        following = rows[-1] if len(found) > size else None
        return Page(updates(*rows), seq=newest, next=following, epoch=self.epoch)


async def take(consumer: Consumer, number: int) -> list[int | None]:
    async with asyncio.timeout(2):
        return seqs([await consumer.get() for _ in range(number)])


def offer(consumer: Consumer, *numbers: int) -> None:
    for event in updates(*numbers):
        consumer.offer(event)


async def test_events_come_in_order_and_the_cursor_follows_the_handler() -> None:
    consumer = Consumer(Log(0), TIMING)
    consumer.start(0)
    offer(consumer, 1, 2)
    assert consumer.cursor == 0
    assert await take(consumer, 1) == [1]
    assert consumer.cursor == 0, "1 is in hand"
    assert await take(consumer, 1) == [2]
    assert consumer.cursor == 1
    consumer.done()
    assert consumer.cursor == 2
    assert consumer.idle


async def test_unwanted_updates_move_the_cursor_only() -> None:
    wanted = UpdateFilter.of(collections=["pages"])
    consumer = Consumer(Log(0), TIMING, size=1, wanted=wanted)
    consumer.start(0)
    offer(consumer, 1, 2, 3)
    assert consumer.cursor == 3
    assert consumer.idle


async def test_overflow_is_read_from_the_log_later() -> None:
    log = Log(0)
    consumer = Consumer(log, TIMING, size=2)
    consumer.start(0)
    for seq in range(1, 11):
        log.newest = seq
        offer(consumer, seq)
    assert await take(consumer, 10) == list(range(1, 11))
    log.newest = 11
    offer(consumer, 11)
    assert await take(consumer, 1) == [11]
    assert log.reads[0] == 2


async def test_what_comes_while_the_log_is_read_follows_without_gap_or_repetition() -> None:
    log = Log(5, page=10)
    consumer = Consumer(log, TIMING, position=0)
    consumer.start(5)
    log.answers.clear()
    reading = asyncio.ensure_future(take(consumer, 8))
    await eventually(lambda: log.reads)
    log.newest = 8
    offer(consumer, 6, 7, 8)
    log.answers.set()
    assert await reading == list(range(1, 9))


async def test_consumer_with_an_older_position_catches_up_first() -> None:
    log = Log(7)
    consumer = Consumer(log, TIMING, position=2)
    consumer.start(7)
    assert await take(consumer, 5) == [3, 4, 5, 6, 7]


async def test_log_that_is_away_is_tried_again() -> None:
    log = Log(2)
    log.failures = 3
    consumer = Consumer(log, TIMING, position=0)
    consumer.start(2)
    assert await take(consumer, 2) == [1, 2]
    assert len(log.reads) == 4


async def test_gap_at_the_end_of_the_log_does_not_keep_it_reading() -> None:
    log = Log(5, page=10, dead=(4, 5))
    consumer = Consumer(log, TIMING, position=0)
    consumer.start(5)
    assert await take(consumer, 3) == [1, 2, 3]
    log.newest = 6
    waiting = asyncio.ensure_future(take(consumer, 1))
    for _ in range(20):
        await asyncio.sleep(0)  # a consumer that keeps reading does so now
    offer(consumer, 6)
    assert await waiting == [6]
    assert len(log.reads) == 1 or log.reads == [0, 3]


async def test_supabase_cannot_prove_a_gap_so_that_the_consumer_waits_for_the_cms() -> None:
    log = Log(3, page=10)
    log.epoch = None
    consumer = Consumer(log, TIMING, position=0)
    consumer.start(5)
    assert await take(consumer, 3) == [1, 2, 3]
    waiting = asyncio.ensure_future(take(consumer, 2))
    await eventually(lambda: len(log.reads) >= 3)
    assert not waiting.done()
    log.newest = 5
    assert await waiting == [4, 5]


async def test_reset_of_the_log_is_handed_on() -> None:
    log = Log(20)
    log.oldest = 10
    consumer = Consumer(log, TIMING, position=3)
    consumer.start(20)
    async with asyncio.timeout(2):
        assert await consumer.get() == Reset(20, "history")
    offer(consumer, 21)
    assert await take(consumer, 1) == [21]


async def test_drop_oldest_says_that_it_dropped() -> None:
    log = Log(5)
    consumer = Consumer(log, TIMING, size=3, overflow="drop_oldest")
    consumer.start(0)
    offer(consumer, 1, 2, 3, 4, 5)
    assert await consumer.get() == Reset(2, "overflow")
    assert await take(consumer, 3) == [3, 4, 5]
    assert log.reads == []


async def test_update_without_number_is_handed_on() -> None:
    consumer = Consumer(Log(0), TIMING)
    consumer.start(3)
    consumer.offer(update(None, "a"))
    assert await take(consumer, 1) == [None]
    assert consumer.cursor == 3


@pytest.mark.parametrize(
    ("error", "raised"), [(None, DisconnectedError), (GivenUpError("no"), GivenUpError)]
)
async def test_end_comes_after_what_is_queued(
    error: GivenUpError | None, raised: type[Exception]
) -> None:
    consumer = Consumer(Log(0), TIMING)
    consumer.start(0)
    offer(consumer, 1)
    consumer.end(error)
    assert await take(consumer, 1) == [1]
    with pytest.raises(raised):
        await consumer.get()
