"""The sequencer takes updates and log pages, and returns each update once, in order; no I/O.

Handlers see the updates of a site in the order of ``seq``. The socket may lose, repeat and reorder;
the log may not. So an update that does not directly follow the last one waits, and only the log
closes a gap: by a page with the missing updates, or one that proves that they do not exist.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from spool_live.client.updates import Event, LiveUpdate, Reset, sequence_number


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of the log to "what came after N?", oldest first.

    ``seq`` is the site's newest number. ``next`` is the cursor of the next page, ``None`` on the
    last. ``epoch`` is ``None`` if the page was read through PostgREST, which does not name it.
    """

    updates: Sequence[LiveUpdate]
    seq: int
    next: int | None = None
    reset: bool = False
    epoch: int | None = None

    @classmethod
    def from_response(cls, data: Any, *, site_id: str, after: int) -> Page:
        """Read the JSON of ``GET updates/?after=``.

        Raises ``KeyError``, ``TypeError`` or ``ValueError`` for anything that the CMS cannot have
        answered: another object, another site's updates, a page that ends where it began.
        """
        if data["status"] not in {"recovered", "reset"}:
            raise ValueError(f"status {data['status']!r}")
        updates = [LiveUpdate.from_wire(row) for row in data["results"]]
        seqs = [after, *(sequence_number(update.seq) for update in updates)]
        if any(a >= b for a, b in itertools.pairwise(seqs)):
            raise ValueError(f"results that do not ascend from {after}")
        if any(update.site_id.lower() != site_id for update in updates):
            raise ValueError("updates of another site")
        following = data["next"]
        if following is not None and not after < sequence_number(following) <= seqs[-1]:
            raise ValueError(f"next is {following!r} after {seqs[-1]}")
        return cls(
            updates=updates,
            seq=sequence_number(data["seq"]),
            next=following,
            reset=data["status"] == "reset",
            epoch=sequence_number(data["epoch"]),
        )

    @property
    def last_seq(self) -> int | None:
        """The highest sequence number in the page, if any: the log has nothing unread below it."""
        return max((update.seq for update in self.updates if update.seq is not None), default=None)


class Sequencer:
    """The position of one site's stream, and the updates that wait behind a gap.

    At most ``max_waiting`` updates wait; further ones are ignored and read from the log later.
    """

    def __init__(self, position: int, *, max_waiting: int = 1000, remember: int = 2_000) -> None:
        self.position = position
        self._waiting: dict[int, LiveUpdate] = {}
        self._max_waiting = max_waiting
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._remember = remember

    @property
    def gap_before(self) -> int | None:
        """The lowest number that waits behind a gap which only the log can close; or ``None``."""
        return min(self._waiting, default=None)

    def receive(self, updates: Iterable[LiveUpdate]) -> list[Event]:
        """Take updates from the socket; return what may be delivered now, in order."""
        events: list[Event] = []
        for update in updates:
            if update.seq is None:
                events += self._once(update)
            elif update.seq > self.position and self._has_room_for(update.seq):
                self._waiting.setdefault(update.seq, update)
        return events + self._drain()

    def absorb(self, page: Page) -> list[Event]:
        """Take a page that was read with ``after=position``; return what may be delivered now.

        The log never shows N+1 before N, so numbers missing from a page do not exist: they are
        skipped, and not requested again.
        """
        if page.reset:
            return self._start_again(page.seq)
        for update in page.updates:
            if update.seq is not None and update.seq > self.position:
                self._waiting[update.seq] = update
        return self._pass(page.last_seq or 0) + self._drain()

    def accept_gap(self) -> list[Event]:
        """Skip the gap, because the log has nothing for it; return what may be delivered now."""
        return self._pass(min(self._waiting, default=0)) + self._drain()

    def _start_again(self, seq: int) -> list[Event]:
        self.position = seq
        self._waiting = {n: update for n, update in self._waiting.items() if n > seq}
        return [Reset(seq), *self._drain()]

    def _has_room_for(self, seq: int) -> bool:
        return seq == self.position + 1 or len(self._waiting) < self._max_waiting

    def _pass(self, bound: int) -> list[Event]:
        """Return all updates that wait up to ``bound``, and move the position there."""
        events: list[Event] = []
        for seq in sorted(seq for seq in self._waiting if seq <= bound):
            events += self._once(self._waiting.pop(seq))
        self.position = max(self.position, bound)
        return events

    def _drain(self) -> list[Event]:
        """Return the updates that follow the position without a gap, and move it behind them."""
        events: list[Event] = []
        while update := self._waiting.pop(self.position + 1, None):
            self.position += 1
            events += self._once(update)
        return events

    def _once(self, update: LiveUpdate) -> list[Event]:
        """Return the update unless its id was seen before: a CMS restored from a backup may repeat
        an update under another number."""
        if update.id in self._seen:
            return []
        self._seen[update.id] = None
        if len(self._seen) > self._remember:
            self._seen.popitem(last=False)
        return [update]
