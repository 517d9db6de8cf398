"""Filters of our lists: by site, by state of a key, by collection. None of them scans a table."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from spool_live.admin.key_state import SOON
from spool_live.admin.limited import rows_seen
from spool_live.collections import registry
from spool_live.models import Site, SiteApiKey

_LISTED = 40
"""Sites that a filter lists; where there are more, the search finds the others by their names."""


def sites_of(request: HttpRequest) -> QuerySet[Site]:
    """Return the sites that the user may see."""
    return rows_seen(request, Site.objects.all())


class OfSite(admin.SimpleListFilter):
    """For a list of rows with a ``site_id``: ``?site=<id>``."""

    title = _("site")
    parameter_name = "site"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the first sites by name, and the one that is chosen."""
        sites = sites_of(request).filter(is_probe=False).order_by("name")
        found = [(str(pk), name) for pk, name in sites.values_list("pk", "name")[: _LISTED + 1]]
        if chosen := self.chosen():
            known = dict(sites_of(request).filter(pk=chosen).values_list("pk", "name"))
            here = (str(chosen), known.get(chosen, str(chosen)))
            found = [here, *(one for one in found[:_LISTED] if one != here)]
        return found[:_LISTED]

    def has_output(self) -> bool:
        """Show the filter also with one site: the filter says which."""
        return bool(self.lookup_choices)

    def chosen(self) -> uuid.UUID | None:
        """Return the id of the site that is asked for, if one is."""
        value = self.used_parameters.get(self.parameter_name)
        if not value:
            return None
        try:
            return uuid.UUID(str(value))
        except ValueError as error:
            raise IncorrectLookupParameters from error

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the chosen site."""
        chosen = self.chosen()
        return self.of_site(queryset, chosen) if chosen else queryset

    def of_site(self, queryset: QuerySet[Any], site_id: uuid.UUID) -> QuerySet[Any]:
        """Return the rows that belong to the site."""
        return queryset.filter(site_id=site_id)


class OfSiteByPrefix(OfSite):
    """For failed authentications, which know the prefix of a key."""

    def of_site(self, queryset: QuerySet[Any], site_id: uuid.UUID) -> QuerySet[Any]:
        """Return those that named a key of the site."""
        return queryset.filter(prefix__in=SiteApiKey.objects.filter(site=site_id).values("prefix"))


class OfCollection(admin.SimpleListFilter):
    """For updates: the collections that are registered, and the one that is asked for."""

    title = _("collection")
    parameter_name = "collection"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the names."""
        names = {collection.name for collection in registry}
        if value := self.used_parameters.get(self.parameter_name):
            names.add(str(value))
        return [(name, name) for name in sorted(names)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the chosen collection."""
        value = self.value()
        return queryset.filter(collection=value) if value else queryset


class KeyState(admin.SimpleListFilter):
    """For API keys: by what the list calls their state."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the states."""
        return [
            ("active", _("active")),
            ("expiring", _("expires soon")),
            ("expired", _("expired")),
            ("revoked", _("revoked")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the keys in the chosen state; those that expire soon are active too."""
        now = timezone.now()
        valid = Q(revoked_at=None)
        chosen = {
            "active": valid & (Q(expires_at=None) | Q(expires_at__gt=now)),
            "expiring": valid & Q(expires_at__gt=now, expires_at__lte=now + SOON),
            "expired": valid & Q(expires_at__lte=now),
            "revoked": Q(revoked_at__isnull=False),
        }.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen)
