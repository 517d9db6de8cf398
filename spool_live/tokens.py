"""Short-lived JWTs for Realtime and PostgREST, minted from an API key.

The role is fixed here and no claim is ever copied from a request: whoever decides the claims is
root. The API key itself never goes into a token, because Realtime stores claims in a table.
Claims: DESIGN 5.5; RFC 7519.
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
ISSUED_AGO = timedelta(seconds=5)
"""How far ``iat`` lies back, so that a receiver with a slower clock does not see the future."""


@dataclass(frozen=True, slots=True)
class Token:
    """A signed token and its life."""

    encoded: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime

    @property
    def expires_in(self) -> int:
        """Whole seconds of life left at its issue."""
        return int((self.expires_at - self.issued_at).total_seconds())


@dataclass(frozen=True, slots=True)
class Claims:
    """Whom a valid token speaks for."""

    site_id: uuid.UUID
    key_id: uuid.UUID


@sensitive_variables()
def mint(key: SiteApiKey, *, now: datetime | None = None) -> Token:
    """A token for the site of ``key``, that ends with the key if that is sooner.

    Raises :class:`SpoolLiveConfigurationError` where the signing key does not fit its algorithm.
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
    headers = {"kid": settings.jwt_key_id} if settings.jwt_key_id else None
    signing, _ = _keys(settings.jwt_signing_key, settings.jwt_algorithm)
    encoded = jwt.encode(claims, signing, algorithm=settings.jwt_algorithm, headers=headers)
    return Token(encoded, moment, expires_at)


@sensitive_variables()
def verify(encoded: str) -> Claims | None:
    """Whom ``encoded`` speaks for, if we minted it and it has not expired; else ``None``."""
    settings = live_settings()
    _, verifying = _keys(settings.jwt_signing_key, settings.jwt_algorithm)
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
    except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError):
        return None


def check_signing_key() -> None:
    """Raises :class:`SpoolLiveConfigurationError` where the configured key cannot sign."""
    settings = live_settings()
    _keys(settings.jwt_signing_key, settings.jwt_algorithm)


@lru_cache(maxsize=4)
@sensitive_variables()
def _keys(signing_key: str, algorithm: str) -> tuple[Any, Any]:
    """The parsed key to sign with and the one to verify with: parsing a PEM takes longer than
    signing."""
    if not signing_key:
        raise SpoolLiveConfigurationError(
            'SPOOL_LIVE["JWT_SIGNING_KEY"] is not set: give it the JWT secret (HS256) or the '
            "private key (ES256, RS256) that the Supabase project trusts."
        )
    if algorithm == "HS256":
        return signing_key, signing_key
    try:
        if signing_key.lstrip().startswith("{"):
            private = jwt.PyJWK(json.loads(signing_key), algorithm).key
        else:
            private = jwt.get_algorithm_by_name(algorithm).prepare_key(signing_key)
        return private, private.public_key()
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise SpoolLiveConfigurationError(
            f'SPOOL_LIVE["JWT_SIGNING_KEY"] is no private key for {algorithm}: give it a PEM or '
            'the JWK of "supabase gen signing-key".'
        ) from error
