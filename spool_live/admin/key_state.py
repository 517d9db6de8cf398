"""The state of an API key in words, and whom it would affect to revoke it."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext

from spool_live.keys.addresses import ADDRESSES_PER_KEY, used_lately
from spool_live.models import ApiKeyUse, SiteApiKey
from spool_live.status.states import age

SOON = timedelta(days=30)
"""How long before a key expires its state says so."""
_NAMED = 5


def state_of(key: SiteApiKey, now: datetime | None = None) -> str:
    """Return ``active``, ``expires in 3 days``, ``expired on ...`` or ``revoked on ...``."""
    moment = now or timezone.now()
    if key.revoked_at is not None:
        return gettext("revoked on %s") % _day(key.revoked_at)
    if key.expires_at is None or key.expires_at - moment > SOON:
        return gettext("active")
    if key.expires_at <= moment:
        return gettext("expired on %s") % _day(key.expires_at)
    return gettext("expires in %s") % age(key.expires_at - moment)


@dataclass(frozen=True, slots=True)
class Effect:
    """What revoking ``key`` would do. ``use`` (who uses it) and ``rest`` (which keys remain) are
    sentences."""

    key: SiteApiKey
    use: str
    rest: str


def effects_of(revoked: Iterable[SiteApiKey], now: datetime | None = None) -> list[Effect]:
    """Return what revoking each of these keys would do, if all of them are. Takes two queries,
    however many keys there are."""
    moment = now or timezone.now()
    found = list(revoked)
    ids = [key.pk for key in found]
    uses: dict[uuid.UUID, list[ApiKeyUse]] = defaultdict(list)
    for use in used_lately(moment).filter(key_id__in=ids):
        uses[use.key_id].append(use)
    valid = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=moment))
    others = SiteApiKey.objects.filter(valid, site__in={key.site_id for key in found})
    counts = others.exclude(pk__in=ids).order_by("site").values("site").annotate(keys=Count("pk"))
    left = {row["site"]: row["keys"] for row in counts}
    return [
        Effect(key, use_of(key, uses[key.pk], moment), _rest(key, left.get(key.site_id, 0)))
        for key in found
    ]


def use_of(key: SiteApiKey, uses: list[ApiKeyUse], now: datetime) -> str:
    """Return a sentence on who uses ``key``; ``uses`` are its uses of the last ten minutes."""
    if uses:
        names = ", ".join(use.address for use in uses[:_NAMED])
        more = len(uses) - _NAMED
        text = ngettext(
            "Used by %(number)s address in the last ten minutes: %(names)s%(more)s.",
            "Used by %(number)s addresses in the last ten minutes: %(names)s%(more)s.",
            len(uses),
        )
        number = f"{ADDRESSES_PER_KEY}+" if len(uses) >= ADDRESSES_PER_KEY else str(len(uses))
        further = gettext(" and %d more") % more if more > 0 else ""
        return text % {"number": number, "names": names, "more": further}
    if key.last_used_at is None:
        return gettext("It was never used.")
    return gettext("Nobody has used it in the last ten minutes; last used %s ago.") % age(
        now - key.last_used_at
    )


def _rest(key: SiteApiKey, others: int) -> str:
    if not others:
        text = gettext("It is the last valid key of %s, whose front ends get no updates then.")
        return text % key.site.name
    text = ngettext(
        "%(number)d other key of %(site)s stays valid.",
        "%(number)d other keys of %(site)s stay valid.",
        others,
    )
    return text % {"number": others, "site": key.site.name}


def _day(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT")
