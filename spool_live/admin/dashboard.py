"""The dashboard: the state of the system now and over the last hours, and a ping to try it out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from spool_live import samples
from spool_live.admin.charts import charts
from spool_live.admin.limited import sites_seen, status_seen
from spool_live.admin.read_only import ReadOnlyAdmin
from spool_live.admin.tiles import site_rows, tiles
from spool_live.api.in_process import request_token, request_updates
from spool_live.isolation.live.ping import send_ping
from spool_live.models import Dashboard, Site
from spool_live.supabase.databases import content_databases

HOURS = (1, 6, 24)
_TEMPLATES = "admin/spool_live/dashboard"
_NAME = "spool_live_dashboard"


@admin.register(Dashboard)
class DashboardAdmin(ReadOnlyAdmin):
    """A page of its own in place of a list of rows, with a permission of its own."""

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs of the page, of the part that its script reloads, and of the ping."""
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name=f"{_NAME}_changelist"),
            path("now/", view(self.now), name=f"{_NAME}_now"),
            path("ping/", view(self.ping), name=f"{_NAME}_ping"),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the dashboard."""
        return self._page(request, extra_context or {})

    @method_decorator(never_cache)
    def now(self, request: HttpRequest) -> HttpResponse:
        """Return the part of the page that its script reloads every few seconds, as HTML."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return TemplateResponse(request, f"{_TEMPLATES}/now.html", _now(request))

    # Under ATOMIC_REQUESTS the update would not be committed before the ping has ended.
    @method_decorator(transaction.non_atomic_requests)
    def ping(self, request: HttpRequest) -> HttpResponse:
        """Send a test update through the whole system, and show when it reached each part.

        Takes some seconds.
        """
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not (self.has_view_permission(request) and self.has_ping_permission(request)):
            raise PermissionDenied
        ping = send_ping(router.db_for_write(Site), request_token, request_updates)
        context = {"ping": ping, "rows": _hops(ping.hops)}
        if "fragment" in request.POST:
            return TemplateResponse(request, f"{_TEMPLATES}/ping.html", context)
        return self._page(request, context)

    def has_ping_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may send a test update."""
        return request.user.has_perm("spool_live.ping_dashboard")

    def _page(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        shown = {
            **self.admin_site.each_context(request),
            "title": _("Dashboard"),
            "opts": self.opts,
            "may_ping": self.has_ping_permission(request),
            **_now(request),
            **context,
        }
        return TemplateResponse(request, f"{_TEMPLATES}/page.html", shown)


def _now(request: HttpRequest) -> dict[str, Any]:
    """Return the template context: the state as of now, and the charts of the last hours."""
    found, now = status_seen(request), timezone.now()
    using = router.db_for_read(Site)
    context = {
        "status": found,
        "state": found.state,
        "problems": found.problems[:20],
        "more_problems": len(found.problems) - 20,
        "is_limited": sites_seen(request) is not None,
        "now": now,
        **site_rows(request, using, found),
    }
    if context["is_limited"]:
        return context  # numbers of the whole system include sites that the user may not see
    hours = _hours(request)
    points = samples.course(content_databases()[0], now - timedelta(hours=hours), now)
    return {
        **context,
        "tiles": tiles(using, found, now),
        "hours": hours,
        "choices": HOURS,
        "charts": charts(points, now),
    }


def _hours(request: HttpRequest) -> int:
    given = request.GET.get("hours", "")
    return int(given) if given in map(str, HOURS) else HOURS[1]


def _hops(hops: Any) -> list[dict[str, Any]]:
    """Return ``{hop, tenths}`` for each hop; ``tenths`` is its share of the longest, 0 to 10."""
    longest = max((hop.milliseconds or 0.0 for hop in hops), default=0.0) or 1.0
    return [{"hop": hop, "tenths": round(10 * (hop.milliseconds or 0.0) / longest)} for hop in hops]
