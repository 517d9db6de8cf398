from __future__ import annotations

from typing import Any

import pytest

from spool_live.local.realtime.join import (
    JoinRequest,
    MalformedJoinError,
    Replay,
    binding_id,
    parse_join,
)


def parse(**config: Any) -> JoinRequest:
    return parse_join({"config": config})


@pytest.mark.parametrize("config", ["str", [], 7, True])
def test_config_that_is_not_an_object_is_refused(config: object) -> None:
    with pytest.raises(MalformedJoinError):
        parse_join({"config": config})


def test_join_without_config_asks_for_what_its_topic_names() -> None:
    for topic, wanted in {
        "public": {"schema": "public"},
        "public:notes": {"schema": "public", "table": "notes"},
        "public:notes:id=eq.7": {"schema": "public", "table": "notes", "filter": "id=eq.7"},
    }.items():
        [one] = parse_join({}, topic).bindings
        assert one.pop("id") > 0
        assert one == wanted


@pytest.mark.parametrize("payload", [{}, {"config": {}}, {"config": None}, [], None, "x"])
def test_nothing_asked_means_the_defaults(payload: object) -> None:
    assert parse_join(payload) == JoinRequest()


def test_what_the_python_client_sends() -> None:
    request = parse_join(
        {
            "config": {
                "broadcast": {"ack": True, "self": True},
                "presence": {"key": "me", "enabled": True},
                "private": True,
                "postgres_changes": [],
            },
            "access_token": "a.b.c",
        }
    )
    assert request == JoinRequest(
        access_token="a.b.c",
        private=True,
        acknowledge=True,
        to_self=True,
        presence_enabled=True,
        presence_key="me",
    )


def test_booleans_may_be_words() -> None:
    assert parse(private="true", broadcast={"ack": "TRUE", "self": "false"}) == JoinRequest(
        private=True, acknowledge=True
    )


def test_wrong_types_count_as_not_said() -> None:
    wrong = parse(private=1, broadcast=None, presence=[], postgres_changes={"event": "*"})
    assert wrong == JoinRequest()


@pytest.mark.parametrize("token", ["sb_publishable_x", None, 7])
def test_token_that_means_the_connection(token: object) -> None:
    assert parse_join({"access_token": token}).access_token is None


def test_legacy_name_of_the_token() -> None:
    assert parse_join({"user_token": "a.b.c"}).access_token == "a.b.c"


def test_bindings_are_echoed_as_they_are_and_in_order() -> None:
    bindings = [{"event": "FOO", "schema": "s", "x": [1]}, {"event": "*", "table": "t"}]
    echoed = parse(postgres_changes=[*bindings, None, "x"]).bindings
    assert [{k: v for k, v in params.items() if k != "id"} for params in echoed] == bindings


def test_binding_id_is_positive_and_the_same_for_equal_bindings() -> None:
    first = {"event": "*", "schema": "public", "table": "t"}
    assert binding_id(first) == binding_id(dict(reversed(first.items())))
    assert binding_id(first) != binding_id({**first, "table": "u"})
    assert all(0 < binding_id({"n": n}) < 2**27 for n in range(500))


@pytest.mark.parametrize(
    ("replay", "expected"),
    [
        ({"since": 5, "limit": 3}, Replay(5, 3)),
        ({"since": 5}, Replay(5, 25)),
        ({}, Replay(None, 25)),
        (7, None),
    ],
)
def test_replay(replay: object, expected: Replay | None) -> None:
    assert parse(broadcast={"replay": replay}).replay == expected


@pytest.mark.parametrize(
    ("replay", "valid"),
    [
        (Replay(0), True),
        (Replay(5, 3), True),
        (Replay(None), False),
        (Replay("5"), False),
        (Replay(True), False),
        (Replay(-1), False),
        (Replay(5, 0), False),
        (Replay(5, "3"), False),
    ],
)
def test_replay_needs_whole_numbers(replay: Replay, valid: bool) -> None:
    assert replay.valid is valid
