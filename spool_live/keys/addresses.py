"""The addresses from which an API key is used, so that people know whom revoking it affects.

A background thread writes them, never the request itself. Of each key the newest
``ADDRESSES_PER_KEY`` addresses are kept, each for ``KEPT`` after its last use.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import router
from django.db.models import QuerySet
from django.utils import timezone

from spool_live.deferred import DeferredWrites
from spool_live.models import ApiKeyUse, SiteApiKey

PRECISION = timedelta(minutes=1)
"""How far a stored moment may lie behind the last use."""
LATELY = timedelta(minutes=10)
"""How far back "lately" reaches: as long as a token is valid by default."""
KEPT = timedelta(days=1)
"""How long an address is kept after its last use."""
ADDRESSES_PER_KEY = 100
"""How many addresses are kept for one key."""
_MAX_NOTED = 10_000
_noted: dict[tuple[uuid.UUID, str, bool], datetime] = {}
"""When this process last noted a use, by key, address and whether it was for a token."""

Subject = tuple[uuid.UUID, uuid.UUID, str]
"""The key's id, its site's id, and an address."""
Moments = tuple[datetime, datetime | None]
"""The moments of the last use, and of the last request for a token."""


def note_address(
    key: SiteApiKey, address: str, *, for_token: bool, now: datetime | None = None
) -> None:
    """Note that ``key`` is used from ``address``, at most once in ``PRECISION``.

    Returns at once and never raises.
    """
    moment = now or timezone.now()
    subject = (key.pk, address, for_token)
    known = _noted.get(subject)
    if known is not None and abs(moment - known) < PRECISION:
        return
    if len(_noted) >= _MAX_NOTED:
        _noted.clear()
    _noted[subject] = moment
    addresses.add((key.pk, key.site_id, address), (moment, moment if for_token else None))


def write_addresses(batch: Mapping[Subject, Moments]) -> None:
    """Write when addresses used keys, and remove the oldest addresses of each key."""
    uses = ApiKeyUse.objects.using(router.db_for_write(ApiKeyUse))
    for (key_id, site_id, address), (at, token_at) in batch.items():
        moments = {"last_at": at, **({"last_token_at": token_at} if token_at else {})}
        if uses.filter(key_id=key_id, address=address).update(**moments):
            continue
        fresh = ApiKeyUse(key_id=key_id, site_id=site_id, address=address, **moments)
        uses.bulk_create([fresh], ignore_conflicts=True)  # another process may have inserted it
        newest = uses.filter(key_id=key_id).order_by("-last_at", "-pk")
        uses.filter(pk__in=list(newest.values_list("pk", flat=True)[ADDRESSES_PER_KEY:])).delete()


def used_lately(now: datetime | None = None) -> QuerySet[ApiKeyUse]:
    """Return the uses of the last ten minutes, of every key, the newest first."""
    since = (now or timezone.now()) - LATELY
    return ApiKeyUse.objects.filter(last_at__gt=since).order_by("-last_at", "-pk")


def purge_addresses(using: str, *, now: datetime) -> int:
    """Remove addresses whose last use is longer ago than ``KEPT``; return how many."""
    removed, _ = ApiKeyUse.objects.using(using).filter(last_at__lt=now - KEPT).delete()
    return removed


def _newest(held: Moments, more: Moments) -> Moments:
    asked = [moment for moment in (held[1], more[1]) if moment]
    return max(held[0], more[0]), max(asked, default=None)


addresses: DeferredWrites[Subject, Moments] = DeferredWrites(write_addresses, _newest)
"""Uses of keys on their way to the database. A lost one matters little: the next follows soon."""
