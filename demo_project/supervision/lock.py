"""A lock, so that only one demo runs at a time."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE = 1.0
_POLL = 0.02


class AlreadyRunning(Exception):
    """The lock is held by another process."""


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold an exclusive ``flock`` on ``path`` inside the block; the kernel frees it at any end.

    Other processes check the lock by taking it for a moment: so wait for it up to a second.
    Raises ``AlreadyRunning``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as held:
                if time.monotonic() > deadline:
                    raise AlreadyRunning(str(path)) from held
                time.sleep(_POLL)
        yield
