"""The client against a real CMS and a real socket."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable

import pytest

from spool_live.client import (
    InvalidCredentialsError,
    LiveUpdate,
    LiveUpdatesClient,
    Phase,
    Timing,
    WrongSiteError,
)
from tests.client.conftest import World
from tests.waiting import eventually

MODES = pytest.mark.parametrize("mode", ["broadcast", "postgres_changes"])


def seqs(updates: list[LiveUpdate]) -> list[int | None]:
    return [update.seq for update in updates]


@MODES
async def test_update_arrives_as_typed_value(world: World, mode: str) -> None:
    world.cms.mode = mode
    _, seen = await world.live()
    [sent] = await world.publish(metadata={"title": "Hello"})
    await eventually(lambda: seen)
    assert seen == [LiveUpdate.from_wire(sent)]
    assert seen[0].as_dict() == sent


@MODES
async def test_join_sends_what_the_token_response_names(world: World, mode: str) -> None:
    world.cms.mode = mode
    await world.live()
    [channel] = world.realtime.joined
    assert channel.token == "jwt-1"
    if mode == "broadcast":
        assert channel.topic == f"realtime:{world.cms.topic}"
        assert channel.config["private"] is True
        assert channel.config["broadcast"]["replication_ready"] is True
    else:
        [binding] = channel.config["postgres_changes"]
        assert binding["filter"] == f"site_id=eq.{world.cms.site_id}"
        assert (binding["event"], binding["table"]) == ("INSERT", "live_updates")


async def test_state_tells_live_and_last_update(world: World) -> None:
    client, seen = await world.live()
    await world.publish()
    await eventually(lambda: seen)
    state = client.state
    assert state.connected
    assert (state.site_id, state.error, state.reconnect_attempts) == (world.cms.site_id, None, 0)
    assert state.last_update == seen[0].timestamp
    await client.disconnect()
    assert client.state.connected is False


async def test_old_server_without_ready_message_is_live_after_a_catch_up(world: World) -> None:
    world.realtime.says_ready = False
    await world.live()


async def test_updates_between_token_and_join_are_caught_up(world: World) -> None:
    world.realtime.flowing = False

    def record_and_accept(token: str, topic: str) -> None:
        world.cms.record()

    world.realtime.accepts_token = record_and_accept
    _, seen = await world.live()
    await eventually(lambda: seqs(seen) == [1])


async def test_only_new_updates_without_start_and_all_with_it(world: World) -> None:
    for _ in range(3):
        world.cms.record()
    _, new = await world.live()
    _, some = await world.live(start=1)
    await world.publish()
    await eventually(lambda: seqs(new) == [4] and seqs(some) == [2, 3, 4])


async def test_iteration_misses_nothing_since_connect_and_ends_at_disconnect(world: World) -> None:
    client = world.client()
    await client.connect()
    await client.wait_until_live(5)
    await world.publish(3)
    seen: list[int | None] = []
    async for update in client:
        seen.append(update.seq)
        if len(seen) == 3:
            await client.disconnect()
    assert seen == [1, 2, 3]


async def test_lost_connection_is_rebuilt_and_the_gap_filled(world: World) -> None:
    _, seen = await world.live()
    await world.publish(2)
    await world.realtime.kill()
    for _ in range(3):
        world.cms.record()
    await world.realtime.start()
    await eventually(lambda: seqs(seen) == [1, 2, 3, 4, 5])


async def test_handler_that_raises_is_reported_and_does_not_stop_the_stream(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    client, seen = await world.live()

    @client.on_update
    def broken(update: LiveUpdate) -> None:
        raise RuntimeError(f"cannot handle {update.seq}")

    await world.publish(2)
    await eventually(lambda: seqs(seen) == [1, 2] and "cannot handle 2" in caplog.text)
    assert "cannot handle 1" in caplog.text


async def test_unknown_key_is_fatal_and_names_the_variables(world: World) -> None:
    with pytest.raises(InvalidCredentialsError, match="SPOOL_API_KEY and SPOOL_SITE_ID"):
        await world.client(api_key="wrong").connect()


async def test_key_of_another_site_is_fatal(world: World) -> None:
    other = "0b0b0b0b-0000-4000-8000-000000000002"
    with pytest.raises(WrongSiteError, match=world.cms.site_id):
        await world.client(site_id=other).connect()


async def test_cms_that_is_down_at_first_is_retried_in_the_background(world: World) -> None:
    world.cms.down = True
    client = world.client()
    await client.connect()
    assert client.state.phase is Phase.BACKING_OFF
    assert "503" in (client.state.error or "")
    world.cms.down = False
    await client.wait_until_live(5)


async def test_revoked_key_stops_the_client(world: World) -> None:
    client, _ = await world.live()
    iteration = asyncio.ensure_future(anext(aiter(client)))
    world.cms.keys.clear()
    topic, world.cms.epoch = world.cms.topic, 2
    await world.realtime.broadcast(topic, "reauthenticate", {})
    with pytest.raises(InvalidCredentialsError):
        await iteration
    assert client.state.phase is Phase.REVOKED
    assert "SPOOL_API_KEY" in (client.state.error or "")


async def test_revocation_is_noticed_in_postgres_changes_mode_though_nothing_says_so(
    world: World, fast: Callable[..., Timing]
) -> None:
    world.cms.mode = "postgres_changes"
    timing = fast(catch_up_interval=600, catch_up_interval_changes=0.2)
    client, _ = await world.live(timing=timing)
    world.cms.keys.clear()
    await eventually(lambda: client.state.phase is Phase.REVOKED, within=5)
    assert not client.state.connected


async def test_api_key_is_not_in_any_repr(world: World) -> None:
    client, _ = await world.live()
    assert "secret" not in repr(client._config)
    assert client._feed is not None
    assert "jwt-1" not in repr(client._feed._tokens.current)


def test_import_brings_nothing_but_the_client() -> None:
    code = (
        "import sys, spool_live.client; "
        "print([m for m in sys.modules if m.split('.')[0] in {'django', 'celery', 'redis'} or "
        "m.startswith('spool_live.') and not m.startswith('spool_live.client')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['spool_live.retry_after']"


def test_client_without_config_names_the_missing_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPOOL_API_KEY", raising=False)
    with pytest.raises(Exception, match="SPOOL_"):
        asyncio.run(LiveUpdatesClient().connect())
