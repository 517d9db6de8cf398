"""Secrets at rest: AES-256-GCM with a key that is derived from ``SECRET_KEY``.

The key is HKDF-SHA256 (RFC 5869) with a label of its own, so nothing else that Django makes of
``SECRET_KEY`` has it. What is encrypted is bound to its endpoint and its site: put into another
row, it cannot be read. ``SECRET_KEY_FALLBACKS`` can be read, and ``reencrypt`` rewrites them.
"""

from __future__ import annotations

import base64
import binascii
import os
import uuid
from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes
from django.views.decorators.debug import sensitive_variables

from spool_live.exceptions import SpoolLiveError

_LABEL = b"spool_live: webhook secrets, version 1"
_VERSION = "1."
_NONCE = 12


class UnreadableSecret(SpoolLiveError):
    """A stored secret cannot be decrypted. The message says what to do."""


@sensitive_variables()
def encrypt(plain: str, *, endpoint_id: uuid.UUID, site_id: uuid.UUID) -> str:
    """``plain``, encrypted for the row of this endpoint."""
    nonce = os.urandom(_NONCE)
    sealed = _cipher(settings.SECRET_KEY).encrypt(
        nonce, plain.encode(), _bound(endpoint_id, site_id)
    )
    return _VERSION + base64.b64encode(nonce + sealed).decode()


@sensitive_variables()
def decrypt(encrypted: str, *, endpoint_id: uuid.UUID, site_id: uuid.UUID) -> str:
    """What :func:`encrypt` was given. Raises :class:`UnreadableSecret`."""
    try:
        raw = base64.b64decode(encrypted.removeprefix(_VERSION), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if encrypted.startswith(_VERSION) and len(raw) > _NONCE:
        for key in _keys():
            try:
                opened = _cipher(key).decrypt(
                    raw[:_NONCE], raw[_NONCE:], _bound(endpoint_id, site_id)
                )
            except InvalidTag:
                continue
            return opened.decode()
    raise UnreadableSecret(
        "The secret cannot be decrypted: SECRET_KEY was changed, or the row was. Put the former "
        "key into SECRET_KEY_FALLBACKS and run manage.py live_webhook reencrypt, or make a new "
        "secret with manage.py live_webhook rotate."
    )


def _keys() -> Iterator[str | bytes]:
    yield settings.SECRET_KEY
    yield from settings.SECRET_KEY_FALLBACKS


@sensitive_variables()
def _cipher(secret_key: str | bytes) -> AESGCM:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=_LABEL)
    return AESGCM(derivation.derive(force_bytes(secret_key)))


def _bound(endpoint_id: uuid.UUID, site_id: uuid.UUID) -> bytes:
    return f"endpoint {endpoint_id} of site {site_id}".encode()
