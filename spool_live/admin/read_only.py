"""Admin of what is written by machines, and who acts where people change something."""

from __future__ import annotations

import uuid
from functools import cached_property
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, OuterRef, Q, QuerySet, Subquery
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.text import smart_split, unescape_string_literal
from django.utils.translation import gettext_lazy as _

from spool_live.admin.filters import sites_of
from spool_live.admin.limited import LimitedToSites
from spool_live.admin.pages import STYLE
from spool_live.collections import registry
from spool_live.keys.trail import Origin, acting
from spool_live.models import Site

MAX_COUNTED = 10_000
"""Rows that a list counts and pages through: what lies beyond is found by filter and search."""
_MAX_NAMED = 1_000


class BoundedPaginator(Paginator):
    """Counts no more than ``MAX_COUNTED`` rows, however large the table is."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, as far as they are counted."""
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[:MAX_COUNTED].count())


class ReadOnlyAdmin(LimitedToSites):
    """To look at and nothing else."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    list_per_page = 50
    change_list_template = "admin/spool_live/bounded_list.html"
    note: Any = ""
    """What the list says below its search."""

    class Media:
        css = {"all": (STYLE,)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the list, which says where it stops counting."""
        context = {"most_counted": MAX_COUNTED, "note": self.note, **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, context)
        return response


class OfSiteAdmin(ReadOnlyAdmin):
    """Of rows that hold a site's id without a foreign key: they outlive it.

    The search finds words in ``text_fields``, whole ids in ``id_fields``, and the rows of sites by
    their names: what it asks for does not grow with the number of ids.
    """

    text_fields: tuple[str, ...] = ()
    id_fields: tuple[str, ...] = ("site_id",)
    note = _("Search for words, for the name of a site, or for a whole id.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows with the names of their sites."""
        name = Site.objects.filter(pk=OuterRef("site_id")).values("name")
        rows: QuerySet[Any] = super().get_queryset(request).annotate(site_name=Subquery(name))
        return rows

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Return what the list shows a search box for."""
        return (*self.text_fields, *self.id_fields)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows that have every word."""
        for word in smart_split(search_term):
            bare = word
            if word.startswith(('"', "'")) and word[0] == word[-1]:
                bare = unescape_string_literal(word)
            queryset = queryset.filter(self._having(request, bare))
        return queryset, False

    def _having(self, request: HttpRequest, word: str) -> Q:
        try:
            known = uuid.UUID(word)
        except ValueError:
            named = sites_of(request).filter(name__icontains=word)
            sites = list(named.values_list("pk", flat=True)[:_MAX_NAMED])
            found = Q(site_id__in=sites)
            for name in self.text_fields:
                found |= _containing(name, word)
            return found
        found = Q()
        for name in self.id_fields:
            found |= Q((name, known))
        return found

    @admin.display(description=_("site"), ordering="site_name")
    def site(self, row: Any) -> str:
        """Return the site's name; of a deleted one the id is left."""
        if row.site_id is None:
            return ""
        return str(row.site_name or row.site_id)


def _containing(field: str, word: str) -> Q:
    """Return the rows that have ``word`` in ``field``, at the least cost for all the others."""
    if field == "collection":  # there are few names: they are compared here, not in each row
        names = [each.name for each in registry if word.lower() in each.name.lower()]
        return Q(collection__in=[word, *names])
    return ~Q((field, "")) & Q((f"{field}__icontains", word))


class ActingAdmin(LimitedToSites):
    """Says in the audit trail of keys that the user did it, in the admin."""

    show_full_result_count = False

    def save_model(
        self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool
    ) -> None:
        """Save ``obj`` as an act of the user."""
        with acting(Origin.ADMIN, request.user):
            super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """Delete ``obj`` as an act of the user."""
        with acting(Origin.ADMIN, request.user):
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete many as an act of the user."""
        with acting(Origin.ADMIN, request.user):
            super().delete_queryset(request, queryset)
