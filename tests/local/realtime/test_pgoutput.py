from __future__ import annotations

import struct
from datetime import UTC, datetime

import pytest

from spool_live.local.realtime.pgoutput import UNCHANGED, Change, Decoder, Relation

T = Relation(16_400, "public", "t", ("id", "body"), frozenset({"id"}))


def relation(schema: str = "public", identity: tuple[bool, ...] = (True, False)) -> bytes:
    columns = b"".join(
        struct.pack("!B", key) + name + struct.pack("!Ii", 25, -1)
        for key, name in zip(identity, (b"id\0", b"body\0"), strict=True)
    )
    head = struct.pack("!cI", b"R", T.oid) + schema.encode() + b"\0t\0d"
    return head + struct.pack("!h", len(identity)) + columns


def row(*values: str | object | None) -> bytes:
    content = b""
    for value in values:
        if value is None:
            content += b"n"
        elif isinstance(value, str):
            text = value.encode()
            content += b"t" + struct.pack("!I", len(text)) + text
        else:
            content += b"u"
    return struct.pack("!h", len(values)) + content


def message(kind: bytes, *parts: bytes) -> bytes:
    return kind + struct.pack("!I", T.oid) + b"".join(parts)


def begin(microseconds: int, xid: int) -> bytes:
    return struct.pack("!cqqI", b"B", 1, microseconds, xid)


def decode(*messages: bytes) -> list[Change]:
    decoder = Decoder()
    return [change for message in messages for change in decoder.decode(message)]


def test_insert_is_in_the_transaction_that_began_before() -> None:
    (change,) = decode(begin(86_400_000_000, 7), relation(), message(b"I", b"N", row("1", "é")))
    assert change == Change(
        T, "INSERT", ("1", "é"), None, datetime(2000, 1, 2, tzinfo=UTC), transaction=7
    )


def test_update_that_keeps_the_key_has_the_identity_of_the_new_row() -> None:
    (change,) = decode(relation(), message(b"U", b"N", row("1", None)))
    assert change.action == "UPDATE"
    assert change.values() == {"id": "1", "body": None}
    assert change.identity() == {"id": "1"}


def test_update_that_moves_the_key_has_the_identity_of_the_old_row() -> None:
    (change,) = decode(relation(), message(b"U", b"K", row("1", None), b"N", row("2", "x")))
    assert change.identity() == {"id": "1"}
    assert change.values() == {"id": "2", "body": "x"}


def test_unchanged_large_value_is_told_apart_from_null() -> None:
    (change,) = decode(relation(), message(b"U", b"N", row("1", UNCHANGED)))
    assert change.values() == {"id": "1", "body": UNCHANGED}


def test_unchanged_large_value_is_taken_from_the_full_old_row() -> None:
    full = relation(identity=(True, True))
    (change,) = decode(full, message(b"U", b"O", row("1", "long"), b"N", row("1", UNCHANGED)))
    assert change.values() == {"id": "1", "body": "long"}


def test_delete_has_an_identity_and_no_values() -> None:
    (change,) = decode(relation(), message(b"D", b"K", row("1", None)))
    assert change.values() == {}
    assert change.identity() == {"id": "1"}


def test_size_counts_the_texts() -> None:
    (change,) = decode(relation(), message(b"U", b"K", row("1", None), b"N", row("22", "xyz")))
    assert change.size == 6


def test_relation_is_replaced_when_it_comes_again() -> None:
    first, second = decode(
        relation(),
        message(b"I", b"N", row("1", "x")),
        relation("other"),
        message(b"I", b"N", row("1", "x")),
    )
    assert (first.relation.schema, second.relation.schema) == ("public", "other")


def test_nameless_schema_is_the_catalog() -> None:
    (change,) = decode(relation(""), message(b"I", b"N", row("1", "x")))
    assert change.relation.schema == "pg_catalog"


@pytest.mark.parametrize("kind", [b"C", b"T", b"Y", b"O", b"M"])
def test_other_messages_are_no_changes(kind: bytes) -> None:
    assert decode(relation(), message(kind, b"\0" * 32)) == []
