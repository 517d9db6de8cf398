from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spool_live import LiveCollection, register
from tests.faults.chaos.newsroom.models import Brief, Story


@register(Story)
class Stories(LiveCollection):
    name = "stories"
    slug_field = "slug"

    def is_published(self, item: Story) -> bool:
        return item.status == "published"

    def get_metadata(self, item: Story) -> Mapping[str, Any]:
        return {"edit": item.edit}


@register(Brief)
class Briefs(LiveCollection):
    name = "briefs"

    def get_metadata(self, item: Brief) -> Mapping[str, Any]:
        return {"edit": item.edit}
