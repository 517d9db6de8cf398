"""What a restart of PostgreSQL does to channels that are joined: they look alive, and are not."""

from __future__ import annotations

import time
from collections.abc import Callable


class Dormancy:
    """After PostgreSQL was away, its broadcasts are lost until somebody joins or brings a new
    token; after ``long`` seconds ``postgres_changes`` are, too (the real server's changes came back
    by themselves after 30 seconds, and did not after 150). No client is notified.

    Without ``faithful`` everything goes on by itself when PostgreSQL is back.
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
        """Whether rows do not become ``postgres_changes``."""
        return self.broadcasts_lost and self._away >= self._long

    def database_left(self) -> None:
        """Note that the stream of changes has ended."""
        self._left_at = self._clock()
        self._away = 0.0
        self.broadcasts_lost = self._faithful

    def database_returned(self) -> None:
        """There is a stream of changes, the first or a new one."""
        if self._left_at is not None:
            self._away = self._clock() - self._left_at

    def wake(self) -> None:
        """Somebody joined, or handed over a token that is not the one before."""
        self.broadcasts_lost = False
