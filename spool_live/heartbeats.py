"""Heartbeats: each part of the system records that it is active, and how its last run ended.

One small row for each part and content database. It is written at most every two seconds, by the
part itself and outside any editor's transaction, and an error of the database at that does not stop
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
"""The shortest time between two heartbeats of one part that are worth a write."""
BREAK = timedelta(seconds=10)
"""A part that was away for longer than this has started anew."""
FUTURE = timedelta(seconds=10)
"""What is farther ahead is of a clock that was set back since; what is less is somebody else's, a
moment after we looked at our clock."""
Part = Heartbeat.Part
_written: dict[tuple[str, str, str], float] = {}
"""When this process last wrote a heartbeat (monotonic), by alias, part and what it said."""


def beat(using: str, part: Part, *, clock: Callable[[], float] = time.monotonic) -> None:
    """Note that ``part`` is active on ``using``. Cheap enough to be called at every turn."""
    if _is_due(using, part, "active", clock):
        _write(using, part, {})


def succeeded(using: str, part: Part, detail: Mapping[str, Any] | None = None) -> None:
    """Note that ``part`` did what it is there for; ``detail`` is kept as JSON."""
    values = {"succeeded_at": timezone.now(), "failing_since": None, "failures": 0, "error": ""}
    _write(using, part, {**values, **({} if detail is None else {"detail": dict(detail)})})


def noted(using: str, part: Part, detail: Mapping[str, Any]) -> None:
    """Note ``detail`` (kept as JSON) of a part that neither succeeded nor failed."""
    _write(using, part, {"detail": dict(detail)})


def failed(using: str, part: Part, error: str, detail: Mapping[str, Any] | None = None) -> None:
    """Note that ``part`` could not do what it is there for, and keep since when."""
    _written.pop((using, part.value, "well"), None)
    values: dict[str, Any] = {"failures": F("failures") + 1, "error": error}
    _write(using, part, {**values, **({} if detail is None else {"detail": dict(detail)})})
    with _harmless():
        rows = Heartbeat.objects.using(using).filter(pk=part, failing_since=None)
        rows.update(failing_since=timezone.now())


@contextmanager
def watched(using: str, part: Part) -> Iterator[None]:
    """Note how what is done inside ends, a success every two seconds at most: an exception is
    recorded by its name, and raised."""
    beat(using, part)
    try:
        yield
    except Exception as error:
        failed(using, part, reason(error))
        raise
    if _is_due(using, part, "well", time.monotonic):
        succeeded(using, part)


def claim(using: str, part: Part, interval: timedelta) -> bool:
    """Return whether nobody has claimed ``part`` for ``interval``: of all that ask at once one
    does.

    A claim of the future is from a clock that was set back since, but only where it is further away
    than ``interval``: of those that ask at once, the first may have looked at its clock last.
    Raises ``DatabaseError``.
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
    """Return what may be kept of an error: our own messages are fit for people, of others the
    name."""
    return str(error) if isinstance(error, SpoolLiveError) else type(error).__name__


def later(using: str, part: Part, error: str = "") -> None:
    """Note from a thread of its own that ``part`` is well, or why it is not: for requests."""
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
    if not values:  # others beat as well; a heartbeat of the future is from a clock set back
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
