"""Standard Webhooks, verified; replays refused; in any framework."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from spool_live.client import (
    ConfigurationError,
    LiveUpdate,
    WebhookEvent,
    WebhookReceiver,
    WebhookVerificationError,
)
from spool_live.client.webhooks.receiver import REMEMBERED, MemoryReplayGuard

SECRET = "whsec_" + base64.b64encode(b"a secret of the webhooks").decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"the one from last year").decode()
PAYLOAD: dict[str, Any] = {
    "event": "content.updated",
    "site_id": "0a0a0a0a-0000-4000-8000-000000000001",
    "collection": "articles",
    "slug": "hello",
    "item_id": "0b0b0b0b-0000-4000-8000-000000000001",
    "timestamp": "2026-11-22T10:00:00+00:00",
    "metadata": {"title": "Grüße"},
    "id": "0c0c0c0c-0000-4000-8000-000000000001",
    "seq": 7,
}


def signed(
    payload: Any = PAYLOAD,
    *,
    secret: str = SECRET,
    ident: str = "msg_1",
    age: timedelta = timedelta(0),
) -> tuple[bytes, dict[str, str]]:
    """The body and headers that a CMS sends."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    sent = datetime.now(UTC) - age
    signature = Webhook(secret).sign(ident, sent, body.decode(errors="replace"))
    return body, {
        "Webhook-Id": ident,
        "Webhook-Timestamp": str(int(sent.timestamp())),
        "Webhook-Signature": signature,
    }


def test_replay_guard_of_one_process_is_bounded() -> None:
    guard = MemoryReplayGuard(maximum=3)
    assert all(guard.claim(str(number)) for number in range(10))
    assert len(guard._seen) == 3
    assert not guard.claim("9")


def test_signed_webhook_becomes_an_event() -> None:
    event = WebhookReceiver(SECRET).receive(*signed())
    assert event is not None
    assert event.as_dict() == PAYLOAD
    assert (event.event, event.slug, event.seq) == ("content.updated", "hello", 7)


def test_payload_of_the_design_document_is_enough() -> None:
    names = ("event", "site_id", "collection", "slug", "item_id", "timestamp")
    event = WebhookReceiver(SECRET).receive(*signed({name: PAYLOAD[name] for name in names}))
    assert event is not None
    assert (event.id, event.seq, event.metadata) == (None, None, {})


def test_update_from_the_socket_becomes_the_same_event() -> None:
    row = {"event_type" if name == "event" else name: value for name, value in PAYLOAD.items()}
    assert WebhookEvent.from_update(LiveUpdate.from_wire(row)).as_dict() == PAYLOAD


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET], ids=["new", "old"])
def test_both_secrets_of_a_rotation_are_good(secret: str) -> None:
    assert WebhookReceiver([SECRET, OLD_SECRET]).receive(*signed(secret=secret))


def test_sender_may_sign_with_both_secrets() -> None:
    body, headers = signed()
    other = signed(secret=OLD_SECRET)[1]["Webhook-Signature"]
    headers["Webhook-Signature"] = f"{other} {headers['Webhook-Signature']}"
    assert WebhookReceiver(SECRET).receive(body, headers)


def test_wrong_secret_is_refused_with_the_remedy() -> None:
    with pytest.raises(WebhookVerificationError, match="SPOOL_WEBHOOK_SECRET"):
        WebhookReceiver(SECRET).receive(*signed(secret=OLD_SECRET))


def test_changed_body_is_refused() -> None:
    body, headers = signed()
    with pytest.raises(WebhookVerificationError):
        WebhookReceiver(SECRET).receive(body.replace(b"hello", b"hallo"), headers)


@pytest.mark.parametrize("minutes", [6, -6], ids=["old", "from the future"])
def test_timestamp_out_of_tolerance_is_refused(minutes: int) -> None:
    with pytest.raises(WebhookVerificationError, match="too"):
        WebhookReceiver(SECRET).receive(*signed(age=timedelta(minutes=minutes)))


@pytest.mark.parametrize("missing", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_missing_header_is_refused(missing: str) -> None:
    body, headers = signed()
    del headers[missing]
    with pytest.raises(WebhookVerificationError):
        WebhookReceiver(SECRET).receive(body, headers)


@pytest.mark.parametrize(
    "signature", ["", "v1", "v1,", "v1,%%%", "v2,abc", "nonsense", "v1,ä", "v1,a,b"]
)
def test_malformed_signature_is_refused_and_nothing_else(signature: str) -> None:
    body, headers = signed()
    headers["Webhook-Signature"] = signature
    with pytest.raises(WebhookVerificationError):
        WebhookReceiver(SECRET).receive(body, headers)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"event": "x"}', b"not json", b"\xff\xfe"])
def test_foreign_body_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookVerificationError):
        WebhookReceiver(SECRET).receive(*signed(body))


def test_replay_is_not_handled_again() -> None:
    receiver = WebhookReceiver(SECRET)
    body, headers = signed()
    assert receiver.receive(body, headers)
    assert receiver.receive(body, headers) is None
    assert receiver.receive(*signed(ident="msg_2"))


def test_refused_request_does_not_use_up_the_id() -> None:
    receiver = WebhookReceiver(SECRET)
    with pytest.raises(WebhookVerificationError):
        receiver.receive(*signed(secret=OLD_SECRET))
    assert receiver.receive(*signed())


def test_released_webhook_is_handled_again() -> None:
    receiver = WebhookReceiver(SECRET)
    body, headers = signed()
    receiver.receive(body, headers)
    receiver.release(headers)
    assert receiver.receive(body, headers)


def test_guard_remembers_for_as_long_as_a_cms_goes_on_trying() -> None:
    now = 0.0
    guard = MemoryReplayGuard(lambda: now)
    for now in (0.0, 33 * 3600.0):
        assert guard.claim(f"msg_{now}")
    assert not guard.claim("msg_0.0"), "the last attempt comes after 33 hours at the latest"
    now = REMEMBERED + 1
    assert guard.claim("msg_0.0")
    assert not guard.claim(f"msg_{33 * 3600.0}")


@pytest.mark.parametrize("secret", ["", [], ["whsec_", ""], "whsec_", "not base64 ä"])
def test_bad_secret_names_the_variable(secret: Any) -> None:
    with pytest.raises(ConfigurationError, match="SPOOL_WEBHOOK_SECRET"):
        WebhookReceiver(secret)
