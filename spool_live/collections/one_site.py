"""The site of a single-site project: ``SPOOL_LIVE["SITE"]``, its id or its name."""

from __future__ import annotations

import time
import uuid
from typing import Any

from django.db.models.signals import post_delete, post_save

from spool_live.conf import live_settings
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.models import Site

KNOWN_FOR = 60.0
"""Seconds until a name is looked up again: another process may have renamed the site."""
_known: dict[tuple[str, str], tuple[uuid.UUID, float]] = {}


def site_id(using: str) -> uuid.UUID:
    """Return the id of the site that the setting names, by id or by its name on ``using``.

    Raises ``SpoolLiveConfigurationError`` where no site, or more than one, has the name.
    """
    named = live_settings().site
    if is_id():
        return uuid.UUID(named)
    found, since = _known.get((using, named), (None, 0.0))
    if found is None or time.monotonic() - since > KNOWN_FOR:
        found = _look_up(named, using)
        _known[using, named] = found, time.monotonic()
    return found


def is_id() -> bool:
    """Return whether the setting is an id rather than a name, which has to be looked up."""
    try:
        uuid.UUID(live_settings().site)
    except ValueError:
        return False
    return True


def _look_up(name: str, using: str) -> uuid.UUID:
    pks = list(Site.objects.using(using).filter(name=name).values_list("pk", flat=True)[:2])
    if len(pks) != 1:
        problem, remedy = (
            ("more than one site has", "Set it to the id of one of them.")
            if pks
            else ("no site has", "Create it by manage.py live_site create, or set an id.")
        )
        raise SpoolLiveConfigurationError(
            f"SPOOL_LIVE['SITE'] = {name!r}: {problem} this name. {remedy}"
        )
    pk: uuid.UUID = pks[0]
    return pk


def _forget(**kwargs: Any) -> None:
    _known.clear()


post_save.connect(_forget, sender=Site, dispatch_uid="spool_live.one_site")
post_delete.connect(_forget, sender=Site, dispatch_uid="spool_live.one_site")
