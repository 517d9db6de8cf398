"""The live table in the admin: to look at. It is Supabase's, which may be another database."""

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

from spool_live.admin.filters import OfCollection, OfSite, sites_of
from spool_live.admin.read_only import ReadOnlyAdmin
from spool_live.models import LiveUpdate

NEWEST = timedelta(minutes=10)
"""What is listed where no site is chosen: over all sites nothing finds the newest but the time of
insertion, whose index is for ranges."""


class LiveUpdateList(ChangeList):
    """The page's rows with the names of their sites, which may be in another database."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the names for this page only."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        ids = {row.site_id for row in self.result_list}
        names = dict(sites_of(request).filter(pk__in=ids).values_list("pk", "name"))
        for row in self.result_list:
            row.site_name = names.get(row.site_id)


@admin.register(LiveUpdate)
class LiveUpdateAdmin(ReadOnlyAdmin):
    """What subscribers get. Rows are made by delivery and removed by the cleanup, not by people."""

    list_display = ("seq", "event_type", "collection", "slug", "site", "timestamp", "inserted_at")
    list_display_links = ("event_type",)
    list_filter = (OfSite, OfCollection)
    actions = None

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return a list that knows the names of sites."""
        return LiveUpdateList

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """By number within a site, which has an index; else by the time of insertion."""
        return ("-seq",) if request.GET.get(OfSite.parameter_name) else ("-inserted_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LiveUpdate]:
        """Return the rows; in a list without a site the newest ones."""
        rows: QuerySet[LiveUpdate] = super().get_queryset(request)
        is_list = request.resolver_match is not None and (
            str(request.resolver_match.url_name).endswith("_changelist")
        )
        if is_list and not request.GET.get(OfSite.parameter_name):
            return rows.filter(inserted_at__gt=timezone.now() - NEWEST)
        return rows

    @admin.display(description=_("site"))
    def site(self, row: Any) -> str:
        """Return the site's name; of a deleted one, or one that the user may not see, the id."""
        return str(getattr(row, "site_name", None) or row.site_id)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the list, or a sentence where the Supabase database cannot be asked from here."""
        minutes = int(NEWEST.total_seconds() // 60)
        note = gettext("Of the last %d minutes. Choose a site to see all of its updates.")
        context = {"note": "" if request.GET.get("site") else note % minutes}
        try:
            response: HttpResponse = super().changelist_view(
                request, {**context, **(extra_context or {})}
            )
        except OperationalError as error:
            using = router.db_for_read(LiveUpdate)
            said = str(error).strip().partition("\n")[0]
            text = gettext(
                "The Supabase database (%(using)s) does not answer from here: %(said)s. Updates "
                "are delivered through Supabase's API, whose state live_status shows."
            )
            self.message_user(request, text % {"using": using, "said": said}, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:app_list", args=["spool_live"]))
        return response
