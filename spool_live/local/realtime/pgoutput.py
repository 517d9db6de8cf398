"""Decode PostgreSQL's ``pgoutput`` messages (protocol version 1) into changes of rows.

Source: PostgreSQL documentation, "Logical Replication Message Formats". Every value is the text
that the type's output function writes, and is not interpreted here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final, Literal

Action = Literal["INSERT", "UPDATE", "DELETE"]

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_INT16, _INT32, _INT64 = struct.Struct("!h"), struct.Struct("!I"), struct.Struct("!q")


class Unchanged(Enum):
    """A large value that an UPDATE did not touch and that PostgreSQL therefore does not send."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED
Value = str | None | Unchanged


@dataclass(frozen=True, slots=True)
class Relation:
    """A published table at the time of a change: its columns, and those that identify a row."""

    oid: int
    schema: str
    name: str
    columns: tuple[str, ...]
    identity: frozenset[str]


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one row by a committed transaction. ``old`` has the identity columns, if
    any."""

    relation: Relation
    action: Action
    new: tuple[Value, ...] | None
    old: tuple[Value, ...] | None
    committed_at: datetime
    transaction: int

    def values(self) -> dict[str, Value]:
        """Return the columns of the row as it is after the change; none for a DELETE.

        What an UPDATE left unchanged is taken from the old row where REPLICA IDENTITY FULL sent it.
        """
        if self.new is None:
            return {}
        former = self.old if self.old is not None else self.new
        return {
            name: old if new is UNCHANGED and isinstance(old, str) else new
            for name, new, old in zip(self.relation.columns, self.new, former, strict=True)
        }

    def identity(self) -> dict[str, Value]:
        """Return the row's identity before the change; after an UPDATE that keeps it, the new
        row's."""
        row = self.old if self.old is not None else self.new
        values = zip(self.relation.columns, row or (), strict=True)
        return {name: value for name, value in values if name in self.relation.identity}

    @property
    def size(self) -> int:
        """The approximate size of the row's values in bytes."""
        rows = (self.new or (), self.old or ())
        return sum(len(value) for row in rows for value in row if isinstance(value, str))


class Decoder:
    """A decoder for the messages of one replication stream, in order."""

    def __init__(self) -> None:
        self._relations: dict[int, Relation] = {}
        self._committed_at = _EPOCH
        self._transaction = 0

    def decode(self, message: bytes) -> Iterator[Change]:
        """Yield the change in ``message``, if it holds one. TRUNCATE and the rest yield nothing."""
        kind, reader = message[:1], _Reader(message)
        match kind:
            case b"B":
                reader.int64()
                self._committed_at = _EPOCH + timedelta(microseconds=reader.int64())
                self._transaction = reader.int32()
            case b"R":
                relation = reader.relation()
                self._relations[relation.oid] = relation
            case b"I" | b"U" | b"D":
                yield self._change(kind, reader)

    def _change(self, kind: bytes, reader: _Reader) -> Change:
        relation = self._relations[reader.int32()]
        old = new = None
        while not reader.at_end:
            marker = reader.byte()
            row = reader.row()
            if marker == b"N":
                new = row
            else:
                old = row
        action: Action = "INSERT" if kind == b"I" else "UPDATE" if kind == b"U" else "DELETE"
        return Change(relation, action, new, old, self._committed_at, self._transaction)


class _Reader:
    """A reader of the fields of one message after its first byte."""

    def __init__(self, message: bytes) -> None:
        self._message = message
        self._position = 1

    @property
    def at_end(self) -> bool:
        return self._position >= len(self._message)

    def byte(self) -> bytes:
        self._position += 1
        return self._message[self._position - 1 : self._position]

    def int16(self) -> int:
        return self._number(_INT16)

    def int32(self) -> int:
        return self._number(_INT32)

    def int64(self) -> int:
        return self._number(_INT64)

    def text(self) -> str:
        end = self._message.index(b"\0", self._position)
        start, self._position = self._position, end + 1
        return self._message[start:end].decode()

    def relation(self) -> Relation:
        oid, schema, name = self.int32(), self.text() or "pg_catalog", self.text()
        self.byte()  # replica identity setting: the columns' flags have the same, column by column
        columns: list[str] = []
        identity: set[str] = set()
        for _ in range(self.int16()):
            flags, column = self.byte(), self.text()
            self._position += 8  # type and modifier: those come from PostgreSQL's catalog
            columns.append(column)
            if flags == b"\x01":
                identity.add(column)
        return Relation(oid, schema, name, tuple(columns), frozenset(identity))

    def row(self) -> tuple[Value, ...]:
        return tuple(self._value() for _ in range(self.int16()))

    def _value(self) -> Value:
        match self.byte():
            case b"t":
                length = self.int32()
                start, self._position = self._position, self._position + length
                return self._message[start : self._position].decode()
            case b"u":
                return UNCHANGED
            case _:
                return None

    def _number(self, layout: struct.Struct) -> int:
        (value,) = layout.unpack_from(self._message, self._position)
        self._position += layout.size
        return int(value)
