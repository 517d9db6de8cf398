"""When to save the cursor of a client, and which position to save."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Iterable

from spool_live.client.cursor import CursorStore
from spool_live.client.engine.consumer import Consumer
from spool_live.client.exceptions import ConfigurationError
from spool_live.client.updates import sequence_number

logger = logging.getLogger("spool_live.client")
SAVE_INTERVAL = 1.0


class CursorKeeper:
    """Saves the position that all consumers of a client have reached: when idle, or every second.

    If the store fails, the error is logged, and the next update is another attempt.
    """

    def __init__(self, store: CursorStore, now: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._now = now
        self._saved: int | None = None
        self._saved_at = float("-inf")

    async def load(self) -> int | None:
        """Return the stored position, if any. Raises ``ConfigurationError`` if it is not a sequence
        number."""
        loaded = self._store.load()
        seq = await loaded if inspect.isawaitable(loaded) else loaded
        try:
            self._saved = None if seq is None else sequence_number(seq)
        except ValueError as error:
            raise ConfigurationError(
                f"The cursor store's position {error}: let load() return a saved seq, or None."
            ) from error
        return self._saved

    async def note(self, consumers: Iterable[Consumer], *, final: bool = False) -> None:
        """Save the smallest of the consumers' cursors, if it has moved and a save is due."""
        cursors = [consumer.cursor for consumer in consumers]
        idle = all(consumer.idle for consumer in consumers)
        if not (final or idle or self._now() - self._saved_at >= SAVE_INTERVAL):
            return
        known = [cursor for cursor in cursors if cursor is not None]
        if known and len(known) == len(cursors) and min(known) != self._saved:
            await self._save(min(known))

    async def _save(self, seq: int) -> None:
        try:
            saving = self._store.save(seq)
            if inspect.isawaitable(saving):
                await saving
        except Exception:
            logger.exception("The cursor of live updates could not be saved")
        else:
            self._saved, self._saved_at = seq, self._now()
