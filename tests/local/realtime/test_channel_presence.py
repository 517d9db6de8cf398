"""Presence over a real socket."""

from __future__ import annotations

from typing import Any

from tests.local.realtime.serving import Serving
from tests.local.realtime.sql import Sql
from tests.local.realtime.wire import Wire, connect, mint

PRESENT: dict[str, Any] = {"presence": {"enabled": True, "key": "me"}}


async def track(wire: Wire, topic: str, **payload: Any) -> None:
    content = {"type": "presence", "event": "track", "payload": payload}
    await wire.send("presence", content, f"realtime:{topic}")


async def test_members_see_each_other_come_and_go(serving: Serving) -> None:
    async with connect(serving) as watcher:
        await watcher.join("room", presence={"enabled": True})
        assert (await watcher.expect("presence_state"))["payload"] == {}
        async with connect(serving) as member:
            await member.join("room", **PRESENT)
            await member.expect("presence_state")
            await track(member, "room", name="A")
            assert (await member.expect("presence_diff"))["payload"]["joins"].keys() == {"me"}
            assert (await member.expect("phx_reply"))["payload"]["status"] == "ok"
            diff = (await watcher.expect("presence_diff"))["payload"]
            assert diff["joins"]["me"]["metas"][0]["name"] == "A"
            assert diff["leaves"] == {}
            async with connect(serving) as late:
                await late.join("room", **PRESENT)
                state = (await late.expect("presence_state"))["payload"]
                assert state["me"]["metas"][0]["name"] == "A"
        diff = (await watcher.expect("presence_diff"))["payload"]
    assert diff["leaves"]["me"]["metas"][0]["name"] == "A"


async def test_untracking_leaves(serving: Serving) -> None:
    async with connect(serving) as wire:
        await wire.join("room2", **PRESENT)
        await wire.expect("presence_state")
        await track(wire, "room2", name="A")
        await wire.expect("presence_diff")
        await wire.expect("phx_reply")
        await wire.send("presence", {"event": "untrack"}, "realtime:room2")
        assert (await wire.expect("presence_diff"))["payload"]["leaves"].keys() == {"me"}
        await wire.expect("phx_reply")


async def test_payload_must_be_an_object(serving: Serving) -> None:
    async with connect(serving) as wire:
        await wire.join("room3")
        content = {"event": "track", "payload": [1]}
        await wire.send("presence", content, "realtime:room3")
        assert (await wire.expect("phx_reply"))["payload"] == {
            "status": "error",
            "response": {"reason": "Presence track payload must be a map"},
        }


async def test_private_topic_needs_policies_for_presence(serving: Serving, sql: Sql) -> None:
    """The policy of the tests lets broadcasts be read, and nothing be written."""
    async with connect(serving) as wire:
        token = mint(serving, sites=["p"])
        assert (await wire.join("site:p", token, private=True, **PRESENT))["status"] == "ok"
        await wire.quiet()
        await track(wire, "site:p", name="A")
        assert (await wire.expect("phx_reply"))["payload"]["status"] == "error"
