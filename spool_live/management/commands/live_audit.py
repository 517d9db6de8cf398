"""``manage.py live_audit [--repair]``: finds changes without an update, such as by raw SQL."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.db.models import Model
from django.urls import NoReverseMatch, reverse

from spool_live import batch
from spool_live.capture.audit import MissedUpdate, audit, repair
from spool_live.management.output import ReportCommand
from spool_live.supabase.databases import content_databases

SHOWN = ("database", "collection", "pk", "slug", "problem", "admin_url", "repaired")
"""The columns of the table."""
NOTHING_MISSED = "No update is missing: the current state of every item was reported."


class Command(ReportCommand):
    """Reports a row for each item. Exit code 1 if something was found and not repaired."""

    help = "Find items whose current state was never reported by an update."

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
                    repaired = "yes" if options["repair"] else "no"
                    rows.append({"database": using, **described(finding), "repaired": repaired})
        shown = [{n: row[n] for n in SHOWN} for row in rows]
        self.report(rows, shown, options, empty=NOTHING_MISSED)
        if rows and not options["repair"]:
            raise SystemExit(1)


def described(finding: MissedUpdate) -> dict[str, Any]:
    """Return what a person needs to find the item: its model, key, slug and page in the admin.

    The key and the page are ``None`` for a deleted item.
    """
    collection, item = finding.collection, finding.item
    return {
        "collection": collection.name,
        "model": collection.model._meta.label,
        "pk": None if item is None else str(item.pk),
        "slug": finding.slug,
        "item_id": finding.item_id,
        "problem": str(finding.problem),
        "admin_url": None if item is None else _admin_url(item),
    }


def _admin_url(item: Model) -> str | None:
    options = item._meta
    try:
        return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[item.pk])
    except NoReverseMatch:
        return None
