"""Short-lived JWTs for Realtime and PostgREST, minted from an API key.

The role is fixed here, and no claim is copied from a request: PostgreSQL trusts the claims, so
whoever chose them could read everything. The API key itself never goes into a token, because
Realtime stores claims in a table. The claims are those of RFC 7519, with ``role``, ``site_id`` and
``key_id`` beside them.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from spool_live.conf import live_settings
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.models import SiteApiKey

ROLE = "authenticated"
ISSUER = "spool-live"
SECRET_BYTES = 32
MINIMUM_BITS = {"ES256": 256, "RS256": 2048}
ISSUED_AGO = timedelta(seconds=5)
"""How far ``iat`` lies back, so that it is not in the future for a receiver with a slow clock."""


@dataclass(frozen=True, slots=True)
class Token:
    """A signed token, with when it was issued and when it expires."""

    encoded: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime

    @property
    def expires_in(self) -> int:
        """The token's lifetime in whole seconds."""
        return int((self.expires_at - self.issued_at).total_seconds())


@dataclass(frozen=True, slots=True)
class Claims:
    """The site and the API key that a valid token stands for."""

    site_id: uuid.UUID
    key_id: uuid.UUID


@sensitive_variables()
def mint(key: SiteApiKey, *, now: datetime | None = None) -> Token:
    """Return a token for the site of ``key``, which expires with the key at the latest.

    Raises ``SpoolLiveConfigurationError`` where the signing key does not fit its algorithm.
    """
    settings = live_settings()
    moment = now or timezone.now()
    expires_at = moment + settings.token_lifetime
    if key.expires_at is not None:
        expires_at = min(expires_at, key.expires_at)
    claims = {
        "role": ROLE,
        "aud": ROLE,
        "iss": ISSUER,
        "sub": str(key.pk),
        "key_id": str(key.pk),
        "site_id": str(key.site_id),
        "iat": int((moment - ISSUED_AGO).timestamp()),
        "exp": int(expires_at.timestamp()),
        "jti": str(uuid.uuid4()),
    }
    keys = signing_keys()
    headers = {"kid": keys.key_id} if keys.key_id else None
    encoded = jwt.encode(claims, keys.signing, algorithm=settings.jwt_algorithm, headers=headers)
    return Token(encoded, moment, expires_at)


@sensitive_variables()
def verify(encoded: str) -> Claims | None:
    """Return the claims of ``encoded``, if minted here and not expired; else ``None``."""
    settings = live_settings()
    verifying = signing_keys().verifying
    try:
        claims = jwt.decode(
            encoded,
            verifying,
            algorithms=[settings.jwt_algorithm],
            audience=ROLE,
            issuer=ISSUER,
            options={"require": ["exp", "sub"]},
        )
        return Claims(uuid.UUID(claims["site_id"]), uuid.UUID(claims["key_id"]))
    except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The parsed keys, and their ``kid``, which may be empty."""

    signing: Any = field(repr=False)
    verifying: Any = field(repr=False)
    key_id: str


def signing_keys() -> SigningKeys:
    """Return the keys from the settings. Raises ``SpoolLiveConfigurationError`` where they cannot
    sign."""
    settings = live_settings()
    return _keys(settings.jwt_signing_key, settings.jwt_algorithm, settings.jwt_key_id)


@lru_cache(maxsize=4)
@sensitive_variables()
def _keys(signing_key: str, algorithm: str, key_id: str) -> SigningKeys:
    """Return the parsed keys; cached, because parsing a PEM takes longer than signing."""
    if not signing_key:
        raise SpoolLiveConfigurationError(
            'SPOOL_LIVE["JWT_SIGNING_KEY"] is not set: give it the JWT secret (HS256) or the '
            "private key (ES256, RS256) that the Supabase project trusts."
        )
    try:
        if algorithm == "HS256":
            return _secret(signing_key, key_id)
        return _key_pair(signing_key, algorithm, key_id)
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise SpoolLiveConfigurationError(
            f'SPOOL_LIVE["JWT_SIGNING_KEY"] cannot sign with {algorithm}: give it the JWT secret '
            "(HS256), or a private key as PEM or as the JWK of "
            '"supabase gen signing-key" (ES256, RS256).'
        ) from error


def _secret(secret: str, key_id: str) -> SigningKeys:
    if len(secret.encode()) < SECRET_BYTES:
        raise SpoolLiveConfigurationError(
            f'SPOOL_LIVE["JWT_SIGNING_KEY"] is shorter than {SECRET_BYTES} bytes: that can be '
            "guessed (RFC 7518, 3.2). Give the Supabase project a longer JWT secret."
        )
    prepared = jwt.get_algorithm_by_name("HS256").prepare_key(secret)
    return SigningKeys(prepared, prepared, key_id)


def _key_pair(private_key: str, algorithm: str, key_id: str) -> SigningKeys:
    named = ""
    if private_key.lstrip().startswith("{"):
        given = json.loads(private_key)
        named = str(given.get("kid", ""))
        private = jwt.PyJWK(given, algorithm).key
    else:
        private = jwt.get_algorithm_by_name(algorithm).prepare_key(private_key)
    if key_id and named and key_id != named:
        raise SpoolLiveConfigurationError(
            f'SPOOL_LIVE["JWT_KEY_ID"] is {key_id!r}, but the kid of the JWK in '
            f'SPOOL_LIVE["JWT_SIGNING_KEY"] is {named!r}: leave JWT_KEY_ID out.'
        )
    if private.key_size < MINIMUM_BITS[algorithm]:
        raise SpoolLiveConfigurationError(
            f'SPOOL_LIVE["JWT_SIGNING_KEY"] has {private.key_size} bits: {algorithm} needs '
            f"{MINIMUM_BITS[algorithm]}."
        )
    return SigningKeys(private, private.public_key(), key_id or named)
