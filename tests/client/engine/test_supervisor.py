"""Connections that end, or only look alive, over real sockets: the client misses nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from spool_live.client import LiveUpdate, LogSource, Phase
from tests.client.conftest import FAST, World
from tests.waiting import eventually

MODES = pytest.mark.parametrize("mode", ["broadcast", "postgres_changes"])


def seqs(updates: list[LiveUpdate]) -> list[int | None]:
    return [update.seq for update in updates]


async def goes_on(world: World, seen: list[LiveUpdate], number: int = 2) -> None:
    """Updates flow over the socket, each once and in order."""
    await world.publish(number)
    await eventually(lambda: seqs(seen) == list(range(1, world.cms.seq + 1)))


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 4000])
async def test_close_code_is_survived(world: World, code: int) -> None:
    client, seen = await world.live()
    await world.realtime.close_sockets(code)
    world.cms.record()
    await eventually(lambda: len(world.realtime.joins) == 2)
    await client.wait_until_live(5)
    await goes_on(world, seen)


@MODES
async def test_token_expiry_in_mid_stream_is_answered_with_a_fresh_token(
    world: World, mode: str
) -> None:
    world.cms.mode = mode
    client, seen = await world.live()
    await world.realtime.system("Token has expired 0 seconds ago", "error", close=True)
    await eventually(lambda: world.realtime.tokens[:2] == ["jwt-1", "jwt-2"])
    await client.wait_until_live(5)
    await goes_on(world, seen)


@MODES
async def test_system_error_leaves_no_zombie_behind(world: World, mode: str) -> None:
    world.cms.mode = mode
    client, seen = await world.live()
    await world.realtime.system("Unable to subscribe to changes with given parameters", "error")
    await eventually(lambda: len(world.realtime.joins) == 2)
    await client.wait_until_live(5)
    await goes_on(world, seen)
    assert len(world.realtime.joined) == 1


async def test_rate_limit_shutdown_waits_and_polls_meanwhile(world: World) -> None:
    client, seen = await world.live()
    await world.realtime.system("Too many messages per second", "error", close=True)
    await eventually(lambda: client.state.phase is Phase.BACKING_OFF)
    assert "Trying again in 30 seconds" in (client.state.error or "")
    world.cms.record()
    await eventually(lambda: seqs(seen) == [1])
    assert len(world.realtime.joins) == 1


async def test_refused_handshake_is_told_and_polling_goes_on(world: World) -> None:
    world.realtime.refuse_handshake = (401, "The token provided is not a valid JWT")
    client = world.client()
    seen: list[LiveUpdate] = []
    client.on_update(seen.append)
    await client.connect()
    await eventually(lambda: "SUPABASE_PUBLISHABLE_KEY" in (client.state.error or ""))
    world.cms.record()
    await eventually(lambda: seqs(seen) == [1])
    assert not client.state.connected
    assert client.state.log is LogSource.CMS


async def test_refusal_that_passes_is_survived(world: World) -> None:
    """A policy may reach Supabase a moment after the key."""
    world.realtime.refuse_join = "Unauthorized: You do not have permissions to read"
    client = world.client()
    await client.connect()
    await eventually(lambda: len(world.realtime.joins) >= 2)
    world.realtime.refuse_join = None
    await client.wait_until_live(5)
    assert len(set(world.realtime.tokens)) == len(world.realtime.tokens), "a fresh one each time"


@MODES
async def test_refusal_that_lasts_leaves_polling_and_is_tried_for_ever(
    world: World, mode: str
) -> None:
    """A JWT secret that was rotated on one side only works again once a person has corrected it."""
    world.cms.mode = mode
    client, seen = await world.live()
    world.realtime.refuse_join = "JwtSignatureError: Failed to validate JWT signature"
    await world.realtime.close_sockets(1012)
    for _ in range(3):
        world.cms.record()
        joins = len(world.realtime.joins)
        await eventually(lambda: seqs(seen) == list(range(1, world.cms.seq + 1)))
        await eventually(partial(lambda n: len(world.realtime.joins) >= n, joins + 2))
        assert "JWT_SIGNING_KEY" in (client.state.error or "")
        assert not client.state.connected
    world.realtime.refuse_join = None
    await client.wait_until_live(5)
    assert client.state.error is None
    await goes_on(world, seen)


async def test_database_behind_realtime_that_is_away_makes_the_state_delayed(world: World) -> None:
    """The socket stays joined but brings nothing: the log has the updates."""
    client, seen = await world.live()
    phases: list[Phase] = []
    client.on_state(lambda state: phases.append(state.phase))
    world.realtime.flowing = False
    world.cms.record()
    await eventually(lambda: client.state.phase is Phase.DELAYED)
    assert not client.state.connected
    assert "Updates come from the log" in (client.state.error or "")
    assert seqs(seen) == [1]
    world.realtime.flowing = True
    await goes_on(world, seen)
    await eventually(lambda: client.state.phase is Phase.LIVE)
    assert client.state.error is None


async def test_delayed_client_asks_the_log_at_the_pace_of_polling(world: World, fast: Any) -> None:
    timing = fast(catch_up_interval=0.5, patience_maximum=60, suspicion=0.2)
    client, seen = await world.live(timing=timing)
    world.realtime.flowing = False
    world.cms.record()
    await eventually(lambda: client.state.phase is Phase.DELAYED)
    asked = len(world.cms.update_requests)
    await asyncio.sleep(0.5)
    assert len(world.cms.update_requests) - asked >= 2
    assert seqs(seen) == [1]


async def test_join_that_is_not_answered_is_tried_again(world: World, fast: Any) -> None:
    world.realtime.answers_joins = False
    client = world.client(timing=fast(join=1.0))
    await client.connect()
    await eventually(lambda: len(world.realtime.joins) == 1)
    world.realtime.answers_joins = True
    await client.wait_until_live(5)


async def test_postgres_changes_that_never_become_ready_are_joined_again(
    world: World, fast: Any
) -> None:
    world.cms.mode = "postgres_changes"
    world.realtime.says_ready = False
    client = world.client(timing=fast(ready_postgres_changes=0.1))
    await client.connect()
    await eventually(lambda: len(world.realtime.joins) == 2)
    assert not client.state.connected
    world.realtime.says_ready = True
    await client.wait_until_live(5)


@MODES
async def test_channel_that_is_joined_and_dead_is_woken_by_a_fresh_token(
    world: World, mode: str
) -> None:
    """A restart of PostgreSQL leaves such a dead subscription."""
    world.cms.mode = mode
    _, seen = await world.live()
    world.realtime.flowing, world.realtime.dead_until_new_token = False, True
    await world.publish()
    await eventually(lambda: seqs(seen) == [1])
    await eventually(lambda: world.realtime.flowing)
    await goes_on(world, seen)
    assert len(world.realtime.joins) == 1, "no new socket was needed"


async def test_channel_that_stays_dead_is_rebuilt_and_updates_come_anyway(world: World) -> None:
    _, seen = await world.live()
    world.realtime.flowing = False
    async with asyncio.timeout(10):
        while len(world.realtime.joins) < 2:
            await goes_on(world, seen, 1)
    world.realtime.flowing = True
    await goes_on(world, seen)


@MODES
async def test_changes_that_are_dropped_silently_are_fetched_at_the_next_one(
    world: World, mode: str, fast: Any
) -> None:
    world.cms.mode = mode
    _, seen = await world.live(timing=fast(catch_up_interval=60))
    await world.publish()
    world.cms.record()
    world.cms.record()
    await goes_on(world, seen, 1)


async def test_last_change_that_is_dropped_is_found_by_the_next_probe(world: World) -> None:
    _, seen = await world.live()
    world.cms.record()
    await eventually(lambda: seqs(seen) == [1])


async def test_duplicates_and_disorder_do_not_reach_the_handler(world: World) -> None:
    _, seen = await world.live()
    a, b, c, d = [world.cms.record() for _ in range(4)]
    await world.send([b, a, a])
    await world.send([d])
    await world.send([c, b])
    await goes_on(world, seen)


async def test_duplicate_does_not_make_the_log_be_asked(world: World, fast: Any) -> None:
    client, seen = await world.live(timing=fast(catch_up_interval=600))
    sent = await world.publish(2)
    await eventually(lambda: seqs(seen) == [1, 2])
    asked = len(world.cms.update_requests)
    await world.send(sent)
    await world.send([sent[0]])
    await world.publish()
    await eventually(lambda: seqs(seen) == [1, 2, 3])
    await asyncio.sleep(5 * FAST.catch_up_confirm)
    assert len(world.cms.update_requests) == asked
    assert client._feed is not None
    assert client._feed.stream.gap_before is None


async def test_dead_entry_is_passed_over_and_not_asked_for_again(world: World) -> None:
    _, seen = await world.live()
    world.cms.record(visible=False)
    await world.publish()
    await eventually(lambda: seqs(seen) == [2])
    asked = len(world.cms.update_requests)
    await world.publish()
    await eventually(lambda: seqs(seen) == [2, 3])
    assert all(after >= 2 for after in world.cms.update_requests[asked:])


async def test_gap_before_an_update_that_the_log_does_not_show_is_accepted_in_the_end(
    world: World,
) -> None:
    _, seen = await world.live()
    world.cms.record(visible=False)
    await world.send([world.cms.record(visible=False)])
    await eventually(lambda: seqs(seen) == [2])


@pytest.mark.parametrize("notified", [True, False], ids=["notified", "message missed"])
async def test_new_epoch_is_joined_with_a_new_token(
    world: World, notified: bool, fast: Any
) -> None:
    _, seen = await world.live(timing=fast(catch_up_interval=60 if notified else 0.2))
    old, world.cms.epoch = world.cms.topic, 2
    if notified:
        await world.realtime.broadcast(old, "reauthenticate", {})
    topic = f"realtime:{world.cms.topic}"
    await eventually(lambda: [channel.topic for channel in world.realtime.joined] == [topic])
    await goes_on(world, seen)
    assert world.cms.token_requests == 2


async def test_token_is_refreshed_on_the_open_socket_before_it_ends(world: World) -> None:
    world.cms.lifetime = 0.4
    client, seen = await world.live()
    await eventually(lambda: len(world.realtime.tokens) >= 3)
    await goes_on(world, seen)
    assert len(world.realtime.joins) == 1
    assert client.state.reconnect_attempts == 0


async def test_realtime_clock_that_is_ahead_makes_us_refresh_earlier(world: World) -> None:
    """The token lives ten minutes for the CMS, a fraction of a second for Realtime."""
    client, seen = await world.live()
    assert client._feed is not None
    tokens = client._feed._tokens
    assert tokens.current is not None
    tokens.current = replace(tokens.current, received_at=tokens.current.received_at - 0.3)
    await world.realtime.system("Token has expired 0 seconds ago", "error", close=True)
    await eventually(lambda: len(world.realtime.joins) == 2)
    await client.wait_until_live(5)
    await eventually(lambda: len(world.realtime.tokens) >= 4)
    assert len(world.realtime.joins) == 2, "refreshed in time from now on"
    await goes_on(world, seen)


async def test_tokens_born_expired_name_the_clocks(world: World) -> None:
    world.realtime.refuse_join = "InvalidJWTToken: Token has expired 300 seconds ago"
    client = world.client()
    await client.connect()
    await eventually(lambda: "check NTP" in (client.state.error or ""))
