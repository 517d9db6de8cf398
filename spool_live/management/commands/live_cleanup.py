"""``manage.py live_cleanup``: what the hourly task does, with progress."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from spool_live.cleanup import CleanupReport, clean_up
from spool_live.exceptions import BroadcastError
from spool_live.management.output import ReportCommand


class Command(ReportCommand):
    """Removes expired rows from the live table and settled entries from the outbox."""

    help = "Remove what is older than RETENTION and HISTORY_RETENTION. Safe to interrupt."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = clean_up(progress=self._progress if options["verbosity"] > 1 else None)
        except BroadcastError as error:
            raise CommandError(str(error)) from error
        self.report(asdict(report), [asdict(report)], options)

    def _progress(self, report: CleanupReport) -> None:
        self.stderr.write(f"{report.live_updates} live, {report.outbox_entries} outbox entries")
