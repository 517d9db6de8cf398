"""The audit trail of API keys, and the failed authentications."""

from __future__ import annotations

from django.contrib import admin

from spool_live.admin.probes import OfTrail
from spool_live.admin.read_only import OfSiteAdmin, ReadOnlyAdmin
from spool_live.models import ApiKeyEvent, FailedAuthentication, OutboxEvent


@admin.register(ApiKeyEvent)
class ApiKeyEventAdmin(OfSiteAdmin):
    """What was done to keys: nobody can change or remove a line here."""

    list_display = ("at", "action", "prefix", "key_name", "site", "actor_name", "origin")
    list_filter = (OfTrail, "action", "origin", "at")
    search_fields = ("prefix", "key_name", "actor_name", "site_id", "key_id")


@admin.register(OutboxEvent)
class OutboxEventAdmin(OfSiteAdmin):
    """What people decided about dead entries: nobody can change or remove a line here."""

    list_display = ("at", "action", "entries", "site", "reason", "actor_name", "origin")
    list_filter = ("action", "origin", "at")
    search_fields = ("actor_name", "site_id", "reason")


@admin.register(FailedAuthentication)
class FailedAuthenticationAdmin(ReadOnlyAdmin):
    """Who failed to authenticate, how often, and why: one line an hour."""

    list_display = ("hour", "address", "prefix", "reason", "count", "last_at")
    list_filter = ("reason", "hour")
    search_fields = ("address", "prefix")
