"""Wait for something that another process or thread does."""

from __future__ import annotations

import time
from collections.abc import Callable

POLL = 0.01


def wait_until(condition: Callable[[], object], within: float = 30.0, what: object = "") -> None:
    """Return as soon as ``condition()`` is true; it is called every 10 ms.

    Raises ``TimeoutError`` after ``within`` seconds. Its message contains ``what``, or what that
    returns if it is callable.
    """
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            found = what() if callable(what) else what
            raise TimeoutError(f"not within {within:g} s: {found or condition}")
        time.sleep(POLL)
