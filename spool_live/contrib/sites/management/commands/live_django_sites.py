"""``manage.py live_django_sites``: our site for each of ``django.contrib.sites``."""

from __future__ import annotations

from typing import Any

from spool_live.contrib.sites.mapping import sync
from spool_live.management.output import ReportCommand
from spool_live.supabase.databases import content_databases


class Command(ReportCommand):
    """Lists Django's sites with ours, after making and renaming what is missing or differs."""

    help = "Create a live site for each Site of django.contrib.sites, and list the pairs."

    def handle(self, *args: Any, **options: Any) -> None:
        rows = [
            {
                "database": using,
                "django_site": other.pk,
                "domain": other.domain,
                "site": str(ours.pk),
                "changed": "yes" if changed else "",
            }
            for using in content_databases()
            for other, ours, changed in sync(using)
        ]
        self.report(rows, rows, options, empty="django.contrib.sites has no sites.")
