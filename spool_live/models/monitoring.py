"""The tables of monitoring: heartbeats, counters and alerts.

They are small and of bounded size. Delivery and the HTTP API write them, never the transaction of
an editor.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Heartbeat(models.Model):
    """When a part of the system was last active, and since when it fails. One row for each part."""

    class Part(models.TextChoices):
        WORKER = "worker", _("Celery worker")
        DELIVERY = "delivery", _("delivery")
        SWEEP = "sweep", _("sweep")
        MIRROR = "mirror", _("mirror")
        SUPABASE = "supabase", _("Supabase")
        BROKER = "broker", _("broker")
        CACHE = "cache", _("throttle cache")
        REALTIME = "realtime", _("Realtime")
        CLEANUP = "cleanup", _("cleanup")
        ALERTS = "alerts", _("alerts")
        VERIFY_RLS = "verify_rls", _("isolation in the database")
        VERIFY_LIVE = "verify_live", _("isolation end to end")

    part = models.CharField(max_length=20, primary_key=True, choices=Part)
    at = models.DateTimeField(help_text=_("When it was last active, well or not."))
    active_since = models.DateTimeField(
        null=True, help_text=_("Since when it has been active without a longer break.")
    )
    succeeded_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    error = models.TextField(default="", blank=True)
    detail: models.JSONField[Any, Any] = models.JSONField(default=dict)

    class Meta:
        db_table = "live_heartbeats"
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return f"{self.part} at {self.at:%Y-%m-%d %H:%M:%S}"


class Counter(models.Model):
    """A number that only grows: one sample of one metric, summed over all processes and hosts."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=80)
    labels = models.CharField(max_length=160, default="", help_text=_("Canonical JSON."))
    value = models.FloatField(default=0)

    class Meta:
        db_table = "live_counters"
        verbose_name = _("counter")
        verbose_name_plural = _("counters")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["name", "labels"], name="live_counters_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name}{self.labels} {self.value:g}"


class CounterSample(models.Model):
    """The values of some counters at one time: kept for each minute of a day, and for every fifth
    minute of a week."""

    slot = models.BigIntegerField(primary_key=True, help_text=_("Minutes since 1970."))
    at = models.DateTimeField(db_index=True)
    values: models.JSONField[Any, Any] = models.JSONField(default=dict)

    class Meta:
        db_table = "live_counter_samples"
        verbose_name = _("counter sample")
        verbose_name_plural = _("counter samples")

    def __str__(self) -> str:
        return f"counters at {self.at:%Y-%m-%d %H:%M}"


class Dashboard(CounterSample):
    """A proxy for the admin's page with the state of the whole system, and for its permissions."""

    class Meta:
        proxy = True
        default_permissions = ("view",)
        permissions = (("ping_dashboard", "Can send a test update from the dashboard"),)
        verbose_name = _("dashboard")
        verbose_name_plural = _("dashboard")


class AlertEpisode(models.Model):
    """A period in which something was wrong, from the first evaluation that found it to its end."""

    id = models.BigAutoField(primary_key=True)
    rule = models.CharField(_("rule"), max_length=40)
    subject = models.CharField(
        _("subject"), max_length=80, blank=True, default="", help_text=_("A site's id, or empty.")
    )
    # Null once closed, so that every database allows one open episode for each rule and subject.
    open_key = models.CharField(  # noqa: DJ001
        max_length=125, null=True, unique=True, editable=False, default=None
    )
    state = models.CharField(_("state"), max_length=10)
    summary = models.TextField(_("summary"))
    remedy = models.TextField(_("remedy"), blank=True, default="")
    started_at = models.DateTimeField(_("started at"))
    found_at = models.DateTimeField(_("found at"))
    notified_at = models.DateTimeField(
        _("notified at"), null=True, help_text=_("When it had lasted long enough for a notice.")
    )
    seen_at = models.DateTimeField(_("last seen at"))
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        db_table = "live_alert_episodes"
        ordering = ("-id",)
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["ended_at"], name="live_alert_episodes_ended"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} since {self.started_at:%Y-%m-%d %H:%M}"


class AlertNotice(models.Model):
    """One message about an episode on one channel: tried again until it was sent once."""

    class Kind(models.TextChoices):
        FIRING = "firing", _("firing")
        RECOVERED = "recovered", _("recovered")

    id = models.BigAutoField(primary_key=True)
    episode = models.ForeignKey(AlertEpisode, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    channel = models.CharField(_("channel"), max_length=10)
    due_at = models.DateTimeField(_("due at"), help_text=_("When it may be tried next."))
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    error = models.TextField(_("error"), blank=True, default="")

    class Meta:
        db_table = "live_alert_notices"
        verbose_name = _("alert notice")
        verbose_name_plural = _("alert notices")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["episode", "kind", "channel"], name="live_alert_notices_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.channel}"
