"""The payload of ``phx_join``, parsed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

_LARGEST_BINDING_ID = 2**27 - 1
_DEFAULT_REPLAY_LIMIT = 25


@dataclass(frozen=True)
class Replay:
    """``config.broadcast.replay``: the newest ``limit`` broadcasts since a time."""

    since: Any
    """The time in milliseconds since the epoch, if valid."""
    limit: Any = _DEFAULT_REPLAY_LIMIT

    @property
    def valid(self) -> bool:
        """Whether ``since`` is a whole number from 0, and ``limit`` one from 1."""
        numbers = all(type(value) is int for value in (self.since, self.limit))
        return numbers and self.since >= 0 and self.limit > 0


@dataclass(frozen=True)
class JoinRequest:
    """A parsed join payload. Wrong types fall back to the defaults, as on the real server."""

    access_token: str | None = None
    private: bool = False
    acknowledge: bool = False
    to_self: bool = False
    replay: Replay | None = None
    replication_ready: bool = False
    presence_enabled: bool = False
    presence_key: str | None = None
    bindings: tuple[dict[str, Any], ...] = field(default=())
    """``config.postgres_changes`` as the client wrote it, each with its ``id``."""


class MalformedJoinError(ValueError):
    """A join whose ``config`` is not an object."""


def parse_join(payload: object, topic: str = "") -> JoinRequest:
    """Read the payload of a ``phx_join`` for ``topic`` (without prefix); ignores unknown keys.

    A join without ``config`` has the old form, in which the topic names a schema, a table and a
    filter. Raises ``MalformedJoinError`` if ``config`` is not an object.
    """
    params = _mapping(payload)
    if params.get("config") is not None and not isinstance(params["config"], dict):
        raise MalformedJoinError
    config = _mapping(params.get("config"))
    broadcast = _mapping(config.get("broadcast"))
    presence = _mapping(config.get("presence"))
    return JoinRequest(
        access_token=_token(params),
        private=_flag(config.get("private")),
        acknowledge=_flag(broadcast.get("ack")),
        to_self=_flag(broadcast.get("self")),
        replay=_replay(broadcast.get("replay")),
        replication_ready=_flag(broadcast.get("replication_ready")),
        presence_enabled=_flag(presence.get("enabled")),
        presence_key=_text(presence.get("key")),
        bindings=_bindings(
            config.get("postgres_changes") if "config" in params else _legacy(topic)
        ),
    )


def binding_id(params: Mapping[str, Any]) -> int:
    """Return a stable number for a binding, the same for equal ones; never 0, which clients
    ignore."""
    digest = hashlib.sha256(orjson.dumps(params, option=orjson.OPT_SORT_KEYS)).digest()
    return int.from_bytes(digest[:8], "big") % _LARGEST_BINDING_ID + 1


def _token(params: Mapping[str, Any]) -> str | None:
    """Return the token to join with; None (for an ``sb_`` key, too) means the connection's
    token."""
    for name in ("user_token", "access_token"):
        value = params.get(name)
        if isinstance(value, str):
            return None if value.startswith("sb_") else value
    return None


def _bindings(value: object) -> tuple[dict[str, Any], ...]:
    if not isinstance(value, list):
        return ()
    bindings = [params for params in value if isinstance(params, dict)]
    return tuple({**params, "id": binding_id(params)} for params in bindings)


def _legacy(topic: str) -> list[dict[str, str]]:
    parts = topic.split(":", 2)
    return [dict(zip(("schema", "table", "filter"), parts, strict=False))] if topic else []


def _replay(value: object) -> Replay | None:
    if not isinstance(value, dict):
        return None
    limit = value.get("limit")
    return Replay(value.get("since"), _DEFAULT_REPLAY_LIMIT if limit is None else limit)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _flag(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
