"""Cursors: the position of a subscriber, kept across restarts.

The cursor is saved after an update was handled. If the process crashes in between, some updates are
delivered again: at least once across crashes, exactly once while the process runs.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable
from pathlib import Path
from typing import Protocol

from spool_live.client.exceptions import ConfigurationError
from spool_live.client.updates import sequence_number


class CursorStore(Protocol):
    """Anything that keeps one number; both methods may be async.

    Sync methods run on the event loop, so they must be quick.
    """

    def load(self) -> int | Awaitable[int | None] | None:
        """Return the number that was saved last, or ``None`` where there is none."""

    def save(self, seq: int) -> Awaitable[None] | None:
        """Keep ``seq``, a sequence number."""


class FileCursor:
    """A position kept in a small JSON file at ``path``, which is replaced atomically."""

    def __init__(self, path: str | Path, site_id: str) -> None:
        self._path = Path(path)
        self._site_id = site_id

    def load(self) -> int | None:
        """Return the number in the file, or ``None`` if there is no file.

        Raises ``ConfigurationError`` if the file belongs to another site or is not a cursor file,
        and if its folder does not exist.
        """
        try:
            data = json.loads(self._path.read_text())
            site_id, seq = str(data["site_id"]), sequence_number(data["seq"])
        except FileNotFoundError:
            self._check_folder()
            return None
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"{self._path} is not a cursor file ({error}): delete it to begin with what is new."
            ) from error
        if site_id != self._site_id:
            raise ConfigurationError(
                f"{self._path} belongs to site {site_id}: use one cursor file per site."
            )
        return seq

    def _check_folder(self) -> None:
        if not self._path.parent.is_dir():
            raise ConfigurationError(
                f"{self._path.parent} is not a folder: create it, or keep the cursor elsewhere."
            )

    def save(self, seq: int) -> None:
        """Write ``seq`` to a temporary file beside ``path``, then rename it to ``path``."""
        new = self._path.with_name(f"{self._path.name}.new")
        new.write_text(json.dumps({"site_id": self._site_id, "seq": seq}))
        new.replace(self._path)
