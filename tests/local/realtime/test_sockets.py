"""What a socket survives, and what ends it."""

from __future__ import annotations

import asyncio
import socket

import pytest

from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.realtime.channel import Channel
from spool_live.local.realtime.options import RealtimeOptions
from tests.local.realtime.serving import Serving, serve
from tests.local.realtime.wire import connect, mint


@pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])
@pytest.mark.parametrize("frame", ["", "nonsense", "{}", "[]", "[1,2,3]", b"\x00", b"\x03\xff"])
async def test_malformed_frames_are_dropped(serving: Serving, vsn: str, frame: str | bytes) -> None:
    async with connect(serving, vsn=vsn) as wire:
        await wire.connection.send(frame)
        await wire.quiet()


async def test_heartbeat_without_ref_is_answered_without_ref(serving: Serving) -> None:
    async with connect(serving) as wire:
        await wire.send("heartbeat", {}, "phoenix", ref=None)
        assert await wire.receive() == {
            "topic": "phoenix",
            "event": "phx_reply",
            "ref": None,
            "payload": {"status": "ok", "response": {}},
        }


async def test_unknown_events_are_ignored(serving: Serving) -> None:
    async with connect(serving) as wire:
        await wire.join("t")
        await wire.send("shout", {}, "realtime:t")
        await wire.send("presence", [], "realtime:t")
        await wire.send("access_token", None, "realtime:t")
        await wire.quiet()


async def test_v2_transcript_of_a_healthy_session(serving: Serving) -> None:
    async with connect(serving, vsn="2.0.0") as wire:
        binding = {"event": "*", "schema": "public", "table": "witnessed"}
        await wire.send(
            "phx_join",
            {"config": {"postgres_changes": [binding]}, "access_token": mint(serving)},
            "realtime:t",
            ref="6",
            join_ref="6",
        )
        reply, system = await wire.receive(), await wire.receive()
        await wire.send("phx_leave", {}, "realtime:t", ref="9", join_ref="6")
        left, closed = await wire.receive(), await wire.receive()
    assert (reply["join_ref"], reply["ref"], reply["event"]) == ("6", "6", "phx_reply")
    assert (system["join_ref"], system["ref"], system["event"]) == ("6", None, "system")
    assert (left["join_ref"], left["ref"], left["payload"]["status"]) == ("6", "9", "ok")
    assert (closed["join_ref"], closed["ref"], closed["event"]) == ("6", "6", "phx_close")


async def test_crashed_channel_ends_alone(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash(*_: object) -> None:
        raise ZeroDivisionError

    async with connect(serving) as wire:
        await wire.join("whole")
        await wire.join("broken")
        monkeypatch.setattr(Channel, "handle", crash)
        await wire.send("broadcast", {}, "realtime:broken")
        error = await wire.expect("phx_error")
        monkeypatch.undo()
        assert (error["topic"], error["ref"], error["payload"]) == ("realtime:broken", "2", {})
        await wire.send("phx_leave", {}, "realtime:whole")
        await wire.expect("phx_reply")
        await wire.expect("phx_close")
    assert "realtime:broken crashed" in caplog.text


async def test_socket_without_channels_is_cut_off(
    recorded_schema: None, local_config: LocalSupabaseConfig
) -> None:
    with serve(local_config, options=RealtimeOptions(channelless_sweep=0.2)) as sweeping:
        async with connect(sweeping) as idle, connect(sweeping) as busy:
            await busy.join("t")
            assert await idle.closed() == 1006
            await busy.quiet()


async def test_socket_that_says_nothing_is_closed(
    recorded_schema: None, local_config: LocalSupabaseConfig
) -> None:
    with serve(local_config, options=RealtimeOptions(idle_timeout=0.2)) as impatient:
        async with connect(impatient) as wire:
            assert await wire.closed() == 1000


async def test_slow_socket_is_closed_and_the_others_go_on(
    recorded_schema: None, local_config: LocalSupabaseConfig
) -> None:
    with serve(local_config, options=RealtimeOptions(socket_queue=20)) as serving:
        slow = socket.create_connection((serving.config.host, serving.config.port))
        async with connect(serving) as sender, connect(serving) as fast:
            await fast.join("flood")
            await sender.join("flood", broadcast={"ack": True})
            _join_raw(slow, serving, "flood")
            payload = {"event": "e", "payload": {"a": "x" * 100_000}}
            for _ in range(150):  # more than the kernel's buffers and the queue hold
                await sender.send("broadcast", payload, "realtime:flood")
                await fast.expect("broadcast")
                await sender.expect("phx_reply")
            assert await asyncio.to_thread(_close_frame, slow) == b"\x88\x02\x03\xf5", "1013"


def _join_raw(slow: socket.socket, serving: Serving, topic: str) -> None:
    """A client that joins and then reads nothing more."""
    config = serving.config
    request = (
        f"GET /realtime/v1/websocket?apikey={config.publishable_key} HTTP/1.1\r\n"
        f"Host: {config.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    slow.sendall(request.encode())
    assert b" 101 " in slow.recv(4096)
    join = f'{{"topic":"realtime:{topic}","event":"phx_join","payload":{{}},"ref":"1"}}'.encode()
    slow.sendall(bytes((0x81, 0x80 | len(join), 0, 0, 0, 0)) + join)
    assert b"phx_reply" in slow.recv(4096)


def _close_frame(slow: socket.socket) -> bytes:
    """Read everything up to the frame that closes, which nothing else looks like."""
    last = b""
    with slow:
        slow.settimeout(15)
        while last[:2] != b"\x88\x02" and (chunk := slow.recv(65536)):
            last = (last + chunk)[-4:]
    return last
