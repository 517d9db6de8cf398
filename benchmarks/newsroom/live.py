from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from benchmarks.newsroom.models import (
    LiveStory,
    NumberedTriggerStory,
    TrackedStory,
    TrackedTriggerStory,
    TriggerStory,
)
from spool_live import LiveCollection, register


@register(LiveStory)
class LiveStories(LiveCollection):
    def get_metadata(self, item: LiveStory) -> Mapping[str, Any]:
        return {"title": item.title, "n": item.views}


@register(TrackedStory)
class TrackedStories(LiveCollection):
    slug_field = "slug"

    def is_published(self, item: TrackedStory) -> bool:
        return item.status == "published"

    def get_metadata(self, item: TrackedStory) -> Mapping[str, Any]:
        return {"title": item.title}


@register(TriggerStory)
class TriggerStories(LiveCollection):
    capture = "trigger"
    metadata_fields = {"title": "title", "n": "views"}


@register(TrackedTriggerStory)
class TrackedTriggerStories(LiveCollection):
    capture = "trigger"
    slug_field = "slug"
    published_when = Q(status="published")
    metadata_fields = ("title",)


@register(NumberedTriggerStory)
class NumberedTriggerStories(LiveCollection):
    capture = "trigger"
    metadata_fields = {"title": "title", "n": "views"}
