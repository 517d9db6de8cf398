"""Webhooks to the sites: endpoints, signed messages, sending, the log.

number (in the outbox) -> claim an endpoint -> run (sign, guard, POST) -> settle. What is sent is
what has a number and lies behind the endpoint's cursor; ``WebhookMessage`` holds what failed.
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
