"""Counters in Django's cache, which go on counting when the cache does not answer.

A cache that raises or does not answer in time is not used for ``AVOIDED_FOR`` seconds. Meanwhile
each process counts on its own: requests are served, and the throttle is less exact, but never off.
Then a single request tries the cache again. A call that the cache never answers occupies a thread,
so the number of calls at a time is limited.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache, InvalidCacheBackendError
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import router

from spool_live import heartbeats
from spool_live.conf import live_settings
from spool_live.models import Heartbeat

logger = logging.getLogger(__name__)

DEADLINE = 0.5
"""Seconds that a cache may take to answer."""
AVOIDED_FOR = 10.0
"""Seconds for which a cache that failed is not used."""
MAX_CALLS = 8
"""How many calls of a process may be waiting for the cache at a time."""
_WITHOUT_DEADLINE = (LocMemCache, DatabaseCache, FileBasedCache)
_T = TypeVar("_T")
_calls = threading.BoundedSemaphore(MAX_CALLS)


class CacheTimeoutError(Exception):
    """The cache did not answer in time."""


_numbers = itertools.count()
"""Numbers for the names of local caches: two ``LocMemCache`` of one name share their values."""


class Counters:
    """Runs functions on ``SPOOL_LIVE["THROTTLE_CACHE"]``, or on a cache of this process alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._own = LocMemCache(f"spool-live-throttle-{next(_numbers)}", {"MAX_ENTRIES": 50_000})
        self._avoided_until = 0.0
        self._lock = threading.Lock()

    @property
    def degraded(self) -> bool:
        """Whether this process counts on its own because the cache does not answer."""
        return self._clock() < self._avoided_until

    def run(self, work: Callable[[BaseCache], _T]) -> _T:
        """Return ``work(cache)``: the shared cache, or this process's own while that fails."""
        if self._may_use_shared():
            try:
                answer = self._on_shared(work)
            except Exception as error:  # noqa: BLE001 - whatever a cache client raises
                self._avoid(error)
            else:
                if self._avoided_until:
                    self._avoided_until = 0.0
                    logger.info('The cache SPOOL_LIVE["THROTTLE_CACHE"] answers again.')
                return answer
        return work(self._own)

    def clear(self) -> None:
        """Forget what this process counted on its own, and that the cache did not answer."""
        self._own.clear()
        self._avoided_until = 0.0

    def _on_shared(self, work: Callable[[BaseCache], _T]) -> _T:
        cache = shared_cache()
        if isinstance(cache, DummyCache):
            return work(self._own)
        if isinstance(cache, _WITHOUT_DEADLINE):
            return work(cache)
        # Import the client library, which Django does at the first use, before the deadline runs.
        getattr(cache, "_cache", None)
        return within(DEADLINE, work, cache)

    def _may_use_shared(self) -> bool:
        """Return whether the cache answers, or this request is the one that tries it again."""
        if not self._avoided_until:
            return True
        with self._lock:
            now = self._clock()
            if now < self._avoided_until:
                return False
            self._avoided_until = now + AVOIDED_FOR
            return True

    def _avoid(self, error: Exception) -> None:
        with self._lock:
            is_first = not self._avoided_until
            self._avoided_until = self._clock() + AVOIDED_FOR
        using = router.db_for_write(Heartbeat)
        heartbeats.later(using, heartbeats.Part.CACHE, type(error).__name__)
        if is_first:
            logger.error(
                'The cache SPOOL_LIVE["THROTTLE_CACHE"] does not answer (%s): check it. Until it '
                "answers again, each process throttles on its own.",
                type(error).__name__,
            )


def shared_cache() -> BaseCache:
    """Return the configured cache. Raises ``InvalidCacheBackendError`` for an unknown alias."""
    return caches[live_settings().throttle_cache]


def within(seconds: float, work: Callable[[BaseCache], _T], cache: BaseCache) -> _T:
    """Return ``work(cache)``, which runs on a thread because client libraries have no timeout by
    default.

    Raises what ``work`` raises, and ``CacheTimeoutError`` if it takes longer than ``seconds``, or
    if ``MAX_CALLS`` earlier calls are still unanswered.
    """
    calls = _calls
    deadline = time.monotonic() + seconds
    if not calls.acquire(timeout=seconds):
        raise CacheTimeoutError(f"none of {MAX_CALLS} requests was answered within {seconds} s")
    answer: Future[_T] = Future()

    def ask() -> None:
        try:
            answer.set_result(work(cache))
        except Exception as raised:  # noqa: BLE001 - raised again on the caller's thread
            answer.set_exception(raised)
        finally:
            calls.release()

    try:
        threading.Thread(target=ask, name="spool-throttle", daemon=True).start()
    except RuntimeError:  # the system has no thread left
        calls.release()
        raise
    try:
        return answer.result(max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        if answer.done():  # the timeout was raised by the client library
            raise
        raise CacheTimeoutError(f"no answer within {seconds} s") from None


def _reset_calls() -> None:
    """Count calls from zero: a forked child has none of its parent's threads."""
    global _calls  # noqa: PLW0603
    _calls = threading.BoundedSemaphore(MAX_CALLS)


os.register_at_fork(after_in_child=_reset_calls)


def add_one(cache: BaseCache, name: str, lifetime: float) -> int:
    """Add 1 to the counter ``name``, which lives ``lifetime`` seconds; return its new value."""
    try:
        return cache.incr(name)
    except ValueError:
        if cache.add(name, 1, timeout=lifetime):
            return 1
        return cache.incr(name)


counters = Counters()

__all__ = ["Counters", "InvalidCacheBackendError", "add_one", "counters", "shared_cache", "within"]
