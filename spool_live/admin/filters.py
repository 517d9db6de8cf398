"""Filters of the admin's lists: by site, state of a key, collection. None of them scans a table."""

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
"""How many sites a filter lists. Where there are more, the search finds the others by name."""


def sites_of(request: HttpRequest) -> QuerySet[Site]:
    """Return the sites that the user may see."""
    return rows_seen(request, Site.objects.all())


class SiteFilter(admin.SimpleListFilter):
    """Filter by site (``?site=<id>``) for a list of rows with a ``site_id``."""

    title = _("site")
    parameter_name = "site"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return ``(id, name)`` of the first sites by name; the chosen site comes first."""
        sites = sites_of(request).filter(is_probe=False).order_by("name")
        found = [(str(pk), name) for pk, name in sites.values_list("pk", "name")[: _LISTED + 1]]
        if chosen := self.chosen():
            known = dict(sites_of(request).filter(pk=chosen).values_list("pk", "name"))
            here = (str(chosen), known.get(chosen, str(chosen)))
            found = [here, *(one for one in found[:_LISTED] if one != here)]
        return found[:_LISTED]

    def has_output(self) -> bool:
        """Return whether to show the filter: also with a single site, to say which it is."""
        return bool(self.lookup_choices)

    def chosen(self) -> uuid.UUID | None:
        """Return the id of the site in the URL, or ``None``.

        Raises ``IncorrectLookupParameters`` where the parameter is not a UUID.
        """
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


class SiteByPrefixFilter(SiteFilter):
    """Filter by site for failed authentications, which hold a key's prefix and no site."""

    def of_site(self, queryset: QuerySet[Any], site_id: uuid.UUID) -> QuerySet[Any]:
        """Return the failures whose prefix is that of a key of the site."""
        return queryset.filter(prefix__in=SiteApiKey.objects.filter(site=site_id).values("prefix"))


class CollectionFilter(admin.SimpleListFilter):
    """Filter by collection: those that are registered, and the one in the URL."""

    title = _("collection")
    parameter_name = "collection"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return ``(name, name)`` of each collection, sorted."""
        names = {collection.name for collection in registry}
        if value := self.used_parameters.get(self.parameter_name):
            names.add(str(value))
        return [(name, name) for name in sorted(names)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the chosen collection."""
        value = self.value()
        return queryset.filter(collection=value) if value else queryset


class KeyStateFilter(admin.SimpleListFilter):
    """Filter of API keys by their state, in the words of the list."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return ``(value, label)`` of each state."""
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
