"""The live table in the Supabase database."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class LiveUpdate(models.Model):
    """A row of ``public.live_updates`` on the Supabase database. Migrations create it by SQL."""

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
