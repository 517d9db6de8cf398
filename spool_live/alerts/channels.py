"""The channels: a Django signal, e-mail, and a signed webhook (Standard Webhooks)."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.mail import send_mail
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from spool_live.conf import live_settings
from spool_live.exceptions import SpoolLiveError
from spool_live.models import AlertEpisode
from spool_live.signals import alert
from spool_live.webhooks import signing
from spool_live.webhooks.client import Client

logger = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds that the receiver of a webhook may take."""


class NoticeNotSentError(SpoolLiveError):
    """A channel did not accept a notice. The message holds no address and no secret."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice about an episode. ``kind`` is ``firing``, ``recovered`` or ``test``."""

    id: str
    """The same in each attempt to send this notice, so that receivers can drop duplicates."""
    kind: str
    rule: str
    subject: str
    state: str
    summary: str
    remedy: str
    started_at: datetime
    ended_at: datetime | None = None

    @property
    def title(self) -> str:
        """One line: what happened to which rule."""
        word = {"firing": self.state, "recovered": "recovered", "test": "test"}[self.kind]
        return f"{word}: {self.rule.replace('_', ' ')}"

    @property
    def text(self) -> str:
        """The notice as plain text."""
        lines = [self.summary]
        if self.kind == "firing":
            lines.append(self.remedy)
        lines.append(f"Since {timezone.localtime(self.started_at):%Y-%m-%d %H:%M:%S %Z}.")
        if self.ended_at:
            lines.append(f"Over at {timezone.localtime(self.ended_at):%Y-%m-%d %H:%M:%S %Z}.")
        return "\n\n".join(line for line in lines if line)


def of_episode(episode: AlertEpisode, kind: str) -> Notice:
    """Return the notice of ``kind`` about ``episode``."""
    return Notice(
        id=f"alert_{episode.pk}_{kind}",
        kind=kind,
        rule=episode.rule,
        subject=episode.subject,
        state=episode.state,
        summary=episode.summary,
        remedy=episode.remedy,
        started_at=episode.started_at,
        ended_at=episode.ended_at,
    )


def configured() -> list[str]:
    """Return the channels that the settings name; the signal is always one."""
    settings = live_settings()
    named = {"email": settings.alert_emails, "webhook": settings.alert_webhook_url}
    return ["signal", *(name for name, is_set in named.items() if is_set)]


def send(channel: str, notice: Notice) -> None:
    """Send ``notice``. Raises ``NoticeNotSentError``, or what Django's e-mail backend
    raises."""
    _SENDERS[channel](notice)


def send_test() -> dict[str, str]:
    """Send a test notice on each channel; return the error, or "", by channel."""
    notice = Notice(
        id=f"alert_test_{uuid.uuid4().hex}",
        kind="test",
        rule="test",
        subject="",
        state="ok",
        summary="This is a test of spool_live's alerts. Nothing is wrong.",
        remedy="",
        started_at=timezone.now(),
    )
    outcome: dict[str, str] = {}
    for channel in configured():
        try:
            send(channel, notice)
        except Exception as error:  # noqa: BLE001 - what a channel raises is the answer
            outcome[channel] = reason(error)
        else:
            outcome[channel] = ""
    return outcome


def reason(error: Exception) -> str:
    """Return what may be stored and shown of a channel's error: the message if it is ours."""
    return str(error) if isinstance(error, SpoolLiveError) else type(error).__name__


def payload(notice: Notice) -> dict[str, Any]:
    """Return the body of the webhook: ``{type, timestamp, data}`` as Standard Webhooks
    recommends."""
    return {
        "type": f"alert.{notice.kind}",
        "timestamp": timezone.now(),
        "data": {
            "rule": notice.rule,
            "subject": notice.subject,
            "state": notice.state,
            "title": notice.title,
            "summary": notice.summary,
            "remedy": notice.remedy,
            "started_at": notice.started_at,
            "ended_at": notice.ended_at,
        },
    }


def _send_signal(notice: Notice) -> None:
    is_firing = notice.kind == "firing"
    level = logging.ERROR if is_firing else logging.WARNING
    logger.log(level, "alert: %s: %s %s", notice.title, notice.summary, notice.remedy * is_firing)
    answers = alert.send_robust(sender=AlertEpisode, notice=notice)
    failures = [answer for _, answer in answers if isinstance(answer, Exception)]
    if failures:
        raise NoticeNotSentError(f"a receiver of the signal raised {type(failures[0]).__name__}")


def _send_email(notice: Notice) -> None:
    subject = f"[spool_live] {notice.title}"
    send_mail(subject, notice.text, None, list(live_settings().alert_emails))


def _send_webhook(notice: Notice) -> None:
    """Send ``notice`` with the webhooks' client, unguarded: the address is the operator's own."""
    settings = live_settings()
    body = json.dumps(payload(notice), cls=DjangoJSONEncoder)
    headers = signing.sign([settings.alert_webhook_secret], notice.id, timezone.now(), body)
    client = Client(guarded=False)
    try:
        answer = client.post(settings.alert_webhook_url, body.encode(), headers, PATIENCE)
    finally:
        client.close()
    if answer.status is None:
        raise NoticeNotSentError(f"the webhook's receiver: {answer.error}")
    if not answer.is_success:
        raise NoticeNotSentError(f"the webhook's receiver answered HTTP {answer.status}")


_SENDERS: dict[str, Callable[[Notice], None]] = {
    "signal": _send_signal,
    "email": _send_email,
    "webhook": _send_webhook,
}
