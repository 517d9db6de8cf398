"""API keys: creating, rotating, revoking and identifying them; ``trail``, ``last_use`` and
``addresses`` record what is done with them."""

from __future__ import annotations

from spool_live.keys.identification import (
    Identity,
    Reason,
    Refusal,
    identify,
    identify_by_id,
)
from spool_live.keys.lifecycle import (
    create_key,
    revoke_key,
    rotate_key,
)
from spool_live.keys.secrets import (
    KEY_PATTERN,
    PlainKey,
    give_secret,
    hash_key,
    looks_like_key,
    with_checksum,
)

__all__ = [
    "KEY_PATTERN",
    "Identity",
    "PlainKey",
    "Reason",
    "Refusal",
    "create_key",
    "give_secret",
    "hash_key",
    "identify",
    "identify_by_id",
    "looks_like_key",
    "revoke_key",
    "rotate_key",
    "with_checksum",
]
