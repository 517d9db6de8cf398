"""Channels that look joined, but get nothing any more after a restart of PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable


class Dormancy:
    """What is lost after an absence of PostgreSQL, as on the hosted service.

    Broadcasts are lost until any client joins or sends a new token; after an absence of ``long``
    seconds ``postgres_changes`` are, too (the real server's came back by themselves after 30
    seconds, but not after 150). No client is notified. Without ``faithful`` nothing is lost once
    PostgreSQL is back.
    """

    def __init__(
        self, *, faithful: bool, long: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._faithful = faithful
        self._long = long
        self._clock = clock
        self._left_at: float | None = None
        self._away = 0.0
        self.broadcasts_lost = False

    @property
    def changes_lost(self) -> bool:
        """Whether rows are not delivered as ``postgres_changes``."""
        return self.broadcasts_lost and self._away >= self._long

    def database_left(self) -> None:
        """Note that the stream of changes has ended."""
        self._left_at = self._clock()
        self._away = 0.0
        self.broadcasts_lost = self._faithful

    def database_returned(self) -> None:
        """Note that a stream of changes has begun, the first or a later one."""
        if self._left_at is not None:
            self._away = self._clock() - self._left_at

    def wake(self) -> None:
        """Note that a client has joined, or has sent a token other than its last one."""
        self.broadcasts_lost = False
