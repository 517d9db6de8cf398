"""Finds the site whose name or id a command was given."""

from __future__ import annotations

import uuid

from django.core.management.base import CommandError

from spool_live.models import Site


def find_site(given: str) -> Site:
    """Return the site with this id or this name. Raises ``CommandError`` unless one has it."""
    try:
        found = list(Site.objects.filter(pk=uuid.UUID(given)))
    except ValueError:
        found = list(Site.objects.filter(name=given))
    if not found:
        raise CommandError(f"There is no site {given!r}: see live_site list.")
    if len(found) > 1:
        raise CommandError(f"{len(found)} sites are named {given!r}: give the id.")
    return found[0]


def find_site_id(given: str) -> uuid.UUID:
    """Return the id of a site that is given by its name or id. The id may be a deleted site's."""
    try:
        return uuid.UUID(given)
    except ValueError:
        return find_site(given).pk
