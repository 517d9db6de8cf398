"""Sites in the admin, with what their delivery is doing."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from spool_live.admin.read_only import ActingAdmin
from spool_live.models import Site, SiteDelivery

_STATE = ("last_seq", "version", "acknowledged_version", "retry_at", "last_error")


@admin.register(Site)
class SiteAdmin(ActingAdmin):
    """Sites; their delivery comes with the same query."""

    list_display = ("name", "id", "newest_seq", "delivery")
    search_fields = ("name", "id")
    readonly_fields = ("id", "created_at", "newest_seq", "delivery")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        """Sites with ``delivery_<field>`` for each field of the state that is shown."""
        states = SiteDelivery.objects.filter(site_id=OuterRef("pk"))
        fields = {f"delivery_{name}": Subquery(states.values(name)) for name in _STATE}
        sites: QuerySet[Site] = super().get_queryset(request).annotate(**fields)
        return sites

    @admin.display(description=_("newest update"), ordering=F("delivery_last_seq"))
    def newest_seq(self, site: Any) -> int:
        """The site's newest sequence number."""
        return getattr(site, "delivery_last_seq", None) or 0

    @admin.display(description=_("delivery"))
    def delivery(self, site: Any) -> str:
        """Whether the site's updates flow, and what holds them up where not."""
        version = getattr(site, "delivery_version", None)
        if version is None:
            return gettext("nothing yet")
        if site.delivery_last_error and site.delivery_retry_at:
            moment = f"{site.delivery_retry_at:%H:%M:%S}"
            return gettext("waits until %(moment)s: %(reason)s") % {
                "moment": moment,
                "reason": site.delivery_last_error,
            }
        if version > site.delivery_acknowledged_version:
            return gettext("key changes are on their way")
        return gettext("up to date")
