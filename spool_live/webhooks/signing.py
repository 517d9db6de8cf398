"""Signatures of Standard Webhooks: ``v1`` (HMAC-SHA256, by the reference library) and ``v1a``
(Ed25519), over ``id.timestamp.body``.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.views.decorators.debug import sensitive_variables
from standardwebhooks import Webhook

from spool_live.keys.secrets import HiddenText

SECRET_BYTES = 32
"""The length of a new secret; the specification allows 24 to 64 bytes."""
_PRIVATE = "whsk_"
_PUBLIC = "whpk_"


class PlainSecret(HiddenText):
    """The text of an endpoint's secret."""

    __slots__ = ()


@sensitive_variables()
def new_hmac_secret() -> PlainSecret:
    """Return a random secret, ``whsec_`` and base64, which sender and receiver share."""
    return PlainSecret("whsec_" + base64.b64encode(os.urandom(SECRET_BYTES)).decode())


@sensitive_variables()
def new_key_pair() -> tuple[PlainSecret, str]:
    """Return a new private key (``whsk_`` and the base64 of 32 bytes, RFC 8032), and the public key
    for receivers (``whpk_``)."""
    private = os.urandom(SECRET_BYTES)
    return PlainSecret(_PRIVATE + base64.b64encode(private).decode()), public_key(private)


@sensitive_variables()
def public_key(private: bytes) -> str:
    """Return the ``whpk_`` text of the public key that belongs to 32 ``private`` bytes."""
    key = Ed25519PrivateKey.from_private_bytes(private).public_key()
    return _PUBLIC + base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


@sensitive_variables()
def sign(secrets: Iterable[str], message_id: str, sent_at: datetime, body: str) -> dict[str, str]:
    """Return the headers that make ``body`` a message of Standard Webhooks, signed with each of
    ``secrets`` (``whsec_`` or ``whsk_``). Raises ``ValueError`` where there is none."""
    signatures = [
        _signature(secret, message_id, sent_at.astimezone(UTC), body) for secret in secrets
    ]
    if not signatures:
        raise ValueError("the endpoint has no secret")
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


@sensitive_variables()
def _signature(secret: str, message_id: str, sent_at: datetime, body: str) -> str:
    if not secret.startswith(_PRIVATE):
        return Webhook(secret).sign(message_id, sent_at, body)
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(secret.removeprefix(_PRIVATE)))
    signed = key.sign(f"{message_id}.{int(sent_at.timestamp())}.{body}".encode())
    return f"v1a,{base64.b64encode(signed).decode()}"
