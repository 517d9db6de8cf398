from __future__ import annotations

from typing import Any

import pytest

from spool_live.local.realtime.filters import (
    OPERATORS,
    BindingError,
    ChangeFilter,
    Selection,
    parse_binding,
)


def binding(**params: Any) -> dict[str, Any]:
    return {"event": "INSERT", "schema": "public", "table": "t", **params}


def conditions(text: str) -> tuple[ChangeFilter, ...]:
    return parse_binding(binding(filter=text)).conditions


def test_binding_of_a_table() -> None:
    assert parse_binding(binding()) == Selection("INSERT", "public", "t")


def test_schema_alone_means_all_its_tables() -> None:
    assert parse_binding({"event": "*", "schema": "cms"}) == Selection("*", "cms", "*")


def test_table_alone_is_in_public() -> None:
    assert parse_binding({"event": "*", "table": "t"}) == Selection("*", "public", "t")


@pytest.mark.parametrize("event", ["FOO", "", None, 7, "*"])
def test_unknown_event_counts_as_every_event(event: object) -> None:
    selection = parse_binding(binding(event=event))
    assert all(selection.wants(action) for action in ("INSERT", "UPDATE", "DELETE"))


def test_event_is_not_case_sensitive() -> None:
    selection = parse_binding(binding(event="update"))
    assert selection.wants("UPDATE")
    assert not selection.wants("INSERT")


@pytest.mark.parametrize("operator", sorted(OPERATORS - {"in"}))
def test_operator(operator: str) -> None:
    assert conditions(f"a={operator}.x") == (ChangeFilter("a", operator, "x"),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a=not.eq.1", [ChangeFilter("a", "eq", "1", negate=True)], id="not"),
        pytest.param("a=eq.x=y.z", [ChangeFilter("a", "eq", "x=y.z")], id="value-with-marks"),
        pytest.param("a=eq.", [ChangeFilter("a", "eq", "")], id="empty-value"),
        pytest.param(
            " a=gt.1 , b=lt.2 ",
            [ChangeFilter("a", "gt", "1"), ChangeFilter("b", "lt", "2")],
            id="and",
        ),
        pytest.param("a=in.(1,2)", [ChangeFilter("a", "in", "{1,2}")], id="in"),
        pytest.param('a=in.("x,)",y)', [ChangeFilter("a", "in", '{"x,)",y}')], id="in-quoted"),
        pytest.param('a=eq."x,y"', [ChangeFilter("a", "eq", "x,y")], id="quoted-comma"),
        pytest.param(r'a=eq."x\"y\\"', [ChangeFilter("a", "eq", 'x"y\\')], id="quoted-escapes"),
        pytest.param('a=eq.x"y', [ChangeFilter("a", "eq", 'x"y')], id="quote-inside"),
        pytest.param('a=eq."x"y', [ChangeFilter("a", "eq", '"x"y')], id="quote-ends-early"),
        pytest.param("   ", [], id="blank"),
        pytest.param("a=eq.f(1,2)", [ChangeFilter("a", "eq", "f(1,2)")], id="parentheses"),
        pytest.param("a=eq.1)", [ChangeFilter("a", "eq", "1)")], id="closing-only"),
    ],
)
def test_filter(text: str, expected: list[ChangeFilter]) -> None:
    assert list(conditions(text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("site_id", '["site_id"]'),
        ("site_id=eq", '["eq"]'),
        ("site_id=zz.1", '["zz", "1"]'),
        ("a=eq.1,,b=eq.2", "filter must not contain empty segments (check for extra commas)"),
        ("a=in.1", "`in` filter value must be wrapped by parentheses"),
        ("a=in.(", "`in` filter value must be wrapped by parentheses"),
    ],
)
def test_filter_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(BindingError) as caught:
        conditions(text)
    assert str(caught.value) == f"Error parsing `filter` params: {message}"


@pytest.mark.parametrize(
    "params",
    [
        {"event": "*"},
        {"event": "*", "schema": "public", "filter": "a=eq.1"},
        {"event": "*", "schema": 7, "table": "t"},
        {"event": "*", "schema": "public", "table": "t", "filter": 7},
    ],
)
def test_binding_without_schema_or_table(params: dict[str, Any]) -> None:
    with pytest.raises(BindingError, match=r"^No subscription params provided"):
        parse_binding(params)


def test_selected_columns_are_a_set() -> None:
    assert parse_binding(binding(select=["b", "a", "b", 7])).columns == ("a", "b")


@pytest.mark.parametrize("select", [[], [7], None])
def test_no_selected_columns_means_all(select: object) -> None:
    assert parse_binding(binding(select=select)).columns is None


def test_select_must_be_a_list() -> None:
    with pytest.raises(BindingError, match=r"^Error parsing `select` params"):
        parse_binding(binding(select="a,b"))


@pytest.mark.parametrize("wildcard", [{"table": "*"}, {"schema": "*"}])
def test_select_needs_a_table(wildcard: dict[str, str]) -> None:
    with pytest.raises(BindingError, match=r"^Column selection is not supported for wildcard"):
        parse_binding(binding(select=["a"], **wildcard))


def test_description_repeats_the_parameters_as_the_real_server_does() -> None:
    selection = parse_binding(binding(filter="site_id=not.eq.s1", select=["id"]))
    assert selection.describe() == (
        "event: INSERT, schema: public, table: t,"
        ' filters: [{"site_id", "eq", "s1", true}], select: ["id"]'
    )
