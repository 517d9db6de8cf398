"""A run: the messages of one lease, one after the other, without a database."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from spool_live.conf import live_settings
from spool_live.webhooks import signing
from spool_live.webhooks.claiming import RUN, Job
from spool_live.webhooks.client import Client, EndpointAnswer
from spool_live.webhooks.messages import OutgoingMessage

USER_AGENT = "spool-live-webhooks"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that was made, and what came of it."""

    message: OutgoingMessage
    at: datetime
    answer: EndpointAnswer


def run(job: Job, client: Client, *, began: Callable[[], None] = lambda: None) -> list[Attempt]:
    """Send the messages of ``job`` in their order, until one fails or the time is over.

    ``began`` is called before each request. Raises nothing that a receiver causes.
    """
    attempts: list[Attempt] = []
    end = time.monotonic() + RUN
    for message in job.messages:
        began()
        attempts.append(attempt(job.endpoint.url, job.secrets, message, client))
        if not attempts[-1].answer.is_success or time.monotonic() > end:
            break
    return attempts


def attempt(url: str, secrets: list[str], message: OutgoingMessage, client: Client) -> Attempt:
    """Return one attempt at sending ``message``, signed as of now."""
    now = timezone.now()
    headers = signing.sign(secrets, str(message.update_id), now, message.body)
    headers["user-agent"] = USER_AGENT
    seconds = live_settings().webhook_timeout.total_seconds()
    return Attempt(message, now, client.post(url, message.body.encode(), headers, seconds))
