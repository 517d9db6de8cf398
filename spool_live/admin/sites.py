"""Sites in the admin, with what their delivery is doing."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import router
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from spool_live import status
from spool_live.admin.limited import status_seen
from spool_live.admin.probes import OfSites
from spool_live.admin.read_only import ActingAdmin
from spool_live.models import Site, SiteDelivery


class SiteChangeList(ChangeList):
    """The page's sites with their status, however many there are."""

    def get_results(self, request: HttpRequest) -> None:
        """Reads the status of the sites on this page only."""
        super().get_results(request)
        self.result_list = _with_status(request, self.result_list)


@admin.register(Site)
class SiteAdmin(ActingAdmin):
    """Sites, and how their delivery goes."""

    list_display = ("name", "id", "newest_seq", "delivery")
    list_filter = (OfSites,)
    search_fields = ("name", "id")
    readonly_fields = ("id", "created_at", "newest_seq", "delivery")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """A list that knows each site's status."""
        return SiteChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        """Sites with ``last_seq``, which the list can be ordered by."""
        states = SiteDelivery.objects.filter(site_id=OuterRef("pk"))
        sites: QuerySet[Site] = super().get_queryset(request)
        return sites.annotate(last_seq=Subquery(states.values("last_seq")))

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """The site with its status, as far as the user may know it."""
        site = super().get_object(request, object_id, from_field)
        if site is not None:
            _with_status(request, [site])
        return site

    @admin.display(description=_("newest update"), ordering=F("last_seq"))
    def newest_seq(self, site: Any) -> int:
        """The site's newest sequence number."""
        return getattr(site, "last_seq", None) or 0

    @admin.display(description=_("delivery"))
    def delivery(self, site: Any) -> str:
        """Whether the site's updates flow, and what holds them up where not."""
        found: status.SiteStatus | None = getattr(site, "status", None)
        if found is None:
            return gettext("nothing yet")
        if found.problems:
            worst = found.problems[0]
            return f"{worst.state}: {worst.reason} {worst.remedy}"
        if not found.is_mirrored:
            return gettext("ok: key changes are on their way")
        if found.pending:
            return gettext("ok: updates are on their way")
        return gettext("ok: up to date")


def _with_status(request: HttpRequest, sites: Any) -> list[Any]:
    """``sites``, each with its ``status`` (``None`` where nothing is known of it yet)."""
    page = list(sites)
    using = router.db_for_read(Site)
    found = status.of_sites(using, status_seen(request), [site.pk for site in page])
    known = {site.site_id: site for site in found}
    for site in page:
        site.status = known.get(site.pk)
    return page
