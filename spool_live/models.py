"""Sites and their API keys with their history, the outbox, delivery's state, the live table."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, router, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from spool_live.key_queryset import ApiKeyQuerySet
from spool_live.updates import EventType, Update, new_update_id


class Site(models.Model):
    """One tenant: its own content, API keys and subscribers."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=200)
    created_at = models.DateTimeField(
        _("created at"), default=timezone.now, db_default=Now(), editable=False
    )

    class Meta:
        db_table = "sites"
        ordering = ("name",)
        verbose_name = _("site")
        verbose_name_plural = _("sites")

    def __str__(self) -> str:
        return self.name


class SiteApiKey(models.Model):
    """A long-lived secret of one subscriber of a site. Only its hash is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(_("name"), max_length=100, help_text=_("Who uses it, and where."))
    prefix = models.CharField(_("prefix"), max_length=32, unique=True, editable=False)
    key_hash = models.CharField(max_length=64, editable=False)
    note = models.TextField(_("note"), blank=True, default="")
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    # Without a constraint, here and below: users may live on another alias than the content.
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        db_constraint=False,
        verbose_name=_("created by"),
    )
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    mirror_version = models.BigIntegerField(
        default=0,
        editable=False,
        help_text=_("The version of the site's mirror that first holds this key."),
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        db_table = "site_api_keys"
        ordering = ("-created_at",)
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Saves the key and what follows from it (mirror version, epoch, history) as one."""
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using):
            super().save(*args, **kwargs)

    def is_active(self, now: datetime | None = None) -> bool:
        """Whether the key is neither revoked nor expired at ``now``."""
        moment = now or timezone.now()
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > moment)


class ApiKeyEvent(models.Model):
    """One line of the audit trail: what was done to an API key, when, by whom, from where.

    Without foreign keys: the trail outlives the key, its site and the user.
    """

    class Action(models.TextChoices):
        CREATED = "created", _("created")
        ROTATED = "rotated", _("rotated")
        REVOKED = "revoked", _("revoked")
        EXPIRY_CHANGED = "expiry_changed", _("expiry changed")
        DELETED = "deleted", _("deleted")

    class Origin(models.TextChoices):
        ADMIN = "admin", _("admin")
        COMMAND = "command", _("command")
        CODE = "code", _("code")

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(_("at"), default=timezone.now)
    action = models.CharField(_("action"), max_length=20, choices=Action)
    origin = models.CharField(_("origin"), max_length=10, choices=Origin)
    actor_id = models.CharField(_("actor id"), max_length=64, blank=True, default="")
    actor_name = models.CharField(_("actor"), max_length=254, blank=True, default="")
    key_id = models.UUIDField(_("key id"))
    prefix = models.CharField(_("prefix"), max_length=32)
    key_name = models.CharField(_("key"), max_length=100)
    site_id = models.UUIDField(_("site id"))
    detail = models.JSONField(_("detail"), default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        db_table = "live_api_key_events"
        ordering = ("-id",)
        verbose_name = _("API key event")
        verbose_name_plural = _("API key events")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["key_id", "id"], name="live_key_events_key"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix} {self.action}"


class FailedAuthentication(models.Model):
    """How often an address failed to authenticate within an hour, by key prefix and reason.

    The prefix is that of an existing key, else empty: whoever makes prefixes up makes no rows.
    """

    class Reason(models.TextChoices):
        MISSING = "missing", _("no credentials")
        UNKNOWN = "unknown", _("no such key")
        WRONG_SECRET = "wrong_secret", _("wrong secret for this prefix")
        REVOKED = "revoked", _("revoked key")
        EXPIRED = "expired", _("expired key")
        BAD_TOKEN = "bad_token", _("invalid or expired token")

    id = models.BigAutoField(primary_key=True)
    hour = models.DateTimeField(_("hour"))
    prefix = models.CharField(_("prefix"), max_length=32, blank=True, default="")
    address = models.CharField(_("address"), max_length=64)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)
    count = models.BigIntegerField(_("count"), default=0)
    last_at = models.DateTimeField(_("last at"))

    class Meta:
        db_table = "live_failed_authentications"
        ordering = ("-last_at",)
        verbose_name = _("failed authentication")
        verbose_name_plural = _("failed authentications")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["hour", "address", "prefix", "reason"], name="live_failed_auth_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.prefix} {self.reason}: {self.count}"


class IsolationReport(models.Model):
    """The outcome of a verification that was run from the admin."""

    id = models.BigAutoField(primary_key=True)
    started_at = models.DateTimeField(_("started at"))
    is_clean = models.BooleanField(_("clean"))
    is_isolated = models.BooleanField(_("isolated"))
    report = models.JSONField(_("report"))

    class Meta:
        db_table = "live_isolation_reports"
        ordering = ("-started_at",)
        get_latest_by = "started_at"
        verbose_name = _("isolation report")
        verbose_name_plural = _("isolation reports")

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}"


class SiteDelivery(models.Model):
    """What delivery knows of a site: its counter, its mirror, its lease.

    Apart from the ``Site`` row and without a foreign key: nobody who saves a site can overwrite
    the counter, and a deleted site leaves its tombstone here.
    """

    site_id = models.UUIDField(primary_key=True, editable=False)
    last_seq = models.BigIntegerField(default=0)
    merged = models.BigIntegerField(default=0, help_text="Updates that coalescing spared the site.")
    history_floor = models.BigIntegerField(
        default=0, help_text="Highest seq that was purged: catch-up cannot go back to it."
    )

    version = models.BigIntegerField(default=1)
    acknowledged_version = models.BigIntegerField(default=0)
    epoch = models.BigIntegerField(default=1)
    acknowledged_epoch = models.BigIntegerField(default=0)
    deleted_at = models.DateTimeField(null=True)

    lease_token = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.TextField(default="", blank=True)

    class Meta:
        db_table = "live_site_deliveries"
        verbose_name = _("site delivery")
        verbose_name_plural = _("site deliveries")

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

    # Plain types: lengths, checks and long conditions of indexes are a price that each save pays.
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

    class Meta:
        db_table = "live_updates_outbox"
        verbose_name = _("outbox entry")
        verbose_name_plural = _("outbox entries")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["seq", "id"],
                condition=models.Q(state="pending"),
                name="live_outbox_pending",
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
        """The entry as the value that is broadcast. Raises ``ValueError`` before it has a seq."""
        if self.seq is None:
            raise ValueError(f"outbox entry {self.pk} has no seq yet")
        return Update(
            id=self.update_id,
            site_id=self.site_id,
            event_type=self.event_type,
            collection=self.collection,
            item_id=self.item_id,
            slug=self.slug,
            timestamp=self.timestamp,
            metadata=self.metadata,
            seq=self.seq,
        )


class DeliveryCircuit(models.Model):
    """Whether Supabase is away and when the next batch may go, as all workers of this database
    know it. One row at most."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
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


class LiveUpdate(models.Model):
    """A row of ``public.live_updates`` on the Supabase database. The migrations make it by SQL."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    site_id = models.UUIDField()
    event_type = models.TextField()
    collection = models.TextField()
    slug = models.TextField(null=True)  # noqa: DJ001
    item_id = models.UUIDField()
    timestamp = models.DateTimeField(default=timezone.now)
    metadata: models.JSONField[Any, Any] = models.JSONField(default=dict)
    seq = models.BigIntegerField(null=True)
    inserted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "live_updates"
        verbose_name = _("live update")
        verbose_name_plural = _("live updates")

    def __str__(self) -> str:
        return f"{self.event_type} {self.collection} #{self.seq}"
