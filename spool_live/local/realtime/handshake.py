"""Admit or refuse a WebSocket, by its host, its format and its API key."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from spool_live.local.authorization import is_opaque_key, token_for_api_key
from spool_live.local.realtime.protocol import Serializer, serializer_for
from spool_live.local.realtime.services import Services
from spool_live.local.realtime.tokens import TokenRefusedError, verify_token

_DEFAULT_VSN = "1.0.0"


class HandshakeRefusedError(Exception):
    """A refused upgrade, which is answered with ``status`` and ``{"error": text}``."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Handshake:
    """The result of checking the upgrade of a connection that may be opened."""

    serializer: Serializer
    token: str
    """The JWT of the API key, for channels that join without a token."""
    headers: dict[str, str]
    """The ``x-`` headers of the upgrade request."""


def shake_hands(services: Services, connection: HTTPConnection) -> Handshake:
    """Check the upgrade request. Raises ``HandshakeRefusedError``."""
    _check_tenant(services.options.tenant, connection)
    serializer = serializer_for(connection.query_params.get("vsn", _DEFAULT_VSN))
    if serializer is None:
        raise HandshakeRefusedError(403, "Unsupported vsn: use 1.0.0 or 2.0.0")
    headers = {name: value for name, value in connection.headers.items() if name[:2] == "x-"}
    return Handshake(serializer, _token(services, connection), headers)


def api_token(services: Services, key: str) -> str:
    """Return the JWT for ``key``: one of its role for an ``sb_`` key, the key itself otherwise."""
    if not is_opaque_key(key):
        return key
    return token_for_api_key(services.config, key, services.now()) or key


def _token(services: Services, connection: HTTPConnection) -> str:
    key = connection.headers.get("x-api-key") or connection.query_params.get("apikey")
    if not key:
        raise HandshakeRefusedError(401, "API key is missing")
    token = api_token(services, key)
    try:
        verify_token(token, services.config.token_keys, services.now())
    except TokenRefusedError as error:
        raise HandshakeRefusedError(401, error.at_handshake) from error
    return token


def _check_tenant(tenant: str | None, connection: HTTPConnection) -> None:
    """Find the project by the first label of the host name, as the hosted service does."""
    host = connection.headers.get("host", "").partition(":")[0]
    if tenant is not None and host.partition(".")[0] != tenant:
        raise HandshakeRefusedError(404, "Tenant not found")
