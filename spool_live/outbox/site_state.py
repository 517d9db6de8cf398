"""The state of each site and of its mirror. Nothing outside of this package writes it.

Each site has two rows. ``SiteMirror`` has what the transactions of editors write: version, epoch
and tombstone. ``SiteDelivery`` has what delivery writes. Delivery never waits for a row that an
editor's transaction may have locked, nor an editor for one that delivery has locked.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connections, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from spool_live.models import OutboxEntry, SiteDelivery, SiteMirror
from spool_live.outbox.record import notify_committed
from spool_live.sql import read_sql

Pending = SiteMirror.Pending
MARKED_AT_ONCE = 500
"""Sites that ``mirror_all_again`` marks in one transaction: it locks their rows, so it must be
short."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What the Supabase database holds of a site.

    ``run`` is the ``SiteDelivery.mirror_run`` that was read together with the site. If the row has
    another one by now, the site must be mirrored once more.
    """

    site_id: uuid.UUID
    version: int
    epoch: int
    deleted: bool
    run: uuid.UUID | None = None


def site_changed(site_id: uuid.UUID, *, using: str, right_lost: bool = False) -> int:
    """Raise the version of a site, and its epoch if a key lost its right; return the new version.

    To be called in the transaction of the change.
    """
    pending = Pending.RIGHT_LOST if right_lost else Pending.CHANGED
    return _change(site_id, using, pending, epoch=F("epoch") + int(right_lost))


def site_deleted(site_id: uuid.UUID, *, using: str) -> None:
    """Leave a tombstone for a site. To be called in the transaction of its deletion."""
    _change(site_id, using, Pending.RIGHT_LOST, deleted_at=timezone.now())


def ensure_deliveries(using: str, site_ids: Iterable[uuid.UUID]) -> None:
    """Create the ``SiteDelivery`` rows of sites that have none yet."""
    wanted = set(site_ids)
    known = SiteDelivery.objects.using(using).filter(pk__in=wanted).values_list("pk", flat=True)
    fresh = [SiteDelivery(site_id=site_id) for site_id in sorted(wanted - set(known))]
    if fresh:
        SiteDelivery.objects.using(using).bulk_create(fresh, ignore_conflicts=True)


def is_behind(mirror: SiteMirror | None, state: SiteDelivery | None) -> bool:
    """Return whether a site must be mirrored: the Supabase database has not acknowledged its newest
    version, or the site is marked to be mirrored once more.

    Once the Supabase database holds a tombstone, no version needs to be acknowledged.
    """
    version = mirror.version if mirror else 1
    if state is None:
        return True
    return bool(state.mirror_run) or (
        state.deleted_at is None and version > state.acknowledged_version
    )


def acknowledge(using: str, answers: Sequence[Acknowledged]) -> None:
    """Record what the Supabase database holds of sites. An outdated answer never lowers a version.

    Updates that waited because their site was refused may be delivered at once.
    """
    site_ids = [answer.site_id for answer in answers]
    ensure_deliveries(using, site_ids)
    if connections[using].vendor == "postgresql":
        given: dict[str, Any] = {
            "sites": site_ids,
            "versions": [answer.version for answer in answers],
            "epochs": [answer.epoch for answer in answers],
            "deleted": [answer.deleted for answer in answers],
            "runs": [answer.run for answer in answers],
            "now": timezone.now(),
        }
        with connections[using].cursor() as cursor:
            cursor.execute(read_sql("outbox/acknowledge"), given)
            cursor.execute(read_sql("outbox/nothing_pending"), given)
        return
    for answer in sorted(answers, key=lambda answer: answer.site_id):
        _acknowledge(using, answer)


def acknowledge_stranger(using: str, site_id: uuid.UUID) -> bool:
    """Mark an id as acknowledged if it never was a site: then there is nothing to mirror.

    Returns whether that is so: no version of it was ever acknowledged, and it has no tombstone.
    """
    if SiteMirror.objects.using(using).filter(pk=site_id, deleted_at__isnull=False).exists():
        return False
    stranger = SiteDelivery.objects.using(using).filter(
        pk=site_id, acknowledged_version=0, deleted_at=None
    )
    return bool(stranger.update(acknowledged_version=1, mirror_run=None))


def refuse(using: str, site_id: uuid.UUID, *, version: int, reason: str, until: datetime) -> None:
    """Record that the Supabase database refused a version of a site.

    The site is sent again after ``until``, or as soon as it has changed.
    """
    ensure_deliveries(using, [site_id])
    SiteDelivery.objects.using(using).filter(pk=site_id).update(
        refused_version=version, mirror_error=reason, mirror_retry_at=until
    )


def raise_above(using: str, site_id: uuid.UUID, *, version: int, epoch: int) -> bool:
    """Raise a site's version and epoch above those that the Supabase database holds.

    This is necessary after the content database was restored from a backup. Returns ``False``, and
    does nothing, if an editor's transaction has locked the site.
    """
    mirrors = SiteMirror.objects.using(using)
    features = connections[using].features
    with transaction.atomic(using=using):
        mine = mirrors.filter(pk=site_id)
        if not mine.exists():  # else the INSERT would wait for the transaction that locks the row
            mirrors.bulk_create([SiteMirror(site_id=site_id)], ignore_conflicts=True)
        if features.has_select_for_update_skip_locked:
            mine = mine.select_for_update(skip_locked=True)
        if not list(mine.values_list("pk")):  # exists() would not lock the row
            return False
        behind = Q(version__lte=version) | Q(epoch__lte=epoch)
        mirrors.filter(behind, pk=site_id).update(version=version + 1, epoch=epoch + 1)
    return True


def mirror_all_again(using: str, site_ids: Collection[uuid.UUID]) -> None:
    """Mark sites to be mirrored once more before their next update, even if their newest version
    was acknowledged.

    That acknowledgement stays, so that tokens can still be minted for these sites.
    """
    ensure_deliveries(using, site_ids)
    run, ids = uuid.uuid4(), sorted(site_ids)
    for first in range(0, len(ids), MARKED_AT_ONCE):
        states = SiteDelivery.objects.using(using).filter(
            pk__in=ids[first : first + MARKED_AT_ONCE]
        )
        with transaction.atomic(using=using):
            if connections[using].features.has_select_for_update:
                list(states.select_for_update().order_by("pk").values_list("pk"))
            states.update(mirror_run=run, mirror_retry_at=None)


def hasten(using: str, site_ids: Collection[uuid.UUID]) -> None:
    """Let changed sites be mirrored first, except those whose row an editor's transaction locks."""
    mirrors = SiteMirror.objects.using(using)
    changed = mirrors.filter(pk__in=site_ids, pending=Pending.CHANGED)
    with transaction.atomic(using=using):
        if connections[using].features.has_select_for_update_skip_locked:
            held = changed.select_for_update(skip_locked=True).values_list("pk", flat=True)
            changed = changed.filter(pk__in=list(held))
        changed.update(pending=Pending.RIGHT_LOST)


def forget_site(using: str, site_id: uuid.UUID) -> None:
    """Remove everything that the outbox holds of a site.

    For a site that has no subscribers any more and whose tombstone is mirrored.
    """
    OutboxEntry.objects.using(using).filter(site_id=site_id).delete()
    SiteDelivery.objects.using(using).filter(pk=site_id).delete()
    SiteMirror.objects.using(using).filter(pk=site_id).delete()


def _change(site_id: uuid.UUID, using: str, pending: SiteMirror.Pending, **values: Any) -> int:
    mirrors = SiteMirror.objects.using(using)
    change = {"version": F("version") + 1, "pending": Greatest("pending", pending), **values}
    with transaction.atomic(using=using):
        if not mirrors.filter(pk=site_id).update(**change):
            mirrors.bulk_create([SiteMirror(site_id=site_id)], ignore_conflicts=True)
            mirrors.filter(pk=site_id).update(**change)
        version = mirrors.values_list("version", flat=True).get(pk=site_id)
        transaction.on_commit(partial(notify_committed, using), using=using, robust=True)
    return version


def _acknowledge(using: str, answer: Acknowledged) -> None:
    states, mirrors = SiteDelivery.objects.using(using), SiteMirror.objects.using(using)
    state = states.filter(pk=answer.site_id)
    newer = state.filter(acknowledged_version__lte=answer.version)
    newer.update(acknowledged_version=answer.version, acknowledged_epoch=answer.epoch)
    waits_for_mirror = state.exclude(mirror_error="").filter(last_error=F("mirror_error"))
    waits_for_mirror.update(retry_at=None, last_error="")
    state.update(mirror_retry_at=None, mirror_error="")
    if answer.run:
        state.filter(mirror_run=answer.run).update(mirror_run=None)
    if answer.deleted:
        state.update(deleted_at=Coalesce("deleted_at", timezone.now()))
    mirror = mirrors.filter(pk=answer.site_id, pending__gt=Pending.NONE)
    if not answer.deleted:
        mirror = mirror.filter(version__lte=answer.version)
    with transaction.atomic(using=using):
        if connections[using].features.has_select_for_update_skip_locked:
            held = mirror.select_for_update(skip_locked=True).values_list("pk", flat=True)
            mirror = mirror.filter(pk__in=list(held))
        mirror.update(pending=Pending.NONE)
