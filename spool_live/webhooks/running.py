"""A run: sending the messages of one lease, one after the other. Uses no database."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from spool_live.conf import live_settings
from spool_live.webhooks import signing
from spool_live.webhooks.claiming import RUN_TIME, Job
from spool_live.webhooks.client import Client, EndpointAnswer
from spool_live.webhooks.messages import OutgoingMessage

USER_AGENT = "spool-live-webhooks"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request: its message, when it was sent, and the answer."""

    message: OutgoingMessage
    at: datetime
    answer: EndpointAnswer


def run(job: Job, client: Client, *, began: Callable[[], None] = lambda: None) -> list[Attempt]:
    """Send the messages of ``job`` in order, until one fails or ``RUN_TIME`` is over.

    ``began`` is called before each request. Raises no error that a receiver can cause.
    """
    attempts: list[Attempt] = []
    end = time.monotonic() + RUN_TIME
    for message in job.messages:
        began()
        attempts.append(attempt(job.endpoint.url, job.secrets, message, client))
        if not attempts[-1].answer.is_success or time.monotonic() > end:
            break
    return attempts


def attempt(url: str, secrets: list[str], message: OutgoingMessage, client: Client) -> Attempt:
    """Send ``message`` to ``url``, signed with ``secrets`` as of now; return the attempt."""
    now = timezone.now()
    headers = signing.sign(secrets, str(message.update_id), now, message.body)
    headers["user-agent"] = USER_AGENT
    seconds = live_settings().webhook_timeout.total_seconds()
    return Attempt(message, now, client.post(url, message.body.encode(), headers, seconds))
