"""The CMS over HTTP: token, catch-up, site. Every failure becomes a ``LiveUpdatesError``."""

from __future__ import annotations

import asyncio
import functools
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from spool_live.client.config import LiveUpdatesConfig
from spool_live.client.engine.sequencer import Page
from spool_live.client.engine.tokens import RealtimeToken
from spool_live.client.exceptions import (
    ConfigurationError,
    IncompatibleServerError,
    InvalidCredentialsError,
    LiveUpdatesError,
    RateLimitedError,
    ServerUnreachableError,
    WrongSiteError,
)
from spool_live.retry_after import http_date, retry_after

DEFAULT_RETRY_AFTER = 60.0
INVALID_CREDENTIALS = "invalid_credentials"
"""The CMS's own code for a key that is unknown, revoked or expired."""
WHOLE_ANSWER = 6
"""How many times the HTTP timeout a whole answer may take; the timeout itself is for each read."""


class ContentApi:
    """The endpoints that a subscriber needs, with the API key in the header.

    A wrong address or key is a ``ConfigurationError`` until the CMS has answered with a token. From
    then on a bad answer may come from a proxy, a deployment or a maintenance page: only the CMS's
    own ``invalid_credentials`` is final, everything else is a ``ServerUnreachableError``.
    """

    def __init__(self, config: LiveUpdatesConfig) -> None:
        self._config = config
        self._http = httpx.AsyncClient(
            base_url=config.api_url,
            headers={"Authorization": f"Api-Key {config.api_key}", "Accept": "application/json"},
            timeout=config.timing.request,
            verify=ssl_context(),
        )
        self.known = False
        """Whether the CMS has already answered with a token of this site."""
        self.clock_ahead: float | None = None
        """Seconds by which the CMS's clock is ahead of this machine's; only shown to people."""

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def token(self) -> RealtimeToken:
        """Exchange the API key for a token. Raises ``WrongSiteError`` for another site's key."""
        asked_at = time.monotonic()
        data = await self._request("POST", "token/")
        with self._transient_once_known():
            token = RealtimeToken.from_response(data, asked_at)
            if token.site_id != self._config.site_id:
                raise WrongSiteError(wanted=self._config.site_id, actual=token.site_id)
        self.known = True
        return token

    async def updates(self, after: int, limit: int = 500) -> Page:
        """Return one page of the log: at most ``limit`` updates after this sequence number."""
        data = await self._request("GET", "updates/", params={"after": after, "limit": limit})
        with self._transient_once_known():
            try:
                return Page.from_response(data, site_id=self._config.site_id, after=after)
            except (KeyError, TypeError, ValueError) as error:
                raise IncompatibleServerError(
                    f"The answer of updates/ is not what this client knows ({error!r}): check "
                    "SPOOL_API_URL, or install the spool-live version that the CMS runs."
                ) from error

    async def site(self) -> Mapping[str, Any]:
        """Return the JSON object of ``GET site/``: the site and the API key."""
        data = await self._request("GET", "site/")
        if not isinstance(data, dict):
            raise IncompatibleServerError("The answer of site/ is not a JSON object.")
        return data

    async def _request(self, method: str, path: str, **options: Any) -> Any:
        try:
            async with asyncio.timeout(self._config.timing.request * WHOLE_ANSWER):
                response = await self._http.request(method, path, **options)
        except (httpx.HTTPError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise ServerUnreachableError(
                f"The CMS at {self._config.api_url} does not answer ({reason}). Is it running, and "
                "is SPOOL_API_URL right?"
            ) from error
        self.clock_ahead = clock_ahead(response.headers, time.time())
        with self._transient_once_known():
            if not response.is_success:
                raise error_from(response)
            try:
                return response.json()
            except (ValueError, RecursionError) as error:
                raise IncompatibleServerError(
                    f"{response.url} answered with something that is not JSON. SPOOL_API_URL must "
                    "be the address where spool_live.urls is mounted."
                ) from error

    @contextmanager
    def _transient_once_known(self) -> Iterator[None]:
        """Turn a ``ConfigurationError`` into a ``ServerUnreachableError`` once the CMS is known: an
        address and a key that worked before are not mistyped."""
        try:
            yield
        except ConfigurationError as error:
            if not self.known or getattr(error, "code", None) == INVALID_CREDENTIALS:
                raise
            raise ServerUnreachableError(
                f"Something other than the CMS answers at {self._config.api_url}: a proxy, or a "
                f"deployment that will be over soon. ({error})"
            ) from error


def error_from(response: httpx.Response) -> LiveUpdatesError:
    """Return the error for an unsuccessful answer of the CMS."""
    status = response.status_code
    detail, code = _text_field(response, "detail"), _text_field(response, "code")
    if status == httpx.codes.UNAUTHORIZED:
        return InvalidCredentialsError(detail, code=code)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        wait = _wait_of(response)
        return RateLimitedError(
            "The CMS limits how often this key may ask.",
            retry_after=DEFAULT_RETRY_AFTER if wait is None else wait,
        )
    if response.is_server_error or status == httpx.codes.REQUEST_TIMEOUT:
        return ServerUnreachableError(
            f"The CMS answered {status} at {response.url.path}{detail and f': {detail}'}. "
            "See the log of the CMS.",
            retry_after=_wait_of(response),
        )
    target = response.headers.get("location")
    hint = f" It points to {target}." if target else ""
    return IncompatibleServerError(
        f"{response.url} answered {status}{detail and f' ({detail})'}.{hint} SPOOL_API_URL must be "
        "the address where spool_live.urls is mounted."
    )


def clock_ahead(headers: httpx.Headers, wall: float) -> float | None:
    """Return the seconds by which the server's clock is ahead of this wall clock, from its Date
    header."""
    date = http_date(headers.get("date"))
    return None if date is None else date.timestamp() - wall


def _wait_of(response: httpx.Response) -> float | None:
    """Return the seconds in Retry-After; a date there is compared with the server's own Date."""
    headers = response.headers
    return retry_after(headers.get("retry-after"), http_date(headers.get("date")))


def _text_field(response: httpx.Response, field: str) -> str:
    """Return this field of the answer's JSON as text; "" if there is none."""
    try:
        data = response.json()
    except (ValueError, RecursionError):
        return ""
    return str(data.get(field, ""))[:200] if isinstance(data, dict) else ""


@functools.cache
def ssl_context() -> ssl.SSLContext:
    """Return the process's one SSL context: loading the certificates takes time and memory."""
    return httpx.create_ssl_context()
