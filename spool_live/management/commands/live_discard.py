"""``manage.py live_discard``: give up dead entries that cannot be corrected."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from spool_live.keys.trail import Origin, acting
from spool_live.management.dead_entries import DeadEntriesCommand
from spool_live.outbox import discard_dead
from spool_live.supabase.databases import content_databases


class Command(DeadEntriesCommand):
    """Discards dead entries, and records in the audit trail which and why."""

    help = (
        "Give up dead outbox entries, so that the status no longer reports them. The audit trail "
        "keeps them, with the reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--all", action="store_true", help="Every dead entry of every site.")
        parser.add_argument("--reason", default="", help="Why, for the audit trail.")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = self.chosen(options)
        if bool(chosen) == options["all"]:
            raise CommandError(
                "Say which dead entries to discard: --update, --site or --collection; or --all "
                "for every one. See the outbox in the admin for what is dead."
            )
        with acting(Origin.COMMAND):
            number = sum(
                discard_dead(using, chosen, reason=options["reason"])
                for using in content_databases()
            )
        row = {"discarded": number}
        self.report(row, [row], options)
