"""Examines the rows that delivery and the mirror store in ``realtime.messages``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from spool_live.isolation import rules
from spool_live.isolation.findings import Finding
from spool_live.isolation.probes.attacks import Breaches
from spool_live.isolation.probes.world import (
    EPOCH_A,
    EPOCH_B,
    World,
    deliver,
    topic,
)
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import MESSAGES

EVENT = "live_updates"
CALL_EVENT = "reauthenticate"
MAX_UPDATES = 100
MAX_BYTES = 100_000
_FIELDS = {
    "id", "site_id", "event_type", "collection", "slug", "item_id", "timestamp", "metadata", "seq",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class BroadcastMessage:
    """One row of ``realtime.messages``. ``payload`` is decoded, ``size`` is that of its text in
    bytes."""

    id: str
    topic: str
    extension: str
    event: str
    private: bool
    payload: Any
    size: int

    @property
    def changes(self) -> list[dict[str, Any]]:
        """The updates in the payload; empty if it has another form."""
        changes = self.payload.get("changes") if isinstance(self.payload, dict) else None
        return [c for c in changes or () if isinstance(c, dict)] if changes else []


class Mailbox:
    """The messages of the probe sites. Each is returned once."""

    def __init__(self, box: Sandbox, world: World) -> None:
        self._box = box
        self._sites = list(world.sites)
        self._read: set[str] = set()

    def new(self) -> list[BroadcastMessage]:
        """Return the messages that were stored since the last call."""
        rows = self._box.rows("messages", {"sites": self._sites})
        fresh = [row for row in rows if row["id"] not in self._read]
        self._read.update(row["id"] for row in fresh)
        return [
            BroadcastMessage(
                row["id"],
                row["topic"],
                row["extension"],
                row["event"],
                row["private"],
                json.loads(row["payload"] or "null"),
                row["bytes"] or 0,
            )
            for row in fresh
        ]


def probe_broadcasts(box: Sandbox, world: World, mailbox: Mailbox) -> Iterator[Finding]:
    """Yield findings about the broadcast of the world's first updates, then of many small and some
    large ones."""
    a, b, _ = world.sites
    breaches = Breaches()
    epochs = {a: EPOCH_A, b: EPOCH_B}
    judge_messages(breaches, world, mailbox.new(), world.updates, epochs)
    many = [(a, seq, 0) for seq in range(100, 330)] + [(b, seq, 8_000) for seq in range(100, 130)]
    with box.rolled_back():
        update_ids = deliver(box, many)
        stored: dict[str, list[str]] = {}
        for (site, _, _), update_id in zip(many, update_ids, strict=True):
            stored.setdefault(site, []).append(update_id)
        judge_messages(breaches, world, mailbox.new(), stored, epochs)
    for finding in breaches.findings():
        warnings = f" ({'; '.join(box.warnings)})" if box.warnings else ""
        yield _with_warnings(finding, warnings) if warnings else finding


def judge_messages(
    breaches: Breaches,
    world: World,
    messages: Sequence[BroadcastMessage],
    updates: dict[str, list[str]],
    epochs: dict[str, int],
) -> None:
    """Add to ``breaches`` where ``messages`` differ from what has to be broadcast.

    Each site of ``epochs`` must get exactly its ``updates`` (ids by site), in order, on the topic
    of its epoch.
    """
    for message in messages:
        _judge_envelope(breaches, message)
        _judge_payload(breaches, message)
        for change in message.changes:
            site = str(change.get("site_id"))
            if site not in epochs:
                breaches.add(rules.BROADCAST_OLD_TOPIC, world.name(site), _where(message))
            elif message.topic != topic(site, epochs[site]):
                breaches.add(rules.BROADCAST_TOPIC, world.name(site), _where(message))
    for site in epochs:
        received = [c.get("id") for m in _in_order(messages, site) for c in m.changes]
        if received != updates[site]:
            what = f"{len(updates[site])} stored, {len(received)} broadcast, or in another order"
            breaches.add(rules.BROADCAST_MISSING, world.name(site), what)


def _judge_envelope(breaches: Breaches, message: BroadcastMessage) -> None:
    if message.private is not True:
        breaches.add(rules.BROADCAST_PRIVATE, MESSAGES, _where(message))
    if message.extension != "broadcast" or message.event != EVENT:
        what = f"extension {message.extension}, event {message.event}"
        breaches.add(rules.BROADCAST_FORM, MESSAGES, f"{_where(message)}: {what}")


def _judge_payload(breaches: Breaches, message: BroadcastMessage) -> None:
    payload, changes = message.payload, message.changes
    if not isinstance(payload, dict) or set(payload) != {"epoch", "changes"} or not changes:
        what = "the payload is not {epoch, changes}"
        breaches.add(rules.BROADCAST_FORM, MESSAGES, f"{_where(message)}: {what}")
    elif message.topic.rpartition(":")[2] != str(payload["epoch"]):
        what = f"epoch {payload['epoch']} in the payload"
        breaches.add(rules.BROADCAST_FORM, MESSAGES, f"{_where(message)}: {what}")
    if any(set(change) != _FIELDS for change in changes):
        what = "an update has other fields"
        breaches.add(rules.BROADCAST_FORM, MESSAGES, f"{_where(message)}: {what}")
    if len(changes) > MAX_UPDATES or message.size > MAX_BYTES:
        what = f"{len(changes)} updates, {message.size} bytes"
        breaches.add(rules.BROADCAST_LIMITS, MESSAGES, what)


def _in_order(messages: Iterable[BroadcastMessage], site: str) -> list[BroadcastMessage]:
    """Return the messages that begin with an update of ``site``, ordered by its ``seq``."""
    of_site = [m for m in messages if m.changes and m.changes[0].get("site_id") == site]
    return sorted(of_site, key=lambda message: message.changes[0].get("seq") or 0)


def _where(message: BroadcastMessage) -> str:
    return f"topic {message.topic!r}"


def _with_warnings(finding: Finding, warnings: str) -> Finding:
    return Finding.from_dict({**finding.to_dict(), "reason": finding.reason + warnings})
