"""Heartbeats: each part of the system records that it is active, and how its last run ended.

There is one small row for each part and content database. The part itself writes it, at most every
two seconds and outside any editor's transaction. A database error while it is written does not stop
the part.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Case, F, Q, When
from django.utils import timezone

from spool_live.deferred import DeferredWrites
from spool_live.exceptions import SpoolLiveError
from spool_live.models import Heartbeat

logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=2)
"""Minimum time between two heartbeats of one part that are written."""
BREAK = timedelta(seconds=10)
"""A part that was inactive for longer than this counts as started anew."""
FUTURE = timedelta(seconds=10)
"""A heartbeat further ahead than this was written before the clock was set back. One less far ahead
was written by another process, a moment after this one read the clock."""
Part = Heartbeat.Part
_written: dict[tuple[str, str, str], float] = {}
"""When this process last wrote a heartbeat (monotonic), by alias, part and kind of heartbeat."""


def beat(using: str, part: Part, *, clock: Callable[[], float] = time.monotonic) -> None:
    """Note that ``part`` is active on ``using``. Cheap enough to be called in every loop."""
    if _is_due(using, part, "active", clock):
        _write(using, part, {})


def succeeded(using: str, part: Part, detail: Mapping[str, Any] | None = None) -> None:
    """Note that ``part`` has succeeded; ``detail`` is kept as JSON."""
    values = {"succeeded_at": timezone.now(), "failing_since": None, "failures": 0, "error": ""}
    _write(using, part, {**values, **({} if detail is None else {"detail": dict(detail)})})


def noted(using: str, part: Part, detail: Mapping[str, Any]) -> None:
    """Note that ``part`` neither succeeded nor failed; ``detail`` is kept as JSON."""
    _write(using, part, {"detail": dict(detail)})


def failed(using: str, part: Part, error: str, detail: Mapping[str, Any] | None = None) -> None:
    """Note that ``part`` has failed, and since when it fails; ``detail`` is kept as JSON."""
    _written.pop((using, part.value, "well"), None)
    values: dict[str, Any] = {"failures": F("failures") + 1, "error": error}
    _write(using, part, {**values, **({} if detail is None else {"detail": dict(detail)})})
    with _harmless():
        rows = Heartbeat.objects.using(using).filter(pk=part, failing_since=None)
        rows.update(failing_since=timezone.now())


@contextmanager
def watched(using: str, part: Part) -> Iterator[None]:
    """Note whether the block succeeds or raises. A success is noted every two seconds at most.

    An exception is recorded as ``reason`` describes it, and raised again.
    """
    beat(using, part)
    try:
        yield
    except Exception as error:
        failed(using, part, reason(error))
        raise
    if _is_due(using, part, "well", time.monotonic):
        succeeded(using, part)


def claim(using: str, part: Part, interval: timedelta) -> bool:
    """Claim ``part``, and return whether that succeeded.

    It succeeds if no process has claimed the part within ``interval``. If several processes try at
    once, one of them succeeds. A claim in the future is ignored, because it was written before the
    clock was set back, but only if it is further ahead than ``interval``: a process that tries at
    the same time may have read a slightly later time. Raises ``DatabaseError``.
    """
    now = timezone.now()
    rows = Heartbeat.objects.using(using).filter(pk=part)
    if rows.filter(Q(at__lte=now - interval) | Q(at__gt=now + interval)).update(at=now):
        return True
    if rows.exists():
        return False
    with transaction.atomic(using=using):
        _, is_new = Heartbeat.objects.using(using).get_or_create(part=part, defaults={"at": now})
    return is_new


def reason(error: Exception) -> str:
    """Return what is stored of an error: the message of our own errors, which is written for
    people, and only the class name of any other."""
    return str(error) if isinstance(error, SpoolLiveError) else type(error).__name__


def later(using: str, part: Part, error: str = "") -> None:
    """Note on a background thread that ``part`` has succeeded, or failed with ``error``.

    For requests, which must not wait for the database.
    """
    _deferred.add((using, part.value), error)


def forget() -> None:
    """Forget what this process has written, so that the next heartbeat is written at once."""
    _written.clear()
    _deferred.reset()


def _is_due(using: str, part: Part, word: str, clock: Callable[[], float]) -> bool:
    now, key = clock(), (using, part.value, word)
    if now - _written.get(key, float("-inf")) < EVERY.total_seconds():
        return False
    _written[key] = now
    return True


def _write(using: str, part: Part, values: Mapping[str, Any]) -> None:
    now = timezone.now()
    rows = Heartbeat.objects.using(using).filter(pk=part)
    if not values:  # skip it if another process has just written one
        rows = rows.filter(Q(at__lte=now - EVERY / 2) | Q(at__gt=now + FUTURE))
    with _harmless():
        if rows.update(at=now, active_since=_active_since(now), **values):
            return
        first = {**values, "failures": 1} if values.get("failures") else values
        fresh = [Heartbeat(part=part, at=now, active_since=now, **first)]
        Heartbeat.objects.using(using).bulk_create(fresh, ignore_conflicts=True)


def _active_since(now: datetime) -> Case:
    after_a_break = When(
        Q(at__lt=now - BREAK) | Q(at__gt=now + FUTURE) | Q(active_since=None), then=now
    )
    return Case(after_a_break, default=F("active_since"))


@contextmanager
def _harmless() -> Iterator[None]:
    """Log database errors of the block, and do not raise them."""
    try:
        yield
    except DatabaseError as error:
        logger.warning("a heartbeat could not be written: %s", type(error).__name__)


def _write_deferred(batch: Mapping[tuple[str, str], str]) -> None:
    for (using, name), error in batch.items():
        if error:
            failed(using, Part(name), error)
        else:
            succeeded(using, Part(name))


_deferred: DeferredWrites[tuple[str, str], str] = DeferredWrites(
    _write_deferred, lambda held, more: more
)
