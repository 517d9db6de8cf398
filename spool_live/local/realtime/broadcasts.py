"""Broadcasts that the database sends: rows of ``realtime.messages``, live and replayed."""

from __future__ import annotations

import orjson

from spool_live.local.realtime.database import SessionPool
from spool_live.local.realtime.hub import Hub, Member, Room
from spool_live.local.realtime.join import Replay
from spool_live.local.realtime.pgoutput import Change, Relation
from spool_live.local.realtime.protocol import Broadcast, Encoded
from spool_live.local.realtime.rates import Rate

PREFIX = "realtime:"
"""The prefix of topics on the wire; inside the server topics do not have it."""

TOO_MANY_MESSAGES = "Too many messages per second"

_MAX_REPLAYED = 25
_REPLAY = """
    select id::text, event, payload::text from (
        select id, event, payload, inserted_at from realtime.messages
        where extension = 'broadcast' and private and topic = %s and payload is not null
          and inserted_at >= to_timestamp(%s / 1000.0) at time zone 'UTC'
        order by inserted_at desc limit %s
    ) newest
    order by inserted_at
"""


def is_message_table(relation: Relation) -> bool:
    """Return whether the relation is ``realtime.messages`` or a day partition of it."""
    name = relation.name
    return relation.schema == "realtime" and (name == "messages" or name.startswith("messages_"))


async def broadcast_row(hub: Hub, change: Change, rate: Rate) -> None:
    """Send the broadcast in a row of ``realtime.messages`` to its room, unless ``rate`` is
    exceeded."""
    row = {name: value for name, value in change.values().items() if isinstance(value, str)}
    room = Room(row.get("topic", ""), row.get("private") == "t")
    wanted = change.action == "INSERT" and row.get("extension") == "broadcast"
    if wanted and "payload" in row and hub.occupied(room) and not rate.exceeded:
        rate.count(1 + len(hub.members(room)))
        message_id = row["id"]
        broadcast = Broadcast(
            PREFIX + room.topic,
            row.get("event", ""),
            orjson.Fragment(row["payload"]),
            {"id": message_id},
        )
        await hub.broadcast(room, Encoded(broadcast), message_id=message_id)


async def broadcast_from_client(
    hub: Hub, rate: Rate, room: Room, encoded: Encoded, sender: Member | None = None
) -> None:
    """Send a client's broadcast to all members of the room but ``sender``. If ``rate`` is exceeded
    then, close their channels."""
    reached = [member for member in hub.members(room) if member is not sender]
    rate.count(1 + len(reached))
    await hub.broadcast(room, encoded, sender=sender)
    if rate.exceeded:
        for member in reached:
            member.overrun()


async def replayed(
    sessions: SessionPool, topic: str, replay: Replay
) -> list[tuple[str, Broadcast]]:
    """Return the newest broadcasts of a private topic since ``replay.since``, oldest first, with
    ids.

    There are at most 25, even if ``replay.limit`` is higher. Raises ``psycopg.Error``.
    """
    limit = min(replay.limit, _MAX_REPLAYED)
    rows = await sessions.fetch(_REPLAY, (topic, replay.since, limit))
    return [
        (
            message_id,
            Broadcast(
                PREFIX + topic,
                event or "",
                orjson.Fragment(payload),
                {"id": message_id, "replayed": True},
            ),
        )
        for message_id, event, payload in rows
    ]
