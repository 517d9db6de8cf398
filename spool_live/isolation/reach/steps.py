"""The steps of a walk from object to object, and the hazards that it may find."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from spool_live.isolation.reach.catalog import Function, Kind, Relation


class Danger(StrEnum):
    """The kind of a hazard."""

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
    """A danger, a description of it, and the path of objects that leads there."""

    danger: Danger
    what: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReachStep:
    """One object on a path, and the roles whose rights apply there.

    ``check`` is the role whose rights on relations count, ``user`` the one that functions run as,
    and ``rights`` what may be done with the object. ``inherited`` says that a relation was reached
    through its parent, ``called`` that code mentions the object by name.
    """

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
        """What identifies a step, whichever path led to it."""
        return self.kind, self.oid, self.check, self.user, self.rights, self.inherited


def shown(each: Relation | Function) -> str:
    """Return the name of the object for people, with its kind if it is not a table."""
    if isinstance(each, Function):
        return each.identity
    kinds = {"v": " (view)", "m": " (materialized view)", "f": " (foreign table)"}
    return each.identity + kinds.get(each.kind, "")


def labelled(path: tuple[str, ...], context: str, label: str) -> tuple[str, ...]:
    """Return ``path`` extended by the code that leads on. The query of a view is not mentioned."""
    return path if context == "query" else (*path, f"{context} {label}".strip())
