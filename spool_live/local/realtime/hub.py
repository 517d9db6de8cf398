"""Rooms and fan-out: who gets a broadcast, and how many frames go out in one turn of the event
loop."""

from __future__ import annotations

import asyncio
from typing import Literal, NamedTuple, Protocol

from spool_live.local.realtime.protocol import Encoded

Extension = Literal["broadcast", "presence"]
"""What policies on ``realtime.messages`` distinguish."""

_FRAMES_PER_TURN = 200


class Room(NamedTuple):
    """Public and private topics of the same name are different rooms."""

    topic: str
    """Without the ``realtime:`` prefix."""
    private: bool


class Member(Protocol):
    """A channel, seen from the room it is in."""

    def overrun(self) -> None:
        """More was broadcast than the project may."""
        ...

    def deliver(self, encoded: Encoded, extension: Extension, message_id: str | None) -> None:
        """Hand over a broadcast or a presence diff, if it may be read. No waiting.

        ``message_id`` is that of a database broadcast.
        """
        ...


class Hub:
    """All rooms of the server."""

    def __init__(self) -> None:
        self._rooms: dict[Room, dict[Member, None]] = {}

    def enter(self, room: Room, member: Member) -> None:
        """Add ``member``."""
        self._rooms.setdefault(room, {})[member] = None

    def leave(self, room: Room, member: Member) -> None:
        """Remove ``member`` if it is there."""
        members = self._rooms.get(room, {})
        members.pop(member, None)
        if not members:
            self._rooms.pop(room, None)

    def occupied(self, room: Room) -> bool:
        """Return whether anybody would receive a broadcast."""
        return room in self._rooms

    def members(self, room: Room) -> tuple[Member, ...]:
        """Return everybody in the room, in the order in which they came."""
        return tuple(self._rooms.get(room, ()))

    async def broadcast(
        self,
        room: Room,
        encoded: Encoded,
        *,
        message_id: str | None = None,
        sender: Member | None = None,
    ) -> None:
        """Deliver to everybody in the room but ``sender``, in the order in which they came.

        Members that come or leave meanwhile may or may not get it.
        """
        for number, member in enumerate(self.members(room), start=1):
            if member is not sender:
                member.deliver(encoded, "broadcast", message_id)
            if number % _FRAMES_PER_TURN == 0:
                await breathe()

    def send_presence(self, room: Room, diff: Encoded) -> None:
        """Deliver a presence diff to everybody in the room, at once."""
        for member in self.members(room):
            member.deliver(diff, "presence", None)


async def breathe() -> None:
    """Let heartbeats, joins and writers have a turn in the middle of a long fan-out."""
    await asyncio.sleep(0)
