"""What was sent to webhook endpoints, and what they have not taken."""

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


class OfEndpointAdmin(ReadOnlyAdmin):
    """Of rows that belong to an endpoint."""

    list_filter: ClassVar[Any] = ("endpoint",)
    list_select_related = ("endpoint",)
    search_fields = ("update_id",)
    actions: Any = ("resend",)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """Return who may change endpoints."""
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
class WebhookMessageAdmin(OfEndpointAdmin):
    """What an endpoint has not taken."""

    list_display = ("update_id", "endpoint", "seq", "state", "attempts", "due_at", "last_error")
    list_filter: ClassVar[Any] = ("state", "endpoint")


@admin.register(WebhookAttempt)
class WebhookAttemptAdmin(OfEndpointAdmin):
    """The log of what was sent."""

    list_display = ("at", "endpoint", "seq", "number", "status", "milliseconds", "error")
    list_filter: ClassVar[Any] = ("is_success", "endpoint")
