"""Which changes a postgres_changes binding selects."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.realtime.serving import Serving
from tests.local.realtime.sql import MakeTable, Sql
from tests.local.realtime.wire import binding, connect, mint
from tests.local.realtime.witness import Witness


@pytest.mark.parametrize(
    ("condition", "matching"),
    [
        ("n=eq.02", {2}),
        ("n=neq.2", {1, 3}),
        ("n=lt.2", {1}),
        ("n=lte.2", {1, 2}),
        ("n=gt.2", {3}),
        ("n=gte.10", set()),
        ("n=in.(1,3)", {1, 3}),
        ('t=in.("a,b",gamma)', {1, 3}),
        ("n=not.in.(1,3)", {2}),
        ("t=like.al%", {2}),
        ("t=ilike.AL%", {2}),
        ("t=match.^g", {3}),
        ("t=imatch.^G", {3}),
        ("t=not.match.^g", {1, 2}),
        ("t=is.null", {4}),
        ("t=not.is.null", {1, 2, 3}),
        ("b=is.true", {1, 3}),
        ("n=isdistinct.2", {1, 3, 4}),
        ('t=eq."a,b"', {1}),
        ("n=gt.1,t=like.%a", {2, 3}),
        ("at=gt.2026-01-02T00:00:00Z", {2, 3}),
        ("u=eq.AAAAAAAA-0000-4000-8000-000000000002", {2}),
    ],
)
async def test_filter_compares_in_the_type_of_the_column(
    serving: Serving, sql: Sql, make_table: MakeTable, condition: str, matching: set[int]
) -> None:
    table = make_table(
        "id int primary key, n int, t text, b boolean, at timestamptz, u uuid, j json"
    )
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table, filter=condition), binding(table))
        sql(
            f"insert into {table} (id, n, t, b, at, u)"
            " values (1, 1, 'a,b', true, '2026-01-01', null),"
            " (2, 2, 'alpha', false, '2026-01-03', 'aaaaaaaa-0000-4000-8000-000000000002'),"
            " (3, 3, 'gamma', true, '2026-01-04', null), (4, null, null, null, null, null)"
        )
        frames = [await wire.expect("postgres_changes") for _ in range(4)]
    both = {
        frame["payload"]["data"]["record"]["id"]
        for frame in frames
        if len(frame["payload"]["ids"]) == 2
    }
    assert both == matching


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"filter": "n=is.true"}, "is true filter requires a boolean column, got integer"),
        (
            {"filter": "n=is.maybe"},
            "invalid value for is filter: must be null, true, false, or unknown",
        ),
        ({"filter": "n=like.1%"}, "operator like requires a text-compatible column type, got int"),
        (
            {"filter": "v=like.a%"},
            "operator like requires a text-compatible column type, got character varying",
        ),
        ({"filter": "t=match.["}, "invalid regular expression for match filter: "),
        ({"filter": "j=lt.{}"}, "operator does not exist: json < json"),
        (
            {"filter": f"n=in.({','.join(map(str, range(101)))})"},
            "too many values for `in` filter. Maximum 100",
        ),
        ({"filter": "n=in.(1,x)"}, 'invalid input syntax for type integer: "x"'),
        ({"select": ["id", "nope"]}, "invalid column for select nope"),
    ],
    ids=lambda value: next(iter(value.values()))[:20] if isinstance(value, dict) else "",
)
async def test_binding_that_could_fail_later_fails_at_once(
    serving: Serving, make_table: MakeTable, params: dict[str, Any], message: str
) -> None:
    table = make_table("id int primary key, n int, t text, v varchar(9), j json")
    async with connect(serving) as wire:
        await wire.join("t", mint(serving), postgres_changes=[binding(table, **params)])
        payload = (await wire.expect("system"))["payload"]
    assert payload["status"] == "error"
    assert message in payload["message"]


async def test_one_bad_binding_spoils_the_others(
    serving: Serving, sql: Sql, make_table: MakeTable, witness: Witness
) -> None:
    table = make_table("id int primary key")
    async with connect(serving) as wire:
        bindings = [binding(table), binding("nope")]
        await wire.join("t", mint(serving), postgres_changes=bindings)
        assert (await wire.expect("system"))["payload"]["status"] == "error"
        sql(f"insert into {table} values (1)")
        await witness.everything_sent()
        await wire.quiet()


async def test_events_are_told_apart(
    serving: Serving, sql: Sql, make_table: MakeTable, witness: Witness
) -> None:
    table = make_table("id int primary key")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table, "DELETE"))
        sql(f"insert into {table} values (1)")
        sql(f"update {table} set id = 2")
        sql(f"delete from {table}")
        assert (await wire.change())["type"] == "DELETE"
        await witness.everything_sent()
        await wire.quiet()


async def test_wildcards_cover_all_published_tables(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    first, second = make_table("id int primary key"), make_table("id int primary key")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), {"event": "INSERT", "schema": "public"})
        sql(f"insert into {first} values (1)")
        sql(f"insert into {second} values (2)")
        assert [(await wire.change())["table"] for _ in range(2)] == [first, second]


async def test_delete_is_filtered_by_what_identifies_the_row(
    serving: Serving, sql: Sql, make_table: MakeTable, witness: Witness
) -> None:
    table = make_table("id int primary key, body text", rows="(1, 'a'), (2, 'a')")
    async with connect(serving) as wire:
        await wire.subscribe(
            "t",
            mint(serving),
            binding(table, filter="body=eq.a"),
            binding(table, filter="body=is.null"),
            binding(table, filter="id=eq.2"),
        )
        sql(f"delete from {table}")
        assert (await wire.change())["old_record"] == {"id": 2}
        await witness.everything_sent()
        await wire.quiet()


async def test_selected_columns_come_with_the_key(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table("id int primary key, a text, b text")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table, select=["b"]))
        sql(f"insert into {table} values (1, 'x', 'y')")
        change = await wire.change()
    assert change["record"] == {"id": 1, "b": "y"}
    assert [column["name"] for column in change["columns"]] == ["id", "b"]
