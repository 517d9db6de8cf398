"""Retention: expired rows leave the live table, settled entries leave the outbox."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from django.utils import timezone

from spool_live import counts, heartbeats, outbox
from spool_live.broadcasters import Broadcaster, get_broadcaster
from spool_live.conf import live_settings
from spool_live.delivery.counted import counted
from spool_live.keys.addresses import purge_addresses
from spool_live.sql import read_sql
from spool_live.supabase.databases import content_databases
from spool_live.throttling import purge_failures

BIG_STEP = 2_000
REST = 4
"""Times as long as a big step took it rests after it: four fifths of the time belong to the
updates, and a million rows are gone in half a minute still."""
CRON_STEP = 50_000
"""Once a minute, and in one go: it must keep up with what is inserted."""
SMALL_STEP = 1_000
"""Where Realtime reads each deletion from the WAL, more than this per transaction delays
everybody's updates."""
SMALL_STEP_PAUSE = 0.5
PURGE_STEP = 1_000


@dataclass
class CleanupReport:
    """How many rows left the live table, the outbox and the record of failed authentications;
    ``busy``: another cleanup was at it."""

    live_updates: int = 0
    outbox_entries: int = 0
    failed_authentications: int = 0
    busy: bool = False


def clean_up(
    broadcaster: Broadcaster | None = None,
    *,
    progress: Callable[[CleanupReport], None] | None = None,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> CleanupReport:
    """Remove what is older than ``RETENTION`` and ``HISTORY_RETENTION``, in steps.

    Can be interrupted anywhere and called again. Raises
    ``BroadcastUnavailable`` where Supabase cannot be reached; the
    outbox is purged first, as that needs nobody else.
    """
    report = CleanupReport()
    shown = progress or (lambda report: None)

    def note_progress(report: CleanupReport) -> None:
        for using in content_databases():
            heartbeats.beat(using, heartbeats.Part.CLEANUP)
        shown(report)

    try:
        purge_outboxes(report, note_progress)
        clean_live_updates(
            report, note_progress, counted(broadcaster or get_broadcaster()), pause, clock
        )
    except Exception as error:
        for using in content_databases():
            heartbeats.failed(using, heartbeats.Part.CLEANUP, heartbeats.reason(error))
        raise
    for table, rows in asdict(report).items():
        if table != "busy":
            counts.count(counts.CLEANED, rows, table=table)
    if not report.busy:
        for using in content_databases():
            heartbeats.succeeded(using, heartbeats.Part.CLEANUP, asdict(report))
    return report


def pg_cron_sql() -> str:
    """Return what makes the Supabase database clean its live table by itself, every minute, going
    by the ``RETENTION`` of today. The outbox needs ``clean_up`` still."""
    seconds = int(live_settings().retention.total_seconds())
    return read_sql("cron/cleanup").format(
        seconds=seconds, small_step=SMALL_STEP, big_step=CRON_STEP
    )


def purge_outboxes(report: CleanupReport, note_progress: Callable[[CleanupReport], None]) -> None:
    """Remove settled entries that catch-up need not reach any more, and what is as old of other
    records."""
    before = timezone.now() - live_settings().history_retention
    for using in content_databases():
        while removed := outbox.purge_settled(using, before=before, limit=PURGE_STEP):
            report.outbox_entries += removed
            note_progress(report)
        outbox.purge_attempts(using, before=before)
        old = timezone.now() - live_settings().failure_retention
        report.failed_authentications += purge_failures(using, before=old)
        purge_addresses(using, now=timezone.now())


def clean_live_updates(
    report: CleanupReport,
    note_progress: Callable[[CleanupReport], None],
    broadcaster: Broadcaster,
    pause: Callable[[float], None],
    clock: Callable[[], float],
) -> None:
    """Remove expired rows: in big steps where deletions are not published, else in small ones.

    Rests between the steps, so that updates keep their pace.
    """
    before = timezone.now() - live_settings().retention
    step = SMALL_STEP
    while True:
        started = clock()
        answer = broadcaster.cleanup(before, step)
        report.live_updates += answer.deleted
        report.busy = answer.busy
        note_progress(report)
        if answer.busy or answer.deleted < step:
            return
        if answer.publishes_deletes:
            pause(SMALL_STEP_PAUSE)
        else:
            step = BIG_STEP
            pause(REST * (clock() - started))
