"""What is known of each site and of its mirror: the only module that writes it.

Two rows a site. ``SiteMirror`` has what editors' transactions write: version, epoch and
tombstone. ``SiteDelivery`` has what delivery writes. Delivery never waits for a row that an
editor may hold, and editors for none that delivery does.
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
"""Sites that a run marks in one transaction: it locks them, and nobody is to notice."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What the Supabase database holds of a site. ``run`` is the one that was known when the site
    was read: one that began later wants it sent again."""

    site_id: uuid.UUID
    version: int
    epoch: int
    deleted: bool
    run: uuid.UUID | None = None


def site_changed(site_id: uuid.UUID, *, using: str, right_lost: bool = False) -> int:
    """Raise the version of a site, and its epoch where a key of it lost its right.

    To be called in the transaction of the change. Returns the new version.
    """
    pending = Pending.RIGHT_LOST if right_lost else Pending.CHANGED
    return _change(site_id, using, pending, epoch=F("epoch") + int(right_lost))


def site_deleted(site_id: uuid.UUID, *, using: str) -> None:
    """Leave a tombstone for a site, in the transaction of its deletion."""
    _change(site_id, using, Pending.RIGHT_LOST, deleted_at=timezone.now())


def ensure_deliveries(using: str, site_ids: Iterable[uuid.UUID]) -> None:
    """Make the delivery state of sites that have none yet."""
    wanted = set(site_ids)
    known = SiteDelivery.objects.using(using).filter(pk__in=wanted).values_list("pk", flat=True)
    fresh = [SiteDelivery(site_id=site_id) for site_id in sorted(wanted - set(known))]
    if fresh:
        SiteDelivery.objects.using(using).bulk_create(fresh, ignore_conflicts=True)


def is_behind(mirror: SiteMirror | None, state: SiteDelivery | None) -> bool:
    """Return whether the Supabase database has yet to acknowledge the newest version of a site, or
    a run wants it sent once more. After a tombstone there is nothing to acknowledge."""
    version = mirror.version if mirror else 1
    if state is None:
        return True
    return bool(state.mirror_run) or (
        state.deleted_at is None and version > state.acknowledged_version
    )


def acknowledge(using: str, answers: Sequence[Acknowledged]) -> None:
    """Record what the Supabase database holds of sites; an older answer takes nothing back. Updates
    that waited because the site was refused may go at once."""
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
    """Return whether neither the site nor its deletion was ever mirrored or asked for: then there
    is nothing to mirror, and its state says so."""
    if SiteMirror.objects.using(using).filter(pk=site_id, deleted_at__isnull=False).exists():
        return False
    stranger = SiteDelivery.objects.using(using).filter(
        pk=site_id, acknowledged_version=0, deleted_at=None
    )
    return bool(stranger.update(acknowledged_version=1, mirror_run=None))


def refuse(using: str, site_id: uuid.UUID, *, version: int, reason: str, until: datetime) -> None:
    """Record that the Supabase database refused a version of a site: it is sent again after
    ``until``, or once it has changed."""
    ensure_deliveries(using, [site_id])
    SiteDelivery.objects.using(using).filter(pk=site_id).update(
        refused_version=version, mirror_error=reason, mirror_retry_at=until
    )


def raise_above(using: str, site_id: uuid.UUID, *, version: int, epoch: int) -> bool:
    """Move a site above what the Supabase database holds of it: the content database was restored
    from a backup. ``False`` where an editor's transaction holds the site: nothing is done then."""
    mirrors = SiteMirror.objects.using(using)
    features = connections[using].features
    with transaction.atomic(using=using):
        mine = mirrors.filter(pk=site_id)
        if not mine.exists():  # only then: it would wait for whoever holds the row
            mirrors.bulk_create([SiteMirror(site_id=site_id)], ignore_conflicts=True)
        if features.has_select_for_update_skip_locked:
            mine = mine.select_for_update(skip_locked=True)
        if not list(mine.values_list("pk")):  # exists() would lock nothing
            return False
        behind = Q(version__lte=version) | Q(epoch__lte=epoch)
        mirrors.filter(behind, pk=site_id).update(version=version + 1, epoch=epoch + 1)
    return True


def mirror_all_again(using: str, site_ids: Collection[uuid.UUID]) -> None:
    """Mark sites to be mirrored once more, before their next update and whatever was acknowledged
    of them, which stays: their tokens go on being minted."""
    ensure_deliveries(using, site_ids)
    run, left = uuid.uuid4(), sorted(site_ids)
    for first in range(0, len(left), MARKED_AT_ONCE):
        states = SiteDelivery.objects.using(using).filter(
            pk__in=left[first : first + MARKED_AT_ONCE]
        )
        with transaction.atomic(using=using):
            if connections[using].features.has_select_for_update:
                list(states.select_for_update().order_by("pk").values_list("pk"))
            states.update(mirror_run=run, mirror_retry_at=None)


def hasten(using: str, site_ids: Collection[uuid.UUID]) -> None:
    """Put changed sites among those that are mirrored first, past rows that an editor holds."""
    mirrors = SiteMirror.objects.using(using)
    changed = mirrors.filter(pk__in=site_ids, pending=Pending.CHANGED)
    with transaction.atomic(using=using):
        if connections[using].features.has_select_for_update_skip_locked:
            held = changed.select_for_update(skip_locked=True).values_list("pk", flat=True)
            changed = changed.filter(pk__in=list(held))
        changed.update(pending=Pending.RIGHT_LOST)


def forget_site(using: str, site_id: uuid.UUID) -> None:
    """Remove all that the outbox holds of a site: for a site that nobody subscribes to any more and
    whose tombstone is mirrored."""
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
    waits_for_it = state.exclude(mirror_error="").filter(last_error=F("mirror_error"))
    waits_for_it.update(retry_at=None, last_error="")
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
