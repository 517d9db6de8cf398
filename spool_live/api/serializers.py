"""The query parameters and bodies of the API."""

from __future__ import annotations

import re
from typing import Any

from rest_framework import serializers

from spool_live.conf import LiveSettings
from spool_live.models import SiteApiKey, SiteDelivery
from spool_live.outbox import HistoryPage
from spool_live.tokens import Token

MAX_PAGE = 1000
_DIGITS = re.compile(r"-?[0-9]{1,20}")
MAX_SEQ = 2**63 - 1


class AsciiIntegerField(serializers.IntegerField):
    """An integer of at most 20 ASCII digits. ``int()`` alone accepts the digits of any script."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and not _DIGITS.fullmatch(data):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class CursorSerializer(serializers.Serializer[Any]):
    """The query of ``GET updates/``."""

    after = AsciiIntegerField(min_value=0, max_value=MAX_SEQ, default=0)
    limit = AsciiIntegerField(min_value=1, max_value=MAX_PAGE, default=100)


def token_response(
    token: Token, key: SiteApiKey, delivery: SiteDelivery, settings: LiveSettings
) -> dict[str, Any]:
    """Return the body of ``POST token/``: all that a subscriber needs to connect."""
    site_id = str(key.site_id)
    epoch = delivery.acknowledged_epoch
    return {
        "token": token.encoded,
        "token_type": "Bearer",
        "expires_in": token.expires_in,
        "expires_at": token.expires_at.isoformat(),
        "site_id": site_id,
        "epoch": epoch,
        "supabase_url": settings.supabase_url,
        "supabase_key": settings.supabase_publishable_key,
        "realtime": {
            "mode": settings.realtime_mode,
            "broadcast": {
                "topic": f"site:{site_id}:{epoch}",
                "private": True,
                "event": "live_updates",
            },
            "postgres_changes": {
                "topic": f"live_updates:site_id=eq.{site_id}",
                "schema": "public",
                "table": "live_updates",
                "event": "INSERT",
                "filter": f"site_id=eq.{site_id}",
            },
        },
        "seq": delivery.last_seq,
    }


def catch_up_response(page: HistoryPage) -> dict[str, Any]:
    """Return the body of ``GET updates/``: ``{status, results, next, seq, epoch}``."""
    return {
        "status": page.status,
        "results": [update.as_row() for update in page.results],
        "next": page.next,
        "seq": page.seq,
        "epoch": page.epoch,
    }


def site_response(key: SiteApiKey) -> dict[str, Any]:
    """Return the body of ``GET site/``: the site, and the key of the request."""
    return {
        "site_id": str(key.site_id),
        "name": key.site.name,
        "key": {
            "id": str(key.pk),
            "name": key.name,
            "prefix": key.prefix,
            "expires_at": key.expires_at.isoformat() if key.expires_at else None,
        },
    }
