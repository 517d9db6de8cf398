"""Everything the official client sends for tables and functions, by the official client itself."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from postgrest import CountMethod, ReturnMethod
from postgrest.exceptions import APIError

from tests.local.rest.conftest import Official

Sql = psycopg.Connection[tuple[Any, ...]]


async def test_insert_of_one_row_returns_it_with_its_defaults(official: Official) -> None:
    done = await official.run(official.table("evt").insert({"id": 1, "payload": {"k": [1, None]}}))
    (row,) = done.data
    assert row["id"] == 1
    assert row["site"] == "main"
    assert row["payload"] == {"k": [1, None]}
    assert row["created_at"].endswith("+00:00")


async def test_insert_of_many_rows_takes_the_union_of_their_keys(official: Official) -> None:
    rows = [{"id": 1, "site": "a"}, {"id": 2, "amount": 2.5}]
    done = await official.run(official.table("evt").insert(rows))
    assert [(row["id"], row["site"], row["amount"]) for row in done.data] == [
        (1, "a", None),
        (2, None, 2.5),
    ]


async def test_insert_of_many_rows_with_defaults_for_missing_keys(official: Official) -> None:
    rows = [{"id": 1, "site": "a"}, {"id": 2, "site": None}, {"id": 3, "amount": 2}]
    done = await official.run(official.table("evt").insert(rows, default_to_null=False))
    assert [row["site"] for row in done.data] == ["a", None, "main"]


async def test_insert_minimal_returns_nothing_and_writes(official: Official, sql: Sql) -> None:
    insert = official.table("evt").insert({"id": 1}, returning=ReturnMethod.minimal)
    assert (await official.run(insert)).data == []
    assert sql.execute("select id from evt").fetchall() == [(1,)]


async def test_insert_of_no_rows_writes_nothing(official: Official) -> None:
    assert (await official.run(official.table("evt").insert([]))).data == []


async def test_insert_of_an_empty_object_takes_every_default(official: Official, sql: Sql) -> None:
    await official.run(official.table("journal").insert({}))
    assert sql.execute("select line from journal").fetchall() == [(None,)]


async def test_insert_counts_what_it_wrote(official: Official) -> None:
    insert = official.table("evt").insert([{"id": 1}, {"id": 2}], count=CountMethod.exact)
    assert (await official.run(insert)).count == 2


async def test_upsert_ignoring_duplicates_returns_only_new_rows(
    official: Official, events: None, sql: Sql
) -> None:
    rows = [{"id": 1, "site": "new"}, {"id": 9, "site": "new"}]
    upsert = official.table("evt").upsert(rows, on_conflict="id", ignore_duplicates=True)
    assert [row["id"] for row in (await official.run(upsert)).data] == [9]
    assert sql.execute("select site from evt where id = 1").fetchone() == ("a",)


async def test_upsert_merging_on_a_key_of_two_columns(official: Official, sql: Sql) -> None:
    sql.execute("insert into seat values ('hall', 1, 'ann')")
    rows = [
        {"place": "hall", "number": 1, "holder": "bob"},
        {"place": "hall", "number": 2, "holder": "eve"},
    ]
    upsert = official.table("seat").upsert(rows, on_conflict="place,number")
    assert sorted(row["holder"] for row in (await official.run(upsert)).data) == ["bob", "eve"]


async def test_upsert_without_on_conflict_goes_by_the_primary_key(
    official: Official, events: None, sql: Sql
) -> None:
    await official.run(official.table("evt").upsert({"id": 1, "site": "moved"}))
    assert sql.execute("select site from evt where id = 1").fetchone() == ("moved",)


async def test_update_returns_the_changed_rows(official: Official, events: None) -> None:
    done = await official.run(official.table("evt").update({"site": "z"}).eq("site", "a"))
    assert sorted((row["id"], row["site"]) for row in done.data) == [(1, "z"), (2, "z")]


async def test_update_minimal_with_count(official: Official, events: None) -> None:
    update = (
        official.table("evt")
        .update({"site": "z"}, returning=ReturnMethod.minimal, count=CountMethod.exact)
        .eq("site", "a")
    )
    done = await official.run(update)
    assert (done.data, done.count) == ([], 2)


async def test_delete_by_time_removes_and_returns(official: Official, events: None) -> None:
    remove = official.table("evt").delete().lt("created_at", "2099-01-01T00:00:00+00:00")
    assert len((await official.run(remove)).data) == 4


async def test_delete_minimal_removes(official: Official, events: None, sql: Sql) -> None:
    remove = official.table("evt").delete(returning=ReturnMethod.minimal).in_("id", [1, 2])
    assert (await official.run(remove)).data == []
    assert sql.execute("select id from evt order by id").fetchall() == [(3,), (4,)]


@pytest.mark.parametrize("verb", ["UPDATE", "DELETE"])
async def test_writes_without_a_filter_are_refused(
    official: Official, events: None, verb: str
) -> None:
    table = official.table("evt")
    builder = table.update({"site": "z"}) if verb == "UPDATE" else table.delete()
    with pytest.raises(APIError) as refused:
        await official.run(builder)
    assert (refused.value.code, refused.value.message) == (
        "21000",
        f"{verb} requires a WHERE clause",
    )


async def test_delete_of_more_than_the_affected_maximum_is_undone(
    official: Official, events: None, sql: Sql
) -> None:
    remove = official.table("evt").delete().gt("id", 0).max_affected(3)
    with pytest.raises(APIError) as refused:
        await official.run(remove)
    assert refused.value.code == "PGRST124"
    assert sql.execute("select count(*) from evt").fetchone() == (4,)


async def test_select_of_columns_filtered_ordered_and_limited(
    official: Official, events: None
) -> None:
    select = official.table("evt").select("id,payload").gt("id", 1).order("id").limit(2)
    assert (await official.run(select)).data == [
        {"id": 2, "payload": None},
        {"id": 3, "payload": {"k": 3}},
    ]


async def test_select_with_alias_cast_and_json_path(official: Official, events: None) -> None:
    select = official.table("evt").select(
        "key:id, amount::text, payload->deep->list->1, payload->>k, k2:payload->k"
    )
    done = await official.run(select.eq("id", 1))
    assert done.data == [{"key": 1, "amount": "1.50", "list": 20, "k": "1", "k2": 1}]


async def test_select_range_and_descending_order_with_nulls(
    official: Official, events: None
) -> None:
    select = official.table("evt").select("id").order("amount", desc=True, nullsfirst=True)
    assert [row["id"] for row in (await official.run(select.range(0, 2))).data] == [2, 3, 4]


async def test_select_counts_all_rows_behind_the_page(official: Official, events: None) -> None:
    done = await official.run(official.table("evt").select("id", count=CountMethod.exact).limit(2))
    assert (len(done.data), done.count) == (2, 4)


async def test_head_counts_and_returns_nothing(official: Official, events: None) -> None:
    select = official.table("evt").select("*", count=CountMethod.exact, head=True).eq("site", "a")
    done = await official.run(select)
    assert (done.data, done.count) == ([], 2)


async def test_select_from_a_view(official: Official, events: None) -> None:
    done = await official.run(official.table("evt_sites").select("site").order("site"))
    assert [row["site"] for row in done.data] == ["a", "a,b", "b"]


FILTERS = [
    pytest.param(lambda q: q.eq("site", "a,b"), [4], id="eq with comma"),
    pytest.param(lambda q: q.neq("site", "a"), [3, 4], id="neq"),
    pytest.param(lambda q: q.gte("id", 3), [3, 4], id="gte"),
    pytest.param(lambda q: q.lte("amount", 4), [1, 4], id="lte"),
    pytest.param(lambda q: q.gt("id", 1).lt("id", 3), [2], id="gt and lt"),
    pytest.param(lambda q: q.like("site", "a%"), [1, 2, 4], id="like"),
    pytest.param(lambda q: q.ilike("site", "A*"), [1, 2, 4], id="ilike with star"),
    pytest.param(lambda q: q.like_any_of("site", "b%,z*"), [3], id="like any"),
    pytest.param(lambda q: q.in_("site", ["b", "a,b"]), [3, 4], id="in with comma"),
    pytest.param(lambda q: q.in_("id", []), [], id="in of nothing"),
    pytest.param(lambda q: q.is_("payload", None), [2], id="is null"),
    pytest.param(lambda q: q.not_.is_("payload", None), [1, 3, 4], id="not is null"),
    pytest.param(lambda q: q.not_.in_("id", [1, 2, 3]), [4], id="not in"),
    pytest.param(lambda q: q.or_("id.eq.1,amount.gt.10"), [1, 3], id="or"),
    pytest.param(lambda q: q.or_("and(id.gt.1,id.lt.4),not.or(site.neq.a)"), [1, 2, 3], id="tree"),
    pytest.param(lambda q: q.or_('site.in.("a,b",b),id.is.null'), [3, 4], id="or with in"),
    pytest.param(lambda q: q.contains("tags", ["y"]), [1, 2], id="array contains"),
    pytest.param(lambda q: q.contained_by("tags", ["y"]), [2, 4], id="array contained"),
    pytest.param(lambda q: q.overlaps("tags", ["x", "z"]), [1], id="array overlaps"),
    pytest.param(lambda q: q.contains("payload", {"k": 3}), [3], id="json contains"),
    pytest.param(lambda q: q.eq("payload->>k", "3"), [3], id="json path"),
    pytest.param(lambda q: q.eq("payload->deep->list->0", "10"), [1], id="json index"),
    pytest.param(lambda q: q.match({"site": "a", "id": 2}), [2], id="match"),
]


@pytest.mark.parametrize(("narrow", "ids"), FILTERS)
async def test_filters(official: Official, events: None, narrow: Any, ids: list[int]) -> None:
    done = await official.run(narrow(official.table("evt").select("id")).order("id"))
    assert [row["id"] for row in done.data] == ids


async def test_single_returns_an_object(official: Official, events: None) -> None:
    done = await official.run(official.table("evt").select("id").eq("id", 1).single())
    assert done.data == {"id": 1}


@pytest.mark.parametrize(("site", "rows"), [("nobody", 0), ("a", 2)])
async def test_single_refuses_another_number_of_rows(
    official: Official, events: None, site: str, rows: int
) -> None:
    with pytest.raises(APIError) as refused:
        await official.run(official.table("evt").select("id").eq("site", site).single())
    assert refused.value.code == "PGRST116"
    assert refused.value.details == f"The result contains {rows} rows"


async def test_maybe_single_of_nothing_is_none(official: Official, events: None) -> None:
    assert await official.run(official.table("evt").select().eq("id", 99).maybe_single()) is None


async def test_columns_with_odd_names(official: Official) -> None:
    row = {"per%cent": 1, "a.b": "dot", 'say "hi"': "quote", "comma,name": "comma"}
    assert (await official.run(official.table("Odd Name").insert(row))).data == [row]
    selected = official.table("Odd Name").select('"a.b"', '"comma,name"').eq("per%cent", 1)
    assert (await official.run(selected)).data == [{"a.b": "dot", "comma,name": "comma"}]


CALLS = [
    pytest.param("add", {"a": 1}, 6, id="default argument"),
    pytest.param("add", {"a": 1, "b": 2}, 3, id="all arguments"),
    pytest.param("shout", {"words": ["a", "b"]}, ["A", "B"], id="set of scalars"),
    pytest.param("describe", {"subject": [1]}, {"type": "array"}, id="json in, json out"),
    pytest.param("mirror", {"site": "s1"}, "s1", id="one unnamed json parameter"),
    pytest.param("extent", {}, {"lowest": 1, "highest": 4}, id="out parameters"),
    pytest.param("join_all", {"separator": "-", "words": ["a", "b"]}, "a-b", id="variadic"),
]


@pytest.mark.parametrize(("name", "arguments", "result"), CALLS)
async def test_rpc(
    official: Official, events: None, name: str, arguments: dict[str, Any], result: Any
) -> None:
    assert (await official.run(official.rpc(name, arguments))).data == result


async def test_rpc_returning_nothing_acts(official: Official, sql: Sql) -> None:
    await official.run(official.rpc("write_journal", {"line": "x"}))
    assert sql.execute("select line from journal").fetchall() == [("x",)]


async def test_rpc_returning_one_row_gives_an_object(official: Official, events: None) -> None:
    assert (await official.run(official.rpc("first_event"))).data["id"] == 1


async def test_rpc_returning_rows_can_be_filtered(official: Official, events: None) -> None:
    call = official.rpc("events_of", {"wanted": "a"}).select("id").gt("id", 1).order("id").limit(1)
    assert (await official.run(call)).data == [{"id": 2}]


async def test_rpc_by_get_reads_its_arguments_from_the_query(official: Official) -> None:
    assert (await official.run(official.rpc("add", {"a": 1, "b": 2}, get=True))).data == 3
    words = official.rpc("shout", {"words": "{a,b}"}, get=True)
    assert (await official.run(words)).data == ["A", "B"]
