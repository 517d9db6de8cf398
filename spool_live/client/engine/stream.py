"""The stream: one sequencer, and the consumers that receive its events."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from spool_live.client.engine.consumer import Consumer
from spool_live.client.engine.sequencer import Page, Sequencer
from spool_live.client.exceptions import LiveUpdatesError
from spool_live.client.state import StateHolder
from spool_live.client.updates import Event, LiveUpdate


class Stream:
    """The site's updates in order, in this process. ``origin`` is the position it began with."""

    def __init__(self, state: StateHolder) -> None:
        self.origin: int | None = None
        self._state = state
        self._sequencer: Sequencer | None = None
        self._consumers: set[Consumer] = set()
        self._started = asyncio.Event()

    @property
    def position(self) -> int | None:
        """The last sequence number that was delivered; ``None`` before the first token."""
        return None if self._sequencer is None else self._sequencer.position

    @property
    def gap_before(self) -> int | None:
        """The lowest sequence number that waits behind a gap, or ``None``."""
        return None if self._sequencer is None else self._sequencer.gap_before

    async def started(self) -> None:
        """Return once ``start`` has been called."""
        await self._started.wait()

    def start(self, position: int) -> None:
        """Begin after this sequence number. Only the first call has an effect."""
        if self._sequencer is None:
            self.origin = position
            self._sequencer = Sequencer(position)
            for consumer in self._consumers:
                consumer.start(position)
            self._started.set()

    def receive(self, updates: Iterable[LiveUpdate]) -> None:
        """Take updates from the socket."""
        if self._sequencer is not None:
            self._publish(self._sequencer.receive(updates))

    def absorb(self, page: Page) -> None:
        """Take a page of the log."""
        if self._sequencer is not None:
            self._publish(self._sequencer.absorb(page))

    def accept_gap(self) -> None:
        """Skip the gap, because the log has nothing for it."""
        if self._sequencer is not None:
            self._publish(self._sequencer.accept_gap())

    def attach(self, consumer: Consumer) -> None:
        """Add a consumer. It reads from the log what it has missed."""
        self._consumers.add(consumer)
        if self.position is not None:
            consumer.start(self.position)

    def detach(self, consumer: Consumer) -> None:
        """Remove the consumer."""
        self._consumers.discard(consumer)

    def end(self, error: LiveUpdatesError | None) -> None:
        """End all consumers: they hand out what is queued, then raise ``error``."""
        for consumer in self._consumers:
            consumer.end(error)

    def _publish(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, LiveUpdate):
                self._state.update(last_update=event.timestamp)
            for consumer in self._consumers:
                consumer.offer(event)
