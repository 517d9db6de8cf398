"""API keys in the admin: made and rotated here, shown once, revoked for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from spool_live import keys
from spool_live.admin.probes import OfKeys
from spool_live.admin.read_only import ActingAdmin
from spool_live.keys import PlainKey
from spool_live.keys.trail import Origin, acting
from spool_live.models import SiteApiKey

_PLAIN = "spool_live_plain_key"
_TEMPLATES = "admin/spool_live/siteapikey"


class RotationForm(forms.Form):
    """How long the old key goes on beside its successor."""

    overlap_hours = forms.FloatField(
        label=_("hours that both keys are valid"),
        min_value=0,
        max_value=24 * 365,
        initial=24,
        help_text=_("Long enough to put the new key where the old one is. 0 revokes it at once."),
    )


@admin.register(SiteApiKey)
class SiteApiKeyAdmin(ActingAdmin):
    """API keys: made here, shown once, rotated with an overlap, revoked for good."""

    list_display = (
        "name",
        "site",
        "prefix",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    list_filter = (OfKeys, "site", "revoked_at")
    list_select_related = ("site",)
    search_fields = ("name", "prefix", "note", "site__name")
    readonly_fields = ("prefix", "created_at", "created_by", "last_used_at", "revoked_at")
    fields = ("site", "name", "note", "expires_at", *readonly_fields)
    actions = ("revoke",)
    change_form_template = f"{_TEMPLATES}/change_form.html"

    def get_readonly_fields(self, request: HttpRequest, obj: SiteApiKey | None = None) -> Any:
        """A key never changes its site."""
        return ("site", *self.readonly_fields) if obj else self.readonly_fields

    def get_urls(self) -> list[URLPattern]:
        """The admin's own, and the page that rotates a key."""
        view = self.admin_site.admin_view(self.rotate)
        rotate = path("<path:pk>/rotate/", view, name="spool_live_siteapikey_rotate")
        return [rotate, *super().get_urls()]

    @sensitive_variables()
    def save_model(
        self, request: HttpRequest, obj: SiteApiKey, form: ModelForm[SiteApiKey], change: bool
    ) -> None:
        """Gives a new key its secret, kept on the request until it is shown."""
        if not change:
            obj.created_by_id = request.user.pk
            setattr(request, _PLAIN, keys.give_secret(obj))
        super().save_model(request, obj, form, change)

    @sensitive_variables()
    def response_add(
        self, request: HttpRequest, obj: SiteApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Shows the key. Not through the message framework, which would store it in a cookie."""
        return self._show(request, obj, getattr(request, _PLAIN))

    @sensitive_variables()
    def rotate(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Asks for the overlap, makes the successor and shows it."""
        old = self.get_object(request, pk)
        if old is None:
            raise Http404
        if not (self.has_change_permission(request, old) and self.has_add_permission(request)):
            raise PermissionDenied
        form = RotationForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            overlap = timedelta(hours=form.cleaned_data["overlap_hours"])
            try:
                with acting(Origin.ADMIN, request.user):
                    fresh, plain = keys.rotate_key(old, overlap=overlap, created_by=request.user)
            except ValueError:
                text = gettext("This API key is not active: make a new one.")
                self.message_user(request, text, messages.ERROR)
                return HttpResponseRedirect(_change_url(old))
            self.log_change(request, old, f"Rotated: {fresh.prefix} follows.")
            return self._show(request, fresh, plain)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Rotate API key"),
            "opts": self.opts,
            "key": old,
            "form": form,
        }
        return TemplateResponse(request, f"{_TEMPLATES}/rotate.html", context)

    @admin.action(description=_("Revoke selected API keys"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[SiteApiKey]) -> None:
        """Takes the keys' right for good."""
        count = 0
        with acting(Origin.ADMIN, request.user):
            for key in queryset.filter(revoked_at=None).order_by("site_id"):
                keys.revoke_key(key)
                self.log_change(request, key, "Revoked.")
                count += 1
        text = ngettext("%d API key was revoked.", "%d API keys were revoked.", count)
        self.message_user(request, text % count, messages.SUCCESS)

    def _show(self, request: HttpRequest, key: SiteApiKey, plain: PlainKey) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Copy the key now"),
            "opts": self.opts,
            "key": key,
            "plain": plain,
        }
        response = TemplateResponse(request, f"{_TEMPLATES}/created.html", context)
        response["Cache-Control"] = "no-store"
        return response


def _change_url(key: SiteApiKey) -> str:
    return reverse("admin:spool_live_siteapikey_change", args=[key.pk])
