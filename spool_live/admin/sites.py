"""Sites and API keys in the admin. A key is shown once, on the page that answers its creation."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_variables

from spool_live import keys
from spool_live.models import Site, SiteApiKey, SiteDelivery

_PLAIN = "spool_live_plain_key"


@admin.register(Site)
class SiteAdmin(admin.ModelAdmin):
    """Sites, with what their delivery is doing."""

    list_display = ("name", "id", "newest_seq", "delivery")
    search_fields = ("name", "id")
    readonly_fields = ("id", "created_at", "newest_seq", "delivery")

    @admin.display(description=_("newest update"))
    def newest_seq(self, site: Site) -> int:
        """The site's newest sequence number."""
        return _delivery(site).last_seq

    @admin.display(description=_("delivery"))
    def delivery(self, site: Site) -> str:
        """Whether the site's updates flow, and what holds them up where not."""
        delivery = _delivery(site)
        if delivery.last_error:
            return f"waits until {delivery.retry_at:%H:%M:%S}: {delivery.last_error}"
        if delivery.version > delivery.acknowledged_version:
            return "key changes are on their way"
        return "up to date"


@admin.register(SiteApiKey)
class SiteApiKeyAdmin(admin.ModelAdmin):
    """API keys: made here, shown once, revoked for good."""

    list_display = ("name", "site", "prefix", "created_at", "expires_at", "revoked_at")
    list_filter = ("site", "revoked_at")
    list_select_related = ("site",)
    search_fields = ("name", "prefix", "site__name")
    fields = ("site", "name", "expires_at", "prefix", "created_at", "revoked_at")
    readonly_fields = ("prefix", "created_at", "revoked_at")
    actions = ("revoke",)

    def get_readonly_fields(self, request: HttpRequest, obj: SiteApiKey | None = None) -> Any:
        """A key never changes its site."""
        return ("site", *self.readonly_fields) if obj else self.readonly_fields

    @sensitive_variables()
    def save_model(
        self, request: HttpRequest, obj: SiteApiKey, form: ModelForm[SiteApiKey], change: bool
    ) -> None:
        """Gives a new key its secret, kept on the request until it is shown."""
        if not change:
            setattr(request, _PLAIN, keys.give_secret(obj))
        super().save_model(request, obj, form, change)

    @sensitive_variables()
    def response_add(
        self, request: HttpRequest, obj: SiteApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Shows the key. Not through the message framework, which would store it in a cookie."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("Copy the key now"),
            "opts": self.opts,
            "key": obj,
            "plain": getattr(request, _PLAIN),
        }
        response = TemplateResponse(request, "admin/spool_live/siteapikey/created.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @admin.action(description=_("Revoke selected API keys"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[SiteApiKey]) -> None:
        """Takes the keys' right for good."""
        active = queryset.filter(revoked_at=None).order_by("site_id")
        count = 0
        for key in active:
            keys.revoke_key(key)
            self.log_change(request, key, "Revoked.")
            count += 1
        text = ngettext("%d API key was revoked.", "%d API keys were revoked.", count)
        self.message_user(request, text % count, messages.SUCCESS)


def _delivery(site: Site) -> SiteDelivery:
    return SiteDelivery.objects.filter(pk=site.pk).first() or SiteDelivery(site_id=site.pk)
