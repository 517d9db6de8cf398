"""The state of a site's delivery, and the only module that writes what is known of its mirror."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from functools import partial

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from spool_live.models import OutboxEntry, SiteDelivery
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


def acknowledge(
    using: str, site_id: uuid.UUID, *, version: int, epoch: int, deleted: bool = False
) -> None:
    """Records what the Supabase database holds of a site; an older answer takes nothing back.

    ``deleted``: it holds a tombstone, which is final.
    """
    known = {"acknowledged_version": version, "acknowledged_epoch": epoch}
    state = SiteDelivery.objects.using(using).filter(pk=site_id)
    if deleted:
        state.update(**known, deleted_at=timezone.now(), version=version)
    else:
        state.filter(acknowledged_version__lt=version).update(**known)


def acknowledge_stranger(using: str, site_id: uuid.UUID) -> bool:
    """Whether neither the site nor its deletion was ever mirrored or asked for: then there is
    nothing to mirror, and its state says so."""
    stranger = SiteDelivery.objects.using(using).filter(
        pk=site_id, acknowledged_version=0, deleted_at=None
    )
    return bool(stranger.update(acknowledged_version=F("version")))


def raise_above(using: str, site_id: uuid.UUID, *, version: int, epoch: int) -> None:
    """Moves a site above what the Supabase database holds of it: the content database was restored
    from a backup."""
    behind = Q(version__lte=version) | Q(epoch__lte=epoch)
    SiteDelivery.objects.using(using).filter(behind, pk=site_id).update(
        version=version + 1, epoch=epoch + 1
    )


def forget_acknowledgements(using: str, site_ids: Collection[uuid.UUID]) -> None:
    """Makes every one of the sites wait for its mirror again."""
    ensure_deliveries(using, site_ids)
    states = SiteDelivery.objects.using(using).filter(pk__in=site_ids)
    states.update(acknowledged_version=0)


def forget_site(using: str, site_id: uuid.UUID) -> None:
    """Removes all that the outbox holds of a site: for a site that nobody subscribes to any more
    and whose tombstone is mirrored."""
    OutboxEntry.objects.using(using).filter(site_id=site_id).delete()
    SiteDelivery.objects.using(using).filter(pk=site_id).delete()
