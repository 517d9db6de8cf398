"""``manage.py live_deliver``: what the tasks deliver, sweep and mirror do, without Celery."""

from __future__ import annotations

import contextlib
import time
from dataclasses import asdict
from typing import Any

from django.db import DatabaseError, close_old_connections

from spool_live import delivery, heartbeats, webhooks
from spool_live.delivery import mirror
from spool_live.management.output import ReportCommand, seconds
from spool_live.outbox import circuit
from spool_live.signals import sweeping
from spool_live.supabase.databases import content_databases


class Command(ReportCommand):
    """Delivers what waits: once, or in a loop that takes the place of worker and beat."""

    help = "Deliver what waits in the outbox: once, or continuously with --loop."

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--loop", action="store_true", help="Repeat until interrupted.")
        parser.add_argument(
            "--interval", type=seconds, default=0.2, help="Seconds between passes (with --loop)."
        )
        parser.add_argument(
            "--mirror-all", action="store_true", help="First send every site and key again."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        rows = [
            self._deliver(using, again=options["mirror_all"]) | self._send(using)
            for using in content_databases()
        ]
        self.report(rows, rows, options)
        if options["loop"]:
            with contextlib.suppress(KeyboardInterrupt):
                self._loop(options)
        elif any(row["reasons"] for row in rows):
            raise SystemExit(1)

    def _loop(self, options: Any) -> None:
        while True:
            time.sleep(options["interval"])
            close_old_connections()
            for using in content_databases():
                webhooks.sender.wake(using)
                try:
                    row = self._deliver(using)
                except DatabaseError as error:
                    self.stderr.write(f"{using}: {type(error).__name__}, trying again")
                    continue
                if row["delivered"] or row["dead"]:
                    self.report([row], [row], options)

    def _deliver(self, using: str, *, again: bool = False) -> dict[str, Any]:
        heartbeats.beat(using, heartbeats.Part.SWEEP)
        sweeping.send_robust(sender=None, using=using)
        with heartbeats.watched(using, heartbeats.Part.DELIVERY):
            if again:
                mirror.mirror_all(using)
            report = asdict(delivery.deliver_and_mirror(using))
        reasons: set[str] = report["reasons"]
        if not reasons and (outage := circuit.outage(using)):
            due = f"next attempt at {outage.open_until:%H:%M:%S}"
            reasons.add(f"{outage.last_error} ({due})")
        report["reasons"] = "; ".join(sorted(reasons))
        return {"database": using, **report}

    def _send(self, using: str) -> dict[str, Any]:
        """Send what waits for webhook endpoints. Their failures do not change the exit code."""
        report = webhooks.send_pending(using)
        return {"webhooks_sent": report.sent, "webhooks_failed": report.failed}
