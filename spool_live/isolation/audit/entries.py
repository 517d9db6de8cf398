"""Where API callers enter the database, and which relations they must not reach."""

from __future__ import annotations

from collections.abc import Iterator

from spool_live.isolation.reach.catalog import Catalog, Function
from spool_live.isolation.reach.steps import ReachStep
from spool_live.isolation.reach.walk import Walk
from spool_live.isolation.target import FEED, MESSAGES, Target


def entries(walk: Walk, target: Target, role: str) -> Iterator[tuple[str, ReachStep]]:
    """Yield the name of everything that ``role`` may touch through the API, and the step to it."""
    catalog, usage = walk.catalog, walk.catalog.usage[role]
    exposed = set(target.schemas) & usage
    searched = set(target.searched) & usage
    rows = {(r.identity,) for r in catalog.relations.values() if r.schema in exposed}
    for relation in catalog.relations.values():
        rights = catalog.may(role, "relation", relation.oid)
        if relation.schema in exposed and rights:
            step = ReachStep("relation", relation.oid, role, role, rights, (role,))
            yield relation.identity, step
    for function in catalog.functions.values():
        if function.returns in ("trigger", "event_trigger"):
            continue
        if function.schema not in exposed and not (
            function.schema in searched and function.takes in rows
        ):
            continue
        if catalog.may(role, "function", function.oid) and not _is_internal(function):
            step = ReachStep("function", function.oid, role, role, frozenset(), (role,))
            yield function.identity, step
    for row in catalog.anywhere:
        behind = catalog.functions.get(row["function"])
        if behind is None or behind.extension is not None:
            continue
        if not row["checked"] or catalog.may(role, "function", behind.oid):
            step = ReachStep("function", behind.oid, role, role, frozenset(), (role, row["name"]))
            yield row["name"], step


def _is_internal(function: Function) -> bool:
    """Return whether it is a support function of a type, which no request can call."""
    return "internal" in (*function.takes, function.returns)


def private_relations(catalog: Catalog, target: Target) -> set[int]:
    """Return the oids of spool_live's relations, ``realtime.messages`` and Django's tables, each
    with its partitions."""
    names = {FEED, MESSAGES, *target.private_tables}
    django = target.django_tables
    found = {
        relation.oid
        for relation in catalog.relations.values()
        if f"{relation.schema}.{relation.name}" in names
        or relation.schema == "spool_live"
        or (relation.schema == "public" and relation.name in django)
    }
    parts = list(found)
    while parts:
        children = [c for c in catalog.children[parts.pop()] if _is_partition(catalog, c)]
        parts += [child for child in children if child not in found]
        found.update(children)
    return found


def _is_partition(catalog: Catalog, oid: int) -> bool:
    return oid in catalog.relations
