"""Finds relations that private rows are copied to.

Triggers and rules on private relations may copy them, as well as functions and scheduled jobs
(pg_cron) that read private relations and write to others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from spool_live.isolation.reach.catalog import Catalog, Function, Relation
from spool_live.isolation.reach.code import Facts, read_code


def find_copies(
    catalog: Catalog,
    private: Callable[[Relation], bool],
    known: Callable[[Relation | Function], bool],
) -> dict[int, str]:
    """Return by oid the relations that hold copies, with a description of what copies there.

    ``private`` and ``known`` are predicates; known objects neither copy nor hold copies.
    """
    found: dict[int, str] = {}
    sources = [relation for relation in catalog.relations.values() if private(relation)]
    while sources:
        source = sources.pop()
        for what, facts in _copiers(catalog, source, known):
            for target in _written(catalog, facts):
                if not private(target) and target.oid not in found and not known(target):
                    found[target.oid] = what
                    sources.append(target)
    return found


def _written(catalog: Catalog, facts: Facts) -> Iterator[Relation]:
    for schema, name in facts.written:
        for kind, oid in catalog.find(schema, name):
            if kind == "relation" and oid in catalog.relations:
                yield catalog.relations[oid]


def _copiers(
    catalog: Catalog, source: Relation, known: Callable[[Relation | Function], bool]
) -> Iterator[tuple[str, Facts]]:
    for trigger in catalog.triggers[source.oid]:
        function = catalog.functions.get(trigger["function"])
        if function and not known(function):
            yield f"trigger {trigger['name']} on {source.identity}", read_code(function.text)
    for code in catalog.codes[source.oid]:
        if code.context == "rule":
            yield f"rule {code.label} on {source.identity}", read_code(code.text)
    for what, text in _movers(catalog, known):
        facts = read_code(text)
        named = {(source.schema, source.name), (None, source.name)} & facts.names
        if facts.written and named:
            yield f"{what}, which reads {source.identity}", facts


def _movers(
    catalog: Catalog, known: Callable[[Relation | Function], bool]
) -> Iterator[tuple[str, str]]:
    """Yield code that may read one relation and write another, each after a description of it."""
    for function in catalog.functions.values():
        if not known(function) and not function.extension:
            yield f"function {function.identity}", function.text
    for job in catalog.jobs:
        yield f"scheduled job {job['number']} of {job['owner']}", job["command"]
