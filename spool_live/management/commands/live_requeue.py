"""``manage.py live_requeue``: dead entries get another chance."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Q

from spool_live.management.output import ReportCommand
from spool_live.outbox import requeue_dead
from spool_live.supabase.databases import content_databases


class Command(ReportCommand):
    """Requeues dead entries: all, of one site, of one collection, or one update."""

    help = "Make dead outbox entries pending again."

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--update", type=uuid.UUID, help="Only the update with this id.")
        parser.add_argument("--site", type=uuid.UUID, help="Only entries of this site.")
        parser.add_argument("--collection", help="Only entries of this collection.")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = Q()
        for option, field in (("update", "update_id"), ("site", "site_id"), ("collection",) * 2):
            if options[option] is not None:
                chosen &= Q(**{field: options[option]})
        row = {"requeued": sum(requeue_dead(using, chosen) for using in content_databases())}
        self.report(row, [row], options)
