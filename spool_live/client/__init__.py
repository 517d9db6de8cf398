"""The subscriber's side of spool_live: a site's updates, each once, in order, none missed.

Needs `pip install 'spool-live[client]'` and no Django.
"""

from __future__ import annotations

try:
    import httpx as _httpx
    import realtime as _realtime
except ImportError as error:
    raise ImportError(
        f"spool_live.client needs {error.name}: pip install 'spool-live[client]'"
    ) from error

from spool_live.client.client import LiveUpdatesClient
from spool_live.client.config import LiveUpdatesConfig
from spool_live.client.exceptions import (
    ConfigurationError,
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
from spool_live.client.updates import LiveUpdate, Reset, UpdateFilter

del _httpx, _realtime

__all__ = [
    "ConfigurationError",
    "ConnectionState",
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
    "Timing",
    "TokenExpiredError",
    "TransientError",
    "UpdateFilter",
    "WebhookVerificationError",
    "WrongSiteError",
]
