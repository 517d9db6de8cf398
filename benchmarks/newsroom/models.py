"""One model a variant, so that each has a table and signals of its own."""

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
    """Nobody hears of it."""


class LiveStory(Story):
    """Ours, without publish state and slug."""

    objects = models.Manager()
    live = LiveManager()


class TrackedStory(Story):
    """Ours, with publish state and slug: a query more, to compare with the stored row."""


class KeyedStory(Story):
    """With a UUID as its key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    class Meta:
        abstract = True


class PlainKeyedStory(KeyedStory):
    """Nobody hears of it."""


class TriggerStory(KeyedStory):
    """Ours, by trigger."""


class TrackedTriggerStory(KeyedStory):
    """Ours, by trigger, with publish state and slug."""


class NumberedTriggerStory(Story):
    """Ours, by trigger, with a number as its key: its id among subscribers is a SHA-1."""


class PostedStory(Story):
    """The naive way: a request to Supabase in the save."""


class EnqueuedStory(Story):
    """The usual way: one task a save."""


if apps.is_installed("reversion"):
    import reversion

    @reversion.register()
    class RevisedStory(Story):
        """django-reversion's."""


if apps.is_installed("simple_history"):
    from simple_history.models import HistoricalRecords

    class HistoricStory(Story):
        """django-simple-history's."""

        history = HistoricalRecords()


if apps.is_installed("pghistory"):
    import pghistory

    @pghistory.track()
    class TriggeredStory(Story):
        """django-pghistory's: by trigger."""


if apps.is_installed("django_outbox_pattern"):
    from django_outbox_pattern.decorators import Config, publish

    @publish([Config(destination="stories", fields=["id", "title", "slug", "status"])])
    class OutboxedStory(Story):
        """django-outbox-pattern's."""


class StreamedStory(Story):
    """django-eventstream's, with its storage in the database."""
