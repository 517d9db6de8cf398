"""Numbering without delivering: catch-up and webhooks serve updates while Supabase is away.

Usually a claim numbers the entries that it takes. Where there is no claim (Supabase is away, or the
site is leased or waits for a retry) this module numbers them, in the same order and under the same
lock: the site's ``SiteDelivery`` row, which stays locked until the transaction commits.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import connections, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from spool_live.conf import live_settings
from spool_live.models import OutboxEntry, SiteDelivery
from spool_live.outbox import circuit, coalescing, thinning
from spool_live.outbox.site_state import ensure_deliveries

LEFT_TO_CLAIMS = timedelta(seconds=1)
"""How long an entry is left to the claim that usually numbers it, so that the two do not compete
for the lock."""


def number_waiting(using: str, site_ids: Collection[uuid.UUID]) -> int:
    """Give numbers to the pending entries that no claim has numbered in time; return how many.

    A site whose row is locked is left to the next call.
    """
    if not site_ids:
        return 0
    now = timezone.now()
    overdue = now if circuit.failures(using) else now - LEFT_TO_CLAIMS
    waiting = _unnumbered(using, now).filter(site_id__in=site_ids, timestamp__lte=overdue)
    chosen = sorted(set(waiting.order_by().values_list("site_id", flat=True).distinct()))
    return sum(_number(using, site_id, now) for site_id in chosen)


def _number(using: str, site_id: uuid.UUID, now: datetime) -> int:
    ensure_deliveries(using, [site_id])
    features = connections[using].features
    with transaction.atomic(using=using):
        states = SiteDelivery.objects.using(using).filter(pk=site_id)
        if features.has_select_for_update:
            skips = features.has_select_for_update_skip_locked
            if not list(states.select_for_update(skip_locked=skips).values_list("pk")):
                return 0
        else:
            states.update(last_seq=F("last_seq"))  # a write first: it spares SQLite a lock upgrade
        coalescing.coalesce_waiting(using, [site_id], now)
        ripe = _unnumbered(using, now).filter(site_id=site_id).order_by("pk")
        pks = list(ripe.values_list("pk", flat=True)[: live_settings().batch_limit])
        last = states.values_list("last_seq", flat=True).get()
        states.update(last_seq=last + len(pks))
        numbered = [OutboxEntry(pk=pk, seq=last + place) for place, pk in enumerate(pks, start=1)]
        OutboxEntry.objects.using(using).bulk_update(numbered, ["seq"], batch_size=100)
        if pks and thinning.is_on(using):
            thinning.thin_numbered(using, site_id, now)
    return len(pks)


def _unnumbered(using: str, now: datetime) -> QuerySet[OutboxEntry]:
    pending = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.PENDING, seq=None)
    return pending.exclude(coalescing.is_held(now))
