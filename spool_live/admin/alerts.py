"""Alerts in the admin: what was wrong, when, and whether somebody was notified."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from spool_live.admin.limited import LimitedInline
from spool_live.admin.read_only import ReadOnlyAdmin
from spool_live.models import AlertEpisode, AlertNotice


class AlertNoticeInline(LimitedInline):
    """The notices of an episode, and what keeps those that were not sent."""

    model = AlertNotice
    fields = ("kind", "channel", "sent_at", "attempts", "error", "due_at")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


@admin.register(AlertEpisode)
class AlertEpisodeAdmin(ReadOnlyAdmin):
    """What somebody was or is about to be notified of."""

    list_display = ("rule", "state", "summary", "started_at", "ended_at", "is_notified")
    list_filter = ("rule", "started_at")
    search_fields = ("summary", "subject")
    inlines = (AlertNoticeInline,)

    @admin.display(description=_("notified"), boolean=True)
    def is_notified(self, episode: AlertEpisode) -> bool:
        """Whether it has lasted long enough for a notice."""
        return episode.notified_at is not None
