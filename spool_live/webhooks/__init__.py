"""Webhooks: endpoints of the sites, signed messages, sending them, and the log.

The steps are: number updates (in the outbox), claim an endpoint, run (sign, guard, POST), settle.
An endpoint gets the numbered updates after its cursor; ``WebhookMessage`` holds those that failed.
"""

from __future__ import annotations

from spool_live.webhooks.background import sender
from spool_live.webhooks.endpoints import create_endpoint, disable, enable
from spool_live.webhooks.log import purge as purge_log
from spool_live.webhooks.turn import SendReport, send_pending

__all__ = [
    "SendReport",
    "create_endpoint",
    "disable",
    "enable",
    "purge_log",
    "send_pending",
    "sender",
]
