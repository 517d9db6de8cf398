"""Identifying an API key, by one indexed query on the database that takes the writes."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connections, router
from django.views.decorators.debug import sensitive_variables

from spool_live.keys.secrets import hash_key, looks_like_key
from spool_live.models import FailedAuthentication, SiteApiKey, SiteDelivery
from spool_live.sql import read_sql

_DELIVERY_COLUMNS = ("last_seq", "acknowledged_version", "acknowledged_epoch")

Reason = FailedAuthentication.Reason


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a credential is not accepted. For logs, never for the caller.

    ``prefix`` is that of an existing key, else empty.
    """

    reason: FailedAuthentication.Reason
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """An active key and the delivery state of its site.

    Of ``delivery`` only ``last_seq``, ``acknowledged_version`` and ``acknowledged_epoch`` are read.
    """

    key: SiteApiKey
    delivery: SiteDelivery


@sensitive_variables()
def identify(plain: str, *, using: str | None = None) -> Identity | Refusal:
    """Return the active key with the text ``plain``, or why there is none.

    Takes one indexed query, and none where the text does not have the form of a key. By default it
    asks the database that takes the writes: on a replica a revoked key might still be active.
    """
    if not looks_like_key(plain):
        return Refusal(Reason.UNKNOWN)
    prefix = plain[: plain.index("_", len("spool_"))]
    found = _read("keys/by_prefix", {"prefix": prefix}, using)
    if found is None:
        return Refusal(Reason.UNKNOWN)
    if not hmac.compare_digest(found.key.key_hash, hash_key(plain)):
        return Refusal(Reason.WRONG_SECRET, found.key.prefix)
    return _active(found)


def identify_by_id(
    key_id: uuid.UUID, site_id: uuid.UUID, *, using: str | None = None
) -> Identity | Refusal:
    """Return the active key with this id and site, as a token names them, or why there is none."""
    found = _read("keys/by_id", {"key": key_id, "site": site_id}, using)
    return Refusal(Reason.BAD_TOKEN) if found is None else _active(found)


def _read(statement: str, given: Mapping[str, Any], using: str | None) -> Identity | None:
    """Return the first row of a statement in ``sql/``: building an ORM query takes far longer."""
    alias = using or router.db_for_write(SiteApiKey)
    as_stored = SiteApiKey._meta.pk.get_db_prep_value
    parameters = {
        name: as_stored(value, connections[alias]) if isinstance(value, uuid.UUID) else value
        for name, value in given.items()
    }
    rows: Any = SiteApiKey.objects.using(alias).raw(read_sql(statement), parameters)
    for key in rows:
        known = {name: getattr(key, name) or 0 for name in _DELIVERY_COLUMNS}
        return Identity(key, SiteDelivery(site_id=key.site_id, **known))
    return None


def _active(found: Identity) -> Identity | Refusal:
    key = found.key
    if key.is_active():
        return found
    return Refusal(Reason.EXPIRED if key.revoked_at is None else Reason.REVOKED, key.prefix)
