"""Waiting for a condition that nobody announces, where the one loop of the package does not fit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from spool_live.local.processes import wait_until

PATIENCE = 40.0
"""Seconds to wait for what must come, on a machine that is busy with other things."""
POLL = 0.01


def comes_true(condition: Callable[[], object], within: float) -> bool:
    """Whether ``condition`` holds before ``within`` seconds are over."""
    try:
        wait_until(condition, within)
    except TimeoutError:
        return False
    return True


async def eventually(condition: Callable[[], object], within: float = PATIENCE) -> None:
    """Return once ``condition`` holds, while the event loop goes on; raise ``TimeoutError``."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - any condition, no event
            await asyncio.sleep(POLL)
