"""Realtime's refusals, turned into errors of this client by pure functions."""

from __future__ import annotations

import json

from websockets.exceptions import InvalidStatus

from spool_live.client.exceptions import (
    RateLimitedError,
    RealtimeUnavailableError,
    SubscriptionRefusedError,
    TokenExpiredError,
    TransientError,
)

RETRY_AFTER = 30.0
_REFUSED = {401, 403}
_LIMITED = 429
_REFUSALS = ("Unauthorized", "permission", "JWT", "Jwt", "signature", "PrivateOnly")


def handshake_error(error: InvalidStatus) -> TransientError:
    """Return the error for a refused upgrade, which the server answers with an HTTP error and a
    JSON body."""
    status, reason = error.response.status_code, _body_text(error.response.body)
    if status == _LIMITED:
        return RateLimitedError(
            f"Supabase Realtime refuses connections for now{reason}.", retry_after=RETRY_AFTER
        )
    if status in _REFUSED:
        return RealtimeUnavailableError(
            f"Supabase Realtime refused the key that the CMS named (HTTP {status}{reason}). Check "
            'SPOOL_LIVE["SUPABASE_PUBLISHABLE_KEY"] there; until then, updates come by polling.'
        )
    return RealtimeUnavailableError(
        f"Supabase Realtime answered HTTP {status} to the handshake{reason}."
    )


def channel_error(status: str, error: Exception | None) -> TransientError:
    """Return the error for the end of a channel, from the reply to its join or from its last
    system message."""
    reason = _reason(error)
    if "expired" in reason:
        return TokenExpiredError(f"Realtime says: {reason}.")
    if "RateLimitReached" in reason or "Too many" in reason:
        return RateLimitedError(f"Realtime says: {reason}.", retry_after=RETRY_AFTER)
    if any(word in reason for word in _REFUSALS):
        return SubscriptionRefusedError(
            f"Realtime refused the subscription: {reason}. On the CMS, check "
            'SPOOL_LIVE["JWT_SIGNING_KEY"] and run "manage.py live_setup". Until then, updates '
            "come by polling."
        )
    return RealtimeUnavailableError(f"The Realtime channel ended ({status}): {reason or '-'}.")


def _body_text(body: bytes | None) -> str:
    """Return ": " and the server's own text, to be appended; "" if a proxy answered."""
    try:
        return f": {str(json.loads(body or b'')['error'])[:200]}"
    except (KeyError, TypeError, ValueError):
        return ""


def _reason(error: Exception | None) -> str:
    """Return the server's text, which the library passes on as JSON in an exception's message."""
    text = "" if error is None else str(error)
    try:
        data = json.loads(text)
    except ValueError:
        return text
    if not isinstance(data, dict):
        return text
    return str(data.get("reason") or data.get("message") or text)
