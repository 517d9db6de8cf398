"""Alerts in the admin: what was wrong, when, and whether the project was notified of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from spool_live.admin.limited import LimitedInline
from spool_live.admin.read_only import ReadOnlyAdmin
from spool_live.models import AlertEpisode, AlertNotice


class AlertNoticeInline(LimitedInline):
    """The notices of an episode, and why the ones that are still unsent were not sent."""

    model = AlertNotice
    fields = ("kind", "channel", "sent_at", "attempts", "error", "due_at")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return ``False``: the alert rules write notices, people do not."""
        return False


@admin.register(AlertEpisode)
class AlertEpisodeAdmin(ReadOnlyAdmin):
    """The episodes of alerts, each with its notices, read-only."""

    list_display = ("rule", "state", "summary", "started_at", "ended_at", "is_notified")
    list_filter = ("rule", "started_at")
    search_fields = ("summary", "subject")
    inlines = (AlertNoticeInline,)

    @admin.display(description=_("notified"), boolean=True)
    def is_notified(self, episode: AlertEpisode) -> bool:
        """Return whether the episode has lasted long enough for a notice."""
        return episode.notified_at is not None
