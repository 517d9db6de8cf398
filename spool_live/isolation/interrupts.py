"""Ctrl-C and SIGTERM at safe points only: in the middle of a query they would break the connection
that the cleaning up needs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interrupts:
    """Remembers a signal until ``check`` raises it as ``KeyboardInterrupt``, once."""

    def __init__(self) -> None:
        self._received = False

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` where a signal came since the last call."""
        if self._received:
            self._received = False
            raise KeyboardInterrupt

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Within the block, signals wait for ``check``. Elsewhere than on the main thread
        nothing changes: whoever runs us there handles signals."""
        try:
            before = {s: signal.signal(s, self._note) for s in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:
            yield
            return
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, *args: Any) -> None:
        self._received = True
