"""Realtime's refusals become errors of the client."""

from __future__ import annotations

import json

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from spool_live.client.engine.refusals import channel_error, handshake_error
from spool_live.client.exceptions import (
    RateLimitedError,
    RealtimeUnavailableError,
    SubscriptionRefusedError,
    TokenExpiredError,
)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("InvalidJWTToken: Token has expired 3 seconds ago", TokenExpiredError),
        ("Unauthorized: You do not have permissions to read", SubscriptionRefusedError),
        ("JwtSignatureError: Failed to validate JWT signature", SubscriptionRefusedError),
        ("MalformedJWT: The token provided is not a valid JWT", SubscriptionRefusedError),
        ("PrivateOnly: This project only allows private channels", SubscriptionRefusedError),
        ("ChannelRateLimitReached: Too many channels", RateLimitedError),
        ("ClientJoinRateLimitReached: Too many joins per second", RateLimitedError),
        ("RealtimeRestarting: Realtime is restarting", RealtimeUnavailableError),
        ("DatabaseLackOfConnections: Database can't accept", RealtimeUnavailableError),
    ],
)
def test_join_error(reason: str, kind: type[Exception]) -> None:
    error = channel_error("CHANNEL_ERROR", Exception(json.dumps({"reason": reason})))
    assert type(error) is kind
    assert reason in str(error)


def test_system_error() -> None:
    payload = {"channel": "t", "extension": "system", "message": "Token has expired 0 seconds ago"}
    error = channel_error("CHANNEL_ERROR", Exception(json.dumps(payload)))
    assert type(error) is TokenExpiredError


@pytest.mark.parametrize("error", [None, Exception("sent 1011"), Exception("[1]")])
def test_any_other_end_of_the_channel(error: Exception | None) -> None:
    assert type(channel_error("CLOSED", error)) is RealtimeUnavailableError


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, RealtimeUnavailableError),
        (403, RealtimeUnavailableError),
        (404, RealtimeUnavailableError),
        (429, RateLimitedError),
        (500, RealtimeUnavailableError),
    ],
)
def test_handshake(status: int, kind: type[Exception]) -> None:
    error = handshake_error(InvalidStatus(Response(status, "", Headers())))
    assert type(error) is kind


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b'{"error": "Too many joins per second"}', "Too many joins per second"), (b"<html>", "now.")],
)
def test_handshake_error_has_the_reason_of_the_server(body: bytes, reason: str) -> None:
    error = handshake_error(InvalidStatus(Response(429, "", Headers(), body)))
    assert reason in str(error)


def test_rate_limit_waits_thirty_seconds() -> None:
    error = channel_error("CHANNEL_ERROR", Exception("Too many messages per second"))
    assert error.retry_after == 30
