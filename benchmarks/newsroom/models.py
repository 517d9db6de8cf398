"""One model for each variant, so that each has its own table and signals."""

from __future__ import annotations

import uuid

from django.apps import apps
from django.db import models

from spool_live import LiveManager
from spool_live.models import Site


class Story(models.Model):
    """Ten fields, 1.3 kB."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+")
    title = models.CharField(max_length=200)
    slug = models.CharField(max_length=200)
    status = models.CharField(max_length=20, default="published")
    summary = models.TextField()
    body = models.TextField()
    views = models.IntegerField(default=0)
    featured = models.BooleanField(default=False)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class PlainStory(Story):
    """A model without capture."""


class LiveStory(Story):
    """Captured by spool_live, without publish state and slug."""

    objects = models.Manager()
    live = LiveManager()


class TrackedStory(Story):
    """Captured by spool_live, with publish state and slug: one more query, for the stored row."""


class KeyedStory(Story):
    """An abstract model with a UUID as its key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    class Meta:
        abstract = True


class PlainKeyedStory(KeyedStory):
    """A model without capture."""


class TriggerStory(KeyedStory):
    """Captured by spool_live's trigger."""


class TrackedTriggerStory(KeyedStory):
    """Captured by spool_live's trigger, with publish state and slug."""


class NumberedTriggerStory(Story):
    """Captured by spool_live's trigger, with a number as its key, of which the item's id is a
    hash."""


class PostedStory(Story):
    """The naive variant: a request to Supabase during the save."""


class EnqueuedStory(Story):
    """The usual variant: one task for each save."""


if apps.is_installed("reversion"):
    import reversion

    @reversion.register()
    class RevisedStory(Story):
        """Captured by django-reversion."""


if apps.is_installed("simple_history"):
    from simple_history.models import HistoricalRecords

    class HistoricStory(Story):
        """Captured by django-simple-history."""

        history = HistoricalRecords()


if apps.is_installed("pghistory"):
    import pghistory

    @pghistory.track()
    class TriggeredStory(Story):
        """Captured by django-pghistory's trigger."""


if apps.is_installed("django_outbox_pattern"):
    from django_outbox_pattern.decorators import Config, publish

    @publish([Config(destination="stories", fields=["id", "title", "slug", "status"])])
    class OutboxedStory(Story):
        """Captured by django-outbox-pattern."""


class StreamedStory(Story):
    """Captured by django-eventstream, with its storage in the database."""
