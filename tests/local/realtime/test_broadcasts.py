"""Broadcasts over a real socket: from the database, from clients, replayed."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.local.realtime.serving import Serving
from tests.local.realtime.sql import Sql
from tests.local.realtime.wire import Wire, connect, mint
from tests.local.realtime.witness import Witness

SEND = "select realtime.send(%s::jsonb, %s, %s, %s)"
BOTH_FORMATS = pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])


def kind_3(topic: str, event: str, payload: bytes, *, json: bool = True) -> bytes:
    """A broadcast as realtime-js sends it, without refs."""
    fields = [b"", b"", f"realtime:{topic}".encode(), event.encode(), b""]
    return bytes((3, *map(len, fields), int(json))) + b"".join(fields) + payload


async def joined(wire: Wire, topic: str, token: str | None = None, **config: Any) -> None:
    reply = await wire.join(topic, token, **config)
    assert reply["status"] == "ok", reply


@BOTH_FORMATS
async def test_database_broadcast_reaches_its_private_topic(
    serving: Serving, sql: Sql, vsn: str
) -> None:
    async with connect(serving, vsn=vsn) as wire:
        await joined(wire, "site:db", mint(serving, sites=["db"]), private=True)
        sql(SEND, '{"n": 1.10}', "update", "site:db", True)
        frame = await wire.expect("broadcast")
    message_id = frame["payload"]["meta"]["id"]
    assert frame["topic"] == "realtime:site:db"
    assert frame["ref"] is None
    assert frame.get("binary", False) is (vsn == "2.0.0")
    assert frame["payload"] == {
        "type": "broadcast",
        "event": "update",
        "payload": {"n": 1.10, "id": message_id},
        "meta": {"id": message_id},
    }


async def test_public_and_private_topics_are_different_rooms(
    serving: Serving, sql: Sql, witness: Witness
) -> None:
    async with connect(serving) as public, connect(serving) as private:
        await joined(public, "site:rooms")
        await joined(private, "site:rooms", mint(serving, sites=["rooms"]), private=True)
        sql(SEND, '{"to": "public"}', "e", "site:rooms", False)
        sql(SEND, '{"to": "private"}', "e", "site:rooms", True)
        for wire, name in ((public, "public"), (private, "private")):
            assert (await wire.expect("broadcast"))["payload"]["payload"]["to"] == name
        await witness.everything_sent()
        await public.quiet()
        await private.quiet()


async def test_trigger_broadcasts_a_changed_row(serving: Serving, sql: Sql) -> None:
    sql("create table noted (id int primary key, body text)")
    sql(
        "create function note() returns trigger language plpgsql as $$ begin"
        " perform realtime.broadcast_changes('site:noted', 'changed', tg_op, tg_table_name,"
        " tg_table_schema, new, old); return null; end $$"
    )
    sql("create trigger note after insert on noted for each row execute function note()")
    async with connect(serving) as wire:
        await joined(wire, "site:noted", mint(serving, sites=["noted"]), private=True)
        sql("insert into noted values (1, 'a')")
        content = (await wire.expect("broadcast"))["payload"]["payload"]
    assert (content["operation"], content["record"]) == ("INSERT", {"id": 1, "body": "a"})


async def test_other_extensions_and_rollbacks_send_nothing(
    serving: Serving, sql: Sql, witness: Witness
) -> None:
    async with connect(serving) as wire:
        await joined(wire, "site:quiet", mint(serving, sites=["quiet"]), private=True)
        sql(
            "insert into realtime.messages (topic, extension, event, private, payload)"
            " values ('site:quiet', 'presence', 'e', true, '{}'),"
            " ('site:quiet', 'broadcast', 'e', true, null)"
        )
        sql("begin")
        sql(SEND, "{}", "e", "site:quiet", True)
        sql("rollback")
        await witness.everything_sent()
        await wire.quiet()


async def test_replication_ready_is_announced(serving: Serving) -> None:
    async with connect(serving) as wire:
        token = mint(serving, sites=["ready"])
        await joined(wire, "site:ready", token, private=True, broadcast={"replication_ready": True})
        assert (await wire.expect("system"))["payload"] == {
            "message": "Replication connection established",
            "status": "ok",
            "extension": "system",
            "channel": "site:ready",
        }


async def test_replay_is_the_newest_in_order_and_does_not_come_twice(
    serving: Serving, sql: Sql, witness: Witness
) -> None:
    since = int(time.time() * 1000) - 1000
    for number in range(30):
        sql(SEND, f'{{"n": {number}}}', "e", "site:replay", True)
    await witness.everything_sent()
    async with connect(serving) as wire:
        replay = {"since": since, "limit": 50}
        token = mint(serving, sites=["replay"])
        await joined(wire, "site:replay", token, private=True, broadcast={"replay": replay})
        frames = [await wire.expect("broadcast") for _ in range(25)]
        assert [frame["payload"]["payload"]["n"] for frame in frames] == list(range(5, 30))
        assert all(frame["payload"]["meta"]["replayed"] is True for frame in frames)
        await witness.everything_sent()
        await wire.quiet()


@pytest.mark.parametrize("replay", [{}, {"since": "x"}, {"since": 0, "limit": 0}])
async def test_replay_with_wrong_parameters_is_refused(serving: Serving, replay: Any) -> None:
    async with connect(serving) as wire:
        token = mint(serving, sites=["x"])
        reply = await wire.join("site:x", token, private=True, broadcast={"replay": replay})
    assert reply["response"]["reason"] == ("UnableToReplayMessages: Replay params are not valid")


async def test_replay_that_the_database_refuses(serving: Serving) -> None:
    async with connect(serving) as wire:
        token = mint(serving, sites=["x"])
        replay = {"since": 10**18}
        reply = await wire.join("site:x", token, private=True, broadcast={"replay": replay})
    assert reply["response"]["reason"] == (
        "UnableToReplayMessages: Realtime was unable to replay messages"
    )


async def test_replay_is_for_those_who_may_read_broadcasts(serving: Serving, sql: Sql) -> None:
    sql(
        "create policy only_presence on realtime.messages for select to authenticated"
        " using (realtime.topic() = 'present' and extension = 'presence')"
    )
    try:
        async with connect(serving) as wire:
            config: dict[str, Any] = {"private": True, "presence": {"enabled": True}}
            token = mint(serving)
            await joined(wire, "present", token, **config)
            await wire.expect("presence_state")
            replay = {"replay": {"since": 0}}
            reply = await wire.join("present", token, **config, broadcast=replay)
    finally:
        sql("drop policy only_presence on realtime.messages")
    assert reply["response"]["reason"] == (
        "Unauthorized: You do not have permissions to read from this Channel topic: present"
    )


@BOTH_FORMATS
async def test_clients_hear_each_other_but_not_themselves(serving: Serving, vsn: str) -> None:
    async with connect(serving, vsn=vsn) as first, connect(serving) as second:
        await joined(first, "chat")
        await joined(second, "chat")
        content = {"type": "broadcast", "event": "hi", "payload": {"z": 1}}
        await first.send("broadcast", content, "realtime:chat")
        assert (await second.expect("broadcast"))["payload"] == content
        await first.quiet()


async def test_binary_broadcast_of_a_client_reaches_both_formats(serving: Serving) -> None:
    async with (
        connect(serving, vsn="2.0.0") as sender,
        connect(serving, vsn="2.0.0") as other,
        connect(serving) as old,
    ):
        for wire in (sender, other, old):
            await joined(wire, "mixed")
        await sender.connection.send(kind_3("mixed", "hi", b'{"a": 1}'))
        for wire, binary in ((other, True), (old, False)):
            frame = await wire.expect("broadcast")
            assert frame.get("binary", False) is binary
            assert frame["payload"] == {"type": "broadcast", "event": "hi", "payload": {"a": 1}}


async def test_bytes_reach_sockets_that_can_carry_them(serving: Serving) -> None:
    async with (
        connect(serving, vsn="2.0.0") as sender,
        connect(serving, vsn="2.0.0") as other,
        connect(serving) as old,
    ):
        for wire in (sender, other, old):
            await joined(wire, "bytes", broadcast={"ack": True})
        await sender.connection.send(kind_3("bytes", "hi", b"\xff\x00", json=False))
        assert (await other.expect("broadcast"))["payload"]["payload"] == b"\xff\x00"
        await sender.expect("phx_reply")
        await old.quiet()


async def test_sender_can_ask_for_its_own_and_for_an_answer(serving: Serving) -> None:
    async with connect(serving) as wire:
        await joined(wire, "echo", broadcast={"self": True, "ack": True})
        ref = await wire.send("broadcast", {"event": "hi", "payload": {}}, "realtime:echo")
        await wire.expect("broadcast")
        reply = await wire.expect("phx_reply")
    assert (reply["ref"], reply["payload"]) == (ref, {"status": "ok", "response": {}})


async def test_too_large_a_broadcast_is_answered_and_not_sent(serving: Serving) -> None:
    async with connect(serving) as sender, connect(serving) as other:
        await joined(sender, "large", broadcast={"ack": True})
        await joined(other, "large")
        payload = {"event": "e", "payload": {"a": "x" * 3_100_000}}
        await sender.send("broadcast", payload, "realtime:large")
        assert (await sender.expect("phx_reply"))["payload"] == {
            "status": "error",
            "response": "payload_size_exceeded",
        }
        await other.quiet()


async def test_writing_to_a_private_topic_needs_a_policy(serving: Serving, sql: Sql) -> None:
    sql(
        "create policy write_rw on realtime.messages for insert to authenticated"
        " with check (extension = 'broadcast' and realtime.topic() = 'site:rw')"
    )
    config: dict[str, Any] = {"private": True, "broadcast": {"ack": True}}
    async with connect(serving) as writer, connect(serving) as reader:
        token = mint(serving, sites=["rw", "ro"])
        for topic in ("site:rw", "site:ro"):
            await joined(writer, topic, token, **config)
            await joined(reader, topic, token, **config)
        content = {"type": "broadcast", "event": "hi", "payload": {"n": 1}}
        await writer.send("broadcast", content, "realtime:site:ro")
        await writer.send("broadcast", content, "realtime:site:rw")
        assert (await reader.expect("broadcast"))["topic"] == "realtime:site:rw"
        assert (await writer.expect("phx_reply"))["topic"] == "realtime:site:rw"
        await writer.quiet()
        await reader.quiet()
    sql("drop policy write_rw on realtime.messages")
