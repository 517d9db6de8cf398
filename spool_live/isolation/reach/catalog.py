"""The catalog in the form that the walk needs: relations, functions, their code, and rights."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from spool_live.isolation.sandbox import Sandbox

Kind = Literal["relation", "function"]
_ANYTHING = "*"


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, view or other relation; ``kind`` is its ``pg_class.relkind``."""

    oid: int
    schema: str
    name: str
    identity: str
    kind: str
    owner: str
    row_security: bool
    forced: bool
    invoker: bool
    parents: tuple[int, ...]
    server: str | None
    columns: str
    acl: tuple[str, ...]
    extension: str | None
    extension_version: str | None


@dataclass(frozen=True, slots=True)
class Function:
    """A function, procedure or aggregate; ``kind`` is its ``pg_proc.prokind``. A check or default
    of a domain is represented as a function of kind ``d`` with a negative ``oid``."""

    oid: int
    schema: str
    name: str
    identity: str
    kind: str
    owner: str
    language: str
    trusted: bool
    security_definer: bool
    settings: tuple[str, ...]
    source: str
    body: str
    returns: str
    takes: tuple[str, ...]
    parameters: tuple[str, ...]
    defaults: str
    leakproof: bool
    attributes: str
    acl: tuple[str, ...]
    extension: str | None
    extension_version: str | None

    @property
    def text(self) -> str:
        """The code: the parsed body if there is one, otherwise the source."""
        return self.body or self.source


@dataclass(frozen=True, slots=True)
class Code:
    """Code that belongs to a relation. ``context`` is query, rule, policy, default, constraint,
    ..."""

    relation: int
    context: str
    label: str
    text: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """An object that the code in ``context`` refers to, according to ``pg_depend``."""

    context: str
    label: str
    to_kind: Kind
    referred: int


@dataclass(frozen=True, slots=True)
class Role:
    """A role whose rights code may run with. ``has`` are the roles whose rights it has; ``ours``
    says whether the migrating role is a member of it."""

    name: str
    superuser: bool
    bypasses: bool
    has: frozenset[str]
    ours: bool


@dataclass
class Catalog:
    """All objects, with the mappings to look them up by."""

    relations: dict[int, Relation]
    functions: dict[int, Function]
    roles: dict[str, Role]
    codes: dict[int, list[Code]] = field(default_factory=lambda: defaultdict(list))
    references: dict[tuple[str, int], list[Reference]] = field(
        default_factory=lambda: defaultdict(list)
    )
    triggers: dict[int, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    foreign_keys: dict[int, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    children: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    anywhere: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    rights: dict[tuple[str, str, int], frozenset[str]] = field(default_factory=dict)
    usage: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    named: dict[tuple[str | None, str], list[tuple[Kind, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    schemas: set[str] = field(default_factory=set)

    def objects(self, kind: Kind) -> Mapping[int, Relation | Function]:
        """Return all objects of ``kind`` by oid."""
        return self.relations if kind == "relation" else self.functions

    def may(self, role: str, kind: Kind, oid: int) -> frozenset[str]:
        """Return the rights of ``role`` on the object, such as ``select``."""
        return self.rights.get((kind, role, oid), frozenset())

    def find(self, schema: str | None, name: str) -> Iterator[tuple[Kind, int]]:
        """Yield the objects that code may mean by a name.

        ``schema`` is ``None`` for a name without one; ``*`` stands for any name.
        """
        if _ANYTHING in (schema, name):
            for (place, plain), objects in self.named.items():
                if place is None:
                    continue
                if schema in (None, _ANYTHING, place) and name in (_ANYTHING, plain):
                    yield from (found for found in objects if found[0] == "relation")
        elif schema is None or schema in self.schemas:
            yield from self.named.get((schema, name), ())


def read_catalog(box: Sandbox, attackers: Collection[str]) -> Catalog:
    """Read the catalog, with the rights of ``attackers`` and of all owners.

    Raises ``django.db.DatabaseError``.
    """
    relations = {row["oid"]: Relation(**_frozen(row)) for row in box.rows("reach_relations")}
    functions = {
        row["oid"]: Function(**_frozen(row))
        for query in ("reach_functions", "reach_domains")
        for row in box.rows(query)
    }
    owners = {r.owner for r in relations.values()} | {f.owner for f in functions.values()}
    parameters = {"roles": sorted({*owners, *attackers})}
    roles = {
        row["name"]: Role(**{**row, "has": frozenset(row["has"])})
        for row in box.rows("reach_roles", parameters)
    }
    catalog = Catalog(relations, functions, roles)
    for row in box.rows("reach_code"):
        catalog.codes[row["relation"]].append(Code(**_frozen(row)))
    for row in box.rows("reach_dependencies"):
        reference = Reference(row["context"], row["label"], row["to_kind"], row["referred"])
        catalog.references[row["from_kind"], row["holder"]].append(reference)
    for row in box.rows("reach_triggers"):
        catalog.triggers[row["relation"]].append(row)
    for row in box.rows("reach_foreign_keys"):
        catalog.foreign_keys[row["referred"]].append(row)
    catalog.anywhere = box.rows("reach_anywhere")
    catalog.jobs = box.rows("reach_jobs") if box.row("job_table")["found"] else []
    for row in box.rows("reach_rights", parameters):
        if row["kind"] == "schema":
            catalog.usage[row["role"]].update(row["rights"])
        elif row["rights"]:
            catalog.rights[row["kind"], row["role"], row["oid"]] = frozenset(row["rights"])
    _index(catalog, "relation", relations.values())
    _index(catalog, "function", functions.values())
    for relation in relations.values():
        for parent in relation.parents:
            catalog.children[parent].append(relation.oid)
    return catalog


def _index(catalog: Catalog, kind: Kind, objects: Iterable[Relation | Function]) -> None:
    for each in objects:
        catalog.schemas.add(each.schema)
        catalog.named[each.schema, each.name].append((kind, each.oid))
        catalog.named[None, each.name].append((kind, each.oid))


def _frozen(row: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in row.items()}
