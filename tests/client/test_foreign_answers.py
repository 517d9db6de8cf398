"""Answers of proxies, deployments and maintenance pages in place of the CMS's.

Before the first token a ConfigurationError names the wrong setting; afterwards only the CMS's own
`invalid_credentials` ends a client. After all others it is live again by itself and has missed
nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import Response, StreamingResponse

from spool_live.client import (
    ConfigurationError,
    IncompatibleServerError,
    InvalidCredentialsError,
    LiveUpdate,
    LiveUpdatesConfig,
    LiveUpdatesError,
    Phase,
    ServerUnreachableError,
    TransientError,
)
from spool_live.client.engine.api import ContentApi
from tests.client.cms import KEY, SITE
from tests.client.conftest import FAST, World
from tests.waiting import eventually

Make = Callable[[], Response]
STATUSES = [200, 204, 206, 301, 304, 400, 401, 403, 404, 405, 408, 410, 413, 418, 421, 429]
STATUSES += [451, 499, 500, 501, 502, 503, 504, 511, 520, 530]
BRIEF = [200, 301, 401, 403, 404, 410, 429, 502, 503]
HTML, JSON, NONE = "text/html", "application/json", ""
BODIES: dict[str, tuple[str, bytes]] = {
    "a page": (HTML, b"<!doctype html><title>We will be back soon</title>"),
    "a page that claims to be JSON": (JSON, b"<html>"),
    "nothing": (NONE, b""),
    "a message": (JSON, b'{"message": "Internal error"}'),
    "a detail without a code": (JSON, b'{"detail": "Not authenticated."}'),
    "a code of somebody else": (JSON, b'{"detail": "no", "code": "forbidden"}'),
    "half an object": (JSON, b'{"status": "recovered", "results": ['),
    "a list": (JSON, b"[]"),
    "null": (JSON, b"null"),
    "a text": (JSON, b'"ok"'),
    "too deep to read": (JSON, b"[" * 100_000),
    "not UTF-8": (JSON, b'{"status": "\xff\xfe"}'),
    "an endless number": (JSON, b'{"status": "recovered", "results": [], "seq": 1e999}'),
    "an empty page of a stranger": (JSON, b'{"status": "recovered", "results": [], "next": null}'),
    "a page that never ends": (
        JSON,
        b'{"status":"recovered","results":[],"next":1,"seq":9,"epoch":1}',
    ),
    "a token of another site": (
        JSON,
        json.dumps(
            {
                "token": "x",
                "site_id": SITE.replace("0a", "0b"),
                "epoch": 1,
                "seq": 10**6,
                "supabase_url": "http://127.0.0.1:1",
                "supabase_key": "k",
                "expires_in": 600,
                "realtime": {
                    "mode": "broadcast",
                    "broadcast": {"topic": "t", "private": True, "event": "e"},
                },
            }
        ).encode(),
    ),
    "results that are texts": (
        JSON,
        b'{"status":"recovered","results":["x"],"next":null,"seq":9,"epoch":1}',
    ),
    "updates of another site": (
        JSON,
        json.dumps(
            {
                "status": "recovered",
                "next": None,
                "seq": 10**6,
                "epoch": 1,
                "results": [
                    {
                        "id": "1",
                        "site_id": SITE.replace("0a", "0b"),
                        "event_type": "content.updated",
                        "collection": "articles",
                        "slug": None,
                        "item_id": "1",
                        "timestamp": "2026-01-01T00:00:00Z",
                        "metadata": {},
                        "seq": 10**6,
                    }
                ],
            }
        ).encode(),
    ),
}
REFUSED = b'{"detail": "The API key or token is not valid.", "code": "invalid_credentials"}'
PATHS = {"token": ("token/",), "updates": ("updates/",), "both": ("token/", "updates/")}


def answer(status: int, body: str) -> Response:
    kind, content = BODIES[body]
    headers = {"Location": "https://elsewhere.test/"} if status in {301, 304} else {}
    headers |= {"Retry-After": "0"} if status in {429, 503} else {}
    if status in {204, 304}:
        content = b""
    return Response(content, status, headers, media_type=kind or None)


def expected_at_first(status: int) -> type[LiveUpdatesError]:
    """The error of a client for a strange answer to its first request."""
    if status == 401:
        return InvalidCredentialsError
    if status in {408, 429} or status >= 500:
        return TransientError
    return ConfigurationError


@pytest.mark.parametrize("body", BODIES)
async def test_first_answer_says_what_is_wrong_at_once(world: World, body: str) -> None:
    for status in STATUSES:
        world.cms.gateway = partial(lambda status, path: answer(status, body), status)
        client = world.client()
        expected = expected_at_first(status)
        if issubclass(expected, ConfigurationError):
            with pytest.raises(expected):
                await client.connect()
            assert client.state.phase in {Phase.IDLE, Phase.STOPPED}
        else:
            await client.connect()
            assert client.state.phase is Phase.BACKING_OFF
            await client.disconnect()


def moments() -> Iterator[Any]:
    for moment, paths, status in itertools.product(("live", "rejoin"), PATHS, STATUSES):
        if moment == "live" and paths == "token":
            continue  # the same as a rejoin, where the token is asked for
        brief = paths == "both" and status in BRIEF
        marks = () if brief else pytest.mark.slow
        yield pytest.param(
            moment, PATHS[paths], status, marks=marks, id=f"{moment}-{paths}-{status}"
        )


@pytest.mark.parametrize(("moment", "paths", "status"), list(moments()))
async def test_client_that_had_a_token_outlives_every_foreign_answer(
    world: World, moment: str, paths: tuple[str, ...], status: int
) -> None:
    client, seen = await world.live()
    phases: list[Phase] = []
    client.on_state(lambda state: phases.append(state.phase))
    given: list[str] = []
    bodies = itertools.cycle(BODIES)

    def gateway(path: str) -> Response | None:
        if not path.endswith(paths):
            return None
        given.append(next(bodies))
        return answer(status, given[-1])

    world.cms.gateway = gateway
    if moment == "rejoin":
        await world.realtime.close_sockets(1012)
    for _ in BODIES:
        asked = len(given)
        world.cms.record()
        if paths == ("token/",):  # one at a time: a living token serves on at a rejoin
            await world.realtime.broadcast(world.cms.topic, "reauthenticate", {})
        await eventually(partial(lambda before: len(given) > before, asked))
    world.cms.gateway = lambda path: None
    await client.wait_until_live(10)
    await world.publish()
    await eventually(lambda: [update.seq for update in seen] == [*range(1, world.cms.seq + 1)])
    assert not {phase for phase in phases if phase.ended}
    await eventually(lambda: client.state.error is None)


@pytest.mark.parametrize("paths", PATHS.values(), ids=PATHS)
async def test_the_own_code_of_the_cms_is_final(world: World, paths: tuple[str, ...]) -> None:
    client, _ = await world.live()
    world.cms.gateway = lambda path: (
        Response(REFUSED, 401, media_type=JSON) if path.endswith(paths) else None
    )
    await world.realtime.broadcast(world.cms.topic, "reauthenticate", {})
    await eventually(lambda: client.state.phase is Phase.REVOKED)


async def test_code_of_the_cms_with_another_status_is_not_its_own(world: World) -> None:
    client, seen = await world.live()
    world.cms.gateway = lambda path: Response(REFUSED, 403, media_type=JSON)
    await world.realtime.close_sockets(1012)
    await eventually(lambda: "Something other than the CMS" in (client.state.error or ""))
    world.cms.gateway = lambda path: None
    await client.wait_until_live(10)
    await world.publish()
    await eventually(lambda: [update.seq for update in seen] == [1])


async def test_answer_that_trickles_in_for_ever_is_given_up(world: World) -> None:
    async def drip() -> Any:
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    api = ContentApi(world.config(timing=replace(FAST, request=0.05)))
    world.cms.gateway = lambda path: StreamingResponse(drip(), media_type=JSON)
    with pytest.raises(ServerUnreachableError, match="does not answer"):
        async with asyncio.timeout(5):
            await api.updates(0)
    await api.aclose()


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=20,
)
ROW = st.fixed_dictionaries(
    dict.fromkeys(("id", "event_type", "collection", "slug", "item_id", "timestamp"), SCALARS)
    | {"site_id": st.just(SITE) | SCALARS, "seq": SCALARS, "metadata": ANY_JSON}
)
LIKE_A_PAGE = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["recovered", "reset"]) | SCALARS,
        "results": st.lists(ROW, max_size=3) | ANY_JSON,
        "next": st.none() | SCALARS,
        "seq": SCALARS,
        "epoch": SCALARS,
    }
)
LIKE_A_TOKEN = st.fixed_dictionaries(
    dict.fromkeys(("token", "supabase_url", "supabase_key", "epoch", "seq"), SCALARS)
    | {
        "site_id": st.just(SITE) | SCALARS,
        "expires_in": SCALARS,
        "realtime": ANY_JSON
        | st.fixed_dictionaries(
            {
                "mode": st.just("broadcast"),
                "broadcast": st.fixed_dictionaries(
                    {"topic": SCALARS, "private": SCALARS, "event": SCALARS}
                ),
            }
        ),
    }
)
CONTENTS = (
    st.binary(max_size=200)
    | ANY_JSON.map(lambda data: json.dumps(data).encode())
    | LIKE_A_PAGE.map(lambda data: json.dumps(data).encode())
    | LIKE_A_TOKEN.map(lambda data: json.dumps(data).encode())
)


@given(content=CONTENTS, status=st.integers(200, 599), after=st.integers(0, 2**40))
@settings(max_examples=300, deadline=None)
async def test_any_content_is_an_answer_or_passes(content: bytes, status: int, after: int) -> None:
    api = await known_api(lambda request: httpx.Response(status, content=content))
    try:
        page = await api.updates(after)
    except InvalidCredentialsError:
        assert status == 401
        assert json.loads(content)["code"] == "invalid_credentials"
    except TransientError:
        pass
    else:
        assert page.next is None or page.next > after
        assert all(isinstance(update, LiveUpdate) for update in page.updates)
        assert {update.site_id for update in page.updates} <= {SITE}
        assert 0 <= page.seq < 2**63
    try:
        token = await api.token()
    except InvalidCredentialsError:
        assert status == 401
    except TransientError:
        pass
    else:
        assert token.site_id == SITE
        assert 0 < token.lifetime <= 86_400
    await api.aclose()


async def known_api(respond: Callable[[httpx.Request], httpx.Response]) -> ContentApi:
    """One that has had a token before; its requests end here."""
    api = ContentApi(LiveUpdatesConfig(SITE, KEY, "http://cms.test/spool-live/"))
    await api._http.aclose()
    api._http = httpx.AsyncClient(
        base_url="http://cms.test/spool-live/", transport=httpx.MockTransport(respond)
    )
    api.known = True
    return api


async def test_wrong_address_at_first_is_still_said(world: World) -> None:
    world.cms.gateway = lambda path: answer(200, "a message")
    with pytest.raises(IncompatibleServerError, match="SPOOL_API_URL"):
        await world.client().connect()
