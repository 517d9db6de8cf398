"""The CMS over HTTP: token, catch-up, site. Every failure becomes an error of this client."""

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
"""Times the HTTP timeout, which is for each piece of it, that an answer may take as a whole."""


class ContentApi:
    """The endpoints that a subscriber needs, with the API key in the header.

    A wrong address or key is a ConfigurationError as long as the CMS has never answered with a
    token. After that nothing that a proxy, a deployment or a maintenance page can answer is: only
    the CMS's own ``invalid_credentials`` is final, all else is a ServerUnreachableError.

    ``clock_ahead`` is how far the CMS's clock is ahead of ours; it is shown to people, and nothing
    else goes by it.
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
        """Whether the CMS has answered with a token of this site before."""
        self.clock_ahead: float | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def token(self) -> RealtimeToken:
        """Exchange the API key for a token. Raises WrongSiteError for another site's key."""
        asked_at = time.monotonic()
        data = await self._request("POST", "token/")
        with self._in_context():
            token = RealtimeToken.from_response(data, asked_at)
            if token.site_id != self._config.site_id:
                raise WrongSiteError(wanted=self._config.site_id, actual=token.site_id)
        self.known = True
        return token

    async def updates(self, after: int, limit: int = 500) -> Page:
        """Return one page of the log: what came after this sequence number."""
        data = await self._request("GET", "updates/", params={"after": after, "limit": limit})
        with self._in_context():
            try:
                return Page.from_response(data, site_id=self._config.site_id, after=after)
            except (KeyError, TypeError, ValueError) as error:
                raise IncompatibleServerError(
                    f"The answer of updates/ is not what this client knows ({error!r}): check "
                    "SPOOL_API_URL, or install the spool-live version that the CMS runs."
                ) from error

    async def site(self) -> Mapping[str, Any]:
        """Return whose key this is: ``GET site/``."""
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
        with self._in_context():
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
    def _in_context(self) -> Iterator[None]:
        """Treat the error as temporary: an address and a key that worked before are not
        mistyped."""
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
    """Return the error that an unsuccessful answer stands for."""
    status = response.status_code
    detail, code = _said(response, "detail"), _said(response, "code")
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
    """Return what Retry-After asks for; a date is compared with the server's own Date."""
    headers = response.headers
    return retry_after(headers.get("retry-after"), http_date(headers.get("date")))


def _said(response: httpx.Response, field: str) -> str:
    """Return what the answer's JSON has in this field; "" where it has none."""
    try:
        data = response.json()
    except (ValueError, RecursionError):
        return ""
    return str(data.get(field, ""))[:200] if isinstance(data, dict) else ""


@functools.cache
def ssl_context() -> ssl.SSLContext:
    """Return one for the whole process: loading the certificates takes time and memory."""
    return httpx.create_ssl_context()
