"""``manage.py live_requeue``: make dead entries pending again."""

from __future__ import annotations

from typing import Any

from spool_live.keys.trail import Origin, acting
from spool_live.management.dead_entries import DeadEntriesCommand
from spool_live.outbox import requeue_dead
from spool_live.supabase.databases import content_databases


class Command(DeadEntriesCommand):
    """Requeues dead entries: all, of one site, of one collection, or one update."""

    help = "Make dead outbox entries pending again."

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = self.chosen(options)
        with acting(Origin.COMMAND):
            number = sum(requeue_dead(using, chosen) for using in content_databases())
        row = {"requeued": number}
        self.report(row, [row], options)
