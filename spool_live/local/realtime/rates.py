"""How fast a project goes, reckoned as the real server does: late, and over up to a minute."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_LONGEST_MEMORY = 12


class Rate:
    """Events per second against a limit.

    The count is looked at every ``judged_every`` seconds only, and then it is the average since the
    first event or over the last twelve looks: a burst passes whole, and what follows pays for it.
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
        self._looks: deque[int] = deque(maxlen=_LONGEST_MEMORY)
        self._counted = 0
        self._next_look: float | None = None

    def count(self, events: int = 1) -> None:
        """So many more happened just now."""
        if self._limit is not None:
            self._look()
            self._counted += events

    @property
    def exceeded(self) -> bool:
        """Whether the average at the last look was above the limit."""
        if self._limit is None:
            return False
        self._look()
        return sum(self._looks) > self._limit * self._judged_every * len(self._looks)

    def _look(self) -> None:
        now = self._clock()
        if self._next_look is None:
            self._next_look = now + self._judged_every
        overdue = int((now - self._next_look) // self._judged_every) + 1
        for _ in range(min(overdue, _LONGEST_MEMORY)):
            self._looks.append(self._counted)
            self._counted = 0
        self._next_look += max(overdue, 0) * self._judged_every
