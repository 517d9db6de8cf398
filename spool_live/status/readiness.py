"""Whether this process can serve tokens and catch-up. The state of delivery does not count."""

from __future__ import annotations

import logging

from django.db import DatabaseError

from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.models import SiteDelivery
from spool_live.supabase.databases import content_databases
from spool_live.throttling import counters
from spool_live.tokens import signing_keys

logger = logging.getLogger(__name__)


def readiness() -> dict[str, str]:
    """Return a word for each part: ``ok``, ``failing``, or ``degraded`` if it still can serve."""
    return {
        "database": _database(),
        "signing_key": _signing_key(),
        "throttle_cache": "degraded" if counters.degraded else "ok",
    }


def _database() -> str:
    try:
        for using in content_databases():
            SiteDelivery.objects.using(using).exists()
    except DatabaseError as error:
        logger.warning("not ready: the content database answers %s", type(error).__name__)
        return "failing"
    return "ok"


def _signing_key() -> str:
    try:
        signing_keys()
    except SpoolLiveConfigurationError:
        return "failing"
    return "ok"
