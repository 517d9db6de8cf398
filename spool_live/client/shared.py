"""One connection per site, process and event loop, however many clients ask for it."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from spool_live.client.config import LiveUpdatesConfig
from spool_live.client.feed import Feed

_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[object, ...], Feed]] = (
    WeakKeyDictionary()
)


def acquire(config: LiveUpdatesConfig) -> Feed:
    """The running feed of this site and key, or a new one; started. Give it back with `release`."""
    feeds = _feeds.setdefault(asyncio.get_running_loop(), {})
    key = _key(config)
    feed = feeds.get(key) if config.shared else None
    if feed is None or feed.ended:
        feed = Feed(config)
        if config.shared:
            feeds[key] = feed
    feed.users += 1
    feed.start()
    return feed


async def release(feed: Feed) -> None:
    """Not needed any more; the last one out closes it."""
    feed.users -= 1
    if feed.users:
        return
    feeds = _feeds.get(asyncio.get_running_loop(), {})
    if feeds.get(_key(feed.config)) is feed:
        del feeds[_key(feed.config)]
    await feed.stop()


def _key(config: LiveUpdatesConfig) -> tuple[object, ...]:
    return (
        config.site_id,
        config.api_key,
        config.api_url,
        config.attempt_limit,
        config.timing,
    )
