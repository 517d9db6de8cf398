"""The life of an API key in the admin: the pages that show, rotate and revoke it."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from spool_live import keys
from spool_live.admin import shown_once
from spool_live.admin.connecting import connection_of
from spool_live.admin.key_state import effects_of
from spool_live.admin.pages import page
from spool_live.admin.read_only import ActingAdmin
from spool_live.keys import PlainKey
from spool_live.keys.trail import Origin, acting
from spool_live.models import SiteApiKey


class RotationForm(forms.Form):
    """The form of a rotation: how long the old key or secret stays valid beside the new one."""

    overlap_hours = forms.FloatField(
        label=_("hours that both keys are valid"),
        min_value=0,
        max_value=24 * 365,
        initial=24,
        help_text=_("Time to replace the old key wherever it is used. 0 revokes it at once."),
    )


class KeyLifeAdmin(ActingAdmin):
    """The pages that show, rotate and revoke a key. A POST that changes something ends in a
    redirect, so that a reload does not do it again."""

    def get_urls(self) -> list[URLPattern]:
        """Return the admin's own URLs, and those of the three pages."""
        pages = {"created": self.created, "rotate": self.rotate, "revoke": self.revoke}
        ours = [
            path(
                f"<path:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"spool_live_siteapikey_{name}",
            )
            for name, view in pages.items()
        ]
        return [*ours, *super().get_urls()]

    @sensitive_variables("plain")
    def show_once(self, request: HttpRequest, key: SiteApiKey, plain: PlainKey) -> HttpResponse:
        """Redirect to the page that shows ``plain``, the text of ``key``. It waits there sealed:
        Django's messages might store it in a cookie."""
        shown_once.put(request, key.pk, plain)
        return HttpResponseRedirect(page_url("created", key))

    @sensitive_variables()
    def created(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Show the text of a new key, once; after that, say that it was shown."""
        key = self._key(request, pk)
        may_view = self.has_view_permission(request, key)
        if not (may_view or self.has_add_permission(request)):  # adding may be all they may
            raise PermissionDenied
        plain = shown_once.take(request, key.pk)
        return page(
            self,
            request,
            "siteapikey/created",
            title=_("Copy the key now") if plain else _("The key was shown"),
            original=key,
            plain=plain,
            connection=connection_of(request, key, plain) if plain else None,
            next_url=page_url("change", key) if may_view else reverse("admin:index"),
        )

    @sensitive_variables()
    def rotate(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Ask for the overlap, create the successor and redirect to the page that shows it."""
        old = self._key(request, pk)
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
                return HttpResponseRedirect(page_url("change", old))
            self.log_change(request, old, f"Rotated: {fresh.prefix} follows.")
            return self.show_once(request, fresh, plain)
        title = _("Rotate API key")
        return page(self, request, "siteapikey/rotate", title=title, original=old, form=form)

    def revoke(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Show what revoking the key will do; revoke it once the user has confirmed that."""
        key = self._key(request, pk)
        if not self.has_change_permission(request, key):
            raise PermissionDenied
        if key.revoked_at is not None:
            self.message_user(request, gettext("This API key is revoked."), messages.WARNING)
            return HttpResponseRedirect(page_url("change", key))
        if request.method == "POST":
            with acting(Origin.ADMIN, request.user):
                keys.revoke_key(key)
            self.log_change(request, key, "Revoked.")
            text = gettext("The API key %s was revoked.") % key
            self.message_user(request, text, messages.SUCCESS)
            return HttpResponseRedirect(page_url("change", key))
        title = _("Revoke API key")
        effects = effects_of([key])
        return page(self, request, "siteapikey/revoke", title=title, original=key, effects=effects)

    def _key(self, request: HttpRequest, pk: str) -> SiteApiKey:
        key: SiteApiKey | None = self.get_object(request, pk)
        if key is None:
            raise Http404
        return key


def page_url(name: str, key: SiteApiKey) -> str:
    """Return the URL of a page of ``key``: ``change``, ``created``, ``rotate`` or ``revoke``."""
    return reverse(f"admin:spool_live_siteapikey_{name}", args=[key.pk])
