"""Delivery to memory, when a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.test import override_settings

from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import deliver_and_mirror
from spool_live.updates import Update

BROADCASTER = f"{MemoryBroadcaster.__module__}.{MemoryBroadcaster.__qualname__}"


@contextmanager
def in_memory() -> Iterator[type[MemoryBroadcaster]]:
    """Deliver updates to this process within the block, and never to Supabase.

    Yields the broadcaster, whose ``updates`` are what was delivered and whose ``failures`` are
    raised in turn; it is empty before and after.
    """
    MemoryBroadcaster.reset()
    try:
        with override_settings(SPOOL_LIVE={**settings.SPOOL_LIVE, "BROADCASTER": BROADCASTER}):
            yield MemoryBroadcaster
    finally:
        MemoryBroadcaster.reset()


def deliver_now(using: str = DEFAULT_DB_ALIAS) -> list[Update]:
    """Deliver the updates that wait on the alias ``using``, as a worker would, and return them in
    the order in which subscribers get them. They go to memory whatever the settings are, and never
    to Supabase."""
    before = len(MemoryBroadcaster.updates)
    deliver_and_mirror(using, broadcaster=MemoryBroadcaster(), pause=lambda seconds: None)
    return MemoryBroadcaster.updates[before:]
