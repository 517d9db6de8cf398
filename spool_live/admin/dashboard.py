"""The dashboard: the state of the system at a glance, over the last hours, and by a test update."""

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
    """Not a list of rows, but a page of its own with its own permission."""

    def get_urls(self) -> list[URLPattern]:
        """Return the page, what of it is renewed every few seconds, and the ping."""
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name=f"{_NAME}_changelist"),
            path("now/", view(self.now), name=f"{_NAME}_now"),
            path("ping/", view(self.ping), name=f"{_NAME}_ping"),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the page."""
        return self._page(request, extra_context or {})

    @method_decorator(never_cache)
    def now(self, request: HttpRequest) -> HttpResponse:
        """Return what of the page is renewed, for its script."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return TemplateResponse(request, f"{_TEMPLATES}/now.html", _now(request))

    # Under ATOMIC_REQUESTS nobody would see the update before the ping has ended.
    @method_decorator(transaction.non_atomic_requests)
    def ping(self, request: HttpRequest) -> HttpResponse:
        """Send a test update through everything (seconds), and show when it was where."""
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
        """Return who may send a test update."""
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
    """Return what the page shows of this moment and of the last hours."""
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
        return context  # what is counted of the whole system is of others' sites too
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
    """Return the hops, each with its share of the longest, of ten."""
    longest = max((hop.milliseconds or 0.0 for hop in hops), default=0.0) or 1.0
    return [{"hop": hop, "tenths": round(10 * (hop.milliseconds or 0.0) / longest)} for hop in hops]
