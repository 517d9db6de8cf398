"""Bases of the admin classes: read-only lists of large tables, and changes with an audit trail."""

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
"""How many rows a list counts and pages through. Others are found by filter and search."""
_MAX_NAMED_SITES = 1_000
"""How many sites with a matching name the search takes into account."""


class BoundedPaginator(Paginator):
    """Paginator that counts at most ``MAX_COUNTED`` rows, however large the table is."""

    @cached_property
    def count(self) -> int:
        """The number of rows, ``MAX_COUNTED`` where there are more."""
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[:MAX_COUNTED].count())


class ReadOnlyAdmin(LimitedToSites):
    """Admin class whose rows can be viewed, and neither added, changed nor deleted."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    list_per_page = 50
    change_list_template = "admin/spool_live/bounded_list.html"
    note: Any = ""
    """A text shown below the search box, or empty."""

    class Media:
        css = {"all": (STYLE,)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return ``False``: nothing is added by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return ``False``: nothing is changed by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return ``False``: nothing is deleted by hand."""
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the list, which shows how many rows it counts at most."""
        context = {"max_counted": MAX_COUNTED, "note": self.note, **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, context)
        return response


class SiteRowsAdmin(ReadOnlyAdmin):
    """Admin class for rows that outlive their site: they hold its id without a foreign key.

    The search finds words in ``text_fields``, whole UUIDs in ``id_fields``, and the rows of sites
    whose names contain a word.
    """

    text_fields: tuple[str, ...] = ()
    id_fields: tuple[str, ...] = ("site_id",)
    note = _("Search for words, for the name of a site, or for a whole id.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows, each with its ``site_name`` (``None`` where the site is deleted)."""
        name = Site.objects.filter(pk=OuterRef("site_id")).values("name")
        rows: QuerySet[Any] = super().get_queryset(request).annotate(site_name=Subquery(name))
        return rows

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the fields to search, without which the list would have no search box."""
        return (*self.text_fields, *self.id_fields)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows that match every word, and ``False``: no row comes twice."""
        for word in smart_split(search_term):
            bare = word
            if word.startswith(('"', "'")) and word[0] == word[-1]:
                bare = unescape_string_literal(word)
            queryset = queryset.filter(self._matching(request, bare))
        return queryset, False

    def _matching(self, request: HttpRequest, word: str) -> Q:
        try:
            known = uuid.UUID(word)
        except ValueError:
            named = sites_of(request).filter(name__icontains=word)
            sites = list(named.values_list("pk", flat=True)[:_MAX_NAMED_SITES])
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
        """Return the site's name; the id of a deleted site, and nothing where there is none."""
        if row.site_id is None:
            return ""
        return str(row.site_name or row.site_id)


def _containing(field: str, word: str) -> Q:
    """Return a condition: ``field`` contains ``word``. Rows with an empty field cost little."""
    if field == "collection":  # few names: cheaper to compare here than in each row
        names = [each.name for each in registry if word.lower() in each.name.lower()]
        return Q(collection__in=[word, *names])
    return ~Q((field, "")) & Q((f"{field}__icontains", word))


class ActingAdmin(LimitedToSites):
    """Admin class that attributes changes to the user and the admin in the audit trails."""

    show_full_result_count = False

    def save_model(
        self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool
    ) -> None:
        """Save ``obj``, attributed to the user in the audit trail."""
        with acting(Origin.ADMIN, request.user):
            super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """Delete ``obj``, attributed to the user in the audit trail."""
        with acting(Origin.ADMIN, request.user):
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete the selected rows, attributed to the user in the audit trail."""
        with acting(Origin.ADMIN, request.user):
            super().delete_queryset(request, queryset)
