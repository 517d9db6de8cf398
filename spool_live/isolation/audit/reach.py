"""Audit of what API callers reach: every path to private tables or to another role is a finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from spool_live.isolation import rules
from spool_live.isolation.audit.entries import entries, private_relations
from spool_live.isolation.audit.expected import expected_functions
from spool_live.isolation.findings import Finding, Rule
from spool_live.isolation.reach.bounds import Bounds
from spool_live.isolation.reach.catalog import Catalog, Function, Kind, Relation, read_catalog
from spool_live.isolation.reach.fingerprint import fingerprint
from spool_live.isolation.reach.steps import Danger, Hazard, ReachStep
from spool_live.isolation.reach.supabase import is_known, is_supabases
from spool_live.isolation.reach.walk import Walk
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import FEED, MESSAGES, Target

_SHOWN = 2
_SECRET = ("realtime.subscription", "vault.secrets", "vault.decrypted_secrets")
"""Supabase's relations that show who subscribes, or may hold keys of spool_live."""
_EVENT_TRIGGER = "event trigger "
_RULES = {
    Danger.IDENTITY: rules.EXPOSED_DYNAMIC,
    Danger.DYNAMIC: rules.EXPOSED_DYNAMIC,
    Danger.RIGHTS: rules.EXPOSED_DYNAMIC,
    Danger.OPAQUE: rules.EXPOSED_OPAQUE,
    Danger.FOREIGN: rules.EXPOSED_FOREIGN,
    Danger.SUPERUSER: rules.EXPOSED_SUPERUSER,
    Danger.SECRET: rules.EXPOSED_SECRET,
}


@dataclass
class EntryPoint:
    """An object that API callers can touch directly.

    ``starts`` has one step for each role that it is open to; ``hazards`` are what the object leads
    to, and ``objects`` everything behind it.
    """

    name: str
    kind: Kind
    oid: int
    starts: list[ReachStep] = field(default_factory=list)
    trusted: bool = False
    hazards: dict[Danger, dict[str, Hazard]] = field(default_factory=dict)
    objects: set[tuple[Kind, int]] = field(default_factory=set)

    @property
    def roles(self) -> str:
        """The roles that it is open to, for people."""
        return ", ".join(start.user for start in self.starts)

    def add(self, start: ReachStep, hazards: list[Hazard], objects: set[tuple[Kind, int]]) -> None:
        """Record the hazards and objects that were reached from ``start``."""
        self.starts.append(start)
        self.objects |= objects
        for hazard in hazards:
            by_end = self.hazards.setdefault(hazard.danger, {})
            by_end.setdefault(f"{hazard.path[-1]} {hazard.what}", hazard)


@dataclass(frozen=True)
class Reach:
    """The outcome of a walk: the walk itself, and its entry points by name, kind and oid."""

    walk: Walk
    roots: dict[tuple[str, Kind, int], EntryPoint]

    @property
    def catalog(self) -> Catalog:
        """The catalog that was read."""
        return self.walk.catalog

    @property
    def known(self) -> set[str]:
        """Relations that need no further finding: reported ones, and Supabase's own."""
        return {
            root.name
            for root in self.roots.values()
            if root.kind == "relation" and (root.hazards or root.trusted)
        }

    def fingerprint(self, identity: str) -> str:
        """Return the fingerprint of the relation with the quoted name ``identity``, or an empty
        string if the walk did not start there."""
        for root in self.roots.values():
            if root.kind == "relation" and self.catalog.relations[root.oid].identity == identity:
                return fingerprint(self.catalog, root.objects)
        return ""


def walk_reach(box: Sandbox, target: Target) -> Reach:
    """Walk from everything that the API exposes, as each API role."""
    attackers = frozenset(target.attackers)
    catalog = read_catalog(box, attackers)
    private = private_relations(catalog, target)
    audited = {FEED, MESSAGES, *target.private_tables}
    if "public" in target.schemas:  # these are audited in exposure.py
        audited |= {f"public.{name}" for name in target.django_tables}
    ours = set(expected_functions())
    walk = Walk(
        catalog,
        attackers,
        private=lambda relation: relation.oid in private,
        secret=lambda relation: f"{relation.schema}.{relation.name}" in _SECRET,
        bounds=Bounds(
            catalog, attackers, lambda relation: f"{relation.schema}.{relation.name}" in audited
        ),
        trusted=lambda each: is_supabases(each, catalog, attackers),
        ours=lambda function: f"{function.schema}.{function.name}" in ours,
        has_secrets=box.row("secret_settings")["found"],
    )
    reach = Reach(walk, {})
    for role in target.attackers:
        for name, step in entries(walk, target, role):
            each = catalog.objects(step.kind)[step.oid]
            fresh = EntryPoint(name, step.kind, step.oid, trusted=walk.trusted(each))
            root = reach.roots.setdefault((name, step.kind, step.oid), fresh)
            root.add(step, *walk.hazards(step))
    return reach


def audit_reach(reach: Reach, target: Target) -> Iterator[Finding]:
    """Yield one finding for each entry point and danger."""
    for root in reach.roots.values():
        for danger, hazards in root.hazards.items():
            yield _dangerous(reach, root, danger, list(hazards.values()), target)
        if not root.hazards:
            yield from _harmless(reach, root, target)


def _dangerous(
    reach: Reach, root: EntryPoint, danger: Danger, hazards: list[Hazard], target: Target
) -> Finding:
    rule = _RULES.get(danger) or _private_rule(reach, root)
    acceptable = danger is not Danger.SUPERUSER
    return rule.broken(
        root.name,
        _described(root, hazards),
        sql=_close(reach, root, danger, target),
        fingerprint=fingerprint(reach.catalog, root.objects) if acceptable else "",
    )


def _private_rule(reach: Reach, root: EntryPoint) -> Rule:
    if root.kind == "function":
        return rules.EXPOSED_FUNCTION
    kind = reach.catalog.relations[root.oid].kind
    return rules.EXPOSED_VIEW if kind in "vm" else rules.EXPOSED_PATH


def _described(root: EntryPoint, hazards: list[Hazard]) -> str:
    shown = []
    for hazard in hazards[:_SHOWN]:
        path = " -> ".join([root.roles, *hazard.path[1:]])
        shown.append(f"{path}: {hazard.what}")
    more = len(hazards) - _SHOWN
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")


def _close(reach: Reach, root: EntryPoint, danger: Danger, target: Target) -> str:
    """Return SQL that closes the entry point, or an empty string if there is none."""
    if root.kind == "relation":
        relation = reach.catalog.relations[root.oid]
        is_view = relation.kind == "v" and not relation.invoker
        if is_view and _is_safe_as_invoker(reach, root, relation):
            return f"alter view {relation.identity} set (security_invoker = true);"
        holders = _holders(relation, root, target)
        return f"revoke all on {relation.identity} from {holders};" if holders else ""
    if root.name.startswith(_EVENT_TRIGGER):
        return f'alter event trigger "{root.name.removeprefix(_EVENT_TRIGGER)}" disable;'
    function = reach.catalog.functions[root.oid]
    if function.kind == "d":
        return f"{function.identity};"
    holders = _holders(function, root, target)
    what = {"p": "procedure", "a": "function"}.get(function.kind, "function")
    return f"revoke execute on {what} {function.identity} from {holders};" if holders else ""


def _is_safe_as_invoker(reach: Reach, root: EntryPoint, relation: Relation) -> bool:
    """Return whether the view would be harmless with its caller's rights, by a walk that assumes
    them."""
    reach.catalog.relations[root.oid] = replace(relation, invoker=True)
    reach.walk.forget()
    try:
        found = [hazard for step in root.starts for hazard in reach.walk.hazards(step)[0]]
    finally:
        reach.catalog.relations[root.oid] = relation
        reach.walk.forget()
    return not found


def _holders(each: Relation | Function, root: EntryPoint, target: Target) -> str:
    granted = {right.rpartition("=")[0] for right in each.acl}
    return ", ".join(sorted(granted & {"public", *target.attackers}))


def _harmless(reach: Reach, root: EntryPoint, target: Target) -> Iterator[Finding]:
    if root.kind != "function":
        return
    function = reach.catalog.functions[root.oid]
    if root.trusted and not is_known(function):
        what = f"{root.roles} may call it, and spool_live does not know it"
        yield rules.SUPABASE_UNKNOWN.broken(root.name, what)
    known = f"{function.schema}.{function.name}" in expected_functions()
    if function.security_definer and not root.trusted and not known and not function.extension:
        yield rules.EXPOSED_DEFINER.broken(
            root.name,
            f"{root.roles} may call it, and it runs with the rights of "
            f"{function.owner}; nothing private was found behind it",
            sql=_close(reach, root, Danger.RIGHTS, target),
            fingerprint=fingerprint(reach.catalog, root.objects),
        )
