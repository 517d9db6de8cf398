"""The CMS over HTTP: token, catch-up, who am I. Every failure becomes one of our errors."""

from __future__ import annotations

import functools
import ssl
import time
from collections.abc import Mapping
from typing import Any

import httpx

from spool_live.client.config import LiveUpdatesConfig
from spool_live.client.engine.sequencer import Page
from spool_live.client.engine.tokens import Token
from spool_live.client.exceptions import (
    IncompatibleServerError,
    InvalidCredentialsError,
    LiveUpdatesError,
    RateLimitedError,
    ServerUnreachableError,
    WrongSiteError,
)
from spool_live.client.updates import LiveUpdate
from spool_live.retry_after import http_date, retry_after

DEFAULT_RETRY_AFTER = 60.0


class ContentApi:
    """The endpoints of DESIGN.md 5.4 that a subscriber needs, with the API key in the header.

    `clock_ahead` is how far the CMS's clock is ahead of ours; only people are told, nothing else
    goes by it.
    """

    def __init__(self, config: LiveUpdatesConfig) -> None:
        self._config = config
        self._http = httpx.AsyncClient(
            base_url=config.api_url,
            headers={"Authorization": f"Api-Key {config.api_key}", "Accept": "application/json"},
            timeout=config.timing.request,
            verify=ssl_context(),
        )
        self._known = False
        self.clock_ahead: float | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def token(self) -> Token:
        """Exchange the API key for a token. Raises WrongSiteError for another site's key."""
        asked_at = time.monotonic()
        token = Token.from_response(await self._request("POST", "token/"), asked_at)
        self._known = True
        if token.site_id != self._config.site_id:
            raise WrongSiteError(wanted=self._config.site_id, actual=token.site_id)
        return token

    async def updates(self, after: int, limit: int = 500) -> Page:
        """One page of the log: what came after this sequence number."""
        data = await self._request("GET", "updates/", params={"after": after, "limit": limit})
        try:
            return Page(
                updates=[LiveUpdate.from_wire(row) for row in data["results"]],
                seq=int(data["seq"]),
                next=None if data["next"] is None else int(data["next"]),
                reset=data["status"] == "reset",
                epoch=int(data["epoch"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise IncompatibleServerError(
                f"The answer of updates/ is not what this client knows ({error!r}): check "
                "SPOOL_API_URL, or install the spool-live version that the CMS runs."
            ) from error

    async def site(self) -> Mapping[str, Any]:
        """Whose key this is: `GET site/`."""
        data = await self._request("GET", "site/")
        if not isinstance(data, dict):
            raise IncompatibleServerError("The answer of site/ is no JSON object.")
        return data

    async def _request(self, method: str, path: str, **options: Any) -> Any:
        try:
            response = await self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise ServerUnreachableError(
                f"The CMS at {self._config.api_url} does not answer ({reason}). Is it running, and "
                "is SPOOL_API_URL right?"
            ) from error
        self.clock_ahead = clock_ahead(response.headers, time.time())
        if not response.is_success:
            raise self._in_context(error_from(response))
        try:
            return response.json()
        except ValueError as error:
            no_json = IncompatibleServerError(
                f"{response.url} answered with something that is no JSON. SPOOL_API_URL must be "
                "the address where spool_live.urls is mounted."
            )
            raise self._in_context(no_json) from error

    def _in_context(self, error: LiveUpdatesError) -> LiveUpdatesError:
        """An address that was right before is being deployed, not mistyped."""
        if self._known and isinstance(error, IncompatibleServerError):
            return ServerUnreachableError(str(error))
        return error


def error_from(response: httpx.Response) -> LiveUpdatesError:
    """The error that an unsuccessful answer stands for."""
    status = response.status_code
    detail = _detail(response)
    if status == httpx.codes.UNAUTHORIZED:
        return InvalidCredentialsError(detail)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return RateLimitedError(
            "The CMS limits how often this key may ask.",
            retry_after=_wait_of(response) or DEFAULT_RETRY_AFTER,
        )
    if response.is_server_error or status == httpx.codes.REQUEST_TIMEOUT:
        return ServerUnreachableError(
            f"The CMS answered {status} at {response.url.path}{detail and f': {detail}'}. "
            "Its log knows more.",
            retry_after=_wait_of(response),
        )
    target = response.headers.get("location")
    hint = f" It points to {target}." if target else ""
    return IncompatibleServerError(
        f"{response.url} answered {status}{detail and f' ({detail})'}.{hint} SPOOL_API_URL must be "
        "the address where spool_live.urls is mounted."
    )


def clock_ahead(headers: httpx.Headers, wall: float) -> float | None:
    """Seconds by which the server's clock is ahead of this wall clock, from its Date header."""
    date = http_date(headers.get("date"))
    return None if date is None else date.timestamp() - wall


def _wait_of(response: httpx.Response) -> float | None:
    """What Retry-After asks for; a date is compared with the server's own Date."""
    headers = response.headers
    return retry_after(headers.get("retry-after"), http_date(headers.get("date")))


def _detail(response: httpx.Response) -> str:
    try:
        data = response.json()
    except ValueError:
        return ""
    return str(data.get("detail", ""))[:200] if isinstance(data, dict) else ""


@functools.cache
def ssl_context() -> ssl.SSLContext:
    """One for the whole process: loading the certificates takes time and memory."""
    return httpx.create_ssl_context()
