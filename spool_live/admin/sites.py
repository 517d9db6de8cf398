"""Sites in the admin, with the state of their delivery."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db import router
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from spool_live import status
from spool_live.admin.limited import status_seen
from spool_live.admin.pages import STYLE
from spool_live.admin.probes import SiteProbesFilter
from spool_live.admin.read_only import ActingAdmin
from spool_live.admin.site_page import page_of, sentence_of
from spool_live.models import Site, SiteApiKey, SiteDelivery


class SiteChangeList(ChangeList):
    """A list that adds the status to the sites of its page."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the sites of the page, and their status."""
        super().get_results(request)
        self.result_list = _with_status(request, self.result_list)


@admin.register(Site)
class SiteAdmin(ActingAdmin):
    """Sites, with the state of their delivery."""

    list_display = ("name", "delivery", "newest_seq", "id")
    list_filter = (SiteProbesFilter,)
    search_fields = ("name", "id")
    readonly_fields = ("id", "created_at", "newest_seq")
    change_form_template = "admin/spool_live/site/change_form.html"

    class Media:
        css = {"all": (STYLE,)}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that adds the status of each site."""
        return SiteChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        """Return the sites, each with its ``last_seq``, by which the list can be ordered."""
        states = SiteDelivery.objects.filter(site_id=OuterRef("pk"))
        sites: QuerySet[Site] = super().get_queryset(request)
        return sites.annotate(last_seq=Subquery(states.values("last_seq")))

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Return the site with its status, as far as the user may know it."""
        site = super().get_object(request, object_id, from_field)
        if site is not None:
            _with_status(request, [site])
        return site

    def get_fields(self, request: HttpRequest, obj: Site | None = None) -> Any:
        """Return the fields: of a new site only the name, which is all there is to enter."""
        return ("name", *self.readonly_fields) if obj else ("name",)

    @admin.display(description=_("newest update"), ordering=F("last_seq"))
    def newest_seq(self, site: Any) -> int:
        """Return the site's newest sequence number."""
        return getattr(site, "last_seq", None) or 0

    @admin.display(description=_("delivery"))
    def delivery(self, site: Any) -> str:
        """Return the state of the site's delivery, and its worst problem where it has one."""
        state, sentence = sentence_of(getattr(site, "status", None))
        return f"{state}: {sentence}" if state else sentence

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Return the form, with the site's state and keys above it."""
        site = self.get_object(request, object_id)
        known = page_of(request, site, site.status) if site else {}
        return super().change_view(request, object_id, form_url, {**known, **(extra_context or {})})

    def response_add(
        self, request: HttpRequest, obj: Site, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Redirect to the form for the first API key, without which no front end can connect."""
        elsewhere = {"_popup", "_addanother", "_continue"} & request.POST.keys()
        keys = SiteApiKey._meta.model_name
        if elsewhere or not request.user.has_perm(f"spool_live.add_{keys}"):
            return super().response_add(request, obj, post_url_continue)
        text = gettext("The site %s was created. Give it its first API key.") % obj
        self.message_user(request, text, messages.SUCCESS)
        query = urlencode({"site": str(obj.pk)})
        return HttpResponseRedirect(f"{reverse(f'admin:spool_live_{keys}_add')}?{query}")


def _with_status(request: HttpRequest, sites: Any) -> list[Any]:
    """Return ``sites``, each with its ``status``, ``None`` while it has no delivery state."""
    page = list(sites)
    using = router.db_for_read(Site)
    found = status.of_sites(using, status_seen(request), [site.pk for site in page])
    known = {site.site_id: site for site in found}
    for site in page:
        site.status = known.get(site.pk)
    return page
