"""Verify tokens by Realtime's rules: ``role`` and ``exp`` are required, ``exp`` has no leeway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jwt
import orjson

from spool_live.local.authorization import TokenError, TokenProblem, decode_token
from spool_live.local.realtime.terms import inspect_term
from spool_live.local.token_keys import TokenKeys

_MISSING_CLAIMS = "Fields `role` and `exp` are required in JWT"


class TokenRefusedError(Exception):
    """A token that is refused, with one message for each place: join, handshake and refresh."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        at_handshake: str | None = None,
        at_refresh: str | None = None,
    ) -> None:
        super().__init__(message)
        self.join_reason = f"{code}: {message}"
        self.at_handshake = at_handshake or message
        self.at_refresh = at_refresh or message


@dataclass(frozen=True)
class TokenIdentity:
    """The role and claims of a verified token."""

    role: str
    expires_at: int
    """The time in seconds since the epoch."""
    claims: dict[str, Any]

    @property
    def canonical_claims(self) -> str:
        """All claims as JSON with sorted keys: equal identities have equal text."""
        return orjson.dumps(self.claims, option=orjson.OPT_SORT_KEYS).decode()


def verify_token(token: str, keys: TokenKeys, now: float) -> TokenIdentity:
    """Return the identity in ``token``; ``now`` is in seconds since the epoch.

    Raises ``TokenRefusedError``.
    """
    try:
        claims = decode_token("".join(token.split()), keys)
    except TokenError as error:
        raise _refusal(error.problem, token) from error
    role, expires = claims.get("role"), claims.get("exp")
    if not isinstance(role, str) or expires is None or not _is_number(expires):
        raise TokenRefusedError("InvalidJWTToken", _MISSING_CLAIMS)
    if not _is_number(claims.get("iat", 0)):
        raise TokenRefusedError("MalformedJWT", "The token provided is not a valid JWT")
    expires_at = round(expires)
    if expires_at <= now:
        raise expired(expires_at, now)
    return TokenIdentity(role, expires_at, claims)


def expired(expires_at: int, now: float) -> TokenRefusedError:
    """Return the error for a token whose ``expires_at`` has passed."""
    return TokenRefusedError(
        "InvalidJWTToken",
        f"Token has expired {max(0, int(now) - expires_at)} seconds ago",
        at_handshake="Token has expired",
    )


def _refusal(problem: TokenProblem, token: str) -> TokenRefusedError:
    match problem:
        case TokenProblem.MALFORMED:
            return TokenRefusedError("MalformedJWT", "The token provided is not a valid JWT")
        case TokenProblem.BAD_SIGNATURE:
            return TokenRefusedError(
                "JwtSignatureError",
                "Failed to validate JWT signature",
                at_refresh=":signature_error",
            )
        case TokenProblem.UNSUPPORTED_ALGORITHM:
            key_id = jwt.get_unverified_header(token).get("kid")
            which = "" if key_id is None else f" for key ID (kid) {inspect_term(key_id)}"
            return TokenRefusedError(
                "JwtSignerError",
                f"Failed to generate JWT signer{which},"
                " check your JWT secret or JWKS configuration",
            )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
