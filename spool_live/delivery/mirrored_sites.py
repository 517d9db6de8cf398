"""The payloads of mirror calls, read from the content database."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from spool_live.metadata import clean_text
from spool_live.models import Site, SiteApiKey, SiteDelivery, SiteMirror
from spool_live.supabase.databases import is_supabase_database

LONG_EXPIRED = timedelta(days=1)
"""A key that expired longer ago than this is not mirrored any more. There is no haste, as Supabase
refuses an expired key by itself; but a key that is left out has no right, even if it was left out
only because the clock of this machine is ahead."""
KEYS_A_CALL = 5_000
"""Maximum of keys in one call: about half a megabyte."""


@dataclass(frozen=True, slots=True)
class MirroredSite:
    """A site as it is sent. ``run`` is the ``SiteDelivery.mirror_run`` by which it is marked to be
    mirrored once more, if it is."""

    site_id: uuid.UUID
    version: int
    epoch: int
    is_deleted: bool
    run: uuid.UUID | None
    payload: dict[str, Any]

    @property
    def number_of_keys(self) -> int:
        """How many API keys the payload contains."""
        return len(self.payload["api_keys"])


def read_sites(using: str, site_ids: Sequence[uuid.UUID]) -> list[MirroredSite]:
    """Return the sites as they are now, in the order of their ids.

    Revoked and long expired keys are left out: Supabase refuses a key that it does not know.
    """
    # Read runs and versions first: a change that is newer than they are is sent with the next one.
    states = SiteDelivery.objects.using(using).filter(pk__in=site_ids)
    runs = dict(states.values_list("pk", "mirror_run"))
    mirrors = SiteMirror.objects.using(using).in_bulk(site_ids)
    names = dict(Site.objects.using(using).filter(pk__in=site_ids).values_list("pk", "name"))
    keys = _keys(using, site_ids)
    in_one_database = is_supabase_database(using)
    sites = []
    for site_id in sorted(set(site_ids)):
        mirror = mirrors.get(site_id) or SiteMirror(site_id=site_id)
        payload = {
            "site_id": str(site_id),
            "version": mirror.version,
            "epoch": mirror.epoch,
            "deleted": site_id not in names,
            "name": None if in_one_database else clean_text(names.get(site_id, "")),
            "api_keys": keys[site_id],
        }
        sites.append(
            MirroredSite(
                site_id=site_id,
                version=mirror.version,
                epoch=mirror.epoch,
                is_deleted=site_id not in names,
                run=runs.get(site_id),
                payload=payload,
            )
        )
    return sites


def in_parts(sites: Sequence[MirroredSite]) -> Iterator[list[MirroredSite]]:
    """Yield ``sites`` in parts that are small enough for one call."""
    part: list[MirroredSite] = []
    keys = 0
    for site in sites:
        if part and keys + site.number_of_keys > KEYS_A_CALL:
            yield part
            part, keys = [], 0
        part.append(site)
        keys += site.number_of_keys
    if part:
        yield part


def _keys(using: str, site_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[dict[str, Any]]]:
    lasting = Q(expires_at=None) | Q(expires_at__gt=timezone.now() - LONG_EXPIRED)
    keys = SiteApiKey.objects.using(using).filter(lasting, site_id__in=site_ids, revoked_at=None)
    by_site: dict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    for site_id, key_id, expires_at in keys.order_by("pk").values_list(
        "site_id", "pk", "expires_at"
    ):
        by_site[site_id].append(
            {
                "id": str(key_id),
                "expires_at": expires_at.isoformat() if expires_at else None,
                "revoked_at": None,
            }
        )
    return by_site
