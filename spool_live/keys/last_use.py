"""When a key was last used, written by a background thread, at most once a minute for each key."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import router
from django.db.models import Q
from django.utils import timezone

from spool_live.deferred import DeferredWrites
from spool_live.models import SiteApiKey

PRECISION = timedelta(minutes=1)
"""How far ``last_used_at`` may lie behind the last use."""


def note_use(key: SiteApiKey, now: datetime | None = None) -> None:
    """Note that ``key`` is used. Returns at once and never raises."""
    moment = now or timezone.now()
    if key.last_used_at is None or moment - key.last_used_at >= PRECISION:
        uses.add(key.pk, moment)


def write_uses(batch: Mapping[uuid.UUID, datetime]) -> None:
    """Write when keys were used, where the stored moment is older than ``PRECISION``."""
    keys = SiteApiKey.objects.using(router.db_for_write(SiteApiKey))
    for key_id, moment in batch.items():
        stale = Q(last_used_at=None) | Q(last_used_at__lte=moment - PRECISION)
        keys.filter(stale, pk=key_id).update(last_used_at=moment)


uses: DeferredWrites[uuid.UUID, datetime] = DeferredWrites(write_uses, max)
"""Uses of keys on their way to the database. A lost one matters little: the next follows soon."""
