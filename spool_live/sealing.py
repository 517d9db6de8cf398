"""Encryption of stored secrets: AES-256-GCM with keys that are derived from ``SECRET_KEY``.

Each purpose has a label, from which HKDF-SHA256 (RFC 5869) derives a key of its own. A sealed text
is bound to the place where it is kept: copied to another place, it cannot be unsealed.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes
from django.views.decorators.debug import sensitive_variables

_VERSION = "1."
_NONCE = 12


@sensitive_variables()
def seal(plain: str, *, label: str, place: str) -> str:
    """Return ``plain`` encrypted, as ASCII text. ``unseal`` needs the same ``label`` (what it is
    for) and ``place`` (where it is kept)."""
    nonce = os.urandom(_NONCE)
    sealed = _cipher(settings.SECRET_KEY, label).encrypt(nonce, plain.encode(), place.encode())
    return _VERSION + base64.b64encode(nonce + sealed).decode()


@sensitive_variables()
def unseal(sealed: str, *, label: str, place: str) -> str | None:
    """Return the text that ``seal`` encrypted, with ``SECRET_KEY`` or one of
    ``SECRET_KEY_FALLBACKS``; ``None`` where it cannot be read."""
    try:
        raw = base64.b64decode(sealed.removeprefix(_VERSION), validate=True)
    except (binascii.Error, ValueError):
        return None
    if not sealed.startswith(_VERSION) or len(raw) <= _NONCE:
        return None
    for secret_key in _secret_keys():
        try:
            opened = _cipher(secret_key, label).decrypt(raw[:_NONCE], raw[_NONCE:], place.encode())
        except InvalidTag:
            continue
        return opened.decode()
    return None


def _secret_keys() -> Iterator[str | bytes]:
    yield settings.SECRET_KEY
    yield from settings.SECRET_KEY_FALLBACKS


@sensitive_variables()
def _cipher(secret_key: str | bytes, label: str) -> AESGCM:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=label.encode())
    return AESGCM(derivation.derive(force_bytes(secret_key)))
