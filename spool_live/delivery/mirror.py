"""The mirror: what the Supabase database must know of each site, kept true with versions.

A change of a site or of its keys raises the site's version in the same transaction (and its
epoch, where a key lost its right). :func:`mirror_pending` sends whole sites until the Supabase
database has acknowledged their newest version; delivery does so before a site's next update.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from typing import Any

from django.db import connections
from django.db.models import F
from django.utils import timezone

from spool_live import heartbeats, outbox
from spool_live.broadcasters import Broadcaster, MirrorAnswer, get_broadcaster
from spool_live.exceptions import BroadcastError, BroadcastUnavailable, CircuitOpen
from spool_live.metadata import clean_text
from spool_live.models import Site, SiteApiKey, SiteDelivery
from spool_live.outbox import circuit
from spool_live.supabase.databases import is_supabase_database

logger = logging.getLogger(__name__)
REFUSALS_KEPT = 100


def mirror_pending(using: str, broadcaster: Broadcaster | None = None) -> int:
    """Sends every site of ``using`` whose newest version is not acknowledged yet.

    Returns how many are acknowledged now. A site that is refused is logged and holds nobody up;
    raises :class:`BroadcastUnavailable` at once, as the others would meet the same, or its
    :class:`CircuitOpen` where Supabase is not to be asked now.
    """
    if not _is_any_behind(using):
        return 0
    behind = SiteDelivery.objects.using(using).filter(version__gt=F("acknowledged_version"))
    site_ids = list(behind.order_by("pk").values_list("pk", flat=True))
    outage = circuit.enter(using, timezone.now()) if site_ids else 0
    if outage is None:
        raise CircuitOpen("Supabase was away a moment ago and is left alone until later")
    broadcaster = broadcaster or get_broadcaster()
    refused: dict[str, str] = {}
    try:
        acknowledged = sum(
            _mirror_alone(using, site_id, broadcaster, refused) for site_id in site_ids
        )
    except BroadcastUnavailable as error:
        until = circuit.next_attempt(outage, error.retry_after)
        circuit.trip(using, str(error), failures=outage, until=until)
        raise
    if outage:
        circuit.close(using)
    _record_refusals(using, refused)
    return acknowledged


def mirror_site(using: str, site_id: uuid.UUID, broadcaster: Broadcaster) -> MirrorAnswer:
    """Sends one site as it is now, and notes what the Supabase database acknowledged.

    Where that holds a newer version (the content database was restored from a backup), the site
    is raised above it and sent once more; a tombstone there is final. So none is left for an id
    that never was a site: it may yet become one.
    """
    payload = _payload(using, site_id)
    if payload["deleted"] and outbox.acknowledge_stranger(using, site_id):
        return MirrorAnswer(payload["version"], payload["epoch"], deleted=True, applied=False)
    answer = broadcaster.mirror(payload)
    if not answer.applied and not answer.deleted:
        logger.warning("Supabase holds a newer mirror of site %s: going above it", site_id)
        outbox.raise_above(using, site_id, version=answer.version, epoch=answer.epoch)
        answer = broadcaster.mirror(_payload(using, site_id))
    outbox.acknowledge(
        using, site_id, version=answer.version, epoch=answer.epoch, deleted=answer.deleted
    )
    return answer


def mirror_all(using: str, broadcaster: Broadcaster | None = None) -> int:
    """Sends every site of ``using`` again, acknowledged or not: heals a Supabase database that was
    reset or replaced. Returns how many were sent. Raises :class:`BroadcastError`."""
    site_ids = list(Site.objects.using(using).values_list("pk", flat=True))
    outbox.forget_acknowledgements(using, site_ids)
    return mirror_pending(using, broadcaster)


def is_pending(site: SiteDelivery) -> bool:
    """Whether the Supabase database has yet to acknowledge the newest version of ``site``."""
    return site.version > site.acknowledged_version


def _is_any_behind(using: str) -> bool:
    # Raw, because every delivery asks it first.
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM live_site_deliveries WHERE version > acknowledged_version LIMIT 1"
        )
        return cursor.fetchone() is not None


def _payload(using: str, site_id: uuid.UUID) -> dict[str, Any]:
    # The version first: keys that are newer than it come again with the next version.
    delivery = SiteDelivery.objects.using(using).get(pk=site_id)
    site = Site.objects.using(using).filter(pk=site_id).first()
    keys: Iterable[SiteApiKey] = SiteApiKey.objects.using(using).filter(site_id=site_id)
    name = "" if site is None else site.name
    return {
        "site_id": str(site_id),
        "version": delivery.version,
        "epoch": delivery.epoch,
        "deleted": site is None,
        "name": None if is_supabase_database(using) else clean_text(name),
        "api_keys": [
            {
                "id": str(key.pk),
                "expires_at": key.expires_at.isoformat() if key.expires_at else None,
                "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
            }
            for key in keys
        ],
    }


def _mirror_alone(
    using: str, site_id: uuid.UUID, broadcaster: Broadcaster, refused: dict[str, str]
) -> bool:
    try:
        mirror_site(using, site_id, broadcaster)
    except BroadcastUnavailable:
        raise
    except BroadcastError as error:
        logger.error("site %s cannot be mirrored: %s", site_id, error)  # noqa: TRY400
        refused[str(site_id)] = str(error)
        return False
    return True


def _record_refusals(using: str, refused: dict[str, str]) -> None:
    """For the status: the sites that Supabase refused, with the reason of each."""
    if refused:
        some = dict(list(refused.items())[:REFUSALS_KEPT])
        heartbeats.failed(using, heartbeats.Part.MIRROR, next(iter(some.values())), some)
    else:
        heartbeats.succeeded(using, heartbeats.Part.MIRROR, {})
