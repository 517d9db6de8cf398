"""postgres_changes over a real socket: what arrives, and in which form."""

from __future__ import annotations

import json

from tests.local.realtime.serving import Serving
from tests.local.realtime.sql import MakeTable, Sql
from tests.local.realtime.wire import binding, connect, mint
from tests.local.realtime.witness import Witness


async def test_insert_update_and_delete(serving: Serving, sql: Sql, make_table: MakeTable) -> None:
    table = make_table("id int primary key, body text")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table))
        sql(f"insert into {table} values (1, 'a')")
        sql(f"update {table} set body = 'b'")
        sql(f"update {table} set id = 2")
        sql(f"delete from {table}")
        inserted, updated, moved, deleted = [await wire.change() for _ in range(4)]
    assert (inserted["type"], inserted["record"]) == ("INSERT", {"id": 1, "body": "a"})
    assert "old_record" not in inserted
    assert (updated["type"], updated["record"]) == ("UPDATE", {"id": 1, "body": "b"})
    assert updated["old_record"] == {"id": 1}
    assert (moved["record"], moved["old_record"]) == ({"id": 2, "body": "b"}, {"id": 1})
    assert (deleted["type"], deleted["old_record"]) == ("DELETE", {"id": 2})
    assert "record" not in deleted
    assert all(change["errors"] is None for change in (inserted, updated, moved, deleted))


async def test_values_are_those_of_to_jsonb(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table(
        "id bigint primary key, n numeric, f float8, b boolean, u uuid, t timestamptz,"
        " d date, j jsonb, k json, a text[], y bytea, c char(4), bits bit(3), e text"
    )
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table))
        sql(
            f"insert into {table} values (9007199254740993, 1.10, 0.1, true,"
            " 'b2a7c4e0-0000-4000-8000-000000000001', '2026-01-02 03:04:05.6+02', '2026-01-02',"
            """ '{"b": [1, null]}', '{"k":  1}', array['x', null, 'y"z'], '\\xdeadbeef', 'ab',"""
            " '101', null)"
        )
        frame = await wire.connection.recv()
        data = json.loads(frame)["payload"]["data"]
    assert '"id": 9007199254740993' in str(frame), "int8 is a number, whatever JavaScript does"
    assert '"n": 1.10' in str(frame), "numeric keeps its scale"
    assert data["record"] == {
        "id": 9007199254740993,
        "n": 1.10,
        "f": 0.1,
        "b": True,
        "u": "b2a7c4e0-0000-4000-8000-000000000001",
        "t": "2026-01-02T01:04:05.6+00:00",
        "d": "2026-01-02",
        "j": {"b": [1, None]},
        "k": {"k": 1},
        "a": ["x", None, 'y"z'],
        "y": "\\xdeadbeef",
        "c": "ab  ",
        "bits": "101",
        "e": None,
    }
    types = {column["name"]: column["type"] for column in data["columns"]}
    assert (types["id"], types["a"], types["c"], types["t"]) == (
        "int8",
        "_text",
        "bpchar",
        "timestamptz",
    )


async def test_truncate_is_never_delivered(
    serving: Serving, sql: Sql, make_table: MakeTable, witness: Witness
) -> None:
    table = make_table("id int primary key", rows="(1)")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table))
        sql(f"truncate {table}")
        await witness.everything_sent()
        await wire.quiet()


async def test_full_identity_shows_the_old_row_where_everybody_may_read(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table("id int primary key, body text", rows="(1, 'a')")
    sql(f"alter table {table} replica identity full")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table, filter="body=eq.b"), binding(table))
        sql(f"update {table} set body = 'b'")
        sql(f"delete from {table}")
        updated = await wire.expect("postgres_changes")
        deleted = await wire.expect("postgres_changes")
    assert updated["payload"]["data"]["old_record"] == {"id": 1, "body": "a"}
    assert deleted["payload"]["data"]["old_record"] == {"id": 1, "body": "b"}
    assert (len(updated["payload"]["ids"]), len(deleted["payload"]["ids"])) == (2, 2)


async def test_large_value_that_an_update_left_alone_is_not_sent(
    serving: Serving, sql: Sql, make_table: MakeTable, witness: Witness
) -> None:
    table = make_table(
        "id int primary key, n int, body text storage external", rows="(1, 1, repeat('x', 9000))"
    )
    async with connect(serving) as wire:
        await wire.subscribe(
            "t", mint(serving), binding(table), binding(table, filter="body=like.x%")
        )
        sql(f"update {table} set n = 2")
        frame = await wire.expect("postgres_changes")
    assert frame["payload"]["data"]["record"] == {"id": 1, "n": 2}
    assert len(frame["payload"]["ids"]) == 1


async def test_many_rows_come_complete_and_in_order(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table("id int primary key, site text", rls=True)
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving, sites=["a"]), binding(table))
        sql(f"insert into {table} select n, 'a' from generate_series(1, 2000) n")
        assert await wire.records(2000) == list(range(1, 2001))


async def test_composite_and_odd_names(serving: Serving, sql: Sql, make_table: MakeTable) -> None:
    table = make_table(
        """ "Id" int, "sp ace" date, "per%cent" text, site text, n int, sent int, fresh int, t int,
        k1 int, candidate int, primary key ("Id", "sp ace")""",
        rls=True,
    )
    async with connect(serving) as wire:
        await wire.subscribe(
            "t", mint(serving, sites=["a"]), binding(table, filter="per%cent=eq.100%")
        )
        sql(f"insert into {table} values (1, '2026-01-01', '100%', 'a', 2, 3, 4, 5, 6, 7)")
        change = await wire.change()
    assert change["record"] == {
        "Id": 1,
        "sp ace": "2026-01-01",
        "per%cent": "100%",
        "site": "a",
        "n": 2,
        "sent": 3,
        "fresh": 4,
        "t": 5,
        "k1": 6,
        "candidate": 7,
    }


async def test_column_added_while_subscribed(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table("id int primary key, gone text")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table))
        sql(f"alter table {table} add n int default 5, drop gone")
        sql(f"insert into {table} values (1)")
        assert (await wire.change())["record"] == {"id": 1, "n": 5}
