"""``manage.py live_audit [--repair]``: what was changed without an update, say by raw SQL."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from spool_live import batch
from spool_live.capture.audit import audit, repair
from spool_live.management.output import ReportCommand
from spool_live.supabase.databases import content_databases


class Command(ReportCommand):
    """One row an item. Exit code 1 where something was found and not repaired."""

    help = "Find items whose present state no update has announced."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--repair", action="store_true", help="Record what was missed.")

    def handle(self, *args: Any, **options: Any) -> None:
        rows: list[dict[str, Any]] = []
        for using in content_databases():
            with batch(using=using):
                for finding in audit(using):
                    if options["repair"]:
                        repair(using, [finding])
                    rows.append(
                        {
                            "database": using,
                            "collection": finding.collection,
                            "item_id": finding.item_id,
                            "problem": finding.problem,
                            "repaired": "yes" if options["repair"] else "no",
                        }
                    )
        self.report(rows, rows, options)
        if rows and not options["repair"]:
            raise SystemExit(1)
