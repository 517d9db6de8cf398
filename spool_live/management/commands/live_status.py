"""``manage.py live_status``: what waits, what died, and what holds each site up."""

from __future__ import annotations

from typing import Any

from spool_live import status
from spool_live.management.output import ReportCommand
from spool_live.status import SiteStatus
from spool_live.supabase.databases import content_databases


class Command(ReportCommand):
    """One row a site. Exit code 1 where something is dead or held up, or Supabase is away."""

    help = "What waits for delivery, what died, and why."

    def handle(self, *args: Any, **options: Any) -> None:
        rows = [_row(site) for using in content_databases() for site in status.of_sites(using)]
        self.report(rows, rows, options)
        if status.lacks_partition():
            self.stderr.write(
                "Realtime has no partition for today's messages, because no client was "
                "connected: updates are stored but not broadcast. Connect a client "
                "(spool-live tail): Realtime makes one then, and catch-up brings the updates."
            )
        outages = status.outages()
        for outage in outages:
            self.stderr.write(
                f"Supabase is away ({outage.failures} attempts failed, the next one is due at "
                f"{outage.open_until:%H:%M:%S}): {outage.last_error}"
            )
        if outages or any(row["dead"] or row["error"] for row in rows):
            raise SystemExit(1)


def _row(site: SiteStatus) -> dict[str, Any]:
    return {
        "database": site.using,
        "site": "(deleted)" if site.name is None else site.name,
        "site_id": site.site_id,
        "seq": site.last_seq,
        "merged": site.merged,
        "epoch": site.epoch,
        "keys": "mirrored" if site.is_mirrored else "pending",
        "pending": site.pending,
        "dead": site.dead,
        "oldest": site.oldest,
        "error": site.last_error,
    }
