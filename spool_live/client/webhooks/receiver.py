"""Verification of spool_live's webhooks, without a framework.

Signatures are those of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over
``webhook-id.webhook-timestamp.body``, at most five minutes old.
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
"""Seconds for which ids are remembered: longer than the 27 to 33 hours in which a CMS retries."""


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """The event that ``on_webhook`` gets: from a webhook in production, from the socket in
    development."""

    event: str
    """``content.created``, ``content.updated``, ``content.published`` or ``content.deleted``."""
    site_id: str
    """The UUID of the site that the item belongs to."""
    collection: str
    """The collection's name, as the CMS declares it."""
    slug: str | None
    """The item's slug, or ``None`` if it has none."""
    item_id: str
    """The item's UUID, the same in every event of it."""
    timestamp: str
    """ISO 8601 time of the edit, with its offset."""
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """The metadata that the collection adds: a JSON object of at most 8 KiB."""
    id: str | None = None
    """The update's own UUID. Two events with the same id are the same update."""
    seq: int | None = None
    """The update's number on its site. A webhook that failed is sent again later, after newer ones:
    the event with the highest ``seq`` is the newest state of an item."""

    @classmethod
    def from_payload(cls, data: Any) -> WebhookEvent:
        """Build an event from a webhook's JSON, or raise ``WebhookVerificationError``."""
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
        """Build an event from an update that came over the socket."""
        values = update.as_dict()
        return cls(event=values.pop("event_type"), **values)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object that the webhook carries."""
        return asdict(self)


class ReplayGuard(Protocol):
    """A memory of webhook ids, each kept for ``REMEMBERED`` seconds, against repetitions."""

    def claim(self, webhook_id: str) -> bool:
        """Return whether the id is new, and remember it."""

    def release(self, webhook_id: str) -> None:
        """Forget the id, because the event was not handled after all: so the sender's next attempt
        is handled."""


class MemoryReplayGuard:
    """A replay guard for one process. Beyond ``maximum`` ids, the oldest are forgotten early."""

    def __init__(
        self, now: Callable[[], float] = time.monotonic, *, maximum: int = 100_000
    ) -> None:
        self._now = now
        self._maximum = maximum
        self._seen: OrderedDict[str, float] = OrderedDict()

    def claim(self, webhook_id: str) -> bool:
        """Return whether the id is new, and remember it."""
        horizon = self._now() - REMEMBERED
        while self._seen and next(iter(self._seen.values())) < horizon:
            self._seen.popitem(last=False)
        if webhook_id in self._seen:
            return False
        self._seen[webhook_id] = self._now()
        if len(self._seen) > self._maximum:
            self._seen.popitem(last=False)
        return True

    def release(self, webhook_id: str) -> None:
        """Forget the id, because the event was not handled after all."""
        self._seen.pop(webhook_id, None)


class WebhookReceiver:
    """Verifier of webhooks for any framework: it takes raw body and headers, and returns an event.

    In FastAPI and in Flask:

        event = receiver.receive(await request.body(), request.headers)
        event = receiver.receive(request.get_data(), request.headers)

    ``secret`` is one secret, or several during a rotation. ``guard`` remembers which messages were
    handled; the default is the memory of this process. Answer 401 to a
    ``WebhookVerificationError``, and 200 to ``None``, which stands for a webhook that was handled
    before. If your handling fails, call ``release`` and answer 500, so that the sender's next
    attempt is handled.

    Raises ``ConfigurationError`` for a secret that is empty or not base64.
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
        """Return the event of a request, or ``None`` if it was handled before.

        ``body`` is the raw body. Raises ``WebhookVerificationError`` for a bad signature, a
        timestamp more than five minutes off, or a body that is not a webhook of spool_live.
        Signatures are those of Standard Webhooks (https://www.standardwebhooks.com).
        """
        lower = {name.lower(): value for name, value in headers.items()}
        event = WebhookEvent.from_payload(self._verified(body, lower))
        return event if self._guard.claim(lower["webhook-id"]) else None

    def release(self, headers: Mapping[str, str]) -> None:
        """Forget the webhook with these headers, because it was not handled after all."""
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
