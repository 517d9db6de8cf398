"""Small writes that a request must not wait for: kept in memory, written by a background thread.

Whatever is added within a second is one write. If the database is busy or away, the write is
repeated; at the end of a process the rest is written. A process that is killed loses what was added
since the last write, so only values that may be lost belong here.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar
from weakref import WeakSet

from django.db import connections

from spool_live.muting import is_muted

logger = logging.getLogger(__name__)

DELAY = 1.0
TRIES = 5
"""How often a write is tried. The delay doubles each time: half a minute in all."""
FLUSH_AT_EXIT = 1.0
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_all: WeakSet[DeferredWrites[object, object]] = WeakSet()


class DeferredWrites(Generic[K, V]):
    """A buffer of values by key, which a daemon thread passes to ``write`` a moment later.

    ``combine`` merges two values of a key; either may be the older one. Beyond ``capacity`` keys, a
    value of a new key goes to the key ``overflow``, or is discarded if that is ``None``. ``write``
    must write all or nothing, or be safe to repeat: after an error it gets the same values again,
    together with newer ones. After ``TRIES`` errors the values are lost, which is logged at the
    level ``loss``.
    """

    def __init__(
        self,
        write: Callable[[Mapping[K, V]], None],
        combine: Callable[[V, V], V],
        *,
        overflow: K | None = None,
        capacity: int = 1000,
        loss: int = logging.WARNING,
    ) -> None:
        self._write = write
        self._combine = combine
        self._overflow = overflow
        self._capacity = capacity
        self._loss = loss
        self._waiting: dict[K, V] = {}
        self._thread: threading.Thread | None = None
        self.reset()
        _all.add(self)  # type: ignore[arg-type]  # the set is for reset and exit only

    def add(self, key: K, value: V) -> None:
        """Keep ``value`` to be written, and return at once.

        In a process that runs tests no thread is started: only ``write_now`` writes.
        """
        with self._lock:
            if key not in self._waiting and len(self._waiting) >= self._capacity:
                if self._overflow is None:
                    return
                key = self._overflow
            held = self._waiting.get(key)
            self._waiting[key] = value if held is None else self._combine(held, value)
            if self._thread is None and not is_muted():
                self._thread = self._start()

    def write_now(self) -> None:
        """Try once to write what is kept, on the calling thread. Never raises."""
        with self._lock:
            batch, self._waiting = self._waiting, {}
        if not batch:
            return
        try:
            self._write(batch)
        except Exception as error:  # noqa: BLE001 - a database error must not reach the request
            self._try_again_or_lose(batch, type(error).__name__)
        else:
            self._failures = 0

    def reset(self) -> None:
        """Forget what is kept. A child process must not write what its parent has added."""
        self._lock = threading.Lock()
        self._waiting = {}
        self._thread = None
        self._failures = 0
        self._hurry = threading.Event()

    def finish(self, timeout: float) -> None:
        """Have the thread write at once, and wait for it at most ``timeout`` seconds."""
        with self._lock:
            thread = self._thread
        self._hurry.set()
        if thread is not None:
            thread.join(timeout)

    def _start(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="spool-deferred", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        try:
            while True:
                self._hurry.wait(DELAY * 2**self._failures)
                self.write_now()
                if self._failures:
                    connections.close_all()  # the connection may be the cause
                with self._lock:
                    if not self._waiting:
                        self._thread = None
                        return
        finally:
            connections.close_all()

    def _try_again_or_lose(self, batch: Mapping[K, V], error: str) -> None:
        self._failures += 1
        if self._failures == TRIES:
            self._failures = 0
            logger.log(self._loss, "%d background writes were lost: %s", len(batch), error)
            return
        logger.info("%d background writes are delayed: %s", len(batch), error)
        for key, value in batch.items():
            self.add(key, value)


def _reset_all() -> None:
    for writes in list(_all):
        writes.reset()


def _finish_all() -> None:
    for writes in list(_all):
        writes.finish(FLUSH_AT_EXIT)


os.register_at_fork(after_in_child=_reset_all)
atexit.register(_finish_all)
