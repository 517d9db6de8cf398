"""Broadcasts over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.local.realtime.serving import Serving
from tests.local.realtime.sql import Sql
from tests.local.realtime.wire import connect, mint


@pytest.fixture
async def http(serving: Serving) -> AsyncIterator[httpx.AsyncClient]:
    base = f"{serving.config.url}/realtime/v1/"
    headers = {"apikey": serving.config.publishable_key}
    async with httpx.AsyncClient(base_url=base, headers=headers) as client:
        yield client


def message(topic: str, **more: Any) -> dict[str, Any]:
    return {"topic": topic, "event": "e", "payload": {"n": 1}, **more}


async def test_batch_reaches_the_members_of_its_topics(
    serving: Serving, http: httpx.AsyncClient
) -> None:
    async with connect(serving) as v1, connect(serving, vsn="2.0.0") as v2:
        await v1.join("first")
        await v2.join("second")
        body = {"messages": [message("first"), message("second"), message("nobody")]}
        response = await http.post("api/broadcast", json=body)
        assert (response.status_code, response.content) == (202, b"")
        for wire in (v1, v2):
            frame = await wire.expect("broadcast")
            assert frame["payload"] == {"type": "broadcast", "event": "e", "payload": {"n": 1}}


async def test_private_messages_need_the_right_to_write(
    serving: Serving, http: httpx.AsyncClient
) -> None:
    token = mint(serving, sites=["http"])
    secret = {"Authorization": f"Bearer {serving.config.secret_key}"}
    async with connect(serving) as wire:
        await wire.join("site:http", token, private=True)
        body = {"messages": [message("site:http", private=True)]}
        user = {"Authorization": f"Bearer {token}"}
        assert (await http.post("api/broadcast", json=body, headers=user)).status_code == 202
        await wire.quiet()
        assert (await http.post("api/broadcast", json=body, headers=secret)).status_code == 202
        await wire.expect("broadcast")


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        b"[]",
        b'{"messages": []}',
        b'{"messages": [{"topic": "t", "event": "e"}]}',
        b'{"messages": [{"event": "e", "payload": {}}]}',
        b'{"messages": [7]}',
    ],
)
async def test_batch_that_cannot_be_read(http: httpx.AsyncClient, body: bytes) -> None:
    assert (await http.post("api/broadcast", content=body)).status_code == 422


@pytest.mark.parametrize("path", ["api/broadcast", "api/broadcast/t/events/e"])
@pytest.mark.parametrize("key", ["", "garbage", "sb_publishable_unknown"])
async def test_unknown_caller(http: httpx.AsyncClient, path: str, key: str) -> None:
    response = await http.post(path, json={}, headers={"apikey": key})
    assert (response.status_code, response.json()) == (401, {"message": "Unauthorized"})


async def test_single_broadcast_of_json_and_of_bytes(
    serving: Serving, http: httpx.AsyncClient
) -> None:
    async with connect(serving, vsn="2.0.0") as wire:
        await wire.join("one")
        path = "api/broadcast/one/events/hello"
        assert (await http.post(path, json=[1])).status_code == 202
        octets = {"Content-Type": "application/octet-stream"}
        assert (await http.post(path, content=b"\xff", headers=octets)).status_code == 202
        payloads = [(await wire.expect("broadcast"))["payload"] for _ in range(2)]
    assert [(payload["event"], payload["payload"]) for payload in payloads] == [
        ("hello", [1]),
        ("hello", b"\xff"),
    ]


async def test_single_broadcast_says_what_is_wrong(http: httpx.AsyncClient, sql: Sql) -> None:
    path = "api/broadcast/one/events/hello"
    json = {"Content-Type": "application/json"}
    assert (await http.post(path, content=b"x", headers=json)).status_code == 422
    text = {"Content-Type": "text/plain"}
    assert (await http.post(path, content=b"x", headers=text)).status_code == 415
    assert (await http.post(path, json={}, params={"private": "true"})).status_code == 403
