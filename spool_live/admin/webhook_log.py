"""The log of webhooks in the admin, and the messages that endpoints have not accepted."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db import router
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from spool_live.admin.read_only import ReadOnlyAdmin
from spool_live.models import WebhookAttempt, WebhookEndpoint, WebhookMessage
from spool_live.webhooks import replay


class EndpointRowsAdmin(ReadOnlyAdmin):
    """Admin class for rows that belong to an endpoint. Its action sends their updates again."""

    list_filter: ClassVar[Any] = ("endpoint",)
    list_select_related = ("endpoint",)
    search_fields = ("update_id",)
    actions: Any = ("resend",)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may send again: it takes the permission to change endpoints."""
        return request.user.has_perm("spool_live.change_webhookendpoint")

    @admin.action(description=_("Send again"), permissions=["resend"])
    def resend(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Send the selected updates to their endpoints once more."""
        done = sum(
            replay.resend(row.endpoint, row.update_id, using=router.db_for_write(WebhookEndpoint))
            for row in queryset.select_related("endpoint")
        )
        text = ngettext("%d message is sent again.", "%d messages are sent again.", done)
        self.message_user(request, text % done, messages.SUCCESS)


@admin.register(WebhookMessage)
class WebhookMessageAdmin(EndpointRowsAdmin):
    """Messages that an endpoint has not accepted: they wait for a retry, or were given up."""

    list_display = ("update_id", "endpoint", "seq", "state", "attempts", "due_at", "last_error")
    list_filter: ClassVar[Any] = ("state", "endpoint")


@admin.register(WebhookAttempt)
class WebhookAttemptAdmin(EndpointRowsAdmin):
    """The log: a row for each request that was sent, with its answer."""

    list_display = ("at", "endpoint", "seq", "number", "status", "milliseconds", "error")
    list_filter: ClassVar[Any] = ("is_success", "endpoint")
