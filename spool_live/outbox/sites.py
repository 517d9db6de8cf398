"""The state of a site's delivery: made when needed, raised when the site or its keys change."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import partial

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from spool_live.models import SiteDelivery
from spool_live.outbox.record import announce_commit


def ensure_deliveries(using: str, site_ids: Iterable[uuid.UUID]) -> None:
    """Makes the delivery state of sites that have none yet."""
    wanted = set(site_ids)
    known = SiteDelivery.objects.using(using).filter(pk__in=wanted).values_list("pk", flat=True)
    fresh = [SiteDelivery(site_id=site_id) for site_id in wanted - set(known)]
    if fresh:
        SiteDelivery.objects.using(using).bulk_create(fresh, ignore_conflicts=True)


def site_changed(site_id: uuid.UUID, *, using: str, right_lost: bool = False) -> int:
    """Raises the version of a site, and its epoch where a key of it lost its right.

    To be called in the transaction of the change. Returns the new version.
    """
    with transaction.atomic(using=using):
        ensure_deliveries(using, [site_id])
        delivery = SiteDelivery.objects.using(using).filter(pk=site_id)
        delivery.update(version=F("version") + 1, epoch=F("epoch") + int(right_lost))
        version = delivery.values_list("version", flat=True).get()
        transaction.on_commit(partial(announce_commit, using), using=using, robust=True)
    return version


def site_deleted(site_id: uuid.UUID, *, using: str) -> None:
    """Leaves a tombstone for a site, in the transaction of its deletion."""
    site_changed(site_id, using=using)
    SiteDelivery.objects.using(using).filter(pk=site_id).update(deleted_at=timezone.now())
