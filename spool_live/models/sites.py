"""Sites and their API keys, with the records of how keys were used and misused."""

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

from spool_live.models.users import UserForeignKey


class Site(models.Model):
    """One tenant: its own content, API keys and subscribers."""

    # With explicit types, which only mypy with its Django plugin would infer.
    id: models.UUIDField[str | uuid.UUID, uuid.UUID] = models.UUIDField(
        primary_key=True, default=uuid.uuid4, editable=False
    )
    name: models.CharField[str, str] = models.CharField(_("name"), max_length=200)
    created_at: models.DateTimeField[str | datetime, datetime] = models.DateTimeField(
        _("created at"), default=timezone.now, db_default=Now(), editable=False
    )
    is_probe: models.BooleanField[bool, bool] = models.BooleanField(
        default=False, db_default=False, editable=False, help_text=_("Made by verify_live.")
    )

    class Meta:
        db_table = "sites"
        ordering: ClassVar[tuple[str, ...]] = ("name",)
        verbose_name: ClassVar[Any] = _("live site")  # "Sites" are those of django.contrib.sites
        verbose_name_plural: ClassVar[Any] = _("live sites")

    def __str__(self) -> str:
        return self.name


class ApiKeyQuerySet(models.QuerySet["SiteApiKey"]):
    """A queryset that refuses bulk writes: they would change a key's right without mirroring it."""

    def update(self, **kwargs: Any) -> int:
        """Raise ``TypeError`` for ``site``, ``revoked_at`` and ``expires_at``."""
        fields = {name.removesuffix("_id") for name in kwargs}
        if refused := sorted(fields & {"site", "revoked_at", "expires_at"}):
            raise TypeError(
                f"{', '.join(refused)} of API keys cannot be changed in bulk: Supabase would not "
                "be informed. Use spool_live.keys.revoke_key, or save each key."
            )
        return super().update(**kwargs)

    def bulk_create(self, *args: Any, **kwargs: Any) -> Any:
        """Raise ``TypeError``, always."""
        raise TypeError("API keys cannot be created in bulk: use spool_live.keys.create_key.")


class SiteApiKey(models.Model):
    """A long-lived secret of one subscriber of a site. Only its hash is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(_("name"), max_length=100, help_text=_("Who uses it, and where."))
    prefix = models.CharField(_("prefix"), max_length=32, unique=True, editable=False)
    key_hash = models.CharField(max_length=64, editable=False)
    note = models.TextField(_("note"), blank=True, default="")
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    created_by = UserForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
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
        """Save the key in one transaction with what follows from it (mirror version, epoch,
        history)."""
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using):
            super().save(*args, **kwargs)

    def is_active(self, now: datetime | None = None) -> bool:
        """Return whether the key is neither revoked nor expired at ``now``."""
        moment = now or timezone.now()
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > moment)


class ApiKeyEvent(models.Model):
    """One line of the audit trail: what was done to an API key, when, by whom, from where.

    Without foreign keys, because the trail outlives the key, its site and the user.
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
        PROBE = "probe", _("isolation probe")

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


class ApiKeyUse(models.Model):
    """When an address last used an API key, to the minute: the newest hundred addresses of a key,
    for a day.

    Without foreign keys, because it is written a moment after the request, when the key may already
    be deleted.
    """

    id = models.BigAutoField(primary_key=True)
    key_id = models.UUIDField(_("key id"))
    site_id = models.UUIDField(_("site id"))
    address = models.CharField(_("address"), max_length=64)
    last_at = models.DateTimeField(_("last used at"))
    last_token_at = models.DateTimeField(_("last asked for a token at"), null=True)

    class Meta:
        db_table = "live_api_key_uses"
        verbose_name = _("API key use")
        verbose_name_plural = _("API key uses")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["key_id", "address"], name="live_key_uses_unique"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["site_id", "last_at"], name="live_key_uses_site"),
            models.Index(fields=["last_at"], name="live_key_uses_age"),
        ]

    def __str__(self) -> str:
        return f"{self.address} at {self.last_at:%Y-%m-%d %H:%M}"


class OperatorEvent(models.Model):
    """One line of the operators' audit trail: what was done to the system as a whole.

    Actions on API keys and on dead entries have trails of their own. Without foreign keys, because
    the trail outlives the site and the user.
    """

    class Action(models.TextChoices):
        SITE_DELETED = "site_deleted", _("site deleted")
        VERIFIED = "verified", _("isolation verified")
        REPAIRED = "repaired", _("repaired")

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(_("at"), default=timezone.now)
    action = models.CharField(_("action"), max_length=20, choices=Action)
    origin = models.CharField(_("origin"), max_length=10, choices=ApiKeyEvent.Origin)
    actor_id = models.CharField(_("actor id"), max_length=64, blank=True, default="")
    actor_name = models.CharField(_("actor"), max_length=254, blank=True, default="")
    site_id = models.UUIDField(_("site id"), null=True)
    subject = models.CharField(_("subject"), max_length=300, blank=True, default="")
    detail = models.JSONField(_("detail"), default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        db_table = "live_operator_events"
        ordering = ("-id",)
        verbose_name = _("operator event")
        verbose_name_plural = _("operator events")

    def __str__(self) -> str:
        return f"{self.action} {self.subject}".strip()


class FailedAuthentication(models.Model):
    """How often an address failed to authenticate within an hour, by key prefix and reason.

    The prefix is that of an existing key, else empty, so that made-up prefixes create no rows of
    their own.
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
