"""Turn committed rows into ``postgres_changes`` frames; PostgreSQL decides who may see them.

One SQL round trip per batch: subscriptions are grouped into *audiences* (role, claims, filters),
which decide on visibility, and *shapes* (role, columns), which decide what a record looks like.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import orjson

from spool_live.local.realtime.database import Session
from spool_live.local.realtime.filters import ChangeFilter
from spool_live.local.realtime.pgoutput import UNCHANGED, Change, Relation, Value
from spool_live.local.realtime.protocol import Encoded, Message
from spool_live.local.realtime.subscriptions import ChangesSubscriber, Subscription, Subscriptions

_EVALUATE = """
    select part.number::integer - 1, result.*
    from jsonb_array_elements(%s::jsonb) with ordinality as part (request, number),
        pg_temp.evaluate_changes(part.request) as result
"""
_TOO_LARGE = "Error 413: Payload Too Large"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One frame for one subscriber."""

    subscriber: ChangesSubscriber
    encoded: Encoded


async def evaluate(
    session: Session,
    subscriptions: Subscriptions,
    changes: Sequence[Change],
    max_record_bytes: int,
) -> Iterator[Delivery]:
    """Return the frames of ``changes`` for the present subscribers, in commit order.

    Raises ``psycopg.Error``, for example if a policy raises: then no subscriber gets any of them.
    """
    parts = _by_table(subscriptions, changes)
    if not parts:
        return iter(())
    requests = [part.request(max_record_bytes) for part in parts]
    rows = await session.fetch(_EVALUATE, (orjson.dumps(requests).decode(),))
    for number, *result in rows:
        parts[number].take(result)
    return _in_commit_order(parts, max_record_bytes)


@dataclass
class _Part:
    """The changes of one table in a batch, and PostgreSQL's answer about them."""

    relation: Relation
    subscriptions: tuple[Subscription, ...]
    changes: list[tuple[int, Change]] = field(default_factory=list)
    filters: dict[tuple[ChangeFilter, ...], int] = field(default_factory=dict)
    audiences: dict[tuple[str, str, int], int] = field(default_factory=dict)
    shapes: dict[tuple[str, tuple[str, ...] | None], int] = field(default_factory=dict)
    members: dict[int, list[tuple[Subscription, int]]] = field(default_factory=dict)
    pieces: dict[tuple[str, int, int | None], str] = field(default_factory=dict)
    seen_by: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for subscription in self.subscriptions:
            selection, role = subscription.selection, subscription.role
            condition = self.filters.setdefault(selection.conditions, len(self.filters))
            audience = (role, subscription.claims, condition)
            audience_number = self.audiences.setdefault(audience, len(self.audiences))
            shape = self.shapes.setdefault((role, selection.columns), len(self.shapes))
            self.members.setdefault(audience_number, []).append((subscription, shape))

    def request(self, max_record_bytes: int) -> dict[str, Any]:
        """Return the argument of ``evaluate_changes``."""
        transactions = {change.transaction for _, change in self.changes}
        return {
            "transactions": [str(transaction) for transaction in sorted(transactions)],
            "relation": str(self.relation.oid),
            "columns": self.relation.columns,
            "identity": sorted(self.relation.identity),
            "changes": [
                _change(position, change, max_record_bytes)
                for position, (_, change) in enumerate(self.changes)
            ],
            "filters": [[c.as_json() for c in conditions] for conditions in self.filters],
            "audiences": [
                {"role": role, "claims": claims, "filter": condition}
                for role, claims, condition in self.audiences
            ],
            "shapes": [{"role": role, "columns": columns} for role, columns in self.shapes],
        }

    def take(self, row: Sequence[Any]) -> None:
        """Store one row of the answer of ``evaluate_changes``."""
        kind, place, position, body = row
        if kind == "visible":
            for seen in body.strip("{}").split(","):
                self.seen_by[int(seen)].append(place)
        else:
            self.pieces[kind, place, position] = body

    def frames(self, position: int, change: Change, max_record_bytes: int) -> Iterator[Delivery]:
        """Yield a frame for each channel that gets ``change``."""
        wanted: dict[tuple[ChangesSubscriber, int], list[int]] = {}
        for subscription, shape in self._audience_of(position, change):
            wanted.setdefault((subscription.subscriber, shape), []).append(subscription.binding_id)
        data: dict[int, orjson.Fragment] = {}
        encoded: dict[tuple[str, int, tuple[int, ...]], Encoded] = {}
        for (subscriber, shape), ids in wanted.items():
            if shape not in data:
                data[shape] = self._data(position, change, shape, max_record_bytes)
            key = (subscriber.topic, shape, tuple(ids))
            if key not in encoded:
                payload = {"data": data[shape], "ids": ids}
                encoded[key] = Encoded(Message(subscriber.topic, "postgres_changes", payload))
            yield Delivery(subscriber, encoded[key])

    def _audience_of(self, position: int, change: Change) -> Iterator[tuple[Subscription, int]]:
        """Yield the subscriptions that get the change: those for which it is an error, and those
        that may see it."""
        sent = {name for name, value in _subject(change).items() if value is not UNCHANGED}
        for subscription, shape in self._all_members if self._has_errors else ():
            if self._error(change, shape) and subscription.selection.wants(change.action):
                yield subscription, shape
        for audience in self.seen_by.get(position, ()):
            for subscription, shape in self.members[audience]:
                selection = subscription.selection
                known = all(condition.column in sent for condition in selection.conditions)
                if known and selection.wants(change.action) and not self._error(change, shape):
                    yield subscription, shape

    @property
    def _all_members(self) -> Iterator[tuple[Subscription, int]]:
        return (member for members in self.members.values() for member in members)

    @property
    def _has_errors(self) -> bool:
        return any(("error", shape, None) in self.pieces for shape in self.shapes.values())

    def _error(self, change: Change, shape: int) -> str | None:
        """Return the error about the primary key, if any. It goes to all subscribers of the role,
        but not for a DELETE."""
        return None if change.action == "DELETE" else self.pieces.get(("error", shape, None))

    def _data(
        self, position: int, change: Change, shape: int, max_record_bytes: int
    ) -> orjson.Fragment:
        error = self._error(change, shape)
        data: dict[str, Any] = {
            "table": self.relation.name,
            "type": change.action,
            "columns": orjson.Fragment(self.pieces["columns", shape, None]),
            "errors": [_TOO_LARGE] if change.size > max_record_bytes else None,
            "schema": self.relation.schema,
            "commit_timestamp": _timestamp(change),
        }
        for kind in ("record", "old_record"):
            piece = self.pieces.get((kind, shape, position))
            if piece is not None:
                data[kind] = orjson.Fragment(piece)
        if error is not None:
            data |= {kind: {} for kind in ("record", "old_record") if kind in data}
            data |= {"columns": [], "errors": [error], "commit_timestamp": None}
        return orjson.Fragment(orjson.dumps(data))


def _by_table(subscriptions: Subscriptions, changes: Sequence[Change]) -> list[_Part]:
    parts: dict[Relation, _Part] = {}
    for number, change in enumerate(changes):
        interested = subscriptions.on_table(change.relation.oid)
        if interested and change.relation not in parts:
            parts[change.relation] = _Part(change.relation, interested)
        if interested:
            parts[change.relation].changes.append((number, change))
    return list(parts.values())


def _in_commit_order(parts: Sequence[_Part], max_record_bytes: int) -> Iterator[Delivery]:
    everything = [
        (number, part, position, change)
        for part in parts
        for position, (number, change) in enumerate(part.changes)
    ]
    for _, part, position, change in sorted(everything, key=itemgetter(0)):
        yield from part.frames(position, change, max_record_bytes)


def _subject(change: Change) -> dict[str, Value]:
    """Return the columns that filters compare: of a deleted row, only its identity is known."""
    return change.identity() if change.action == "DELETE" else change.values()


def _change(position: int, change: Change, max_record_bytes: int) -> dict[str, Any]:
    columns = change.relation.columns
    identity = change.identity() if change.action != "INSERT" else {}
    values = change.values()
    return {
        "n": position,
        "action": change.action,
        "new": [_text(values[name]) for name in columns] if values else None,
        "old": [_text(identity.get(name)) for name in columns],
        "absent": [name for name, value in values.items() if value is UNCHANGED],
        "big": change.size > max_record_bytes,
    }


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) else None


def _timestamp(change: Change) -> str:
    """Return the time of the commit in UTC with milliseconds: ``2026-11-22T15:04:14.951Z``."""
    return f"{change.committed_at:%Y-%m-%dT%H:%M:%S}.{change.committed_at.microsecond // 1000:03}Z"
