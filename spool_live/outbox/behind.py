"""Queries for the work that is left: entries to deliver, and sites whose mirror is behind."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from django.db import connections
from django.db.models import BigIntegerField, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from spool_live.models import OutboxEntry, SiteDelivery, SiteMirror
from spool_live.outbox.claim_postgresql import array
from spool_live.outbox.lease import farthest
from spool_live.sql import read_sql


def is_anything_waiting(using: str) -> bool:
    """Return whether there is anything to deliver or to mirror on ``using``, now or later.

    On PostgreSQL this is one query.
    """
    if connections[using].vendor == "postgresql":
        with connections[using].cursor() as cursor:
            cursor.execute(read_sql("outbox/anything"))
            return bool(cursor.fetchone()[0])
    pending = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.PENDING)
    return (
        pending.exists()
        or SiteMirror.objects.using(using).filter(pending__gt=0).exists()
        or SiteDelivery.objects.using(using).exclude(mirror_run=None).exists()
    )


def next_to_mirror(using: str, limit: int, tried: Collection[uuid.UUID] = ()) -> list[uuid.UUID]:
    """Return the ids of at most ``limit`` sites to mirror next, without those in ``tried``.

    Sites where a key lost its right come first, then sites that have changed, then sites that
    ``mirror_all_again`` marked.
    """
    now = timezone.now()
    if connections[using].vendor == "postgresql":
        given: dict[str, Any] = {
            "now": now,
            "farthest_retry": farthest(now)[1],
            "tried": array(tried),
            "start": uuid.uuid4(),
            "limit": limit,
        }
        with connections[using].cursor() as cursor:
            cursor.execute(read_sql("outbox/behind"), given)
            return list(dict.fromkeys(site_id for (site_id,) in cursor.fetchall()))[:limit]
    waits = Q(mirror_retry_at__gt=now, mirror_retry_at__lte=farthest(now)[1])
    refused = SiteDelivery.objects.using(using).filter(waits)
    versions = dict(refused.values_list("pk", "refused_version"))
    changed = SiteMirror.objects.using(using).filter(pending__gt=0).order_by("-pending", "pk")
    marked = SiteDelivery.objects.using(using).exclude(mirror_run=None).exclude(waits)
    found = [
        *(m.pk for m in changed.only("version") if versions.get(m.pk) != m.version),
        *marked.order_by("pk").values_list("pk", flat=True),
    ]
    skipped = set(tried)
    return [pk for pk in dict.fromkeys(found) if pk not in skipped][:limit]


def refusal(using: str) -> str:
    """Return the reason for which the Supabase database refuses to store some site; ``""`` if it
    refuses none."""
    refused = SiteDelivery.objects.using(using).exclude(mirror_error="")
    return refused.values_list("mirror_error", flat=True).first() or ""


def behind(using: str) -> QuerySet[SiteMirror]:
    """Return the sites whose newest version the Supabase database has yet to acknowledge."""
    states = SiteDelivery.objects.using(using).filter(pk=OuterRef("pk"), deleted_at=None)
    deleted = SiteDelivery.objects.using(using).filter(deleted_at__isnull=False)
    acknowledged = Coalesce(
        Subquery(states.values("acknowledged_version")), 0, output_field=BigIntegerField()
    )
    listed = SiteMirror.objects.using(using).filter(pending__gt=0)
    return (
        listed.exclude(pk__in=deleted.values("pk"))
        .annotate(acknowledged=acknowledged)
        .filter(version__gt=F("acknowledged"))
    )
