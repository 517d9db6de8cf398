"""``manage.py live_setup``: sets up what depends on Supabase's roles and on Realtime."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from spool_live.conf import live_settings
from spool_live.management.output import ReportCommand
from spool_live.supabase.databases import is_supabase_database
from spool_live.supabase.provisioning import (
    lacks_partition,
    missing,
    provision,
    publish_inserts_only,
)
from spool_live.supabase.steps import StepOutcome

NO_PARTITION = (
    "Realtime has no partition of realtime.messages for today yet: it makes one a few seconds "
    "after a client connects. Until then private channels are refused (MissingPartition), and "
    "subscribers try again by themselves."
)


class Command(ReportCommand):
    """Sets up grants, policies, publication membership and topic policy. Safe to repeat."""

    help = "Set up grants, policies and publication on the Supabase database. Safe to repeat."

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--check", action="store_true", help="Only report what is missing.")
        parser.add_argument(
            "--insert-only",
            action="store_true",
            help="Let the publication supabase_realtime publish inserts only, where our table is "
            "alone in it: deletions disclose ids of other sites' updates to every "
            "subscriber. Tables that are added later do not report updates and deletions.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        alias = live_settings().supabase_database
        if not is_supabase_database(alias):
            raise CommandError(
                f'SPOOL_LIVE["SUPABASE_DATABASE"] = {alias!r} is not a PostgreSQL database: '
                "point it at the alias of the database that Supabase serves."
            )
        results = missing(alias) if options["check"] else provision(alias)
        if options["insert_only"] and not options["check"]:
            results.append(publish_inserts_only(alias))
        rows = [{"step": r.step, "outcome": r.outcome.value, "remedy": r.remedy} for r in results]
        self.report(rows, rows, options)
        if live_settings().realtime_mode == "broadcast" and lacks_partition(alias):
            self.stderr.write(NO_PARTITION)
        undone = sum(result.outcome is not StepOutcome.DONE for result in results)
        if undone:
            raise CommandError(f"{undone} of the steps could not be done.", returncode=1)
