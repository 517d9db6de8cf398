"""What the Supabase database shows of Realtime, if it is one of the project's aliases."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, connections

from spool_live.conf import live_settings
from spool_live.sql import read_sql
from spool_live.status.states import Kind, Problem, State
from spool_live.supabase import provisioning
from spool_live.supabase.databases import is_supabase_database

MUCH_WAL = 1 << 30
"""Bytes of WAL that a replication slot without a reader may hold back."""
_since: dict[str, datetime] = {}
"""When this process first saw the problem that lasts, by alias."""
PARTITION_NOTICE = (
    "Realtime has no partition for today's messages, because no client was connected: updates are "
    "stored but not broadcast. Connect a client (spool-live tail): Realtime makes one then, and "
    "catch-up brings the updates."
)


@dataclass(frozen=True, slots=True)
class Slots:
    """The replication slots of the Supabase database, as ``sql/status/realtime.sql`` sees them.

    ``held_back`` is in bytes of WAL; ``lost`` names slots that PostgreSQL has invalidated.
    """

    is_read: bool
    slots: int
    max_slots: int
    lost: str | None
    held_back: int | None


@dataclass(frozen=True, slots=True)
class Realtime:
    """What was seen: whether the messages' partition is missing, and the slots."""

    lacks_partition: bool = False
    slots: Slots | None = None


def observe_realtime(bounded: Callable[[str], AbstractContextManager[None]]) -> Realtime:
    """Look at the Supabase database, each query ``bounded`` in time.

    Return an empty ``Realtime`` where it is not an alias or does not answer: it need not be
    reachable from here.
    """
    settings = live_settings()
    alias = settings.supabase_database
    if not is_supabase_database(alias):
        return Realtime()
    try:
        with bounded(alias):
            lacks = settings.realtime_mode == "broadcast" and provisioning.lacks_partition(alias)
            with connections[alias].cursor() as cursor:
                cursor.execute(read_sql("status/realtime"))
                return Realtime(lacks, Slots(*cursor.fetchone()))
    except DatabaseError:
        return Realtime()


def realtime_problems(seen: Realtime, now: datetime) -> list[Problem]:
    """Return what keeps Realtime from reading new rows, since this process first saw it."""
    slots, alias = seen.slots, live_settings().supabase_database
    if slots is None:
        _since.clear()
        return []
    if slots.lost:
        reason = (
            f"PostgreSQL has invalidated the replication slot {slots.lost}: Realtime reads nothing."
        )
        remedy = "Drop it (pg_drop_replication_slot); Realtime makes a new one when a client joins."
    elif not slots.is_read and slots.slots >= slots.max_slots:
        reason = (
            f"All {slots.max_slots} replication slots are taken and none of them reads this "
            "database: Realtime says that clients are subscribed, and sends them nothing."
        )
        remedy = (
            "Drop those that are not in use (pg_replication_slots), or raise max_replication_slots."
        )
    else:
        _since.clear()
        return []
    since = _since.setdefault(alias, now)
    return [Problem(Kind.REALTIME, State.FAILING, since, reason, remedy, alias)]


def realtime_notices(seen: Realtime) -> list[str]:
    """Return what is worth knowing of Realtime, but not a problem. Pure.

    A client that connects makes the missing partition; an unused slot fills the disk in the end.
    """
    notices = [PARTITION_NOTICE] if seen.lacks_partition else []
    held_back = (seen.slots and seen.slots.held_back) or 0
    if held_back > MUCH_WAL:
        notices.append(
            f"A replication slot that is not in use holds back {held_back / MUCH_WAL:.1f} GiB of "
            "WAL on the Supabase database: see pg_replication_slots, and drop it."
        )
    return notices
