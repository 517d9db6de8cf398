"""Turns network errors into errors whose message names the cause and a remedy."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from spool_live.broadcasters.transport import AnswerTooLargeError
from spool_live.exceptions import BatchTooSlow, BroadcastUnavailable

_CUT = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError, httpx.DecodingError)
"""Errors that a firewall may also cause, by cutting a connection for the content of one update."""
_URL = 'SPOOL_LIVE["SUPABASE_URL"]'


def error_of(error: Exception, seconds: float) -> BroadcastUnavailable:
    """Return our error for what httpx raised during a call with a deadline of ``seconds``."""
    if isinstance(error, (httpx.ReadTimeout, httpx.WriteTimeout)):
        return BatchTooSlow(
            f"Supabase did not answer in time ({type(error).__name__} after {seconds:g} s): the "
            "database may be slow, locked or out of connections. "
            'SPOOL_LIVE["REQUEST_TIMEOUT"] is the longest wait.'
        )
    if isinstance(error, AnswerTooLargeError):
        return BroadcastUnavailable(
            f"What answers at {_URL} is not PostgREST: {error}. Check the address and the proxies "
            "in between.",
            may_be_content=True,
        )
    message = f"Supabase cannot be reached ({type(error).__name__}): {_remedy(error)}"
    return BroadcastUnavailable(message, may_be_content=isinstance(error, _CUT))


def _certificate(error: ssl.SSLCertVerificationError) -> str:
    reason = getattr(error, "verify_message", error)
    return (
        f"its TLS certificate is not accepted ({reason}). Check the host in {_URL}, the CA bundle "
        "(SSL_CERT_FILE) and this machine's clock."
    )


def _tls(error: ssl.SSLError) -> str:
    return (
        f"TLS fails ({error.reason or error}). Check that {_URL} has the right scheme and port, "
        "and the proxies in between."
    )


def _name(error: socket.gaierror) -> str:
    return (
        f"its name cannot be resolved ({error.strerror}). Check {_URL} and the DNS; a project that "
        "was paused or deleted has no name any more."
    )


_KINDS: tuple[tuple[type[BaseException], Callable[[Any], str]], ...] = (
    (ssl.SSLCertVerificationError, _certificate),
    (ssl.SSLError, _tls),
    (socket.gaierror, _name),
    (
        ConnectionRefusedError,
        lambda _: (
            f"nothing listens there (connection refused). Check {_URL}, and whether "
            "Supabase is running."
        ),
    ),
    (
        httpx.ConnectTimeout,
        lambda _: f"no connection in time. Check {_URL}, the DNS, and firewalls on the way.",
    ),
    (httpx.ProxyError, lambda _: "the proxy refuses. Check HTTPS_PROXY and HTTP_PROXY."),
    (
        httpx.UnsupportedProtocol,
        lambda _: f"{_URL} is not an address: it begins with https://.",
    ),
    (httpx.InvalidURL, lambda _: f"{_URL} is not an address: it begins with https://."),
    (
        httpx.RemoteProtocolError,
        lambda _: f"the connection ended within the answer, or it is not HTTP. Check {_URL}.",
    ),
    (httpx.DecodingError, lambda _: f"the answer is not HTTP. Check {_URL}."),
)


def _remedy(error: Exception) -> str:
    """Return cause and remedy of ``error``, by the first of ``_KINDS`` that is among its causes."""
    causes = list(_causes(error))
    for kind, words in _KINDS:
        for cause in causes:
            if isinstance(cause, kind):
                return words(cause)
    return f"check {_URL} and the network."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
