"""API keys and JWTs: who a caller is.

PostgREST and Realtime verify the same tokens by different rules and with different messages. What
they share is ``decode_token`` and ``token_for_api_key``; PostgREST's own rules are ``rest_claims``.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, cast

import jwt

from spool_live.local.config import API_KEY_ISSUER, LocalSupabaseConfig
from spool_live.local.token_keys import TokenKeys

Claims = dict[str, Any]
ApiKeyRole = Literal["anon", "service_role"]

_REST_SKEW = 30
_NO_KEY = (
    "PGRST301",
    "No suitable key or wrong key type",
    "None of the keys was able to decode the JWT",
)


class TokenProblem(Enum):
    """Why a token cannot be read. Whether its claims suffice is a question for the caller."""

    MALFORMED = "malformed"
    """Not three base64 parts of which the first two are JSON objects."""
    UNSUPPORTED_ALGORITHM = "unsupported algorithm"
    """Readable, but signed with an algorithm or a ``kid`` for which this server has no key."""
    BAD_SIGNATURE = "bad signature"


class TokenError(Exception):
    """A token that cannot be read: ``problem`` says why, ``parts`` counts its dotted parts."""

    def __init__(self, problem: TokenProblem, parts: int) -> None:
        super().__init__(problem.value)
        self.problem = problem
        self.parts = parts


def decode_token(token: str, keys: TokenKeys) -> Claims:
    """Return the claims of ``token`` if its signature is made with one of ``keys``.

    The claims are not checked. Raises ``TokenError``.
    """
    parts = token.count(".") + 1
    try:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        key = keys.verifying(algorithm, header.get("kid"))
        if key is None:
            raise TokenError(TokenProblem.UNSUPPORTED_ALGORITHM, parts)
        return jwt.decode(
            token,
            key,
            algorithms=[str(algorithm)],
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "verify_iss": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except jwt.InvalidSignatureError as error:
        raise TokenError(TokenProblem.BAD_SIGNATURE, parts) from error
    except (jwt.InvalidTokenError, UnicodeError, binascii.Error) as error:
        raise TokenError(TokenProblem.MALFORMED, parts) from error


def is_opaque_key(value: str) -> bool:
    """Return whether ``value`` has the form of a publishable or secret key, which is not a JWT."""
    return value.startswith("sb_")


def api_key_role(config: LocalSupabaseConfig, api_key: str, now: float) -> ApiKeyRole | None:
    """Return the role of an API key of either generation, or None if the key is not this server's.

    A legacy key is a JWT that this server issued as a key: a user's token with a valid signature is
    not an API key. ``now`` is in seconds since the epoch.
    """
    if api_key == config.publishable_key:
        return "anon"
    if api_key == config.secret_key:
        return "service_role"
    try:
        claims = decode_token(api_key, config.token_keys)
    except TokenError:
        return None
    expires = claims.get("exp")
    valid = isinstance(expires, int | float) and expires > now
    if not valid or claims.get("iss") != API_KEY_ISSUER:
        return None
    role = claims.get("role")
    return cast("ApiKeyRole", role) if role in ("anon", "service_role") else None


def token_for_api_key(config: LocalSupabaseConfig, api_key: str, now: float) -> str | None:
    """Return the JWT that the gateway substitutes for ``api_key``; None for an unknown key.

    A legacy key is a JWT itself; for an opaque key the gateway takes a JWT of its role.
    """
    role = api_key_role(config, api_key, now)
    if role is None:
        return None
    return config.api_key_jwt(role) if is_opaque_key(api_key) else api_key


class RestTokenError(Exception):
    """A token that PostgREST refuses with 401: ``code`` is PGRST301 or PGRST303."""

    def __init__(self, code: str, message: str, details: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


def rest_claims(token: str, keys: TokenKeys, now: float) -> Claims:
    """Return the claims by PostgREST's rules: 30 s of clock skew, and ``anon`` as the default role.

    A ``kid`` must be that of one of ``keys``, whatever the algorithm. ``exp`` must be a whole
    number: a fraction counts as expired. ``now`` is in seconds since the epoch. Raises
    ``RestTokenError``.
    """
    try:
        claims = decode_token(token, keys)
    except TokenError as error:
        raise _rest_decode_error(token, error) from error
    key_id = jwt.get_unverified_header(token).get("kid")
    if key_id is not None and key_id not in keys.ids:
        raise RestTokenError(*_NO_KEY)
    _refuse_wrong_times(claims, math.floor(now))
    _refuse_wrong_audience(claims.get("aud"))
    role = claims.get("role", "anon")
    return {**claims, "role": role if isinstance(role, str) else str(role)}


def _rest_decode_error(token: str, error: TokenError) -> RestTokenError:
    if not token:
        return RestTokenError("PGRST301", "Empty JWT is sent in Authorization header")
    if error.parts != 3:  # noqa: PLR2004  header, claims, signature
        return RestTokenError("PGRST301", f"Expected 3 parts in JWT; got {error.parts}")
    if error.problem is TokenProblem.MALFORMED:
        return RestTokenError("PGRST301", "JWT cryptographic operation failed")
    return RestTokenError(*_NO_KEY)


def _refuse_wrong_times(claims: Mapping[str, Any], now: int) -> None:
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise RestTokenError("PGRST303", f"The JWT '{name}' claim must be a number")
    expires = claims.get("exp")
    if isinstance(expires, float) or (expires is not None and expires < now - _REST_SKEW):
        raise RestTokenError("PGRST303", "JWT expired")
    if claims.get("nbf") is not None and claims["nbf"] > now + _REST_SKEW:
        raise RestTokenError("PGRST303", "JWT not yet valid")
    if claims.get("iat") is not None and claims["iat"] > now + _REST_SKEW:
        raise RestTokenError("PGRST303", "JWT issued at future")


def _refuse_wrong_audience(audience: object) -> None:
    """Raise unless the audience is missing, a string or a list of strings; its value is free."""
    texts = audience if isinstance(audience, list) else [audience]
    if audience is not None and not all(isinstance(text, str) for text in texts):
        message = "The JWT 'aud' claim must be a string or an array of strings"
        raise RestTokenError("PGRST303", message)
