"""``manage.py live_django_sites``: the live site of each ``Site`` of ``django.contrib.sites``."""

from __future__ import annotations

from typing import Any

from spool_live.contrib.sites.mapping import sync
from spool_live.management.output import ReportCommand
from spool_live.supabase.databases import content_databases


class Command(ReportCommand):
    """Creates and renames live sites where they are missing or differ, and lists all pairs."""

    help = "Create a live site for each Site of django.contrib.sites, and list the pairs."

    def handle(self, *args: Any, **options: Any) -> None:
        rows = [
            {
                "database": using,
                "django_site": django_site.pk,
                "domain": django_site.domain,
                "site": str(live_site.pk),
                "changed": "yes" if changed else "",
            }
            for using in content_databases()
            for django_site, live_site, changed in sync(using)
        ]
        self.report(rows, rows, options, empty="django.contrib.sites has no sites.")
