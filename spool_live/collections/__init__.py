"""Which content is reported to subscribers, and how: ``LiveCollection`` and the registry.

Every app's ``live.py`` is imported at start, as ``admin.py`` is::

    @register(Article)
    class ArticleCollection(LiveCollection):
        slug_field = "slug"

        def is_published(self, item):
            return item.status == "published"
"""

from __future__ import annotations

from spool_live.collections.collection import LiveCollection, has_triggers
from spool_live.collections.identity import ITEM_NAMESPACE
from spool_live.collections.registration import (
    Registry,
    cache_tags,
    register,
    registry,
    registry_changed,
    unregister,
)

__all__ = [
    "ITEM_NAMESPACE",
    "LiveCollection",
    "Registry",
    "cache_tags",
    "has_triggers",
    "register",
    "registry",
    "registry_changed",
    "unregister",
]
