"""The walk from what an API role may touch, to everything that this leads to.

``check`` is the role whose rights on relations count, ``user`` the one that functions run as. They
differ behind a view, where the rights of its owner count; inside functions they are the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from spool_live.isolation.reach import hazards
from spool_live.isolation.reach.bounds import Bounds
from spool_live.isolation.reach.catalog import Catalog, Function, Kind, Relation
from spool_live.isolation.reach.code import Facts, read_code
from spool_live.isolation.reach.copies import find_copies
from spool_live.isolation.reach.extensions import RUNNING_TEXT
from spool_live.isolation.reach.steps import Danger, Hazard, ReachStep, labelled, shown

WRITES = frozenset(("insert", "update", "delete"))
_VIEW, _MATERIALIZED, _FOREIGN = "v", "m", "f"
_READABLE = ("sql", "plpgsql")
_WITHOUT_NAMES = ("a", "d")
_READ_CONTEXTS = ("query", "policy", "generated column")
_WRITE_CONTEXTS = ("default", "constraint", "index", "rule", "trigger", "partition key")


@dataclass
class Walk:
    """A walk through the catalog, from one object at a time.

    ``attackers`` are the roles that attacks are tried as. These predicates describe objects:
    ``private`` relations must not be reached with another role's rights, and their rows may be
    copied; ``secret`` relations must not be reached either; ``trusted`` objects are Supabase's own;
    an audit examines functions that are ``ours``. ``bounds`` decides where policies apply.
    ``copies`` are the relations that hold copies of private rows.
    """

    catalog: Catalog
    attackers: frozenset[str]
    private: Callable[[Relation], bool]
    secret: Callable[[Relation], bool]
    bounds: Bounds
    trusted: Callable[[Relation | Function], bool]
    ours: Callable[[Function], bool]
    has_secrets: bool = False
    copies: dict[int, str] = field(default_factory=dict)
    _outcomes_of: dict[tuple[object, ...], list[Hazard | ReachStep]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.copies = find_copies(self.catalog, self.private, self._is_known)

    def _is_known(self, each: Relation | Function) -> bool:
        return self.trusted(each) or (isinstance(each, Function) and self.ours(each))

    def hazards(self, start: ReachStep) -> tuple[list[Hazard], set[tuple[Kind, int]]]:
        """Return the hazards that ``start`` leads to, nearest first, and every object on the
        way."""
        found: list[Hazard] = []
        seen = {start.place}
        objects: set[tuple[Kind, int]] = set()
        queue = deque([start])
        while queue:
            step = queue.popleft()
            objects.add((step.kind, step.oid))
            for event in self._outcomes(step):
                if isinstance(event, Hazard):
                    found.append(replace(event, path=(*step.path, *event.path)))
                elif event.place not in seen:
                    seen.add(event.place)
                    queue.append(replace(event, path=(*step.path, *event.path)))
        return [*found, *self._left_behind(start, objects)], objects

    def _left_behind(self, start: ReachStep, objects: set[tuple[Kind, int]]) -> Iterator[Hazard]:
        """Yield what functions leave in the session, if private rows are among ``objects``: the
        next request, maybe of another caller, could read it."""
        reads = any(
            kind == "relation" and (self.private(found) or oid in self.copies)
            for kind, oid in objects
            if (found := self.catalog.relations.get(oid))
        )
        for kind, oid in objects if reads else ():
            function = self.catalog.functions[oid] if kind == "function" else None
            if function is None or self.ours(function) or self.trusted(function):
                continue
            for kept in read_code(function.text).kept[:1]:
                what = f"it leaves {kept} in the session, for the request after it"
                yield Hazard(Danger.PRIVATE, what, (start.user, shown(function)))

    def forget(self) -> None:
        """Clear the cached results of all steps, after a change of the catalog."""
        self._outcomes_of.clear()

    def _outcomes(self, step: ReachStep) -> list[Hazard | ReachStep]:
        """Return the hazards and next steps of ``step``, with paths that begin there. They do not
        depend on the path to the step, so they are cached."""
        place = (*step.place, step.called)
        if place not in self._outcomes_of:
            self._outcomes_of[place] = list(self._step(replace(step, path=())))
        return self._outcomes_of[place]

    def _step(self, step: ReachStep) -> Iterator[Hazard | ReachStep]:
        if step.kind == "relation":
            yield from self._relation(step, self.catalog.relations[step.oid])
        else:
            yield from self._function(step, self.catalog.functions[step.oid])

    def _relation(self, step: ReachStep, relation: Relation) -> Iterator[Hazard | ReachStep]:
        here = replace(step, path=(*step.path, shown(relation)))
        if self.private(relation) or self.secret(relation):
            if step.inherited or not self.bounds.bind(step.check, relation):
                what = f"it is reached with the rights of {step.check}"
                yield Hazard(Danger.PRIVATE, what, here.path)
            return
        if self.trusted(relation):
            return
        if source := self.copies.get(relation.oid):
            path = (*step.path, f"{shown(relation)} <- {source}")
            yield Hazard(Danger.PRIVATE, "private rows are copied into it", path)
        if relation.kind == _FOREIGN:
            what = f"it is a foreign table ({relation.server}), without policies"
            yield Hazard(Danger.FOREIGN, what, here.path)
            return
        yield from self._code_of(here, relation)
        yield from self._children(here, relation)
        if here.rights & WRITES:
            yield from self._on_write(here, relation)

    def _code_of(self, here: ReachStep, relation: Relation) -> Iterator[Hazard | ReachStep]:
        """Yield what the query and policies lead to, and on a write also defaults and
        constraints."""
        contexts = _READ_CONTEXTS + (_WRITE_CONTEXTS if here.rights & WRITES else ())
        check, user = here.check, here.user
        if relation.kind == _MATERIALIZED:
            check = user = relation.owner
        elif relation.kind == _VIEW:
            check = user if relation.invoker else relation.owner
        codes = {
            (code.context, code.label): code
            for code in self.catalog.codes[relation.oid]
            if code.context in contexts and self.bounds.concerns(code, here.check)
        }
        for (context, label), code in codes.items():
            at = replace(here, path=labelled(here.path, context, label), check=check, user=user)
            facts = read_code(code.text)
            yield from self._hazards_of(
                facts, at, acting=user, quiet=context in ("trigger", "rule")
            )
            yield from self._named(facts, at, acting=user)
        for reference in self.catalog.references["relation", relation.oid]:
            context = reference.context
            if context == "default" and (context, reference.label) not in codes:
                context = "generated column"
            if context == "trigger" or (context, reference.label) not in codes:
                continue  # _on_write follows the functions of triggers
            owner_checks = check if context != "rule" else relation.owner
            at = replace(here, check=owner_checks, user=user, called=False)
            at = replace(at, path=labelled(here.path, context, reference.label))
            rights = here.rights if context == "query" else WRITES
            yield from self._steps_to(at, reference.to_kind, reference.referred, rights)

    def _children(self, here: ReachStep, relation: Relation) -> Iterator[ReachStep]:
        for child in self.catalog.children[relation.oid]:
            yield replace(here, oid=child, inherited=True)

    def _on_write(self, here: ReachStep, relation: Relation) -> Iterator[Hazard | ReachStep]:
        for trigger in self.catalog.triggers[relation.oid]:
            if any(trigger[f"on_{right}"] for right in WRITES & here.rights):
                path = labelled(here.path, "trigger", trigger["name"])
                yield ReachStep(
                    "function", trigger["function"], here.user, here.user, frozenset(), path
                )
        if here.rights & {"update", "delete"}:
            for key in self.catalog.foreign_keys[relation.oid]:
                if key["acts"] and (referring := self.catalog.relations.get(key["referring"])):
                    # PostgreSQL changes the referring rows as the owner of their table.
                    owner = referring.owner
                    path = labelled(here.path, "foreign key", key["name"])
                    rights = frozenset(("update", "delete"))
                    yield ReachStep("relation", referring.oid, owner, owner, rights, path)

    def _function(self, step: ReachStep, function: Function) -> Iterator[Hazard | ReachStep]:
        here = replace(step, path=(*step.path, shown(function)))
        if self.ours(function) or self.trusted(function) or hazards.is_made_with_range(function):
            return
        if function.extension is not None and function.language not in _READABLE:
            yield from hazards.of_unread_code(function, here)
            return
        if function.extension in RUNNING_TEXT and not function.security_definer:
            yield from hazards.of_unread_code(function, here)
            yield from self._in_extension(here, function)
            return
        yield from hazards.of_attributes(function, here)
        acting = function.owner if function.security_definer else step.user
        if function.security_definer and self.catalog.roles[function.owner].superuser:
            what = f"it runs with the rights of {function.owner}, a superuser"
            yield Hazard(Danger.SUPERUSER, what, here.path)
        at = replace(here, check=acting, user=acting, called=False)
        for reference in self.catalog.references["function", function.oid]:
            yield from self._steps_to(at, reference.to_kind, reference.referred, WRITES)
        if function.kind in _WITHOUT_NAMES:
            yield from self._hazards_of(read_code(function.source), at, acting=acting)
            return  # everything else that it calls is among its references
        if function.language not in _READABLE:
            what = f"its code ({function.language}) cannot be read from the catalog"
            yield Hazard(Danger.OPAQUE, what, here.path)
            return
        facts = Facts()
        parameters = tuple(name.lower() for name in function.parameters)
        facts.add(read_code(function.text, parameters=parameters))
        facts.add(read_code(function.defaults))
        yield from self._hazards_of(facts, at, acting=acting)
        yield from self._named(facts, at, acting=acting)

    def _in_extension(self, here: ReachStep, function: Function) -> Iterator[Hazard | ReachStep]:
        """Yield hazards that a function has if it was added to a reviewed extension later."""
        facts = read_code(function.text)
        becomes = Facts(identity=facts.identity)
        yield from self._hazards_of(becomes, here, acting=here.user)
        for schema, name in sorted(facts.names, key=str):
            for kind, oid in self.catalog.find(schema, name):
                found = self.catalog.relations.get(oid) if kind == "relation" else None
                if found and "*" not in (schema, name) and found.extension is None and schema:
                    at = replace(here, check=here.user, called=True)
                    yield from self._steps_to(at, kind, oid, frozenset())

    def _hazards_of(
        self, facts: Facts, here: ReachStep, *, acting: str, quiet: bool = False
    ) -> Iterator[Hazard]:
        yield from hazards.of_code(facts, here, has_secrets=self.has_secrets)
        if acting not in self.attackers and not quiet:
            yield from hazards.of_rights(acting, facts, here)

    def _named(self, facts: Facts, here: ReachStep, *, acting: str) -> Iterator[Hazard | ReachStep]:
        for schema, name in sorted(facts.names, key=str):
            for kind, oid in self.catalog.find(schema, name):
                found = self.catalog.objects(kind)[oid]
                if found.schema not in self.catalog.usage[acting]:
                    continue
                writes = {(None, name), (found.schema, name), (None, "*"), ("*", "*")}
                rights = WRITES if writes & facts.written or name == "*" else frozenset[str]()
                at = replace(here, check=acting, user=acting, called=True)
                yield from self._steps_to(at, kind, oid, rights)
        for operator in facts.operators:
            for row in self.catalog.anywhere:
                if row["name"].startswith("operator ") and f".{operator}(" in row["name"]:
                    at = replace(here, check=acting, user=acting)
                    builtin = read_code(f"{row['builtin']}(of_rows)")
                    yield from self._hazards_of(builtin, at, acting=acting)
                    yield from self._steps_to(at, "function", row["function"], frozenset())

    def _steps_to(
        self, at: ReachStep, kind: Kind, oid: int, rights: frozenset[str]
    ) -> Iterator[Hazard | ReachStep]:
        """Yield the next step to an object, if the roles of ``at`` have rights on it."""
        if kind == "relation":
            if oid not in self.catalog.relations:
                return
            held = self.catalog.may(at.check, "relation", oid)
            if held:
                taken = (held & rights) | (held & {"select"})
                yield replace(at, kind=kind, oid=oid, rights=taken, inherited=False)
        elif oid in self.catalog.functions and self.catalog.may(at.user, "function", oid):
            yield replace(at, kind=kind, oid=oid, rights=frozenset(), inherited=False)
