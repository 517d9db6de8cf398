"""Where a subscriber stopped, kept across restarts.

The cursor is saved after an update was handled, so that a crash in between repeats some updates:
across crashes delivery is at least once, within one life of the process it is once.
"""

from __future__ import annotations

import inspect
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Protocol

from spool_live.client.consumer import Consumer
from spool_live.client.exceptions import ConfigurationError

logger = logging.getLogger("spool_live.client")
SAVE_INTERVAL = 1.0


class CursorStore(Protocol):
    """Anything that keeps one number; both methods may be async.

    `load` returns None where nothing was saved yet. Sync methods run on the event loop: they must
    be quick.
    """

    def load(self) -> int | Awaitable[int | None] | None:
        """The number saved last."""

    def save(self, seq: int) -> Awaitable[None] | None:
        """Keep this number."""


class FileCursor:
    """A small JSON file, replaced atomically."""

    def __init__(self, path: str | Path, site_id: str) -> None:
        self._path = Path(path)
        self._site_id = site_id

    def load(self) -> int | None:
        """The number in the file, None if there is no file.

        Raises ConfigurationError for a file that is another site's, or no cursor at all, and where
        its folder is missing.
        """
        try:
            data = json.loads(self._path.read_text())
            site_id, seq = str(data["site_id"]), int(data["seq"])
        except FileNotFoundError:
            self._check_folder()
            return None
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"{self._path} is no cursor file ({error!r}): delete it to begin with what is new."
            ) from error
        if site_id != self._site_id:
            raise ConfigurationError(
                f"{self._path} belongs to site {site_id}: use one cursor file per site."
            )
        return seq

    def _check_folder(self) -> None:
        if not self._path.parent.is_dir():
            raise ConfigurationError(
                f"{self._path.parent} is no folder: create it, or keep the cursor elsewhere."
            )

    def save(self, seq: int) -> None:
        """Write beside the file, then put it in its place."""
        new = self._path.with_name(f"{self._path.name}.new")
        new.write_text(json.dumps({"site_id": self._site_id, "seq": seq}))
        new.replace(self._path)


class CursorKeeper:
    """Saves how far all consumers of a client have come: when they are idle, or every second.

    A store that fails is reported and tried again with the next update.
    """

    def __init__(self, store: CursorStore, now: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._now = now
        self._saved: int | None = None
        self._saved_at = float("-inf")

    async def load(self) -> int | None:
        """What the store has."""
        loaded = self._store.load()
        self._saved = await loaded if inspect.isawaitable(loaded) else loaded
        return self._saved

    async def note(self, consumers: Iterable[Consumer], *, final: bool = False) -> None:
        """Save the least of their cursors, if it moved and it is time."""
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
