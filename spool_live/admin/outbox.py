"""The outbox in the admin: to look at, and to give dead entries another chance."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import router
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from spool_live import outbox
from spool_live.admin.read_only import OfSiteAdmin
from spool_live.keys.trail import Origin, acting
from spool_live.models import OutboxEntry


@admin.register(OutboxEntry)
class OutboxEntryAdmin(OfSiteAdmin):
    """Read-only but for what is decided about dead entries."""

    list_display = (
        "event_type",
        "collection",
        "slug",
        "site",
        "seq",
        "state",
        "timestamp",
        "attempts",
    )
    list_filter = ("state", "event_type", "collection")
    search_fields = ("slug", "item_id", "update_id", "site_id")
    ordering = ("-id",)
    actions = ("requeue", "discard")
    exclude = ("metadata",)
    readonly_fields = ("stored_metadata",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxEntry]:
        """The entries, with their metadata as text: SQL may have written what Python cannot read,
        and then this is the page where a person looks for it."""
        rows: QuerySet[OutboxEntry] = super().get_queryset(request)
        return rows.defer("metadata").annotate(metadata_text=Cast("metadata", TextField()))

    @admin.display(description=_("metadata"))
    def stored_metadata(self, row: Any) -> str:
        """The JSON text as it is stored."""
        return str(row.metadata_text)

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        """Who may change entries, were they to be changed."""
        return request.user.has_perm("spool_live.change_outboxentry")

    @admin.action(description=_("Requeue selected dead entries"), permissions=["requeue"])
    def requeue(self, request: HttpRequest, queryset: QuerySet[OutboxEntry]) -> None:
        """Makes dead entries pending again."""
        with acting(Origin.ADMIN, request.user):
            count = outbox.requeue_dead(router.db_for_write(OutboxEntry), _those_of(queryset))
        text = ngettext("%d entry was requeued.", "%d entries were requeued.", count)
        self.message_user(request, text % count, messages.SUCCESS)

    @admin.action(description=_("Discard selected dead entries"), permissions=["requeue"])
    def discard(self, request: HttpRequest, queryset: QuerySet[OutboxEntry]) -> None:
        """Gives dead entries up: the status is silent about them, the audit trail is not."""
        with acting(Origin.ADMIN, request.user):
            count = outbox.discard_dead(router.db_for_write(OutboxEntry), _those_of(queryset))
        text = ngettext("%d entry was discarded.", "%d entries were discarded.", count)
        self.message_user(request, text % count, messages.SUCCESS)


def _those_of(queryset: QuerySet[OutboxEntry]) -> Q:
    return Q(pk__in=list(queryset.values_list("pk", flat=True)))
