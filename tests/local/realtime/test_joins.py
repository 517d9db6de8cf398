"""Handshakes and joins beyond the recordings."""

from __future__ import annotations

import logging
import time

import psycopg
import pytest
import websockets

from spool_live.local.config import LocalSupabaseConfig, Penalties
from spool_live.local.realtime.options import RealtimeOptions
from tests.local.realtime.serving import Serving, serve
from tests.local.realtime.sql import Sql
from tests.local.realtime.wire import connect, mint

DENIED = "Unauthorized: You do not have permissions to read from this Channel topic: "


@pytest.mark.parametrize("kind", ["publishable_key", "secret_key"])
async def test_opaque_keys_open_a_socket(serving: Serving, kind: str) -> None:
    async with connect(serving, getattr(serving.config, kind)) as wire:
        assert (await wire.join("t"))["status"] == "ok"


async def test_key_may_come_in_a_header(serving: Serving) -> None:
    headers = {"x-api-key": serving.config.publishable_key}
    async with connect(serving, "garbage", additional_headers=headers) as wire:
        await wire.quiet()


async def test_unknown_opaque_key_is_refused(serving: Serving) -> None:
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with connect(serving, "sb_publishable_unknown"):
            pass
    assert caught.value.response.status_code == 401


async def test_unknown_vsn_is_refused(serving: Serving) -> None:
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with connect(serving, vsn="3.0.0"):
            pass
    assert caught.value.response.status_code == 403


async def test_penalties_delay_refusals_and_hold_up_the_socket(
    recorded_schema: None, local_config: LocalSupabaseConfig, caplog: pytest.LogCaptureFixture
) -> None:
    penalties = Penalties(handshake_refused=0.2, join_refused=0.3)
    with serve(local_config, penalties=penalties) as slow:
        started = time.monotonic()
        with pytest.raises(websockets.InvalidStatus):
            async with connect(slow, "garbage"):
                pass
        assert time.monotonic() - started >= 0.19
        async with connect(slow) as wire:
            started = time.monotonic()
            await wire.send("phx_join", {"access_token": "garbage"}, "realtime:t")
            await wire.send("heartbeat", {}, "phoenix")
            first, second = await wire.receive(), await wire.receive()
            assert time.monotonic() - started >= 0.29
    assert first["payload"]["status"] == "error"
    assert second["topic"] == "phoenix"
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_second_join_takes_the_place_of_the_first(serving: Serving, sql: Sql) -> None:
    token = mint(serving, sites=["twice"])
    async with connect(serving) as wire:
        await wire.join("site:twice", token, private=True)
        reply = await wire.join("site:twice", token, private=True)
        assert reply["status"] == "ok"
        closed = await wire.expect("phx_close")
        assert (closed["ref"], closed["topic"]) == ("1", "realtime:site:twice")
        sql("select realtime.send('{}', 'e', 'site:twice', true)")
        await wire.expect("broadcast")
        await wire.quiet()


async def test_refused_second_join_ends_the_first(serving: Serving) -> None:
    async with connect(serving) as wire:
        await wire.join("t")
        assert (await wire.join("t", "garbage"))["status"] == "error"
        await wire.expect("phx_close")
        await wire.send("broadcast", {}, "realtime:t")
        reply = await wire.expect("phx_reply")
    assert reply["payload"]["response"] == {"reason": "unmatched topic"}


async def test_too_many_channels(recorded_schema: None, local_config: LocalSupabaseConfig) -> None:
    options = RealtimeOptions(max_channels_per_socket=2)
    with serve(local_config, options=options) as narrow:
        async with connect(narrow) as wire:
            assert (await wire.join("a"))["status"] == "ok"
            assert (await wire.join("b"))["status"] == "ok"
            reply = await wire.join("c")
            assert reply["response"]["reason"] == "ChannelRateLimitReached: Too many channels"
            assert (await wire.join("b"))["status"] == "ok", "the same topic again is no more"


@pytest.mark.parametrize("topic", ["phoenix", "other:t", ""])
async def test_topics_that_are_no_channels(serving: Serving, topic: str) -> None:
    async with connect(serving) as wire:
        await wire.send("phx_join", {}, topic)
        reply = await wire.expect("phx_reply")
    assert reply["payload"] == {"status": "error", "response": {"reason": "unmatched topic"}}


async def test_leaving_what_was_not_joined_is_fine(serving: Serving) -> None:
    async with connect(serving) as wire:
        await wire.send("phx_leave", {}, "realtime:t")
        assert (await wire.expect("phx_reply"))["payload"] == {"status": "ok", "response": {}}


async def test_policies_see_topic_claims_and_headers(serving: Serving, sql: Sql) -> None:
    sql(
        "create policy everything_seen on realtime.messages for select to authenticated using ("
        " realtime.topic() = 'seen' and topic = 'seen'"
        " and current_setting('request.jwt.claim.sub') = 'b2a7c4e0-0000-4000-8000-000000000001'"
        " and auth.uid() = 'b2a7c4e0-0000-4000-8000-000000000001'"
        " and current_setting('request.jwt.claim.role') = 'authenticated'"
        " and current_setting('request.headers')::json ->> 'x-extra' = 'yes')"
    )
    token = mint(serving, sub="b2a7c4e0-0000-4000-8000-000000000001")
    try:
        async with connect(serving, additional_headers={"X-Extra": "yes"}) as wire:
            assert (await wire.join("seen", token, private=True))["status"] == "ok"
            other = await wire.join("unseen", token, private=True)
            assert other["response"]["reason"] == f"{DENIED}unseen"
        async with connect(serving) as wire:
            assert (await wire.join("seen", token, private=True))["status"] == "error"
    finally:
        sql("drop policy everything_seen on realtime.messages")


@pytest.mark.parametrize("role", ["nosuchrole", "supabase_admin", "anon"])
async def test_private_topic_is_closed_to_other_roles(serving: Serving, role: str) -> None:
    async with connect(serving) as wire:
        reply = await wire.join("site:a", mint(serving, role=role, sites=["a"]), private=True)
    assert reply["response"]["reason"] == f"{DENIED}site:a"


async def test_policy_that_raises_refuses_and_is_reported(
    serving: Serving, sql: Sql, caplog: pytest.LogCaptureFixture
) -> None:
    sql(
        "create policy raising on realtime.messages for select to authenticated"
        " using (realtime.topic()::int = 1)"
    )
    try:
        async with connect(serving) as wire:
            reply = await wire.join("a", mint(serving, sites=["a"]), private=True)
    finally:
        sql("drop policy raising on realtime.messages")
    assert reply["response"]["reason"] == f"{DENIED}a"
    assert "invalid input syntax for type integer" in caplog.text


async def test_asking_the_policies_leaves_no_rows(
    serving: Serving, sql: Sql, sql_connection: psycopg.Connection[object]
) -> None:
    async with connect(serving) as wire:
        await wire.join("site:clean", mint(serving, sites=["clean"]), private=True)
        await wire.send("broadcast", {"event": "e", "payload": {}}, "realtime:site:clean")
        await wire.quiet()
    assert sql("select count(*) from realtime.messages where topic = 'site:clean'") == [(0,)]


async def test_missing_day_partition_is_named(serving: Serving, sql: Sql) -> None:
    ((today,),) = sql("select to_char(now() at time zone 'utc', 'YYYY_MM_DD')")
    sql(f"alter table realtime.messages detach partition realtime.messages_{today}")
    try:
        async with connect(serving) as wire:
            reply = await wire.join("site:a", mint(serving, sites=["a"]), private=True)
    finally:
        sql(
            f"alter table realtime.messages attach partition realtime.messages_{today}"
            " for values from (date_trunc('day', now() at time zone 'utc'))"
            " to (date_trunc('day', now() at time zone 'utc') + interval '1 day')"
        )
    assert reply["response"]["reason"] == (
        "MissingPartition: Realtime was unable to find the expected messages partition"
    )
