"""Webhook endpoints in the admin, with their health and secrets that are shown once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import router
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from spool_live import webhooks
from spool_live.admin import shown_once
from spool_live.admin.key_life import RotationForm
from spool_live.admin.limited import LimitedToSites
from spool_live.admin.pages import STYLE, page
from spool_live.collections import registry
from spool_live.models import WebhookEndpoint, WebhookSecret
from spool_live.updates import EventType
from spool_live.webhooks import endpoints, replay, secrets
from spool_live.webhooks.encryption import UnreadableSecretError
from spool_live.webhooks.guard import EndpointRefusedError
from spool_live.webhooks.health import EndpointHealth, health_of
from spool_live.webhooks.signing import PlainSecret

_PLAIN = "spool_live_plain_secret"


class EndpointForm(ModelForm):
    """The form of an endpoint. Its URL is checked as sending will check it."""

    event_types = forms.MultipleChoiceField(
        label=_("event types"),
        required=False,
        choices=[(event.value, event.value) for event in EventType],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("If none is chosen, all are sent."),
    )
    collections = forms.MultipleChoiceField(
        label=_("collections"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("If none is chosen, all are sent."),
    )
    public_key = forms.BooleanField(
        label=_("sign with a key pair"),
        required=False,
        help_text=_("Ed25519 (v1a): the receiver needs a public key, and no secret."),
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("site", "url", "description", "event_types", "collections", "rate")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = {c.name for c in registry.declared()} | set(self.instance.collections)
        self.fields["collections"].choices = [(name, name) for name in sorted(names)]  # type: ignore[attr-defined]

    def clean_url(self) -> str:
        """Return the URL. Raises ``ValidationError`` with the reason where it is refused."""
        url = str(self.cleaned_data["url"])
        try:
            endpoints.check(url, ())
        except EndpointRefusedError as error:
            raise forms.ValidationError(str(error)) from error
        return url


class EndpointChangeList(ChangeList):
    """A list that adds the health to the endpoints of its page."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the endpoints of the page, and their health."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        for endpoint, health in _health(self.result_list).items():
            endpoint.health = health  # type: ignore[attr-defined]


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(LimitedToSites):
    """Endpoints: the URLs to which sites get their webhooks."""

    form = EndpointForm
    list_display = ("__str__", "site", "url", "health")
    list_filter = ("site", "disabled")
    list_select_related = ("site",)
    search_fields = ("url", "description", "site__name")
    readonly_fields = ("health", "keys", "attempts", "created_at", "disabled", "disabled_at")
    actions = ("send_example", "resend_failed", "enable", "disable")
    change_form_template = "admin/spool_live/webhookendpoint/change_form.html"

    class Media:
        css = {"all": (STYLE,)}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that adds the health of each endpoint."""
        return EndpointChangeList

    def get_fields(self, request: HttpRequest, obj: WebhookEndpoint | None = None) -> Any:
        """Return the fields; the scheme can be chosen for a new endpoint only."""
        names = ("site", "url", "description", "event_types", "collections", "rate")
        return (*names, *self.readonly_fields) if obj else (*names, "public_key")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the read-only fields; of an existing endpoint also the site, which never changes
        because the endpoint's cursor is a ``seq`` of that site."""
        return ("site", *self.readonly_fields) if obj else ()

    def get_urls(self) -> list[URLPattern]:
        """Return the admin's own URLs, and those of the pages that show and rotate the secret."""
        pages = {"created": self.created, "rotate": self.rotate}
        ours = [
            path(
                f"<path:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"spool_live_webhookendpoint_{name}",
            )
            for name, view in pages.items()
        ]
        return [*ours, *super().get_urls()]

    @admin.display(description=_("health"))
    def health(self, endpoint: Any) -> str:
        """Return the endpoint's state, and a sentence about it."""
        found = getattr(endpoint, "health", None) or _health([endpoint])[endpoint]
        return f"{found.state}: {found.words}"

    @admin.display(description=_("secrets"))
    def keys(self, endpoint: WebhookEndpoint) -> str:
        """Return the secrets that sign, each with its end and its public key, if it has these."""
        lines = []
        for secret in endpoint.secrets.all():
            until = f" until {secret.expires_at:%Y-%m-%d %H:%M}" if secret.expires_at else ""
            lines.append(f"{secret}{until} {secret.public_key}".strip())
        return "; ".join(lines)

    @admin.display(description=_("attempts"))
    def attempts(self, endpoint: WebhookEndpoint) -> str:
        """Return links to the endpoint's log and to the messages that it has not accepted."""
        query = f"endpoint__id__exact={endpoint.pk}"
        log = reverse("admin:spool_live_webhookattempt_changelist")
        waiting = reverse("admin:spool_live_webhookmessage_changelist")
        return format_html(
            '<a href="{}?{}">{}</a> · <a href="{}?{}">{}</a>',
            *(log, query, gettext("Log"), waiting, query, gettext("Not accepted")),
        )

    @sensitive_variables()
    def save_model(
        self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool
    ) -> None:
        """Save the endpoint; leave the secret of a new one on the request for ``response_add``."""
        super().save_model(request, obj, form, change)
        if not change:
            chosen = WebhookSecret.Scheme
            scheme = chosen.ED25519 if form.cleaned_data["public_key"] else chosen.HMAC
            setattr(request, _PLAIN, secrets.add_secret(obj, scheme, using=_using()))

    @sensitive_variables()
    def response_add(
        self, request: HttpRequest, obj: WebhookEndpoint, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Redirect to the page that shows the secret, so that a reload does not create another."""
        return self._show_once(request, obj, getattr(request, _PLAIN))

    @sensitive_variables()
    def created(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Show a new secret, once; after that, say that it was shown."""
        endpoint = self._endpoint(request, pk)
        may_view = self.has_view_permission(request, endpoint)
        if not (may_view or self.has_add_permission(request)):
            raise PermissionDenied
        plain = shown_once.take(request, endpoint.pk)
        title = _("Copy the secret now") if plain else _("The secret was shown")
        change = reverse("admin:spool_live_webhookendpoint_change", args=[endpoint.pk])
        return page(
            self,
            request,
            "webhookendpoint/created",
            title=title,
            original=endpoint,
            plain=plain,
            next_url=change if may_view else reverse("admin:index"),
        )

    @sensitive_variables()
    def rotate(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Ask for the overlap, create the successor and redirect to the page that shows it."""
        endpoint = self._endpoint(request, pk)
        if not self.has_change_permission(request, endpoint):
            raise PermissionDenied
        form = RotationForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            newest = endpoint.secrets.order_by("created_at").last()
            plain = secrets.rotate(
                endpoint,
                overlap=timedelta(hours=form.cleaned_data["overlap_hours"]),
                scheme=WebhookSecret.Scheme(newest.scheme if newest else "v1"),
                using=_using(),
            )
            self.log_change(request, endpoint, "Secret rotated.")
            return self._show_once(request, endpoint, plain)
        title = _("Rotate secret")
        return page(
            self, request, "webhookendpoint/rotate", title=title, original=endpoint, form=form
        )

    @admin.action(description=_("Send an example"), permissions=["change"])
    def send_example(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Send an example to each of the endpoints (at most 20), and show the answers."""
        for endpoint in queryset[:20]:
            try:
                answer = replay.send_example(endpoint, using=_using()).answer
                level = messages.SUCCESS if answer.is_success else messages.ERROR
                text = answer.error or f"HTTP {answer.status}"
            except UnreadableSecretError as error:
                level, text = messages.ERROR, str(error)
            self.message_user(request, f"{endpoint}: {text}", level)

    @admin.action(description=_("Send again what was not accepted"), permissions=["change"])
    def resend_failed(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Send at once the messages that wait or were given up."""
        number = sum(replay.resend_failed(endpoint, using=_using()) for endpoint in queryset)
        text = ngettext("%d message is sent again.", "%d messages are sent again.", number)
        self.message_user(request, text % number, messages.SUCCESS)

    @admin.action(description=_("Enable selected endpoints"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Enable the endpoints: they get all updates from now on."""
        for endpoint in queryset:
            webhooks.enable(endpoint, using=_using())
            self.log_change(request, endpoint, "Enabled.")

    @admin.action(description=_("Disable selected endpoints"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Disable the endpoints: they get nothing more."""
        for endpoint in queryset:
            webhooks.disable(endpoint, WebhookEndpoint.Disabled.BY_HAND, using=_using())
            self.log_change(request, endpoint, "Disabled.")

    @sensitive_variables("plain")
    def _show_once(
        self, request: HttpRequest, endpoint: WebhookEndpoint, plain: PlainSecret
    ) -> HttpResponse:
        shown_once.put(request, endpoint.pk, plain)
        url = reverse("admin:spool_live_webhookendpoint_created", args=[endpoint.pk])
        return HttpResponseRedirect(url)

    def _endpoint(self, request: HttpRequest, pk: str) -> WebhookEndpoint:
        endpoint: WebhookEndpoint | None = self.get_object(request, pk)
        if endpoint is None:
            raise Http404
        return endpoint


def _health(chosen: Any) -> dict[WebhookEndpoint, EndpointHealth]:
    return health_of(chosen, using=_using())


def _using() -> str:
    return router.db_for_write(WebhookEndpoint)
