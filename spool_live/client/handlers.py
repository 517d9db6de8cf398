"""The callbacks of a client, called one after the other; their exceptions are logged, not fatal."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from spool_live.client import tracing
from spool_live.client.updates import Event, LiveUpdate, Reset, UpdateFilter

logger = logging.getLogger("spool_live.client")

UpdateCallback = Callable[[LiveUpdate], Awaitable[None] | None]
ResetCallback = Callable[[Reset], Awaitable[None] | None]


class Handlers:
    """Callbacks for updates and resets, in the order of their registration."""

    def __init__(self) -> None:
        self._updates: list[tuple[UpdateFilter, UpdateCallback]] = []
        self._resets: list[ResetCallback] = []

    def __bool__(self) -> bool:
        return bool(self._updates or self._resets)

    def add_update(self, wanted: UpdateFilter, callback: UpdateCallback) -> None:
        """Call ``callback`` for the updates that ``wanted`` matches, from now on."""
        self._updates.append((wanted, callback))

    def add_reset(self, callback: ResetCallback) -> None:
        """Call ``callback`` for resets, from now on."""
        self._resets.append(callback)

    async def handle(self, event: Event) -> None:
        """Call every callback that is registered for this event. Their exceptions are logged."""
        if isinstance(event, Reset):
            if not self._resets:
                warn_about_reset(event)
            for on_reset in tuple(self._resets):
                await _call_safely(on_reset, event)
        else:
            matching = [callback for wanted, callback in self._updates if wanted.matches(event)]
            if matching:
                with tracing.handling(event):
                    for callback in matching:
                        await _call_safely(callback, event)


def warn_about_reset(reset: Reset) -> None:
    """Log the reset, for subscribers that have no callback for resets."""
    logger.warning(
        "Live updates were missed and cannot be recovered (%s; the stream goes on after "
        "%d): fetch the content again. Use on_reset() or events() to handle this.",
        reset.reason,
        reset.seq,
    )


async def _call_safely(callback: Callable[[Any], Any], event: Event) -> None:
    try:
        result = callback(event)
        if inspect.isawaitable(result):
            await result
    except Exception:
        logger.exception("A handler of live updates failed on %s", event)
