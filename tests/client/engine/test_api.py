"""The CMS over HTTP: what every answer means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from spool_live.client.engine.api import ContentApi, clock_ahead, error_from
from spool_live.client.exceptions import (
    IncompatibleServerError,
    InvalidCredentialsError,
    LiveUpdatesError,
    RateLimitedError,
    ServerUnreachableError,
    TransientError,
)
from spool_live.retry_after import LONGEST
from tests.client.conftest import World


@pytest.fixture
async def api(world: World) -> AsyncIterator[ContentApi]:
    api = ContentApi(world.config())
    yield api
    await api.aclose()


async def test_page_is_read_with_its_cursor(world: World, api: ContentApi) -> None:
    sent = [world.cms.record() for _ in range(5)]
    page = await api.updates(after=1, limit=2)
    assert [update.as_dict() for update in page.updates] == sent[1:3]
    assert (page.next, page.seq, page.epoch, page.reset) == (3, 5, 1, False)
    last = await api.updates(after=3)
    assert (last.next, last.last_seq) == (None, 5)


async def test_site_tells_whose_key_it_is(world: World, api: ContentApi) -> None:
    assert (await api.site())["site_id"] == world.cms.site_id


async def test_server_that_does_not_listen(world: World) -> None:
    api = ContentApi(world.config(api_url="http://127.0.0.1:1/spool-live/"))
    with pytest.raises(ServerUnreachableError, match="SPOOL_API_URL"):
        await api.token()
    await api.aclose()


ANSWERS: list[tuple[Response, type[LiveUpdatesError], str]] = [
    (JSONResponse({"detail": "no"}, 401), InvalidCredentialsError, "SPOOL_API_KEY"),
    (JSONResponse({"detail": "what?"}, 404), IncompatibleServerError, "SPOOL_API_URL"),
    (RedirectResponse("https://x.test/"), IncompatibleServerError, "points to https://x.test/"),
    (PlainTextResponse("<html>"), IncompatibleServerError, "not JSON"),
    (JSONResponse(["token"]), IncompatibleServerError, "token/ is not what this client knows"),
    (JSONResponse({"token": "x"}), IncompatibleServerError, "site_id"),
    (PlainTextResponse("oops", 500), ServerUnreachableError, "500"),
    (JSONResponse({"detail": "later"}, 503), ServerUnreachableError, "later"),
    (JSONResponse({}, 429), RateLimitedError, "60 seconds"),
]


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    ANSWERS,
    ids=[f"{answer.status_code} {kind.__name__}" for answer, kind, _ in ANSWERS],
)
async def test_answer_becomes_an_error_that_tells_what_to_do(
    world: World, api: ContentApi, answer: Response, kind: type[LiveUpdatesError], message: str
) -> None:
    world.cms.answers.append(answer)
    with pytest.raises(kind, match=message):
        await api.token()


async def test_strange_page_is_refused(world: World, api: ContentApi) -> None:
    world.cms.answers.append(JSONResponse({"results": [{}], "seq": 1, "next": None}))
    with pytest.raises(IncompatibleServerError, match="updates/"):
        await api.updates(0)


async def test_address_that_was_right_before_is_not_called_wrong(
    world: World, api: ContentApi
) -> None:
    """During a deployment of the CMS, proxies may answer anything."""
    await api.token()
    world.cms.answers += [JSONResponse({}, 404), PlainTextResponse("<html>")]
    for _ in range(2):
        with pytest.raises(ServerUnreachableError):
            await api.token()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "inf"}, LONGEST),
        (
            {
                "Retry-After": "Sun, 22 Nov 2026 10:00:30 GMT",
                "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
            },
            30,
        ),
    ],
    ids=["none", "seconds", "for ever", "date by the server's clock"],
)
@pytest.mark.parametrize("status", [429, 503])
def test_wait_that_an_answer_asks_for(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    error = error_from(
        httpx.Response(status, headers=headers, request=httpx.Request("GET", "http://x/"))
    )
    assert isinstance(error, TransientError)
    assert error.retry_after == (60 if status == 429 and seconds is None else seconds)


def test_clock_of_the_cms_is_told_by_its_date() -> None:
    headers = httpx.Headers({"Date": "Thu, 01 Jan 1970 00:05:00 GMT"})
    assert clock_ahead(headers, wall=100.0) == 200
    assert clock_ahead(httpx.Headers(), wall=100.0) is None
    assert clock_ahead(httpx.Headers({"Date": "noon"}), wall=100.0) is None


def test_key_is_not_in_any_error() -> None:
    request = httpx.Request("POST", "http://x/", headers={"Authorization": "Api-Key secret"})
    for status in (302, 401, 404, 429, 500):
        error: Any = error_from(httpx.Response(status, request=request))
        assert "secret" not in str(error)
