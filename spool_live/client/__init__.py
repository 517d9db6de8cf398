"""The subscriber's side of spool_live: a site's updates, each once, in order, none missed.

Needs ``pip install 'spool-live[client]'`` and no Django.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

try:
    import httpx as _httpx
    import realtime as _realtime
    import standardwebhooks as _standardwebhooks
except ImportError as error:
    raise ImportError(
        f"spool_live.client needs {error.name}: pip install 'spool-live[client]'"
    ) from error

from spool_live.client.client import LiveUpdatesClient
from spool_live.client.config import LiveUpdatesConfig
from spool_live.client.cursor import CursorStore, FileCursor
from spool_live.client.exceptions import (
    ConfigurationError,
    DisconnectedError,
    GivenUpError,
    IncompatibleServerError,
    InvalidCredentialsError,
    LiveUpdatesError,
    RateLimitedError,
    RealtimeUnavailableError,
    ServerUnreachableError,
    SubscriptionRefusedError,
    TokenExpiredError,
    TransientError,
    WebhookVerificationError,
    WrongSiteError,
)
from spool_live.client.policy import Timing
from spool_live.client.state import ConnectionState, LogSource, Phase
from spool_live.client.sync import SyncLiveUpdatesClient
from spool_live.client.updates import LiveUpdate, Reset, UpdateFilter
from spool_live.client.webhooks.development import DevelopmentFeed
from spool_live.client.webhooks.receiver import WebhookEvent, WebhookReceiver

if TYPE_CHECKING:
    from spool_live.client.webhooks.django_view import create_spool_webhook_handler

del _httpx, _realtime, _standardwebhooks

__all__ = [
    "ConfigurationError",
    "ConnectionState",
    "CursorStore",
    "DevelopmentFeed",
    "DisconnectedError",
    "FileCursor",
    "GivenUpError",
    "IncompatibleServerError",
    "InvalidCredentialsError",
    "LiveUpdate",
    "LiveUpdatesClient",
    "LiveUpdatesConfig",
    "LiveUpdatesError",
    "LogSource",
    "Phase",
    "RateLimitedError",
    "RealtimeUnavailableError",
    "Reset",
    "ServerUnreachableError",
    "SubscriptionRefusedError",
    "SyncLiveUpdatesClient",
    "Timing",
    "TokenExpiredError",
    "TransientError",
    "UpdateFilter",
    "WebhookEvent",
    "WebhookReceiver",
    "WebhookVerificationError",
    "WrongSiteError",
    "create_spool_webhook_handler",
]


def __getattr__(name: str) -> Any:
    """Import ``create_spool_webhook_handler`` on first use: it alone needs Django."""
    if name != "create_spool_webhook_handler":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        view = importlib.import_module("spool_live.client.webhooks.django_view")
    except ModuleNotFoundError as error:
        if error.name != "django":
            raise
        raise ImportError(
            "create_spool_webhook_handler makes a Django view, and Django is not installed. For "
            "another framework use spool_live.client.WebhookReceiver."
        ) from error
    return view.create_spool_webhook_handler


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
