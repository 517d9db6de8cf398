"""Webhooks of spool_live, verified: the core without a framework, and a view for Django.

Signatures are those of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over
`webhook-id.webhook-timestamp.body`, at most five minutes old.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from standardwebhooks import Webhook

from spool_live.client.exceptions import ConfigurationError, WebhookVerificationError
from spool_live.client.updates import LiveUpdate

REMEMBERED = 172_800.0
"""Seconds that ids are remembered: longer than a CMS goes on trying, which is 27 to 33 hours."""


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """What `on_webhook` gets, from a webhook in production and from the socket in development."""

    event: str
    site_id: str
    collection: str
    slug: str | None
    item_id: str
    timestamp: str
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    id: str | None = None
    seq: int | None = None

    @classmethod
    def from_payload(cls, data: Any) -> WebhookEvent:
        """Build it from a webhook's JSON. Raises WebhookVerificationError for anything else."""
        try:
            return cls(
                event=str(data["event"]),
                site_id=str(data["site_id"]),
                collection=str(data["collection"]),
                slug=data.get("slug"),
                item_id=str(data["item_id"]),
                timestamp=str(data["timestamp"]),
                metadata=dict(data.get("metadata") or {}),
                id=data.get("id"),
                seq=data.get("seq"),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise WebhookVerificationError(
                f"This is not a webhook of spool_live: {error!r}"
            ) from error

    @classmethod
    def from_update(cls, update: LiveUpdate) -> WebhookEvent:
        """The same event, heard over the socket."""
        values = update.as_dict()
        return cls(event=values.pop("event_type"), **values)

    def as_dict(self) -> dict[str, Any]:
        """The payload."""
        return asdict(self)


class ReplayGuard(Protocol):
    """Remembers the ids of webhooks for `REMEMBERED` seconds."""

    def claim(self, webhook_id: str) -> bool:
        """Whether it is new; from now on it is not."""

    def release(self, webhook_id: str) -> None:
        """It was not handled after all: the sender's next attempt is welcome."""


class MemoryReplayGuard:
    """For one process. Beyond `most` ids, the oldest are forgotten before their time."""

    def __init__(self, now: Callable[[], float] = time.monotonic, *, most: int = 100_000) -> None:
        self._now = now
        self._most = most
        self._seen: OrderedDict[str, float] = OrderedDict()

    def claim(self, webhook_id: str) -> bool:
        """Whether it is new; from now on it is not."""
        horizon = self._now() - REMEMBERED
        while self._seen and next(iter(self._seen.values())) < horizon:
            self._seen.popitem(last=False)
        if webhook_id in self._seen:
            return False
        self._seen[webhook_id] = self._now()
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
        return True

    def release(self, webhook_id: str) -> None:
        """It was not handled after all."""
        self._seen.pop(webhook_id, None)


class WebhookReceiver:
    """Raw body and headers in, event out; for any framework::

        event = receiver.receive(await request.body(), request.headers)   # FastAPI
        event = receiver.receive(request.get_data(), request.headers)     # Flask

    `secret` may be several (a rotation: the new one and the old one). Answer 401 to a
    WebhookVerificationError, 200 to a None (handled before), and call `release` and answer 500 if
    your handling fails, so that the sender's next attempt is handled.
    """

    def __init__(self, secret: str | Sequence[str], guard: ReplayGuard | None = None) -> None:
        secrets = [secret] if isinstance(secret, str) else list(secret)
        if not secrets or not all(secrets):
            raise ConfigurationError(
                "The webhook secret is empty: pass secret=, or set SPOOL_WEBHOOK_SECRET."
            )
        try:
            self._webhooks = [Webhook(secret) for secret in secrets]
        except Exception as error:
            raise ConfigurationError(
                'A webhook secret is base64, usually with "whsec_" in front: check '
                "SPOOL_WEBHOOK_SECRET."
            ) from error
        self._guard = guard or MemoryReplayGuard()

    def receive(self, body: bytes, headers: Mapping[str, str]) -> WebhookEvent | None:
        """The event; None if it was handled before.

        Raises WebhookVerificationError for a bad signature, an old timestamp, a foreign body.
        """
        lower = {name.lower(): value for name, value in headers.items()}
        event = WebhookEvent.from_payload(self._verified(body, lower))
        return event if self._guard.claim(lower["webhook-id"]) else None

    def release(self, headers: Mapping[str, str]) -> None:
        """The event of this request was not handled after all."""
        self._guard.release({name.lower(): v for name, v in headers.items()}["webhook-id"])

    def _verified(self, body: bytes, headers: dict[str, str]) -> Any:
        for webhook in self._webhooks:
            try:
                return webhook.verify(body, headers)
            except Exception as error:  # noqa: BLE001  # it also raises ValueErrors of all sorts
                reason = error
        raise WebhookVerificationError(
            f"The webhook was refused: {reason}. If it was sent by your CMS, check "
            "SPOOL_WEBHOOK_SECRET and the clocks of both machines."
        ) from reason
