"""``manage.py live_status``: what waits, what died, and what holds each site up."""

from __future__ import annotations

import contextlib
from typing import Any

from django.db import DatabaseError
from django.db.models import Count, Min, Q

from spool_live.conf import live_settings
from spool_live.management.output import ReportCommand
from spool_live.models import OutboxEntry, Site, SiteDelivery
from spool_live.outbox import circuit
from spool_live.supabase.databases import content_databases, is_supabase_database
from spool_live.supabase.provisioning import lacks_partition


class Command(ReportCommand):
    """One row a site. Exit code 1 where something is dead or held up, or Supabase is away."""

    help = "What waits for delivery, what died, and why."

    def handle(self, *args: Any, **options: Any) -> None:
        rows = [row for using in content_databases() for row in site_rows(using)]
        self.report(rows, rows, options)
        self._note_missing_partition()
        outages = [found for using in content_databases() if (found := circuit.outage(using))]
        for outage in outages:
            self.stderr.write(
                f"Supabase is away ({outage.failures} attempts failed, the next one is due at "
                f"{outage.open_until:%H:%M:%S}): {outage.last_error}"
            )
        if outages or any(row["dead"] or row["error"] for row in rows):
            raise SystemExit(1)

    def _note_missing_partition(self) -> None:
        """No failure: nobody was connected, and a client that connects mends it."""
        settings = live_settings()
        alias = settings.supabase_database
        if settings.realtime_mode != "broadcast" or not is_supabase_database(alias):
            return
        with contextlib.suppress(DatabaseError):  # that alias need not be reachable from here
            if lacks_partition(alias):
                self.stderr.write(
                    "Realtime has no partition for today's messages, because no client was "
                    "connected: updates are stored but not broadcast. Connect a client "
                    "(spool-live tail): Realtime makes one then, and catch-up brings the updates."
                )


def site_rows(using: str) -> list[dict[str, Any]]:
    """The state of each site's delivery on ``using``, deleted ones with something left included."""
    names = dict(Site.objects.using(using).values_list("pk", "name"))
    states = SiteDelivery.objects.using(using).in_bulk()
    counts = {row["site_id"]: row for row in _counts(using)}
    nothing = {"pending": 0, "dead": 0, "oldest": None}
    return [
        {
            "database": using,
            "site": names.get(site_id, "(deleted)"),
            "site_id": site_id,
            "seq": state.last_seq,
            "merged": state.merged,
            "epoch": state.epoch,
            "keys": "mirrored" if state.version <= state.acknowledged_version else "pending",
            **{name: counts.get(site_id, nothing)[name] for name in nothing},
            "error": state.last_error,
        }
        for site_id, state in states.items()
        if site_id in names or site_id in counts
    ]


def _counts(using: str) -> Any:
    pending = Q(state=OutboxEntry.State.PENDING)
    return (
        OutboxEntry.objects.using(using)
        .filter(state__in=[OutboxEntry.State.PENDING, OutboxEntry.State.DEAD])
        .values("site_id")
        .annotate(
            pending=Count("pk", filter=pending),
            dead=Count("pk", filter=Q(state=OutboxEntry.State.DEAD)),
            oldest=Min("timestamp", filter=pending),
        )
        .order_by("site_id")
    )
