from __future__ import annotations

import pytest

from spool_live.local.rest.errors import ApiError
from spool_live.local.rest.parser import parse_query
from spool_live.local.rest.syntax import (
    Condition,
    FieldRef,
    Group,
    JsonStep,
    OrderTerm,
    Selected,
)

ID = FieldRef("id")


def test_nothing_asked_selects_everything() -> None:
    query = parse_query("")
    assert query.select == (Selected(None),)
    assert (query.conditions, query.order, query.limit, query.offset) == ((), (), None, 0)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("id=eq.1", Condition(ID, "eq", "1")),
        ("id=not.eq.1", Condition(ID, "eq", "1", negated=True)),
        ("id=eq.", Condition(ID, "eq", "")),
        ("id=eq.a.b,c)", Condition(ID, "eq", "a.b,c)")),
        ("id=eq.%2B1", Condition(ID, "eq", "+1")),
        ("id=eq.a+b", Condition(ID, "eq", "a b")),
        ("id=in.()", Condition(ID, "in", ())),
        ("id=in.(1,2)", Condition(ID, "in", ("1", "2"))),
        ('id=in.("a,b",c d,"e\\"f")', Condition(ID, "in", ("a,b", "c d", 'e"f'))),
        ("id=is.NULL", Condition(ID, "is", "NULL")),
        ("id=like(all).{a*,*b}", Condition(ID, "like", "{a*,*b}", quantifier="all")),
        (
            "data->a->0->>b=eq.1",
            Condition(
                FieldRef(
                    "data",
                    (
                        JsonStep("a", as_text=False),
                        JsonStep("0", as_text=False),
                        JsonStep("b", as_text=True),
                    ),
                ),
                "eq",
                "1",
            ),
        ),
        ('"odd.name"=gt.1', Condition(FieldRef("odd.name"), "gt", "1")),
    ],
)
def test_filters_are_read(text: str, condition: Condition) -> None:
    assert parse_query(text).conditions == (condition,)


def test_trees_nest_and_negate() -> None:
    (tree,) = parse_query("not.or=(id.eq.1,not.and(id.gt.2, id.in.(3,4)),id.cs.{5,6})").conditions
    assert tree == Group(
        "or",
        (
            Condition(ID, "eq", "1"),
            Group("and", (Condition(ID, "gt", "2"), Condition(ID, "in", ("3", "4"))), negated=True),
            Condition(ID, "cs", "{5,6}"),
        ),
        negated=True,
    )


def test_quotes_in_trees_protect_commas_and_brackets() -> None:
    (tree,) = parse_query('or=(id.eq."a,b)",id.eq.c)').conditions
    assert tree == Group("or", (Condition(ID, "eq", "a,b)"), Condition(ID, "eq", "c")))


def test_trees_have_a_deepest_level() -> None:
    with pytest.raises(ApiError) as refused:
        parse_query("or=" + "(and" * 50 + "(id.eq.1)" + ")" * 50)
    assert refused.value.code == "PGRST100"


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("*", Selected(None)),
        ("id", Selected(ID)),
        ("key:id", Selected(ID, alias="key")),
        ("id::text", Selected(ID, cast="text")),
        ("key:id::double precision", Selected(ID, alias="key", cast="double precision")),
        ('"odd, name"', Selected(FieldRef("odd, name"))),
        ("two words", Selected(FieldRef("two words"))),
        ("data->>a-b", None),
    ],
)
def test_select_items_are_read(text: str, item: Selected | None) -> None:
    if item is None:
        with pytest.raises(ApiError):
            parse_query(f"select={text}")
    else:
        assert parse_query(f"select={text}").select == (item,)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("id", OrderTerm(ID)),
        ("id.desc", OrderTerm(ID, descending=True)),
        ("id.nullsfirst", OrderTerm(ID, nulls="first")),
        ("id.desc.nullslast", OrderTerm(ID, descending=True, nulls="last")),
        ("data->>a.asc", OrderTerm(FieldRef("data", (JsonStep("a", as_text=True),)))),
    ],
)
def test_order_terms_are_read(text: str, term: OrderTerm) -> None:
    assert parse_query(f"order={text}").order == (term,)


def test_columns_and_conflict_targets_may_be_quoted() -> None:
    query = parse_query('columns="id","a,b"&on_conflict=id,site')
    assert (query.columns, query.on_conflict) == (("id", "a,b"), ("id", "site"))


def test_arguments_of_a_function_are_no_filters() -> None:
    query = parse_query("a=1&b=eq.2", arguments={"a"})
    assert query.arguments == {"a": "1"}
    assert query.conditions == (Condition(FieldRef("b"), "eq", "2"),)


@pytest.mark.parametrize(
    ("text", "column"),
    [("id=eq", 1), ("id=xx.1", 1), ("or=(id.eq.1", 9), ("select=id,", 4), ("order=id.up", 3)],
)
def test_refusals_name_the_place(text: str, column: int) -> None:
    with pytest.raises(ApiError) as refused:
        parse_query(text)
    assert refused.value.code == "PGRST100"
    assert f"column {column})" in refused.value.message
    assert refused.value.details is not None
