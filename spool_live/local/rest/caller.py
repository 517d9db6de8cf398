"""Identify a request's caller: by API key, as the gateway does, then by token, as PostgREST
does."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from starlette.datastructures import Headers

from spool_live.local.authorization import RestTokenError, rest_claims, token_for_api_key
from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.rest.errors import ApiError

_HINT = "Use the publishable key, the secret key or a legacy API key of this local Supabase."


@dataclass(frozen=True)
class Caller:
    """The database role that a request runs as, and its claims as JSON."""

    role: str
    claims: str


def identify(config: LocalSupabaseConfig, headers: Headers) -> Caller:
    """Return the caller by ``apikey`` and ``Authorization``. Raises ``ApiError`` (401)."""
    token = _token(config, headers)
    if token is None:
        return Caller("anon", '{"role": "anon"}')
    try:
        claims = rest_claims(token, config.token_keys, time.time())
    except RestTokenError as error:
        raise ApiError(401, error.code, error.message, details=error.details) from error
    return Caller(claims["role"], json.dumps(claims))


def _token(config: LocalSupabaseConfig, headers: Headers) -> str | None:
    """Return the JWT that PostgREST gets: the caller's own, or else the one for the API key."""
    api_key = headers.get("apikey")
    if not api_key:
        raise ApiError(401, None, "No API key found in request", hint=_HINT)
    key_token = token_for_api_key(config, api_key, time.time())
    if key_token is None:
        raise ApiError(401, None, "Invalid API key", hint=_HINT)
    if api_key == config.secret_key and "Mozilla/" in headers.get("user-agent", ""):
        hint = "Secret keys must stay on servers: use the publishable key in a browser."
        raise ApiError(401, None, "Forbidden use of secret API key in browser", hint=hint)
    authorization = headers.get("authorization")
    if authorization is None:
        return key_token
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    return key_token if token.startswith("sb_") else token.strip()
