from __future__ import annotations

import asyncio

from spool_live.local.realtime.hub import Extension, Hub, Room
from spool_live.local.realtime.protocol import Encoded, Message

PUBLIC, PRIVATE = Room("t", private=False), Room("t", private=True)


class Listener:
    def __init__(self) -> None:
        self.heard: list[tuple[Encoded, Extension, str | None]] = []

    def deliver(self, encoded: Encoded, extension: Extension, message_id: str | None) -> None:
        self.heard.append((encoded, extension, message_id))

    def overrun(self) -> None:
        raise AssertionError("nobody counts here")


def note() -> Encoded:
    return Encoded(Message("realtime:t", "broadcast", {}))


async def test_only_the_room_hears_a_broadcast() -> None:
    hub, inside, outside = Hub(), Listener(), Listener()
    hub.enter(PUBLIC, inside)
    hub.enter(PRIVATE, outside)
    encoded = note()
    await hub.broadcast(PUBLIC, encoded, message_id="id")
    assert inside.heard == [(encoded, "broadcast", "id")]
    assert outside.heard == []


async def test_sender_does_not_hear_itself() -> None:
    hub, sender, other = Hub(), Listener(), Listener()
    hub.enter(PUBLIC, sender)
    hub.enter(PUBLIC, other)
    await hub.broadcast(PUBLIC, note(), sender=sender)
    assert (len(sender.heard), len(other.heard)) == (0, 1)


async def test_who_left_hears_nothing() -> None:
    hub, member = Hub(), Listener()
    hub.enter(PUBLIC, member)
    hub.leave(PUBLIC, member)
    hub.leave(PUBLIC, member)
    await hub.broadcast(PUBLIC, note())
    hub.send_presence(PUBLIC, note())
    assert member.heard == []
    assert not hub.occupied(PUBLIC)


async def test_long_fan_out_lets_others_run() -> None:
    hub, members = Hub(), [Listener() for _ in range(1000)]
    for member in members:
        hub.enter(PUBLIC, member)
    others_ran_after: list[int] = []

    async def other() -> None:
        others_ran_after.append(sum(len(member.heard) for member in members))

    fan_out = asyncio.create_task(hub.broadcast(PUBLIC, note()))
    await asyncio.gather(fan_out, other())
    assert 0 < others_ran_after[0] < 1000
    assert all(len(member.heard) == 1 for member in members)
