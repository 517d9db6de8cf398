"""API keys: random secrets of 256 bits, shown once, stored as a fast hash, found by their prefix.

A key reads ``spool_<prefix>_<secret><checksum>``: the prefix (12 characters) is public and
unique, the secret has 43 characters of base64url, the checksum (6 hexadecimal digits of CRC-32)
lets leak scanners tell a real key from a look-alike without asking anybody.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import uuid
import zlib
from datetime import datetime

from django.db import router, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from spool_live.models import Site, SiteApiKey

KEY_PATTERN = re.compile(r"spool_[a-z0-9]{12}_[A-Za-z0-9_-]{43}[0-9a-f]{6}")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@sensitive_variables()
def create_key(
    site: Site, *, name: str, expires_at: datetime | None = None, using: str | None = None
) -> tuple[SiteApiKey, str]:
    """A new key of ``site``, and its plain text: the only moment that it can be seen."""
    key = SiteApiKey(site=site, name=name, expires_at=expires_at)
    plain = give_secret(key)
    key.save(using=using or router.db_for_write(SiteApiKey, instance=site))
    return key, plain


@sensitive_variables()
def give_secret(key: SiteApiKey) -> str:
    """Gives an unsaved ``key`` its secret, and returns that. Raises ``ValueError`` where it has
    one already: a key's secret never changes."""
    if key.key_hash:
        raise ValueError(f"the key {key.prefix} has its secret")
    key.prefix = "spool_" + "".join(secrets.choice(_ALPHABET) for _ in range(12))
    plain = with_checksum(f"{key.prefix}_{secrets.token_urlsafe(32)}")
    key.key_hash = hash_key(plain)
    return plain


def revoke_key(key: SiteApiKey, *, using: str | None = None) -> None:
    """Takes the right of ``key`` for good; its site moves to a new epoch with it."""
    alias = using or router.db_for_write(SiteApiKey, instance=key)
    with transaction.atomic(using=alias):
        if key.revoked_at is None:
            key.revoked_at = timezone.now()
            key.save(using=alias, update_fields=["revoked_at"])


@sensitive_variables()
def find_key(plain: str, *, using: str | None = None) -> SiteApiKey | None:
    """The active key that ``plain`` is, with its site; ``None`` for anything else.

    One indexed query, and none where the text cannot be a key at all.
    """
    if not looks_like_key(plain):
        return None
    prefix = plain[: plain.index("_", len("spool_"))]
    alias = using or router.db_for_read(SiteApiKey)
    key = SiteApiKey.objects.using(alias).select_related("site").filter(prefix=prefix).first()
    if key is None or not hmac.compare_digest(key.key_hash, hash_key(plain)):
        return None
    return key if key.is_active() else None


def find_key_by_id(
    key_id: uuid.UUID, site_id: uuid.UUID, *, using: str | None = None
) -> SiteApiKey | None:
    """The active key with this id and site, as a token names it."""
    alias = using or router.db_for_read(SiteApiKey)
    found = SiteApiKey.objects.using(alias).select_related("site")
    key = found.filter(pk=key_id, site_id=site_id).first()
    return key if key is not None and key.is_active() else None


@sensitive_variables()
def hash_key(plain: str) -> str:
    """SHA-256 of a key: fast, because the key is random and not a password."""
    return hashlib.sha256(plain.encode()).hexdigest()


def with_checksum(body: str) -> str:
    """``body`` followed by its CRC-32 in six hexadecimal digits."""
    return f"{body}{zlib.crc32(body.encode()) & 0xFFFFFF:06x}"


def looks_like_key(text: str) -> bool:
    """Whether ``text`` has the form of a key and its checksum is right."""
    return bool(KEY_PATTERN.fullmatch(text)) and with_checksum(text[:-6]) == text
