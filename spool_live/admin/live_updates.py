"""The live table in the admin, read-only. It may be in another database: that of Supabase."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db import OperationalError, router
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from spool_live.admin.filters import CollectionFilter, SiteFilter, sites_of
from spool_live.admin.read_only import ReadOnlyAdmin
from spool_live.models import LiveUpdate

NEWEST = timedelta(minutes=10)
"""How far back the list goes while no site is chosen. The newest rows of all sites are found by
their time of insertion, whose index serves ranges only."""


class LiveUpdateList(ChangeList):
    """A list that adds the names of the sites, which may be in another database, to its rows."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the rows of the page, and the names of their sites."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        ids = {row.site_id for row in self.result_list}
        names = dict(sites_of(request).filter(pk__in=ids).values_list("pk", "name"))
        for row in self.result_list:
            row.site_name = names.get(row.site_id)


@admin.register(LiveUpdate)
class LiveUpdateAdmin(ReadOnlyAdmin):
    """What subscribers get. Delivery inserts the rows, and the cleanup removes them."""

    list_display = ("seq", "event_type", "collection", "slug", "site", "timestamp", "inserted_at")
    list_display_links = ("event_type",)
    list_filter = (SiteFilter, CollectionFilter)
    actions = None

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that adds the names of sites."""
        return LiveUpdateList

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order that has an index: ``seq`` within a site, else the time of insertion."""
        return ("-seq",) if request.GET.get(SiteFilter.parameter_name) else ("-inserted_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LiveUpdate]:
        """Return the rows; only those of the last minutes for a list without a chosen site."""
        rows: QuerySet[LiveUpdate] = super().get_queryset(request)
        is_list = request.resolver_match is not None and (
            str(request.resolver_match.url_name).endswith("_changelist")
        )
        if is_list and not request.GET.get(SiteFilter.parameter_name):
            return rows.filter(inserted_at__gt=timezone.now() - NEWEST)
        return rows

    @admin.display(description=_("site"))
    def site(self, row: Any) -> str:
        """Return the site's name, or its id where it is deleted or the user may not see it."""
        return str(getattr(row, "site_name", None) or row.site_id)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the list; redirect with a message where the Supabase database is not reachable."""
        minutes = int(NEWEST.total_seconds() // 60)
        note = gettext("Of the last %d minutes. Choose a site to see all of its updates.")
        context = {"note": "" if request.GET.get("site") else note % minutes}
        try:
            response: HttpResponse = super().changelist_view(
                request, {**context, **(extra_context or {})}
            )
        except OperationalError as error:
            using = router.db_for_read(LiveUpdate)
            reason = str(error).strip().partition("\n")[0]
            text = gettext(
                "The Supabase database (%(using)s) does not answer from here: %(reason)s. Updates "
                "are delivered through Supabase's API, whose state live_status shows."
            )
            self.message_user(request, text % {"using": using, "reason": reason}, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:app_list", args=["spool_live"]))
        return response
