"""The rate of events in a project, computed as the real server does: late, and over a minute."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_LONGEST_MEMORY = 12


class Rate:
    """Events per second, compared with a limit.

    The count is checked only every ``judged_every`` seconds. Then it is the average since the first
    event, or over the last twelve checks: so a burst passes as a whole, and the events after it may
    be refused.
    """

    def __init__(
        self,
        limit: float | None,
        judged_every: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._judged_every = judged_every
        self._clock = clock
        self._counts: deque[int] = deque(maxlen=_LONGEST_MEMORY)
        self._counted = 0
        self._next_check: float | None = None

    def count(self, events: int = 1) -> None:
        """Add ``events`` that have just happened."""
        if self._limit is not None:
            self._check()
            self._counted += events

    @property
    def exceeded(self) -> bool:
        """Whether the average at the last check was above the limit."""
        if self._limit is None:
            return False
        self._check()
        return sum(self._counts) > self._limit * self._judged_every * len(self._counts)

    def _check(self) -> None:
        now = self._clock()
        if self._next_check is None:
            self._next_check = now + self._judged_every
        overdue = int((now - self._next_check) // self._judged_every) + 1
        for _ in range(min(overdue, _LONGEST_MEMORY)):
            self._counts.append(self._counted)
            self._counted = 0
        self._next_check += max(overdue, 0) * self._judged_every
