"""Ctrl-C and SIGTERM, raised at safe points only.

In the middle of a query they would break the connection that is needed to clean up.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interrupts:
    """A holder of signals, until ``check`` raises them, once, as ``KeyboardInterrupt``."""

    def __init__(self) -> None:
        self._received = False

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` if a signal arrived since the last call."""
        if self._received:
            self._received = False
            raise KeyboardInterrupt

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Hold SIGINT and SIGTERM back within the block, until ``check`` is called.

        In other threads than the main one it does nothing, as only the main one handles signals.
        """
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
