"""The audit trails and the failed authentications in the admin, read-only."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, OuterRef, QuerySet, Subquery, UUIDField, Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from spool_live import outbox
from spool_live.admin.filters import SiteByPrefixFilter, SiteFilter
from spool_live.admin.pages import link, may_view
from spool_live.admin.probes import TrailProbesFilter
from spool_live.admin.read_only import ReadOnlyAdmin, SiteRowsAdmin
from spool_live.models import (
    ApiKeyEvent,
    FailedAuthentication,
    OperatorEvent,
    OutboxEntry,
    OutboxEvent,
    SiteApiKey,
)

State = OutboxEntry.State


@admin.register(ApiKeyEvent)
class ApiKeyEventAdmin(SiteRowsAdmin):
    """What was done to API keys. Lines of the trail cannot be changed or removed here."""

    list_display = ("at", "action", "prefix", "key_name", "site", "actor_name", "origin")
    list_filter = (TrailProbesFilter, SiteFilter, "action", "origin", "at")
    text_fields = ("prefix", "key_name", "actor_name")
    id_fields = ("site_id", "key_id")


@admin.register(OperatorEvent)
class OperatorEventAdmin(SiteRowsAdmin):
    """What was done to the system or to a whole site. Lines cannot be changed or removed here."""

    list_display = ("at", "action", "subject", "site", "actor_name", "origin")
    list_filter = ("action", "origin", "at")
    text_fields = ("subject", "actor_name")


@admin.register(OutboxEvent)
class OutboxEventAdmin(SiteRowsAdmin):
    """Which dead entries people requeued or discarded. Lines cannot be changed or removed here."""

    list_display = ("at", "action", "entries", "site", "reason", "actor_name", "origin")
    list_filter = (SiteFilter, "action", "origin", "at")
    text_fields = ("actor_name", "reason")
    readonly_fields = ("became", "site")
    fields = ("action", "entries", "became", "site", "reason", "at", "actor_name", "origin")
    change_form_template = "admin/spool_live/outboxevent/change_form.html"

    @admin.display(description=_("what became of them"))
    def became(self, line: OutboxEvent) -> str:
        """Return how many of the entries are in which state, and the errors of the dead ones."""
        found = list(outbox.became_of(line).values_list("pk", "state", "last_error"))
        if not found:
            return gettext("They are no longer in the history.")
        counts = Counter(State(state).label for _, state, _ in found)
        text = ", ".join(f"{number} {label}" for label, number in counts.items())
        dead = [(pk, error) for pk, state, error in found if state == State.DEAD]
        unnamed = line.entries - len(found)
        if unnamed > 0:
            text = gettext("%(known)s, and %(number)d more") % {"known": text, "number": unnamed}
        lines = format_html_join("", "<li>{}: {}</li>", dead)
        return format_html('{}<ul class="spool-list">{}</ul>', text, lines)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return the page of the line; a script reloads it every few seconds while requeued entries
        are pending."""
        line = self.get_object(request, object_id)
        waits = line is not None and outbox.became_of(line).filter(state=State.PENDING).exists()
        context = {"waits": waits, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)


@admin.register(FailedAuthentication)
class FailedAuthenticationAdmin(ReadOnlyAdmin):
    """Failed authentications: a line for each hour, address, key prefix and reason."""

    list_display = ("hour", "address", "key", "site", "reason", "count", "last_at")
    list_filter = ("reason", SiteByPrefixFilter, "hour")
    search_fields = ("address", "prefix")
    readonly_fields = ("key", "site")

    def get_queryset(self, request: HttpRequest) -> QuerySet[FailedAuthentication]:
        """Return the lines, each with the key of its prefix and the key's site, if there is one."""
        keys = SiteApiKey.objects.filter(prefix=OuterRef("prefix"))
        rows: QuerySet[FailedAuthentication] = super().get_queryset(request)
        return rows.annotate(
            named_key=Subquery(keys.values("pk"), output_field=UUIDField()),
            key_name=Subquery(keys.values("name")),
            named_site=Subquery(keys.values("site"), output_field=UUIDField()),
            site_name=Subquery(keys.values("site__name")),
            links_key=Value(may_view(request, "siteapikey"), output_field=BooleanField()),
            links_site=Value(may_view(request, "site"), output_field=BooleanField()),
        )

    @admin.display(description=_("key"), ordering="prefix")
    def key(self, row: Any) -> str:
        """Return the key with this prefix, or the prefix where there is no such key."""
        if not row.named_key:
            return str(row.prefix)
        there = row.links_key
        url = reverse("admin:spool_live_siteapikey_change", args=[row.named_key]) if there else None
        return link(url, f"{row.key_name} ({row.prefix}…)")

    @admin.display(description=_("site"), ordering="site_name")
    def site(self, row: Any) -> str:
        """Return the site of that key, or nothing."""
        if not row.named_site:
            return ""
        there = row.links_site
        url = reverse("admin:spool_live_site_change", args=[row.named_site]) if there else None
        return link(url, row.site_name)
