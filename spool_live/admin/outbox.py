"""The outbox in the admin: entries are read-only, dead ones can be requeued or discarded."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import router
from django.db.models import BooleanField, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from spool_live import outbox
from spool_live.admin.advice import advice
from spool_live.admin.filters import CollectionFilter, SiteFilter
from spool_live.admin.pages import link, may_view
from spool_live.admin.read_only import SiteRowsAdmin
from spool_live.keys.trail import Origin, acting
from spool_live.models import OutboxEntry, OutboxEvent, SiteDelivery
from spool_live.status.states import age


@admin.register(OutboxEntry)
class OutboxEntryAdmin(SiteRowsAdmin):
    """The entries, read-only. Its actions requeue and discard dead ones."""

    list_display = ("state", "update", "site", "reason", "recorded", "attempts", "seq")
    list_display_links = ("update",)
    list_filter = ("state", SiteFilter, CollectionFilter, "event_type")
    text_fields = ("slug", "collection", "last_error")
    id_fields = ("site_id", "item_id", "update_id")
    ordering = ("-id",)
    actions = ("requeue", "discard")
    fieldsets = (
        (None, {"fields": ("state", "advice", "last_error", "attempt_log")}),
        (
            _("Update"),
            {
                "fields": (
                    *("site", "event_type", "collection", "slug", "item_id", "update_id"),
                    *("timestamp", "stored_metadata", "trace_context"),
                )
            },
        ),
        (_("Delivery"), {"fields": ("seq", "attempts", "merged", "settled_at")}),
    )
    readonly_fields = ("advice", "attempt_log", "site", "stored_metadata", "trace_context")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxEntry]:
        """Return the entries, with their metadata as text: SQL may have written JSON that Python
        cannot parse, and this page must show that, too."""
        rows: QuerySet[OutboxEntry] = super().get_queryset(request)
        may = Value(may_view(request, "site"), output_field=BooleanField())
        return rows.defer("metadata").annotate(
            metadata_text=Cast("metadata", TextField()), links_site=may
        )

    @admin.display(description=_("update"), ordering="collection")
    def update(self, row: OutboxEntry) -> str:
        """Return what happened to which item."""
        return str(row)

    @admin.display(description=_("site"), ordering="site_name")
    def site(self, row: Any) -> str:
        """Return the site's name, linked where the user may view it; the id of a deleted site."""
        there = row.site_name and row.links_site
        url = reverse("admin:spool_live_site_change", args=[row.site_id]) if there else None
        return link(url, super().site(row))

    @admin.display(description=_("reason"))
    def reason(self, row: OutboxEntry) -> str:
        """Return the first 80 characters of the last error."""
        return Truncator(row.last_error).chars(80)

    @admin.display(description=_("age"), ordering="timestamp")
    def recorded(self, row: OutboxEntry) -> str:
        """Return how long ago the entry was recorded."""
        return age(timezone.now() - row.timestamp)

    @admin.display(description=_("what to do"))
    def advice(self, row: OutboxEntry) -> str:
        """Return what to do about the entry, in words."""
        known = SiteDelivery.objects.using(row._state.db).filter(pk=row.site_id).first()
        return advice(row, known, timezone.now())

    @admin.display(description=_("attempts that failed"))
    def attempt_log(self, row: OutboxEntry) -> str:
        """Return a table of failed attempts, newest first: time, outcome, duration, reason."""
        lines = [
            (
                timezone.localtime(attempt.at).strftime("%Y-%m-%d %H:%M:%S"),
                attempt.get_outcome_display(),
                f"{attempt.milliseconds} ms",
                attempt.reason,
            )
            for attempt in outbox.attempts_of(row)
        ]
        if not lines:
            return gettext("No attempt is recorded.")
        heads = (gettext("At"), gettext("Outcome"), gettext("Duration"), gettext("Reason"))
        cells = "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"
        return format_html(
            '<table class="spool-attempts"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>',
            format_html_join("", '<th scope="col">{}</th>', ((head,) for head in heads)),
            format_html_join("", cells, lines),
        )

    @admin.display(description=_("metadata"))
    def stored_metadata(self, row: Any) -> str:
        """Return the metadata: JSON text as it is stored."""
        return str(row.metadata_text)

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may requeue and discard: it takes the permission to change."""
        return request.user.has_perm("spool_live.change_outboxentry")

    @admin.action(description=_("Requeue selected dead entries"), permissions=["requeue"])
    def requeue(self, request: HttpRequest, queryset: QuerySet[OutboxEntry]) -> None:
        """Make dead entries pending again."""
        with acting(Origin.ADMIN, request.user):
            lines = outbox.requeue(router.db_for_write(OutboxEntry), _those_of(queryset))
        count = sum(line.entries for line in lines)
        text = ngettext("%d entry was requeued.", "%d entries were requeued.", count) % count
        if lines and may_view(request, "outboxevent"):
            text = format_html("{} {}", text, _follow(lines))
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, text, level)

    @admin.action(description=_("Discard selected dead entries"), permissions=["requeue"])
    def discard(self, request: HttpRequest, queryset: QuerySet[OutboxEntry]) -> None:
        """Discard dead entries: the status stops reporting them, the audit trail names the user."""
        with acting(Origin.ADMIN, request.user):
            count = outbox.discard_dead(router.db_for_write(OutboxEntry), _those_of(queryset))
        text = ngettext("%d entry was discarded.", "%d entries were discarded.", count)
        self.message_user(request, text % count, messages.SUCCESS)


def _those_of(queryset: QuerySet[OutboxEntry]) -> Q:
    return Q(pk__in=list(queryset.values_list("pk", flat=True)))


def _follow(lines: list[OutboxEvent]) -> str:
    """Return a link to the audit trail, whose page shows how the requeued entries end."""
    if len(lines) == 1:
        url = reverse("admin:spool_live_outboxevent_change", args=[lines[0].pk])
    else:
        url = reverse("admin:spool_live_outboxevent_changelist")
    return link(url, gettext("See what becomes of them."))
