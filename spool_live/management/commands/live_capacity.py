"""``manage.py live_capacity``: which Realtime mode suffices on a plan, and up to which load."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from spool_live.capacity import BROADCAST, POSTGRES_CHANGES, Load, ends_at, reckon, suffices
from spool_live.management.output import ReportCommand
from spool_live.models import Site
from spool_live.plans import PLANS
from spool_live.supabase.databases import content_databases


class Command(ReportCommand):
    """Reports the arithmetic, line by line. Exit code 1 if neither mode suffices."""

    help = "Show which mode suffices for so many sites, subscribers and edits, and its limits."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--sites", type=int, help="Default: as many as there are.")
        parser.add_argument("--subscribers", type=int, default=1, help="Of each site.")
        parser.add_argument("--edits-per-minute", type=float, default=10, help="Of all sites.")
        parser.add_argument("--burst", type=int, default=1, help="Rows of the largest bulk edit.")
        parser.add_argument("--plan", choices=PLANS, default="free", help="The Supabase plan.")

    def handle(self, *args: Any, **options: Any) -> None:
        sites = options["sites"]
        if sites is None:
            sites = sum(Site.objects.using(using).count() for using in content_databases())
        rate, burst = options["edits_per_minute"], options["burst"]
        load, plan = Load(sites, options["subscribers"], rate, burst), PLANS[options["plan"]]
        lines = list(reckon(load, plan))
        rows = [
            {
                "mode": line.mode,
                "quantity": line.quantity,
                "arithmetic": line.arithmetic,
                "value": f"{line.value:,.1f}",
                "limit": f"{line.limit:,}",
                "fits": "yes" if line.fits else "no",
            }
            for line in lines
        ]
        modes = [
            {
                "mode": mode,
                "suffices": suffices(mode, lines),
                "ends_at_edits_per_minute": round(ends_at(mode, load, plan), 1),
            }
            for mode in (BROADCAST, POSTGRES_CHANGES)
        ]
        self.report({"lines": rows, "modes": modes}, rows, options)
        if options["format"] == "table":
            self.stdout.write("\n")
            self.report(modes, modes, options)
        if not any(mode["suffices"] for mode in modes):
            raise SystemExit(1)
