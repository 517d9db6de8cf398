"""``verify_rls`` in the admin: run it, read its reports, see when it last found nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from spool_live.admin.limited import sites_seen
from spool_live.admin.read_only import ReadOnlyAdmin
from spool_live.isolation import CannotVerifyError, Report, verify
from spool_live.isolation.findings import Finding
from spool_live.isolation.recording import record_rls
from spool_live.isolation.rules import RULES
from spool_live.keys.trail import Origin, acting
from spool_live.models import IsolationReport

LIST = "admin:spool_live_isolationreport_changelist"
_TEMPLATES = "admin/spool_live/isolationreport"


@admin.register(IsolationReport)
class IsolationReportAdmin(ReadOnlyAdmin):
    """Runs of ``verify_rls`` and their findings. Users who may add a report may start a run."""

    list_display = ("started_at", "summary", "is_clean", "is_isolated")
    list_filter = ("is_clean", "is_isolated")
    change_list_template = f"{_TEMPLATES}/change_list.html"
    change_form_template = f"{_TEMPLATES}/change_form.html"
    fields = ("started_at", "summary")
    readonly_fields = ("summary",)

    @admin.display(description=_("outcome"))
    def summary(self, stored: IsolationReport) -> str:
        """Return the outcome of the run as a sentence."""
        return Report.from_dict(stored.report).summary

    def get_urls(self) -> list[URLPattern]:
        """Return the admin's own URLs, and the one that runs the verification."""
        view = self.admin_site.admin_view(self.run)
        return [path("run/", view, name="spool_live_isolationreport_run"), *super().get_urls()]

    def run(self, request: HttpRequest) -> HttpResponse:
        """Run the verification, which takes seconds, store its report and redirect to it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not may_run(request):
            raise PermissionDenied
        try:
            report = verify()
        except CannotVerifyError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(reverse(LIST))
        with acting(Origin.ADMIN, request.user):
            record_rls(report)
        stored = IsolationReport.objects.create(
            started_at=report.started_at,
            is_clean=report.clean,
            is_isolated=report.isolated,
            report=report.to_dict(),
        )
        change = reverse("admin:spool_live_isolationreport_change", args=[stored.pk])
        return HttpResponseRedirect(change)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the list of runs, with the time of the last clean one and a button to run it."""
        clean = IsolationReport.objects.filter(is_clean=True).first()
        context = {"last_clean": clean, "may_run": may_run(request)}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Return the findings of one run, with their remedies."""
        stored = self.get_object(request, object_id)
        findings = Report.from_dict(stored.report).findings if stored else ()
        if sites_seen(request) is not None:
            findings = tuple(_without_sites(finding) for finding in findings)
        context = {"findings": findings, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)


def _without_sites(finding: Finding) -> Finding:
    """Return ``finding`` without everything that may name a site."""
    return replace(
        finding,
        subject=gettext("shown to users who may see every site"),
        reason=finding.title,
        remedy=RULES[finding.code].remedy if finding.code in RULES else "",
        sql="",
    )


def may_run(request: HttpRequest) -> bool:
    """Return whether the user may run the verification."""
    return request.user.has_perm("spool_live.add_isolationreport")
