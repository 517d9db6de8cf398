"""The models: sites and API keys with their audit trails, the outbox, the state of delivery, the
live table, webhooks and monitoring."""

from __future__ import annotations

from spool_live.models.live import LiveUpdate
from spool_live.models.monitoring import (
    AlertEpisode,
    AlertNotice,
    Counter,
    CounterSample,
    Dashboard,
    Heartbeat,
)
from spool_live.models.outbox import (
    DeliveryAttempt,
    DeliveryCircuit,
    OutboxEntry,
    OutboxEvent,
    SiteDelivery,
    SiteMirror,
)
from spool_live.models.scheduling import ScheduledMoment
from spool_live.models.sites import (
    ApiKeyEvent,
    ApiKeyUse,
    FailedAuthentication,
    IsolationReport,
    OperatorEvent,
    Site,
    SiteApiKey,
)
from spool_live.models.webhooks import (
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookMessage,
    WebhookSecret,
)

__all__ = [
    "AlertEpisode",
    "AlertNotice",
    "ApiKeyEvent",
    "ApiKeyUse",
    "Counter",
    "CounterSample",
    "Dashboard",
    "DeliveryAttempt",
    "DeliveryCircuit",
    "FailedAuthentication",
    "Heartbeat",
    "IsolationReport",
    "LiveUpdate",
    "OperatorEvent",
    "OutboxEntry",
    "OutboxEvent",
    "ScheduledMoment",
    "Site",
    "SiteApiKey",
    "SiteDelivery",
    "SiteMirror",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookMessage",
    "WebhookSecret",
]
