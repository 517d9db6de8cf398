"""The HTTP client of webhooks: each POST gets one answer, whatever the receiver does.

It follows no redirect, keeps no cookie, decompresses nothing, and takes no proxy from the
environment. One deadline covers the whole request, and the answer is read up to a limit.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

import httpcore
import httpx
from django.core.signals import setting_changed
from django.utils import timezone

from spool_live.conf import live_settings
from spool_live.deadline import Deadline, DeadlineBackend
from spool_live.retry_after import http_date, retry_after
from spool_live.webhooks.guard import EndpointRefusedError, GuardedBackend, check_url

EXCERPT = 1_000
"""How many bytes of an answer are kept."""
MAX_READ = 64_000
"""How many bytes of an answer are read, so that the connection can be used again. After a longer
answer it is closed. httpcore limits headers to 100 kB."""
KEPT_OPEN = 30.0
"""Seconds that an idle connection is kept open."""


@dataclass(frozen=True, slots=True)
class EndpointAnswer:
    """The answer to one request.

    ``status`` is ``None`` where no answer came. ``error`` says in words why the request failed, and
    is empty where it succeeded; ``retry_after`` is in seconds.
    """

    status: int | None
    error: str = ""
    body: bytes = b""
    retry_after: float | None = None
    milliseconds: int = 0

    @property
    def is_success(self) -> bool:
        """Whether the receiver accepted the message, with any 2xx."""
        return self.status is not None and httpx.codes.is_success(self.status)


class Client:
    """HTTP client that keeps connections open between requests. May be used by many threads."""

    def __init__(self, *, guarded: bool = True) -> None:
        self._deadline = Deadline()
        self._guarded = guarded
        self._pools = {scheme: self._pool(scheme) for scheme in ("https", "http")}

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> EndpointAnswer:
        """Send ``body`` to ``url``, and return the answer within ``seconds``.

        Never raises: the ``error`` of the answer says what went wrong.
        """
        began = time.monotonic()
        self._deadline.start(seconds)
        try:
            target = check_url(url) if self._guarded else httpx.URL(url)
            answer = self._ask(target, body, headers)
        except Exception as error:  # noqa: BLE001 - whatever a receiver, TLS or a name server does
            answer = EndpointAnswer(None, error=explain(error, seconds))
        return replace(answer, milliseconds=round((time.monotonic() - began) * 1_000))

    def close(self) -> None:
        """Close the idle connections."""
        for pool in self._pools.values():
            pool.close()

    def _ask(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> EndpointAnswer:
        sent = {**headers, "host": url.netloc.decode("ascii"), "content-length": str(len(body))}
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        with self._pools[url.scheme].stream(
            b"POST",
            target,
            headers=[(n.encode(), v.encode()) for n, v in sent.items()],
            content=body,
        ) as answer:
            kept, size = b"", 0
            for piece in answer.iter_stream():
                size += len(piece)
                kept = (kept + piece)[:EXCERPT]
                if size > MAX_READ:
                    break
            received = httpx.Headers(answer.headers)
        now = http_date(received.get("date")) or timezone.now()
        return EndpointAnswer(
            status=answer.status,
            error="" if httpx.codes.is_success(answer.status) else _refusal(answer.status),
            body=kept,
            retry_after=retry_after(received.get("retry-after"), now),
        )

    def _pool(self, scheme: str) -> httpcore.ConnectionPool:
        options = {
            "ssl_context": _tls(),
            "max_connections": None,
            "keepalive_expiry": KEPT_OPEN,
            "http2": False,
        }
        if proxy := live_settings().webhook_proxy:
            url = httpx.URL(proxy)
            return httpcore.HTTPProxy(
                str(url.copy_with(userinfo=b"")),
                proxy_auth=(url.username, url.password) if url.userinfo else None,
                network_backend=DeadlineBackend(httpcore.SyncBackend(), self._deadline),
                **options,  # type: ignore[arg-type]
            )
        inner: httpcore.NetworkBackend = (
            GuardedBackend(only_allowed=scheme == "http")
            if self._guarded
            else httpcore.SyncBackend()
        )
        return httpcore.ConnectionPool(
            network_backend=DeadlineBackend(inner, self._deadline),
            **options,  # type: ignore[arg-type]
        )


def shared() -> Client:
    """Return the client of this process; a forked child gets its own."""
    global _shared  # noqa: PLW0603 - one for each process
    with _lock:
        if _shared is None:
            _shared = Client()
        return _shared


def explain(error: BaseException, seconds: float) -> str:
    """Return why no answer came, in words, without the CMS's addresses and without the request."""
    causes = list(_causes(error))
    for kind, text in _REASONS:
        for cause in causes:
            if isinstance(cause, kind):
                return text.format(seconds=f"{seconds:g}", detail=_detail(cause))
    return f"the request failed ({type(error).__name__})"


def _refusal(status: int) -> str:
    if httpx.codes.is_redirect(status):
        return f"HTTP {status}: redirects are not followed, give the final URL"
    return f"HTTP {status}"


_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (EndpointRefusedError, "refused by the CMS: {detail}"),
    (ssl.SSLCertVerificationError, "the certificate is not accepted: {detail}"),
    (ssl.SSLError, "TLS fails: {detail}"),
    (socket.gaierror, "the name cannot be resolved"),
    (ConnectionRefusedError, "nothing listens there (connection refused)"),
    (httpcore.ConnectTimeout, "no connection within {seconds} s"),
    (httpcore.TimeoutException, "no answer within {seconds} s"),
    (httpcore.RemoteProtocolError, "the answer is not HTTP, or ended too early"),
    (httpcore.ProxyError, "the proxy refuses: {detail}"),
    (httpcore.NetworkError, "the connection broke"),
)


def _detail(error: BaseException) -> str:
    text = getattr(error, "verify_message", "") or getattr(error, "reason", "") or str(error)
    return str(text)[:200]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@cache
def _tls() -> ssl.SSLContext:
    """Return the TLS context. It is cached: reading the certificates takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


_shared: Client | None = None
_lock = threading.Lock()


def _forget() -> None:
    global _shared, _lock
    _shared, _lock = None, threading.Lock()


def _forget_settings(*, setting: str, **kwargs: object) -> None:
    if setting == "SPOOL_LIVE":
        former = _shared
        _forget()
        if former is not None:
            former.close()


os.register_at_fork(after_in_child=_forget)
setting_changed.connect(_forget_settings, dispatch_uid="spool_live.webhooks.client")
