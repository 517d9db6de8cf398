"""Sites and their API keys with their history, the outbox, delivery's state, the live table."""

from __future__ import annotations

from spool_live.models.live import LiveUpdate
from spool_live.models.outbox import DeliveryCircuit, OutboxEntry, SiteDelivery
from spool_live.models.sites import (
    ApiKeyEvent,
    FailedAuthentication,
    IsolationReport,
    Site,
    SiteApiKey,
)

__all__ = [
    "ApiKeyEvent",
    "DeliveryCircuit",
    "FailedAuthentication",
    "IsolationReport",
    "LiveUpdate",
    "OutboxEntry",
    "Site",
    "SiteApiKey",
    "SiteDelivery",
]
