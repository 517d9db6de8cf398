"""Webhooks: the endpoints of sites, their secrets, messages that wait for another attempt, the log.

A message that waits for its first attempt has no row of its own: it is a numbered entry of the
outbox that an endpoint's cursor has not reached yet. So an entry is sent to webhooks as soon as it
has its number, no matter which process, of which version, has numbered it.
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from spool_live.models.outbox import SiteDelivery
from spool_live.models.sites import Site


class WebhookEndpoint(models.Model):
    """The URL that gets webhooks of a site, as people configure it."""

    class Disabled(models.TextChoices):
        """Why an endpoint is disabled."""

        BY_HAND = "by_hand", _("disabled by a person")
        GONE = "gone", _("the receiver answered 410 Gone")
        FAILED = "failed", _("every attempt failed for too long")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="webhook_endpoints")
    url = models.CharField(_("URL"), max_length=2000, help_text=_("It begins with https://."))
    description = models.CharField(_("description"), max_length=200, blank=True, default="")
    event_types: models.JSONField[Any, Any] = models.JSONField(
        _("event types"), default=list, blank=True, help_text=_("Empty: all.")
    )
    collections: models.JSONField[Any, Any] = models.JSONField(
        _("collections"), default=list, blank=True, help_text=_("Empty: all.")
    )
    rate = models.PositiveIntegerField(
        _("rate"), default=0, help_text=_("Most messages per second. 0: no limit.")
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    disabled = models.CharField(
        _("disabled"), max_length=10, choices=Disabled, blank=True, default="", editable=False
    )
    disabled_at = models.DateTimeField(_("disabled at"), null=True, editable=False)

    class Meta:
        db_table = "live_webhook_endpoints"
        ordering = ("created_at",)
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")

    def __str__(self) -> str:
        return self.description or self.url

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the endpoint; a new one begins with the updates that have no number yet."""
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using):
            super().save(*args, **kwargs)
            if not WebhookDelivery.objects.using(using).filter(pk=self.pk).exists():
                numbers = SiteDelivery.objects.using(using).filter(pk=self.site_id)
                newest = numbers.values_list("last_seq", flat=True).first() or 0
                WebhookDelivery.objects.using(using).create(endpoint=self, cursor_seq=newest)


class WebhookDelivery(models.Model):
    """The state of sending to an endpoint: written by the sending process, never by a form.

    Separate from the endpoint, so that saving an endpoint can neither move its cursor back nor wait
    for a row that a sending process has locked.
    """

    endpoint = models.OneToOneField(
        WebhookEndpoint, on_delete=models.CASCADE, primary_key=True, related_name="delivery"
    )
    cursor_seq = models.BigIntegerField(
        default=0, help_text=_("The highest seq that was tried or passed over.")
    )
    failures = models.PositiveIntegerField(default=0, help_text=_("Failed attempts in a row."))
    failing_since = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, default="")
    last_success_at = models.DateTimeField(null=True)
    last_run_at = models.DateTimeField(null=True)
    resting_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "live_webhook_deliveries"
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")

    def __str__(self) -> str:
        return f"delivery to {self.endpoint_id}"


class WebhookSecret(models.Model):
    """One of the keys that an endpoint's messages are signed with, encrypted."""

    class Scheme(models.TextChoices):
        """The signature schemes of Standard Webhooks."""

        HMAC = "v1", _("v1 (HMAC-SHA256)")
        ED25519 = "v1a", _("v1a (Ed25519)")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="secrets", editable=False
    )
    scheme = models.CharField(_("scheme"), max_length=3, choices=Scheme, editable=False)
    encrypted = models.TextField(editable=False)
    public_key = models.CharField(
        _("public key"), max_length=100, blank=True, default="", editable=False
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires at"), null=True, editable=False)

    class Meta:
        db_table = "live_webhook_secrets"
        ordering = ("created_at",)
        verbose_name = _("webhook secret")
        verbose_name_plural = _("webhook secrets")

    def __str__(self) -> str:
        return f"{self.scheme} of {self.created_at:%Y-%m-%d}"


class WebhookMessage(models.Model):
    """An update that an endpoint did not take at the first attempt, or must get once more.

    Without constraints to other tables, so that deleting an endpoint or purging the outbox never
    waits for a sending process. The row is deleted when the message is taken; a message that was
    given up keeps its row, for a person to decide.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting for the next attempt")
        FAILED = "failed", _("given up")

    id = models.BigAutoField(primary_key=True)
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="messages", db_constraint=False
    )
    entry_id = models.BigIntegerField(editable=False)
    update_id = models.UUIDField(_("update"))
    seq = models.BigIntegerField(_("seq"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due at"))
    first_at = models.DateTimeField(_("first attempt at"), default=timezone.now)
    last_error = models.TextField(_("last error"), blank=True, default="")

    class Meta:
        db_table = "live_webhook_messages"
        ordering = ("-id",)
        verbose_name = _("webhook message")
        verbose_name_plural = _("webhook messages")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["endpoint", "update_id"], name="live_webhook_messages_once"
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["endpoint", "state", "due_at"], name="live_webhook_messages_due"),
        ]

    def __str__(self) -> str:
        return f"{self.update_id} ({self.state})"


class WebhookAttempt(models.Model):
    """One line of the log: a request to an endpoint, and its result."""

    id = models.BigAutoField(primary_key=True)
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="attempts", db_constraint=False
    )
    update_id = models.UUIDField(_("update"))
    seq = models.BigIntegerField(_("seq"), null=True)
    number = models.PositiveIntegerField(_("attempt"), default=1)
    at = models.DateTimeField(_("at"))
    milliseconds = models.PositiveIntegerField(_("milliseconds"))
    status = models.PositiveSmallIntegerField(_("status"), null=True)
    is_success = models.BooleanField(_("taken"))
    error = models.TextField(_("error"), blank=True, default="")
    request = models.TextField(_("request"), blank=True, default="")
    answer = models.TextField(_("answer"), blank=True, default="")

    class Meta:
        db_table = "live_webhook_attempts"
        ordering = ("-id",)
        verbose_name = _("webhook attempt")
        verbose_name_plural = _("webhook attempts")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["endpoint", "id"], name="live_webhook_attempts_of"),
            models.Index(fields=["at"], name="live_webhook_attempts_at"),
        ]

    def __str__(self) -> str:
        return f"{self.update_id} attempt {self.number}: {self.status or self.error}"
