"""API keys in the admin: the list, the form for a new key, and the page of a key."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from spool_live import keys
from spool_live.admin.filters import KeyStateFilter, SiteFilter
from spool_live.admin.key_life import KeyLifeAdmin
from spool_live.admin.key_state import effects_of, state_of
from spool_live.admin.pages import STYLE, page
from spool_live.admin.probes import KeyProbesFilter
from spool_live.keys.addresses import used_lately
from spool_live.keys.trail import Origin, acting
from spool_live.models import SiteApiKey
from spool_live.status.states import age

_PLAIN = "spool_live_plain_key"


@admin.register(SiteApiKey)
class SiteApiKeyAdmin(KeyLifeAdmin):
    """API keys: people create, rotate and revoke them here. The text of a key is shown once."""

    list_display = ("state", "name", "site", "prefix", "last_used", "created_at")
    list_display_links = ("name",)
    list_filter = (KeyProbesFilter, KeyStateFilter, SiteFilter)
    list_select_related = ("site",)
    search_fields = ("name", "prefix", "note", "site__name")
    readonly_fields = (
        *("state", "prefix", "used_from", "last_used_at"),
        *("created_at", "created_by", "revoked_at"),
    )
    actions = ("revoke_selected",)
    change_form_template = "admin/spool_live/siteapikey/change_form.html"

    class Media:
        css = {"all": (STYLE,)}

    @admin.display(description=_("state"))
    def state(self, key: SiteApiKey) -> str:
        """Return whether the key is valid, and for how long."""
        return state_of(key)

    @admin.display(description=_("last used"), ordering="last_used_at")
    def last_used(self, key: SiteApiKey) -> str:
        """Return how long ago the key was used last."""
        if key.last_used_at is None:
            return gettext("never")
        return gettext("%s ago") % age(timezone.now() - key.last_used_at)

    @admin.display(description=_("addresses of the last ten minutes"))
    def used_from(self, key: SiteApiKey) -> str:
        """Return a list of the addresses that used the key; it says which asked for a token."""
        now = timezone.now()
        rows = [
            (use.address, age(now - use.last_at), _asked(use.last_token_at, now))
            for use in used_lately(now).filter(key_id=key.pk)
        ]
        if not rows:
            return gettext("None.")
        lines = format_html_join("", "<li>{}: {} ago{}</li>", rows)
        return format_html('<ul class="spool-list">{}</ul>', lines)

    def get_fields(self, request: HttpRequest, obj: SiteApiKey | None = None) -> Any:
        """Return the fields: of a new key those to fill in, of an existing key all."""
        entered = ("site", "name", "note", "expires_at")
        if obj is None:
            return entered
        state, *known = self.readonly_fields
        return (state, *entered, *known)

    def get_readonly_fields(self, request: HttpRequest, obj: SiteApiKey | None = None) -> Any:
        """Return the read-only fields; of an existing key also the site, which never changes."""
        return ("site", *self.readonly_fields) if obj else self.readonly_fields

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return the form's initial values: with ``?site=`` in the URL, as after adding a site, the
        key is named ``default``."""
        given: dict[str, Any] = super().get_changeform_initial_data(request)
        return {"name": "default", **given} if "site" in given else given

    @sensitive_variables()
    def save_model(
        self, request: HttpRequest, obj: SiteApiKey, form: ModelForm[SiteApiKey], change: bool
    ) -> None:
        """Give a new key its secret; ``response_add`` finds its text on the request."""
        if not change:
            obj.created_by_id = request.user.pk
            setattr(request, _PLAIN, keys.give_secret(obj))
        super().save_model(request, obj, form, change)

    @sensitive_variables()
    def response_add(
        self, request: HttpRequest, obj: SiteApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Redirect to the page that shows the new key, once."""
        return self.show_once(request, obj, getattr(request, _PLAIN))

    @admin.action(description=_("Revoke selected API keys"), permissions=["change"])
    def revoke_selected(
        self, request: HttpRequest, queryset: QuerySet[SiteApiKey]
    ) -> HttpResponse | None:
        """Show what revoking the keys will do; revoke them once the user has confirmed that."""
        valid = queryset.filter(revoked_at=None).select_related("site").order_by("site_id", "pk")
        if not valid:
            self.message_user(request, gettext("These keys are already revoked."), messages.WARNING)
            return None
        if request.POST.get("confirmed"):
            self._revoke_all(request, valid)
            return None
        return page(
            self,
            request,
            "siteapikey/revoke",
            title=_("Revoke API keys"),
            effects=effects_of(valid),
            action="revoke_selected",
        )

    def _revoke_all(self, request: HttpRequest, valid: QuerySet[SiteApiKey]) -> None:
        count = 0
        with acting(Origin.ADMIN, request.user):
            for key in valid:
                keys.revoke_key(key)
                self.log_change(request, key, "Revoked.")
                count += 1
        text = ngettext("%d API key was revoked.", "%d API keys were revoked.", count)
        self.message_user(request, text % count, messages.SUCCESS)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Label the date and the time of ``expires_at`` for screen readers."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "expires_at":
            for widget, half in zip(field.widget.widgets, (_("date"), _("time")), strict=True):
                widget.attrs["aria-label"] = f"{db_field.verbose_name}: {half}"
        return field

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> Any:
        """Return the choices that the user may see; of sites without those of isolation probes."""
        found = super().get_field_queryset(db, db_field, request)
        return found.filter(is_probe=False) if db_field.name == "site" else found


def _asked(moment: Any, now: Any) -> str:
    return gettext("; asked for a token %s ago") % age(now - moment) if moment else ""
