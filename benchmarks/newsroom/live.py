from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.newsroom.models import LiveStory, TrackedStory
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
