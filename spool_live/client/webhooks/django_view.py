"""The webhook handler as a Django view; the only module of the client that needs Django."""

from __future__ import annotations

import hashlib
import inspect
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from spool_live.client.config import LiveUpdatesConfig
from spool_live.client.exceptions import ConfigurationError, WebhookVerificationError
from spool_live.client.webhooks.development import DevelopmentFeed, OnWebhook, serves_requests
from spool_live.client.webhooks.receiver import REMEMBERED, WebhookEvent, WebhookReceiver

logger = logging.getLogger("spool_live.client.webhook")


def create_spool_webhook_handler(
    *,
    secret: str | Sequence[str] | None = None,
    development_config: LiveUpdatesConfig | Mapping[str, Any] | None = None,
    on_webhook: OnWebhook,
    development: bool | None = None,
) -> Callable[..., Any]:
    """Return a Django view that verifies webhooks and calls ``on_webhook`` with a ``WebhookEvent``.

    ``secret`` (or ``SPOOL_WEBHOOK_SECRET``) is one secret, or several during a rotation.
    ``on_webhook`` may be async; then the view is async, too. With ``development`` (default:
    ``settings.DEBUG``) and a ``development_config`` (a ``LiveUpdatesConfig``, or its options; the
    rest is read from the environment), a live client of this process feeds the same function. In
    production no socket is ever opened.

    The view answers 200, also to a webhook that it has handled before; 401 to a bad signature; 405
    to anything but POST; 500 if ``on_webhook`` raises, so that the sender tries again. Signatures
    are those of Standard Webhooks (https://www.standardwebhooks.com).

    Raises ``ConfigurationError`` without a secret in production.
    """
    in_development = settings.DEBUG if development is None else development
    secret = secret or os.environ.get("SPOOL_WEBHOOK_SECRET")
    if not secret and not in_development:
        raise ConfigurationError(
            "A webhook handler needs a secret: pass secret=, or set SPOOL_WEBHOOK_SECRET."
        )
    receiver = WebhookReceiver(secret, CacheReplayGuard()) if secret else None
    feed = None
    if in_development and development_config is not None:
        feed = DevelopmentFeed(_config(development_config), _with_fresh_connections(on_webhook))
        if serves_requests(sys.argv, os.environ):
            feed.start()
    handler = _Handler(receiver, on_webhook, feed)
    is_async = inspect.iscoroutinefunction(on_webhook)
    return csrf_exempt(require_POST(handler.async_view if is_async else handler.sync_view))


class CacheReplayGuard:
    """A replay guard in Django's cache, so that workers with a shared cache share the ids."""

    def claim(self, webhook_id: str) -> bool:
        """Return whether the id is new, and remember it."""
        return cache.add(_cache_key(webhook_id), 1, timeout=int(REMEMBERED))

    def release(self, webhook_id: str) -> None:
        """Forget the id, because the event was not handled after all."""
        cache.delete(_cache_key(webhook_id))


class _Handler:
    def __init__(
        self, receiver: WebhookReceiver | None, on_webhook: OnWebhook, feed: DevelopmentFeed | None
    ) -> None:
        self._receiver = receiver
        self._on_webhook = on_webhook
        self._feed = feed

    def sync_view(self, request: HttpRequest) -> HttpResponse:
        event = self._receive(request)
        if not isinstance(event, WebhookEvent):
            return event
        try:
            self._on_webhook(event)
        except Exception:
            logger.exception("The handler of a webhook failed; its sender may try again")
            return self._failed(request)
        return JsonResponse({"received": True})

    async def async_view(self, request: HttpRequest) -> HttpResponse:
        event = self._receive(request)
        if not isinstance(event, WebhookEvent):
            return event
        try:
            result = self._on_webhook(event)
            if inspect.isawaitable(result):
                await result
        except Exception:
            logger.exception("The handler of a webhook failed; its sender may try again")
            return self._failed(request)
        return JsonResponse({"received": True})

    def _receive(self, request: HttpRequest) -> WebhookEvent | HttpResponse:
        if self._feed is not None:
            self._feed.start()  # a worker forked after the import has no client yet
        if self._receiver is None:
            return JsonResponse({"detail": "This handler has no secret."}, status=401)
        try:
            event = self._receiver.receive(request.body, request.headers)
        except WebhookVerificationError as error:
            logger.warning("%s", error)
            return JsonResponse({"detail": "The signature is not valid."}, status=401)
        return event or JsonResponse({"received": True, "duplicate": True})

    def _failed(self, request: HttpRequest) -> HttpResponse:
        if self._receiver is not None:
            self._receiver.release(request.headers)
        return JsonResponse({"detail": "The handler failed."}, status=500)


def _cache_key(webhook_id: str) -> str:
    return f"spool-live-webhook-{hashlib.sha256(webhook_id.encode()).hexdigest()}"


def _config(given: LiveUpdatesConfig | Mapping[str, Any]) -> LiveUpdatesConfig:
    if isinstance(given, LiveUpdatesConfig):
        return given
    return LiveUpdatesConfig.from_env(**given)


def _with_fresh_connections(on_webhook: OnWebhook) -> OnWebhook:
    """Wrap ``on_webhook`` to close stale database connections, as Django does around requests."""
    if inspect.iscoroutinefunction(on_webhook):
        return on_webhook

    def call(event: WebhookEvent) -> None:
        close_old_connections()
        try:
            on_webhook(event)
        finally:
            close_old_connections()

    return call
