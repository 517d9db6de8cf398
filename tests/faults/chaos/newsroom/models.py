from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Manager
from django.utils import timezone

from spool_live import LiveManager
from spool_live.models import Site


class Story(models.Model):
    """With publish state and slug: capture compares it with the stored row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    slug = models.CharField(max_length=100)
    status = models.CharField(max_length=20, default="draft")
    edit = models.CharField(max_length=40)
    body = models.TextField(default="")
    objects: ClassVar[Manager[Any]] = LiveManager()


class Brief(models.Model):
    """Integer key, nothing to compare."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    edit = models.CharField(max_length=40)
    objects: ClassVar[Manager[Any]] = LiveManager()


class Ledger(models.Model):
    """The content history: one row an edit, written in its transaction by the editor itself.

    ``edit`` names the edit; ``turn`` counts the transactions of an editor.
    """

    editor = models.CharField(max_length=20)
    turn = models.BigIntegerField()
    site_id = models.UUIDField()
    collection = models.CharField(max_length=20)
    item_id = models.UUIDField()
    event_type = models.CharField(max_length=20)
    edit = models.CharField(max_length=40)
    at = models.DateTimeField(default=timezone.now)
    objects: ClassVar[Manager[Any]] = models.Manager()
