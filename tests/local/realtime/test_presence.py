from __future__ import annotations

from spool_live.local.realtime.hub import Room
from spool_live.local.realtime.presence import PresenceBook

ROOM, OTHER = Room("t", private=False), Room("t", private=True)


def test_tracking_joins() -> None:
    book = PresenceBook()
    diff = book.track(ROOM, "owner", "me", {"name": "A"})
    assert diff is not None
    (meta,) = diff["joins"]["me"]["metas"]
    assert meta["name"] == "A"
    assert meta["phx_ref"]
    assert diff["leaves"] == {}
    assert book.state(ROOM) == {"me": {"metas": [meta]}}
    assert book.state(OTHER) == {}


def test_tracking_something_else_leaves_and_joins() -> None:
    book = PresenceBook()
    book.track(ROOM, "owner", "me", {"n": 1})
    diff = book.track(ROOM, "owner", "me", {"n": 2})
    assert diff is not None
    (left,), (joined,) = diff["leaves"]["me"]["metas"], diff["joins"]["me"]["metas"]
    assert (left["n"], joined["n"]) == (1, 2)
    assert joined["phx_ref_prev"] == left["phx_ref"]


def test_tracking_the_same_again_is_nothing_new() -> None:
    book = PresenceBook()
    book.track(ROOM, "owner", "me", {"n": 1})
    assert book.track(ROOM, "owner", "me", {"n": 1}) is None


def test_two_owners_share_a_key() -> None:
    book = PresenceBook()
    book.track(ROOM, "first", "me", {"n": 1})
    book.track(ROOM, "second", "me", {"n": 2})
    assert [meta["n"] for meta in book.state(ROOM)["me"]["metas"]] == [1, 2]


def test_untracking_leaves() -> None:
    book = PresenceBook()
    book.track(ROOM, "owner", "me", {"n": 1})
    diff = book.untrack(ROOM, "owner")
    assert diff is not None
    assert diff["joins"] == {}
    assert diff["leaves"]["me"]["metas"][0]["n"] == 1
    assert book.state(ROOM) == {}
    assert book.untrack(ROOM, "owner") is None
