"""``manage.py live_wagtail_sites``: which live site each Wagtail site is mapped to."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import router, transaction
from wagtail.models import Site as WagtailSite

from spool_live.contrib.wagtail import sites
from spool_live.contrib.wagtail.models import SiteMapping
from spool_live.management.output import ReportCommand, add_format_to
from spool_live.management.sites import find_site


class Command(ReportCommand):
    """``list``, ``sync`` and ``map HOSTNAME SITE``. Exits with 1 where a site is not mapped."""

    help = "Map Wagtail's sites to live sites."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="List each Wagtail site and its live site.")
        actions.add_parser(
            "sync", help="Create a live site of the same name for each Wagtail site without one."
        )
        chosen = actions.add_parser("map", help="Map a Wagtail site to a live site that exists.")
        chosen.add_argument("hostname", help="HOSTNAME or HOSTNAME:PORT of the Wagtail site.")
        chosen.add_argument("site", help="The live site's id or name.")
        add_format_to(actions)

    def handle(self, *args: Any, **options: Any) -> None:
        using = router.db_for_write(SiteMapping)
        with transaction.atomic(using=using):
            if options["action"] == "map":
                self._map(options["hostname"], options["site"], using)
            elif options["action"] == "sync":
                for site in WagtailSite.objects.using(using).filter(live_mapping=None):
                    sites.create_mapping(site, using=using)
                for site in WagtailSite.objects.using(using):
                    sites.keep_name(site, using=using)
        rows = [_row(site) for site in _all(using)]
        self.report(rows, rows, options, empty="Wagtail has no sites.")
        if any(row["live_site_id"] is None for row in rows):
            self.stderr.write(
                "Some Wagtail sites have no live site: run live_wagtail_sites sync, or map them."
            )
            raise SystemExit(1)

    def _map(self, hostname: str, given: str, using: str) -> None:
        name, _, port = hostname.partition(":")
        if port and not port.isdigit():
            raise CommandError(f"{port!r} is not a port: give HOSTNAME:NUMBER.")
        found = list(
            WagtailSite.objects.using(using).filter(
                hostname=name.lower(), **({"port": int(port)} if port else {})
            )
        )
        if not found:
            raise CommandError(
                f"There is no Wagtail site {hostname!r}: see live_wagtail_sites list."
            )
        if len(found) > 1:
            raise CommandError(f"{len(found)} Wagtail sites are at {name!r}: give HOSTNAME:PORT.")
        sites.map_site(found[0], find_site(given), using=using)


def _all(using: str) -> Any:
    return WagtailSite.objects.using(using).select_related("root_page", "live_mapping__site")


def _row(site: Any) -> dict[str, Any]:
    mapping = getattr(site, "live_mapping", None)
    return {
        "wagtail_site": f"{site.hostname}:{site.port}",
        "root": site.root_page.url_path,
        "live_site": mapping and mapping.site.name,
        "live_site_id": mapping and mapping.site_id,
    }
