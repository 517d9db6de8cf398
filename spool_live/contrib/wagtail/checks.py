"""System checks of the app."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import DatabaseError, router
from wagtail.models import Site as WagtailSite

from spool_live.collections import LiveCollection
from spool_live.contrib.wagtail.declarations import page_collections, snippet_collections
from spool_live.contrib.wagtail.models import SiteMapping


@checks.register(checks.Tags.database)
def unmapped_sites(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Check ``W001``: updates of pages of a Wagtail site without a live site are not recorded."""
    using = router.db_for_read(WagtailSite)
    if using not in (databases or ()) or not page_collections():
        return []
    try:
        rows = WagtailSite._base_manager.using(using).filter(live_mapping=None)
        hostnames = sorted(rows.values_list("hostname", flat=True))
    except DatabaseError:  # not migrated yet
        return []
    if not hostnames:
        return []
    return [
        checks.Warning(
            f"No updates are recorded for pages of {', '.join(hostnames)}: "
            "these Wagtail sites have no live site.",
            hint="Run manage.py live_wagtail_sites sync.",
            id="spool_live_wagtail.W001",
        )
    ]


@checks.register(checks.Tags.database)
def snippets_of_no_site(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Check ``W002``: a collection of snippets that belong to no site, where there are several."""
    using = router.db_for_read(SiteMapping)
    undecided = [
        collection
        for collection in snippet_collections()
        if not collection.every_site
        and not collection.site_field
        and type(collection).get_site is LiveCollection.get_site
    ]
    if using not in (databases or ()) or not undecided:
        return []
    try:
        sites = SiteMapping.objects.using(using).values("site").distinct().count()
    except DatabaseError:  # not migrated yet
        return []
    return [
        checks.Warning(
            f"No updates are recorded for {collection!r}: its snippets name no site, and there are "
            f"{sites} sites.",
            hint="Set every_site = True, name the field that leads to the site in site_field, or "
            "override get_site().",
            id="spool_live_wagtail.W002",
        )
        for collection in undecided
        if sites > 1
    ]
