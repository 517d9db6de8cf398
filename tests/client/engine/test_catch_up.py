"""Catch-up reads the log to its end, and again before it accepts a gap, which only the CMS
proves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from spool_live.client import LiveUpdatesError, LogSource
from spool_live.client.engine.catch_up import CONFIRMATIONS, CatchUp
from spool_live.client.engine.consumer import Consumer
from spool_live.client.engine.sequencer import Page
from spool_live.client.engine.stream import Stream
from spool_live.client.engine.watchdog import Watchdog
from spool_live.client.exceptions import ServerUnreachableError
from spool_live.client.state import StateHolder
from tests.client.conftest import FAST
from tests.client.engine.test_sequencer import update
from tests.waiting import eventually


@dataclass
class Log:
    """The log of a site with the updates ``seqs``, in pages of two."""

    seqs: list[int]
    trouble: LiveUpdatesError | None = None
    source: LogSource = LogSource.CMS
    reads: list[int] = field(default_factory=list)
    before_read: Callable[[], None] = lambda: None

    async def read(self, after: int) -> Page:
        self.reads.append(after)
        self.before_read()
        found = [seq for seq in self.seqs if seq > after]
        page = [update(seq) for seq in found[:2]]
        more = page[-1].seq if len(found) > 2 else None
        return Page(page, max(self.seqs, default=0), next=more, epoch=1)


@dataclass
class Reader:
    log: Log
    stream: Stream
    catch_up: CatchUp
    consumer: Consumer

    def seqs(self) -> list[int | None]:
        return [event.seq for event in self.consumer._queue]


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    log, state = Log([]), StateHolder("s")
    stream = Stream(state)
    catch_up = CatchUp(
        log,  # type: ignore[arg-type]  # as far as it is used
        stream,
        Watchdog(FAST),
        state,
        FAST,
        usual_interval=lambda: 600,
        on_epoch=lambda epoch: None,
        rand=lambda: 1000.0,  # nothing is read by itself
    )
    consumer = Consumer(lambda after, limit: log.read(after), FAST)
    stream.attach(consumer)
    stream.start(0)
    running = asyncio.create_task(catch_up.run())
    yield Reader(log, stream, catch_up, consumer)
    running.cancel()
    await asyncio.wait([running])


async def test_completed_catch_up_has_read_every_page(reader: Reader) -> None:
    reader.log.seqs = list(range(1, 8))
    await reader.catch_up.complete()
    assert reader.seqs() == list(range(1, 8))
    assert reader.log.reads == [0, 2, 4, 6]


async def test_gap_is_asked_about_again_before_it_is_believed(reader: Reader) -> None:
    """A number that commits a moment later is in the next answer."""
    reader.stream.receive([update(3)])

    def second_look() -> None:
        if len(reader.log.reads) == 2:
            reader.log.seqs = [1, 2]

    reader.log.before_read = second_look
    await reader.catch_up.complete()
    await eventually(lambda: reader.seqs() == [1, 2, 3])


async def test_gap_that_the_cms_confirms_is_accepted(reader: Reader) -> None:
    reader.stream.receive([update(3)])
    await reader.catch_up.complete()
    assert reader.seqs() == [3]
    assert len(reader.log.reads) == 1 + CONFIRMATIONS


async def test_gap_is_not_accepted_on_the_word_of_supabase(reader: Reader) -> None:
    """Supabase's table lacks refused and old updates: only the CMS proves a gap."""
    reader.log.trouble = ServerUnreachableError("away")
    reader.log.source = LogSource.POSTGREST
    reader.stream.receive([update(3)])
    await reader.catch_up.complete()
    assert reader.seqs() == []
    reader.log.trouble, reader.log.seqs = None, [1, 2, 3]
    await reader.catch_up.complete()
    assert reader.seqs() == [1, 2, 3]
