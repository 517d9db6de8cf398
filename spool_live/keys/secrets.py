"""The text of an API key: 256 random bits, shown once, stored as a hash, found by its prefix.

A key has the form ``spool_<prefix>_<secret><checksum>``: the prefix (12 characters) is public and
unique, the secret has 43 characters of base64url, the checksum (6 hexadecimal digits of CRC-32)
lets leak scanners distinguish a real key from a look-alike without a request.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib

from django.views.decorators.debug import sensitive_variables

from spool_live.models import SiteApiKey

KEY_PATTERN = re.compile(r"spool_[a-z0-9]{12}_[A-Za-z0-9_-]{43}[0-9a-f]{6}")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class HiddenText(str):
    """The text of a secret. Its ``repr`` hides it from tracebacks, debug pages and logs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}('…')"


class PlainKey(HiddenText):
    """The text of an API key."""

    __slots__ = ()


@sensitive_variables()
def give_secret(key: SiteApiKey) -> PlainKey:
    """Give an unsaved ``key`` its prefix and secret; return its text.

    Raises ``ValueError`` where it has a secret already, since that never changes.
    """
    if key.key_hash:
        raise ValueError(f"the key {key.prefix} has its secret already")
    key.prefix = "spool_" + "".join(secrets.choice(_ALPHABET) for _ in range(12))
    plain = with_checksum(f"{key.prefix}_{secrets.token_urlsafe(32)}")
    key.key_hash = hash_key(plain)
    return PlainKey(plain)


@sensitive_variables()
def hash_key(plain: str) -> str:
    """Return the SHA-256 of a key, in hex. No slow hash is needed: the key is random."""
    return hashlib.sha256(plain.encode()).hexdigest()


def with_checksum(body: str) -> str:
    """Return ``body`` followed by its CRC-32 in six hexadecimal digits."""
    return f"{body}{zlib.crc32(body.encode()) & 0xFFFFFF:06x}"


@sensitive_variables()
def looks_like_key(text: str) -> bool:
    """Return whether ``text`` has the form of a key and its checksum is right."""
    return bool(KEY_PATTERN.fullmatch(text)) and with_checksum(text[:-6]) == text
