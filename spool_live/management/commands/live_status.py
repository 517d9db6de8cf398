"""``manage.py live_status``: what waits, what died, and what holds each site up."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Min, Q

from spool_live.databases import content_databases
from spool_live.management.output import ReportCommand
from spool_live.models import OutboxEntry, Site, SiteDelivery
from spool_live.outbox import circuit


class Command(ReportCommand):
    """One row a site. Exit code 1 where something is dead or held up, or Supabase is away."""

    help = "What waits for delivery, what died, and why."

    def handle(self, *args: Any, **options: Any) -> None:
        rows = [row for using in content_databases() for row in site_rows(using)]
        self.report(rows, rows, options)
        outages = [found for using in content_databases() if (found := circuit.outage(using))]
        for outage in outages:
            self.stderr.write(
                f"Supabase is away ({outage.failures} attempts failed, the next one is due at "
                f"{outage.open_until:%H:%M:%S}): {outage.last_error}"
            )
        if outages or any(row["dead"] or row["error"] for row in rows):
            raise SystemExit(1)


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
    State = OutboxEntry.State  # noqa: N806 - the enum, under its own name
    pending = Q(state=State.PENDING)
    return (
        OutboxEntry.objects.using(using)
        .filter(state__in=[State.PENDING, State.DEAD])
        .values("site_id")
        .annotate(
            pending=Count("pk", filter=pending),
            dead=Count("pk", filter=Q(state=State.DEAD)),
            oldest=Min("timestamp", filter=pending),
        )
        .order_by("site_id")
    )
