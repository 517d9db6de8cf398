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
"""What topics start with on the wire, and nowhere else."""

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
    """Return whether the rows are broadcasts: the table itself, or a day partition of it."""
    name = relation.name
    return relation.schema == "realtime" and (name == "messages" or name.startswith("messages_"))


async def broadcast_row(hub: Hub, change: Change, rate: Rate) -> None:
    """Send the broadcast in a row of ``realtime.messages`` to its room; above the limit, nobody."""
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
    """Send it to everybody in the room but ``sender``; above the limit, their channels end."""
    reached = [member for member in hub.members(room) if member is not sender]
    rate.count(1 + len(reached))
    await hub.broadcast(room, encoded, sender=sender)
    if rate.exceeded:
        for member in reached:
            member.overrun()


async def replayed(
    sessions: SessionPool, topic: str, replay: Replay
) -> list[tuple[str, Broadcast]]:
    """Return what was broadcast on a private topic since then, oldest first, each with its id.

    At most 25, the newest. Raises ``psycopg.Error``.
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
