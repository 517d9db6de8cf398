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
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connections, router, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from spool_live import key_trail
from spool_live.models import FailedAuthentication, Site, SiteApiKey, SiteDelivery
from spool_live.sql import read_sql

KEY_PATTERN = re.compile(r"spool_[a-z0-9]{12}_[A-Za-z0-9_-]{43}[0-9a-f]{6}")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_DELIVERY_COLUMNS = ("last_seq", "acknowledged_version", "acknowledged_epoch")

Reason = FailedAuthentication.Reason


class PlainKey(str):
    """The text of a key. ``repr`` hides it, and with it tracebacks, debug pages and logs do."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "PlainKey('…')"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a credential is not accepted, for us and never for the caller. ``prefix`` is that of an
    existing key, else empty."""

    reason: FailedAuthentication.Reason
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """An active key, and what delivery knows of its site: its ``last_seq`` and what of its
    mirror Supabase has acknowledged (the rest of ``delivery`` is not read)."""

    key: SiteApiKey
    delivery: SiteDelivery


@sensitive_variables()
def create_key(
    site: Site,
    *,
    name: str,
    note: str = "",
    expires_at: datetime | None = None,
    created_by: Any = None,
    using: str | None = None,
) -> tuple[SiteApiKey, PlainKey]:
    """A new key of ``site``, and its plain text: the only moment that it can be seen.

    ``created_by`` is a user, or ``None`` where nobody in particular made it.
    """
    key = SiteApiKey(site=site, name=name, note=note, expires_at=expires_at)
    key.created_by_id = None if created_by is None else created_by.pk
    plain = give_secret(key)
    key.save(using=using or router.db_for_write(SiteApiKey, instance=site))
    return key, plain


@sensitive_variables()
def give_secret(key: SiteApiKey) -> PlainKey:
    """Gives an unsaved ``key`` its secret, and returns that. Raises ``ValueError`` where it has
    one already: a key's secret never changes."""
    if key.key_hash:
        raise ValueError(f"the key {key.prefix} has its secret")
    key.prefix = "spool_" + "".join(secrets.choice(_ALPHABET) for _ in range(12))
    plain = with_checksum(f"{key.prefix}_{secrets.token_urlsafe(32)}")
    key.key_hash = hash_key(plain)
    return PlainKey(plain)


@sensitive_variables()
def rotate_key(
    old: SiteApiKey, *, overlap: timedelta, created_by: Any = None, using: str | None = None
) -> tuple[SiteApiKey, PlainKey]:
    """A successor of ``old`` with its name, note and length of life; ``old`` ends after
    ``overlap`` (or sooner, if it ends anyway; at once where ``overlap`` is zero).

    Raises ``ValueError`` where ``old`` has no right to hand on: it is revoked or expired.
    """
    alias = using or router.db_for_write(SiteApiKey, instance=old)
    with transaction.atomic(using=alias):
        held = _locked(old, alias)
        now = timezone.now()
        if not held.is_active(now):
            raise ValueError(f"the key {held.prefix} is not active: make a new one")
        life = held.expires_at and held.expires_at - held.created_at
        fresh, plain = create_key(
            held.site,
            name=held.name,
            note=held.note,
            expires_at=now + life if life else None,
            created_by=created_by,
            using=alias,
        )
        ends = now + overlap
        if overlap <= timedelta(0):
            revoke_key(held, using=alias)
        elif held.expires_at is None or ends < held.expires_at:
            held.expires_at = ends
            held.save(using=alias, update_fields=["expires_at"])
        key_trail.note(held, key_trail.Action.ROTATED, using=alias, successor=fresh.prefix)
    old.expires_at, old.revoked_at = held.expires_at, held.revoked_at
    return fresh, plain


def revoke_key(key: SiteApiKey, *, using: str | None = None) -> None:
    """Takes the right of ``key`` for good; its site moves to a new epoch with it."""
    alias = using or router.db_for_write(SiteApiKey, instance=key)
    with transaction.atomic(using=alias):
        held = _locked(key, alias)
        if held.revoked_at is None:
            held.revoked_at = timezone.now()
            held.save(using=alias, update_fields=["revoked_at"])
    key.revoked_at = held.revoked_at


@sensitive_variables()
def identify(plain: str, *, using: str | None = None) -> Identity | Refusal:
    """Whose active key ``plain`` is; or why it is none.

    One indexed query, and none where the text cannot be a key at all. Asks the database that
    takes the writes: on a replica a revoked key could live on.
    """
    if not looks_like_key(plain):
        return Refusal(Reason.UNKNOWN)
    prefix = plain[: plain.index("_", len("spool_"))]
    found = _read("keys/by_prefix", [prefix], using)
    if found is None:
        return Refusal(Reason.UNKNOWN)
    if not hmac.compare_digest(found.key.key_hash, hash_key(plain)):
        return Refusal(Reason.WRONG_SECRET, found.key.prefix)
    return _active(found)


def identify_by_id(
    key_id: uuid.UUID, site_id: uuid.UUID, *, using: str | None = None
) -> Identity | Refusal:
    """Whose active key has this id and site, as a token names it; or why there is none."""
    found = _read("keys/by_id", [key_id, site_id], using)
    return Refusal(Reason.BAD_TOKEN) if found is None else _active(found)


@sensitive_variables()
def find_key(plain: str, *, using: str | None = None) -> SiteApiKey | None:
    """The active key that ``plain`` is; ``None`` for anything else."""
    found = identify(plain, using=using)
    return found.key if isinstance(found, Identity) else None


@sensitive_variables()
def hash_key(plain: str) -> str:
    """SHA-256 of a key: fast, because the key is random and not a password."""
    return hashlib.sha256(plain.encode()).hexdigest()


def with_checksum(body: str) -> str:
    """``body`` followed by its CRC-32 in six hexadecimal digits."""
    return f"{body}{zlib.crc32(body.encode()) & 0xFFFFFF:06x}"


@sensitive_variables()
def looks_like_key(text: str) -> bool:
    """Whether ``text`` has the form of a key and its checksum is right."""
    return bool(KEY_PATTERN.fullmatch(text)) and with_checksum(text[:-6]) == text


def _read(statement: str, given: list[Any], using: str | None) -> Identity | None:
    """By SQL of ours: making a query of the ORM takes five times as long as running it."""
    alias = using or router.db_for_write(SiteApiKey)
    as_stored = SiteApiKey._meta.pk.get_db_prep_value
    parameters = [
        as_stored(value, connections[alias]) if isinstance(value, uuid.UUID) else value
        for value in given
    ]
    rows: Any = SiteApiKey.objects.using(alias).raw(read_sql(statement), parameters)
    for key in rows:
        known = {name: getattr(key, name) or 0 for name in _DELIVERY_COLUMNS}
        return Identity(key, SiteDelivery(site_id=key.site_id, **known))
    return None


def _locked(key: SiteApiKey, alias: str) -> SiteApiKey:
    return SiteApiKey.objects.using(alias).select_for_update().get(pk=key.pk)


def _active(found: Identity) -> Identity | Refusal:
    key = found.key
    if key.is_active():
        return found
    return Refusal(Reason.EXPIRED if key.revoked_at is None else Reason.REVOKED, key.prefix)
