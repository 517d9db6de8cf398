"""What a walk is made of: the steps from object to object, and the dangers that one may end in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from spool_live.isolation.reach.catalog import Function, Kind, Relation


class Danger(StrEnum):
    """What a path ends in."""

    PRIVATE = "private"
    IDENTITY = "identity"
    DYNAMIC = "dynamic"
    RIGHTS = "rights"
    OPAQUE = "opaque"
    FOREIGN = "foreign"
    SUPERUSER = "superuser"
    SECRET = "secret"  # noqa: S105 - a kind of danger


@dataclass(frozen=True, slots=True)
class Hazard:
    """A danger, what it is in words, and the way there."""

    danger: Danger
    what: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReachStep:
    """One object on the way, and with whose rights it was come to."""

    kind: Kind
    oid: int
    check: str
    user: str
    rights: frozenset[str]
    path: tuple[str, ...]
    inherited: bool = False
    called: bool = False

    @property
    def place(self) -> tuple[object, ...]:
        """What makes two steps the same."""
        return self.kind, self.oid, self.check, self.user, self.rights, self.inherited


def shown(each: Relation | Function) -> str:
    """Return the object for people, with its kind where that is not a table."""
    if isinstance(each, Function):
        return each.identity
    kinds = {"v": " (view)", "m": " (materialized view)", "f": " (foreign table)"}
    return each.identity + kinds.get(each.kind, "")


def labelled(path: tuple[str, ...], context: str, label: str) -> tuple[str, ...]:
    """Return the path with what the next object is come to by; a view's own query goes without
    saying."""
    return path if context == "query" else (*path, f"{context} {label}".strip())
