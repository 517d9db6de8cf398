"""Rows of the live table, which may be in another database than the content."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import connections, router

from spool_live.models import LiveUpdate, Site


def live_update(site: Site, **fields: Any) -> LiveUpdate:
    """A row of ``site``, which the database of the live table knows from now on."""
    using = router.db_for_write(LiveUpdate)
    if using != router.db_for_write(Site):
        with connections[using].cursor() as cursor:
            cursor.execute(
                "insert into public.sites (id, name) values (%s, %s) on conflict do nothing",
                [site.pk, site.name],
            )
    given = {"event_type": "content.updated", "collection": "articles", "item_id": uuid.uuid4()}
    return LiveUpdate.objects.create(site_id=site.pk, **{**given, **fields})
