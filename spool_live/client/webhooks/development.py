"""A live client in place of webhooks, which do not reach a developer's machine."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from spool_live.client.client import LiveUpdatesClient
from spool_live.client.config import LiveUpdatesConfig
from spool_live.client.exceptions import LiveUpdatesError
from spool_live.client.state import ConnectionState, Phase
from spool_live.client.sync import BackgroundLoop
from spool_live.client.updates import LiveUpdate
from spool_live.client.webhooks.receiver import WebhookEvent

logger = logging.getLogger("spool_live.client.development")

OnWebhook = Callable[[WebhookEvent], Awaitable[None] | None]


class DevelopmentFeed:
    """A live client that calls ``on_webhook`` on a developer's machine, which no webhook reaches.

    At most one per process and site runs, in a background thread. ``config`` says how to reach the
    site; ``on_webhook`` gets a ``WebhookEvent`` and may be async.
    """

    _running: dict[tuple[int, str], DevelopmentFeed] = {}
    _lock = threading.Lock()

    def __init__(self, config: LiveUpdatesConfig, on_webhook: OnWebhook) -> None:
        limit = config.max_reconnect_attempts or "development"
        self._config = replace(config, max_reconnect_attempts=limit)
        self._on_webhook = on_webhook
        self._client: LiveUpdatesClient | None = None
        self._thread: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Start the client in the background. Further calls have no effect.

        A feed of the same site that another handler started (a reloaded module) is replaced.
        Errors are logged as ``spool_live.client.development``.
        """
        key = (os.getpid(), self._config.site_id)
        with self._lock:
            before = self._running.get(key)
            if before is self:
                return
            self._running[key] = self
        loop = BackgroundLoop.of_this_process().loop
        if before is not None:
            asyncio.run_coroutine_threadsafe(before.disconnect(), loop)
        asyncio.run_coroutine_threadsafe(self._connect(), loop)

    def stop(self) -> None:
        """Stop the client, and wait until it has stopped."""
        with self._lock:
            running = self._running.pop((os.getpid(), self._config.site_id), None)
        if running is not None:
            BackgroundLoop.of_this_process().run(running.disconnect())

    async def disconnect(self) -> None:
        """Close the connection. ``stop`` does this from outside the client's event loop."""
        if self._client is not None:
            await self._client.disconnect()
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _connect(self) -> None:
        self._client = client = LiveUpdatesClient(self._config)
        client.on_state(_StateLogger(self._config))
        client.on_update(self._update_callback())
        try:
            await client.connect()
        except LiveUpdatesError as error:
            logger.warning("[DEV] Failed to connect to live updates: %s", error)

    def _update_callback(self) -> Callable[[LiveUpdate], Awaitable[None]]:
        self._thread = thread = ThreadPoolExecutor(1, thread_name_prefix="spool-live-webhook")

        async def call_webhook_function(update: LiveUpdate) -> None:
            logger.info("[DEV] Live update: %s/%s", update.collection, update.slug or "no-slug")
            event = WebhookEvent.from_update(update)
            if inspect.iscoroutinefunction(self._on_webhook):
                await self._on_webhook(event)
            else:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(thread, self._on_webhook, event)

        return call_webhook_function


class _StateLogger:
    """A state callback that logs each change of the connection once, for the developer."""

    def __init__(self, config: LiveUpdatesConfig) -> None:
        self._config = config
        self._last: tuple[Any, ...] = ()

    def __call__(self, state: ConnectionState) -> None:
        news = (state.phase, state.reconnect_attempts, state.error)
        if news == self._last:
            return
        self._last = news
        if state.phase is Phase.LIVE and state.error is None:
            logger.info("[DEV] Connected to Spool Realtime for site: %s", state.site_id)
        elif state.phase.ended and state.error:
            logger.warning("[DEV] Live updates are off; restart your dev server to try again")
        elif state.phase is Phase.BACKING_OFF:
            logger.info(
                "[DEV] Live updates connection error: %s Reconnecting (attempt %d of %s)",
                state.error,
                state.reconnect_attempts,
                self._config.attempt_limit,
            )


def serves_requests(argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Return whether this process is a web server, and not a command, a worker or the parent
    process of an autoreloader.

    ``manage.py migrate`` imports the URLs, too, and an autoreloader imports everything twice.
    """
    program = PurePath(argv[0]) if argv else PurePath()
    name = program.parent.name if program.name == "__main__.py" else program.name
    if name in {"celery", "pytest", "py.test"}:
        return False
    if name not in {"manage.py", "django-admin", "django"}:
        return True
    if len(argv) < 2 or not argv[1].startswith("runserver"):  # noqa: PLR2004  # program and command
        return False
    reloaded = "true" in {environ.get("RUN_MAIN"), environ.get("WERKZEUG_RUN_MAIN")}
    return reloaded or "--noreload" in argv
