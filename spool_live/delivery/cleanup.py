"""Retention: remove expired rows from the live table, and settled entries from the outbox."""

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
"""After a big step the cleanup pauses for so many times as long as the step took. This leaves four
fifths of the time to updates, and a million rows are still removed within half a minute."""
CRON_STEP = 50_000
"""Rows that pg_cron removes once a minute, in one step: it must keep up with the inserts."""
SMALL_STEP = 1_000
"""Rows per transaction if Realtime reads each deletion from the write-ahead log: more would delay
the updates of all subscribers."""
SMALL_STEP_PAUSE = 0.5
PURGE_STEP = 1_000


@dataclass
class CleanupReport:
    """How many rows were removed from the live table, the outbox and the record of failed
    authentications. ``busy``: another cleanup was running."""

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

    Can be interrupted anywhere and called again. Raises ``BroadcastUnavailable`` if Supabase cannot
    be reached; the outbox, which does not need Supabase, is purged before.
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
    """Return the SQL by which pg_cron cleans the live table every minute.

    It contains the present value of ``RETENTION``. The outbox still needs ``clean_up``.
    """
    seconds = int(live_settings().retention.total_seconds())
    return read_sql("cron/cleanup").format(
        seconds=seconds, small_step=SMALL_STEP, big_step=CRON_STEP
    )


def purge_outboxes(report: CleanupReport, note_progress: Callable[[CleanupReport], None]) -> None:
    """Remove settled entries that are older than ``HISTORY_RETENTION``, and other records that have
    expired: attempts to deliver, failed authentications, addresses that used API keys."""
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
    """Remove expired rows from the live table, in small steps if Realtime publishes deletions, else
    in big ones.

    Calls ``pause`` between the steps, so that updates are not slowed down.
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
