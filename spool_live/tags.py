"""Cache tags: names of what a change makes stale, for CDNs and frameworks that purge by tag."""

from __future__ import annotations

from collections.abc import Iterable

CACHE_TAGS = "cache_tags"
"""Key of the tags in the metadata."""
MAX_TAG_LENGTH = 256
"""Most characters of a tag: the limit of Next.js."""
MAX_TAGS = 60
"""Most tags of one update, those of dependents included."""


def default_tags(
    collection: str, item_id: object, slug: str | None, previous_slug: object = None
) -> list[str]:
    """Return ``articles`` for what shows a list, ``articles:<id>``, ``articles:<slug>`` and
    ``articles:<previous slug>`` for what shows the item."""
    names = [str(item_id), slug, previous_slug if isinstance(previous_slug, str) else None]
    return fitting([collection, *(f"{collection}:{name}" for name in names if name)])


def fitting(tags: Iterable[str]) -> list[str]:
    """Return at most ``MAX_TAGS`` of ``tags``, without repetitions, each cut to the maximum."""
    return list(dict.fromkeys([str(tag)[:MAX_TAG_LENGTH] for tag in tags]))[:MAX_TAGS]
