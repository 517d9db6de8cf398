"""``manage.py live_cleanup``: what the hourly task does, with progress."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from spool_live import webhooks
from spool_live.delivery.cleanup import CleanupReport, clean_up, pg_cron_sql
from spool_live.exceptions import BroadcastError
from spool_live.management.output import ReportCommand
from spool_live.supabase.databases import content_databases


class Command(ReportCommand):
    """Removes expired rows from the live table, settled entries from the outbox and old lines from
    the webhooks' log."""

    help = "Remove what is older than RETENTION and HISTORY_RETENTION. Safe to interrupt."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--pg-cron-sql",
            action="store_true",
            help="Only print the SQL with which pg_cron cleans the live table every minute.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["pg_cron_sql"]:
            self.stdout.write(pg_cron_sql())
            return
        for using in content_databases():
            webhooks.purge_log(using)
        try:
            report = clean_up(progress=self._progress if options["verbosity"] > 1 else None)
        except BroadcastError as error:
            raise CommandError(str(error)) from error
        self.report(asdict(report), [asdict(report)], options)

    def _progress(self, report: CleanupReport) -> None:
        self.stderr.write(f"{report.live_updates} live, {report.outbox_entries} outbox entries")
