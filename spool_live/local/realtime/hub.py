"""Rooms and fan-out: deliver each broadcast to the members of its room."""

from __future__ import annotations

import asyncio
from typing import Literal, NamedTuple, Protocol

from spool_live.local.realtime.protocol import Encoded

Extension = Literal["broadcast", "presence"]
"""The kinds of messages that policies on ``realtime.messages`` distinguish."""

_FRAMES_PER_TURN = 200


class Room(NamedTuple):
    """A topic. The public and the private topic of the same name are different rooms."""

    topic: str
    """The topic's name, without the ``realtime:`` prefix."""
    private: bool


class Member(Protocol):
    """A channel, seen from the room it is in."""

    def overrun(self) -> None:
        """Close the channel, because more was broadcast than the project's limit allows."""
        ...

    def deliver(self, encoded: Encoded, extension: Extension, message_id: str | None) -> None:
        """Send a broadcast or a presence diff, if the member may read it. Does not wait.

        ``message_id`` is the id of a database broadcast, or None for other messages.
        """
        ...


class Hub:
    """All rooms of the server."""

    def __init__(self) -> None:
        self._rooms: dict[Room, dict[Member, None]] = {}

    def enter(self, room: Room, member: Member) -> None:
        """Add ``member`` to ``room``."""
        self._rooms.setdefault(room, {})[member] = None

    def leave(self, room: Room, member: Member) -> None:
        """Remove ``member`` from ``room`` if it is there."""
        members = self._rooms.get(room, {})
        members.pop(member, None)
        if not members:
            self._rooms.pop(room, None)

    def occupied(self, room: Room) -> bool:
        """Return whether the room has members."""
        return room in self._rooms

    def members(self, room: Room) -> tuple[Member, ...]:
        """Return the members of the room, in the order in which they entered."""
        return tuple(self._rooms.get(room, ()))

    async def broadcast(
        self,
        room: Room,
        encoded: Encoded,
        *,
        message_id: str | None = None,
        sender: Member | None = None,
    ) -> None:
        """Deliver to all members of the room but ``sender``, in the order in which they entered.

        A member that enters or leaves meanwhile may or may not get it.
        """
        for number, member in enumerate(self.members(room), start=1):
            if member is not sender:
                member.deliver(encoded, "broadcast", message_id)
            if number % _FRAMES_PER_TURN == 0:
                await let_others_run()

    def send_presence(self, room: Room, diff: Encoded) -> None:
        """Deliver a presence diff to all members of the room, at once."""
        for member in self.members(room):
            member.deliver(diff, "presence", None)


async def let_others_run() -> None:
    """Yield to other tasks (heartbeats, joins, writers) in the middle of a long fan-out."""
    await asyncio.sleep(0)
