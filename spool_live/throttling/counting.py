"""Counters over Django's cache, that go on counting when the cache is dead.

A cache that raises or does not answer in time is left alone for a while, and this process counts
for itself: requests are served, and the throttle is coarser, but never off. After the while one
request tries the cache for all of them. Requests that a cache never answers leave their threads
behind, so there is a bound on how many may be in the cache at a time.
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
"""Seconds that a dead cache is left alone."""
AT_ONCE = 8
"""Requests of a process that may be in the cache at once, answered or not."""
_IN_PLACE = (LocMemCache, DatabaseCache, FileBasedCache)
_T = TypeVar("_T")
_places = threading.BoundedSemaphore(AT_ONCE)


class CacheTimeoutError(Exception):
    """The cache did not answer in time."""


_numbers = itertools.count()
"""Django keeps such a cache by its name for as long as the process lives: no name comes twice."""


class Counters:
    """Runs work on the cache ``SPOOL_LIVE["THROTTLE_CACHE"]``, or on this process's own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._own = LocMemCache(f"spool-live-throttle-{next(_numbers)}", {"MAX_ENTRIES": 50_000})
        self._avoided_until = 0.0
        self._lock = threading.Lock()

    @property
    def degraded(self) -> bool:
        """Whether this process counts for itself because the cache is dead."""
        return self._clock() < self._avoided_until

    def run(self, work: Callable[[BaseCache], _T]) -> _T:
        """Return what ``work`` returns, done on the cache, or on our own where that is dead."""
        if self._may_ask():
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
        """Forget what this process counted for itself, and that the cache was dead."""
        self._own.clear()
        self._avoided_until = 0.0

    def _on_shared(self, work: Callable[[BaseCache], _T]) -> _T:
        cache = shared_cache()
        if isinstance(cache, DummyCache):
            return work(self._own)
        if isinstance(cache, _IN_PLACE):
            return work(cache)
        # Django imports a client library with its first use: not within the deadline.
        getattr(cache, "_cache", None)
        return within(DEADLINE, work, cache)

    def _may_ask(self) -> bool:
        """Return whether the cache is alive, or this request is the one to find out."""
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
            is_news = not self._avoided_until
            self._avoided_until = self._clock() + AVOIDED_FOR
        using = router.db_for_write(Heartbeat)
        heartbeats.later(using, heartbeats.Part.CACHE, type(error).__name__)
        if is_news:
            logger.error(
                'The cache SPOOL_LIVE["THROTTLE_CACHE"] is dead (%s): each process throttles by '
                "itself until it is back.",
                type(error).__name__,
            )


def shared_cache() -> BaseCache:
    """Return the configured cache. Raises ``InvalidCacheBackendError`` where there is none."""
    return caches[live_settings().throttle_cache]


def within(seconds: float, work: Callable[[BaseCache], _T], cache: BaseCache) -> _T:
    """Return what ``work`` returns, if it does within ``seconds``; raises what it raises, and
    ``CacheTimeoutError``. A client library's own timeouts are off by default.

    At most ``AT_ONCE`` threads of a process are at work, also where they are never answered.
    """
    places = _places
    deadline = time.monotonic() + seconds
    if not places.acquire(timeout=seconds):
        raise CacheTimeoutError(f"none of {AT_ONCE} requests was answered within {seconds} s")
    answer: Future[_T] = Future()

    def ask() -> None:
        try:
            answer.set_result(work(cache))
        except Exception as raised:  # noqa: BLE001 - raised again on the caller's thread
            answer.set_exception(raised)
        finally:
            places.release()

    try:
        threading.Thread(target=ask, name="spool-throttle", daemon=True).start()
    except RuntimeError:  # the system has no thread left
        places.release()
        raise
    try:
        return answer.result(max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        if answer.done():  # the client library's own
            raise
        raise CacheTimeoutError(f"no answer within {seconds} s") from None


def _empty_places() -> None:
    """Forget the threads: a child process has none of its parent's."""
    global _places  # noqa: PLW0603
    _places = threading.BoundedSemaphore(AT_ONCE)


os.register_at_fork(after_in_child=_empty_places)


def add_one(cache: BaseCache, name: str, lifetime: float) -> int:
    """Count one more under ``name``, and return how many that makes."""
    try:
        return cache.incr(name)
    except ValueError:
        if cache.add(name, 1, timeout=lifetime):
            return 1
        return cache.incr(name)


counters = Counters()

__all__ = ["Counters", "InvalidCacheBackendError", "add_one", "counters", "shared_cache", "within"]
