"""Waiting for what another process or thread does."""

from __future__ import annotations

import time
from collections.abc import Callable

POLL = 0.01


def wait_until(condition: Callable[[], object], within: float = 30.0, *, what: str = "") -> None:
    """Return as soon as ``condition()`` is true, which is looked at every 10 ms.

    Raises :class:`TimeoutError`, which names ``what``, after ``within`` seconds.
    """
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:g} s: {what or condition}")
        time.sleep(POLL)
