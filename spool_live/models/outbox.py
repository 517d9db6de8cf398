"""The outbox, and the state of delivery: of each site, and of Supabase as a whole."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from spool_live.models.sites import ApiKeyEvent
from spool_live.updates import EventType, Update, new_update_id


class SiteMirror(models.Model):
    """The newest state of a site that the Supabase database must know, by its version.

    Written in the transactions that change sites and keys. Delivery writes its own state to
    ``SiteDelivery``, so that neither waits for the other. Without a foreign key, because a deleted
    site leaves its tombstone here.
    """

    class Pending(models.IntegerChoices):
        """How urgently the Supabase database must be brought up to date. A site with a new key that
        a request waits for is as urgent as one where a key lost its right."""

        NONE = 0, _("nothing")
        CHANGED = 1, _("changed")
        RIGHT_LOST = 2, _("a right was lost")

    site_id = models.UUIDField(primary_key=True, editable=False)
    version = models.BigIntegerField(default=1)
    epoch = models.BigIntegerField(default=1)
    deleted_at = models.DateTimeField(null=True)
    pending = models.SmallIntegerField(
        choices=Pending,
        default=Pending.CHANGED,
        help_text="Where to look; whether it is so is decided by the acknowledged version.",
    )

    class Meta:
        db_table = "live_site_mirrors"
        verbose_name = _("site mirror")
        verbose_name_plural = _("site mirrors")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["-pending", "site_id"],
                condition=models.Q(pending__gt=0),
                name="live_site_mirrors_pending",
            ),
        ]

    def __str__(self) -> str:
        return f"mirror of site {self.site_id}"


class SiteDelivery(models.Model):
    """The state of a site's delivery: its counter, what was acknowledged of its mirror, its lease.

    Separate from the ``Site`` row and without a foreign key, so that saving a site can neither
    overwrite the counter nor lock this row.
    """

    site_id = models.UUIDField(primary_key=True, editable=False)
    last_seq = models.BigIntegerField(default=0)
    merged = models.BigIntegerField(default=0, help_text="Updates that coalescing spared the site.")
    history_floor = models.BigIntegerField(
        default=0, help_text="Highest seq that was purged: catch-up cannot go back to it."
    )

    acknowledged_version = models.BigIntegerField(default=0)
    acknowledged_epoch = models.BigIntegerField(default=0)
    deleted_at = models.DateTimeField(
        null=True, help_text="When the Supabase database was found to hold a tombstone."
    )
    mirror_run = models.UUIDField(
        null=True, help_text="The run that asked for the site to be mirrored once more."
    )
    refused_version = models.BigIntegerField(
        default=0, help_text="The version of the mirror that was refused last."
    )
    mirror_retry_at = models.DateTimeField(null=True)
    mirror_error = models.TextField(default="", blank=True)

    lease_token = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.TextField(default="", blank=True)

    class Meta:
        db_table = "live_site_deliveries"
        verbose_name = _("site delivery")
        verbose_name_plural = _("site deliveries")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["site_id"],
                condition=models.Q(mirror_run__isnull=False),
                name="live_site_mirror_runs",
            ),
        ]

    def __str__(self) -> str:
        return f"delivery of site {self.site_id}"


class OutboxEntry(models.Model):
    """One recorded update, from the edit's transaction until its history is purged."""

    class State(models.TextChoices):
        PENDING = "pending", _("pending")
        DELIVERED = "delivered", _("delivered")
        DEAD = "dead", _("dead")
        DROPPED = "dropped", _("dropped (site deleted)")
        MERGED = "merged", _("merged into an earlier one")
        LEFT = "left", _("left to catch-up")
        DISCARDED = "discarded", _("discarded by a person")

    # Plain types: lengths, checks and long conditions of indexes would slow down every save.
    id = models.BigAutoField(primary_key=True)
    update_id = models.UUIDField(default=new_update_id, editable=False)
    site_id = models.UUIDField()
    event_type = models.TextField(choices=[(e.value, e.value) for e in EventType])
    collection = models.TextField()
    item_id = models.UUIDField()
    slug = models.TextField(null=True)  # noqa: DJ001 - null is "has no slug", as on the wire
    timestamp = models.DateTimeField()
    metadata = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    # Database defaults, because recording writes none of these columns.
    state = models.TextField(choices=State, default=State.PENDING, db_default=State.PENDING)
    seq = models.BigIntegerField(null=True)
    attempts = models.IntegerField(default=0, db_default=0)
    merged = models.IntegerField(
        default=0, db_default=0, help_text="How many later updates of the item were merged into it."
    )
    last_error = models.TextField(default="", db_default="", blank=True)
    settled_at = models.DateTimeField(null=True)
    trace_context = models.TextField(  # noqa: DJ001 - without a trace the column is not written
        null=True, editable=False, help_text="W3C Trace Context of the edit, as a JSON object."
    )

    class Meta:
        db_table = "live_updates_outbox"
        verbose_name = _("outbox entry")
        verbose_name_plural = _("outbox entries")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                # The site comes first: delivery skips from site to site, past their backlogs.
                fields=["site_id", "seq", "id"],
                condition=models.Q(state="pending"),
                name="live_outbox_waiting",
            ),
            models.Index(
                fields=["site_id", "seq"],
                condition=models.Q(seq__isnull=False),
                name="live_outbox_site_seq",
            ),
            models.Index(fields=["id"], condition=models.Q(state="dead"), name="live_outbox_dead"),
            models.Index(
                fields=["settled_at"],
                condition=models.Q(settled_at__isnull=False),
                name="live_outbox_settled",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.collection}/{self.slug or self.item_id}"

    def as_update(self) -> Update:
        """Return the entry as the value that is broadcast. Raises ``ValueError`` if it has no
        ``seq`` yet."""
        return Update.of_entry(self, json.dumps(self.metadata, ensure_ascii=False))


class DeliveryAttempt(models.Model):
    """A failed attempt to deliver updates of a site.

    One row stands for all entries of a batch that failed for the same reason. An attempt that
    succeeds has no row: its time is in the entry. Rows are removed together with the history, and
    only the newest of each site are kept.
    """

    class Outcome(models.TextChoices):
        POSTPONED = "postponed", _("postponed")
        REFUSED = "refused", _("refused, to be tried again")
        DEAD = "dead", _("refused permanently")

    id = models.BigAutoField(primary_key=True)
    site_id = models.UUIDField(_("site id"))
    at = models.DateTimeField(_("at"))
    milliseconds = models.PositiveIntegerField(_("milliseconds"))
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome)
    reason = models.TextField(_("reason"), blank=True, default="")
    first_entry = models.BigIntegerField()
    last_entry = models.BigIntegerField()
    entries: models.JSONField[Any, Any] = models.JSONField(
        default=list, help_text=_("Primary keys of the outbox entries, in ascending order.")
    )

    class Meta:
        db_table = "live_delivery_attempts"
        ordering = ("-id",)
        verbose_name = _("delivery attempt")
        verbose_name_plural = _("delivery attempts")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["site_id", "id"], name="live_attempts_site"),
            models.Index(fields=["at"], name="live_attempts_age"),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.at:%Y-%m-%d %H:%M:%S}"


class OutboxEvent(models.Model):
    """One line of the outbox's audit trail: what a person did with dead entries of a site.

    Without foreign keys: the trail outlives the entries, the site and the user.
    """

    class Action(models.TextChoices):
        REQUEUED = "requeued", _("requeued")
        DISCARDED = "discarded", _("discarded")

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(_("at"), default=timezone.now)
    action = models.CharField(_("action"), max_length=20, choices=Action)
    origin = models.CharField(_("origin"), max_length=10, choices=ApiKeyEvent.Origin)
    actor_id = models.CharField(_("actor id"), max_length=64, blank=True, default="")
    actor_name = models.CharField(_("actor"), max_length=254, blank=True, default="")
    site_id = models.UUIDField(_("site id"))
    entries = models.PositiveIntegerField(_("entries"))
    reason = models.TextField(_("reason"), blank=True, default="")
    detail = models.JSONField(_("detail"), default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        db_table = "live_outbox_events"
        ordering = ("-id",)
        verbose_name = _("outbox event")
        verbose_name_plural = _("outbox events")

    def __str__(self) -> str:
        return f"{self.entries} {self.action}"


class DeliveryCircuit(models.Model):
    """Whether Supabase is away, and when the next batch may be sent. All workers of the content
    database share this one row."""

    ROW_ID = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ROW_ID)
    failures = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(default=timezone.now)
    last_error = models.TextField(default="", blank=True)
    paced_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "live_delivery_circuit"
        verbose_name = _("delivery circuit")
        verbose_name_plural = _("delivery circuits")

    def __str__(self) -> str:
        return f"open until {self.open_until}" if self.failures else "closed"
