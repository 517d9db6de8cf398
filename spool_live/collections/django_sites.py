"""Sites of ``django.contrib.sites`` as tenants: for each there is a ``Site`` of this app."""

from __future__ import annotations

import uuid
from typing import Any

from spool_live.collections.identity import ITEM_NAMESPACE

LABEL = "sites.Site"
APP = "spool_live.contrib.sites"


def mapped(pk: Any) -> uuid.UUID:
    """Return the id of our site for the Django site with the primary key ``pk``: a UUIDv5 (RFC
    9562) of that key, so that no table and no query is needed to determine it."""
    return uuid.uuid5(ITEM_NAMESPACE, f"sites.site:{int(pk)}")
