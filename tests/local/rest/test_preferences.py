from __future__ import annotations

import pytest

from spool_live.local.rest.errors import ApiError
from spool_live.local.rest.preferences import (
    Preferences,
    choose_media_type,
    parse_preferences,
)


def test_preferences_may_be_one_header_or_many_with_or_without_spaces() -> None:
    one = parse_preferences(["return=representation, count=exact"])
    many = parse_preferences(["return=representation", "count=exact"])
    tight = parse_preferences(["return=representation,count=exact"])
    assert one == many == tight
    assert (one.returns_rows, one.counted) == (True, True)


def test_nothing_preferred() -> None:
    assert parse_preferences([]) == Preferences()


def test_the_first_of_a_kind_wins() -> None:
    assert not parse_preferences(["return=minimal,return=representation"]).returns_rows


def test_unknown_preferences_are_ignored_and_not_applied() -> None:
    assert parse_preferences(["respond-async, return=everything"]) == Preferences()


def test_max_affected_counts_only_with_strict_handling() -> None:
    assert parse_preferences(["max-affected=3"]).max_affected is None
    assert parse_preferences(["handling=strict,max-affected=3"]).max_affected == 3


def test_strict_handling_refuses_the_unknown_by_name() -> None:
    with pytest.raises(ApiError) as refused:
        parse_preferences(["handling=strict, count=roughly"])
    assert refused.value.details == "Invalid preferences: count=roughly"


@pytest.mark.parametrize(
    ("accept", "single"),
    [
        (None, False),
        ("*/*", False),
        ("application/json", False),
        ("text/html, application/xhtml+xml, */*;q=0.8", False),
        ("application/vnd.pgrst.object+json", True),
        ("application/json;q=0.5, application/vnd.pgrst.object+json", True),
        ("application/vnd.pgrst.object+json;q=0.5, application/json", False),
    ],
)
def test_media_types(accept: str | None, single: bool) -> None:
    assert choose_media_type(accept).single is single


@pytest.mark.parametrize(
    "accept", ["text/csv", "application/vnd.pgrst.object+json;nulls=stripped", "image/png;q=x"]
)
def test_media_types_that_cannot_be_made(accept: str) -> None:
    with pytest.raises(ApiError) as refused:
        choose_media_type(accept)
    assert (refused.value.status, refused.value.code) == (406, "PGRST107")
