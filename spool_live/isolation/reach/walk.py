"""The walk: from what a role of the API may touch, through whatever that leads to.

``check`` is the role whose rights on relations count (a view's owner, behind a view), ``user`` the
one that functions run as. They part at views and meet again in functions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from spool_live.isolation.reach.bounds import Bounds
from spool_live.isolation.reach.catalog import Catalog, Function, Kind, Relation
from spool_live.isolation.reach.code import Facts, read_code
from spool_live.isolation.reach.copies import find_copies
from spool_live.isolation.reach.extensions import RUNNING_TEXT
from spool_live.isolation.reach.hazards import attributes, is_made_with_range, says, says_as, unread
from spool_live.isolation.reach.steps import Danger, Hazard, ReachStep, labelled, shown

WRITES = frozenset(("insert", "update", "delete"))
_VIEW, _KEPT, _FOREIGN = "v", "m", "f"
_READABLE = ("sql", "plpgsql")
_WITHOUT_NAMES = ("a", "d")
_READ_CONTEXTS = ("query", "policy", "generated column")
_WRITE_CONTEXTS = ("default", "constraint", "index", "rule", "trigger", "partition key")


@dataclass
class Walk:
    """Walks from one object at a time.

    ``attackers`` are the roles that attacks are tried as; ``private`` the relations that nobody may
    come to with the rights of another, ``secret`` others like them that nothing of ours is copied
    from; ``bounds`` say where policies hold; ``trusted`` says of an object that it is Supabase's
    own, ``ours`` of a function that the audits know it.
    """

    catalog: Catalog
    attackers: frozenset[str]
    private: Callable[[Relation], bool]
    secret: Callable[[Relation], bool]
    bounds: Bounds
    trusted: Callable[[Relation | Function], bool]
    ours: Callable[[Function], bool]
    has_secrets: bool = False
    fed: dict[int, str] = field(default_factory=dict)
    _known: dict[tuple[object, ...], list[Hazard | ReachStep]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fed = find_copies(self.catalog, self.private, self._is_known)

    def _is_known(self, each: Relation | Function) -> bool:
        return self.trusted(each) or (isinstance(each, Function) and self.ours(each))

    def hazards(self, start: ReachStep) -> tuple[list[Hazard], set[tuple[Kind, int]]]:
        """Return what comes of ``start``, nearest first, and every object on the way."""
        found: list[Hazard] = []
        seen = {start.place}
        objects: set[tuple[Kind, int]] = set()
        queue = deque([start])
        while queue:
            step = queue.popleft()
            objects.add((step.kind, step.oid))
            for event in self._events(step):
                if isinstance(event, Hazard):
                    found.append(replace(event, path=(*step.path, *event.path)))
                elif event.place not in seen:
                    seen.add(event.place)
                    queue.append(replace(event, path=(*step.path, *event.path)))
        return [*found, *self._kept(start, objects)], objects

    def _kept(self, start: ReachStep, objects: set[tuple[Kind, int]]) -> Iterator[Hazard]:
        """Check what the session keeps of what policies let one caller read: the next caller finds
        it."""
        reads = any(
            kind == "relation" and (self.private(found) or oid in self.fed)
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
        """Forget what came of each step: the catalog has been changed."""
        self._known.clear()

    def _events(self, step: ReachStep) -> list[Hazard | ReachStep]:
        """Return what comes of a step, with the rest of the way only: the same from wherever it is
        come to, so it is worked out once."""
        place = (*step.place, step.called)
        if place not in self._known:
            self._known[place] = list(self._step(replace(step, path=())))
        return self._known[place]

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
        if source := self.fed.get(relation.oid):
            path = (*step.path, f"{shown(relation)} <- {source}")
            yield Hazard(Danger.PRIVATE, "what is private is copied into it", path)
        if relation.kind == _FOREIGN:
            what = f"it is a foreign table ({relation.server}), without policies"
            yield Hazard(Danger.FOREIGN, what, here.path)
            return
        yield from self._codes(here, relation)
        yield from self._family(here, relation)
        if here.rights & WRITES:
            yield from self._written(here, relation)

    def _codes(self, here: ReachStep, relation: Relation) -> Iterator[Hazard | ReachStep]:
        """Yield queries, policies, and what a write evaluates."""
        contexts = _READ_CONTEXTS + (_WRITE_CONTEXTS if here.rights & WRITES else ())
        check, user = here.check, here.user
        if relation.kind == _KEPT:
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
            yield from self._facts(facts, at, acting=user, quiet=context in ("trigger", "rule"))
            yield from self._names(facts, at, acting=user)
        for reference in self.catalog.references["relation", relation.oid]:
            context = reference.context
            if context == "default" and (context, reference.label) not in codes:
                context = "generated column"
            if context == "trigger" or (context, reference.label) not in codes:
                continue  # a trigger's function is not the business of the WHEN; see _written
            owner_checks = check if context != "rule" else relation.owner
            at = replace(here, check=owner_checks, user=user, called=False)
            at = replace(at, path=labelled(here.path, context, reference.label))
            rights = here.rights if context == "query" else WRITES
            yield from self._referred(at, reference.to_kind, reference.referred, rights)

    def _family(self, here: ReachStep, relation: Relation) -> Iterator[ReachStep]:
        for child in self.catalog.children[relation.oid]:
            yield replace(here, oid=child, inherited=True)

    def _written(self, here: ReachStep, relation: Relation) -> Iterator[Hazard | ReachStep]:
        for trigger in self.catalog.triggers[relation.oid]:
            if any(trigger[f"on_{right}"] for right in WRITES & here.rights):
                path = labelled(here.path, "trigger", trigger["name"])
                yield ReachStep(
                    "function", trigger["function"], here.user, here.user, frozenset(), path
                )
        if here.rights & {"update", "delete"}:
            for key in self.catalog.foreign_keys[relation.oid]:
                if key["acts"] and (referring := self.catalog.relations.get(key["referring"])):
                    # PostgreSQL acts on the rows that refer as the owner of their table.
                    owner = referring.owner
                    path = labelled(here.path, "foreign key", key["name"])
                    rights = frozenset(("update", "delete"))
                    yield ReachStep("relation", referring.oid, owner, owner, rights, path)

    def _function(self, step: ReachStep, function: Function) -> Iterator[Hazard | ReachStep]:
        here = replace(step, path=(*step.path, shown(function)))
        if self.ours(function) or self.trusted(function) or is_made_with_range(function):
            return
        if function.extension is not None and function.language not in _READABLE:
            yield from unread(function, here)
            return
        if function.extension in RUNNING_TEXT and not function.security_definer:
            yield from unread(function, here)
            yield from self._member(here, function)
            return
        yield from attributes(function, here)
        acting = function.owner if function.security_definer else step.user
        if function.security_definer and self.catalog.roles[function.owner].superuser:
            what = f"it runs with the rights of {function.owner}, a superuser"
            yield Hazard(Danger.SUPERUSER, what, here.path)
        at = replace(here, check=acting, user=acting, called=False)
        for reference in self.catalog.references["function", function.oid]:
            yield from self._referred(at, reference.to_kind, reference.referred, WRITES)
        if function.kind in _WITHOUT_NAMES:
            yield from self._facts(read_code(function.source), at, acting=acting)
            return  # whatever else it calls is what it refers to
        if function.language not in _READABLE:
            what = f"its code ({function.language}) cannot be read from the catalog"
            yield Hazard(Danger.OPAQUE, what, here.path)
            return
        facts = Facts()
        parameters = tuple(name.lower() for name in function.parameters)
        facts.add(read_code(function.text, parameters=parameters))
        facts.add(read_code(function.defaults))
        yield from self._facts(facts, at, acting=acting)
        yield from self._names(facts, at, acting=acting)

    def _member(self, here: ReachStep, function: Function) -> Iterator[Hazard | ReachStep]:
        """Yield hazards that no function of a known extension has: anyone may have added this one
        to it."""
        facts = read_code(function.text)
        becomes = Facts(identity=facts.identity)
        yield from self._facts(becomes, here, acting=here.user)
        for schema, name in sorted(facts.names, key=str):
            for kind, oid in self.catalog.find(schema, name):
                found = self.catalog.relations.get(oid) if kind == "relation" else None
                if found and "*" not in (schema, name) and found.extension is None and schema:
                    at = replace(here, check=here.user, called=True)
                    yield from self._referred(at, kind, oid, frozenset())

    def _facts(
        self, facts: Facts, here: ReachStep, *, acting: str, quiet: bool = False
    ) -> Iterator[Hazard]:
        yield from says(facts, here, has_secrets=self.has_secrets)
        if acting not in self.attackers and not quiet:
            yield from says_as(acting, facts, here)

    def _names(self, facts: Facts, here: ReachStep, *, acting: str) -> Iterator[Hazard | ReachStep]:
        for schema, name in sorted(facts.names, key=str):
            for kind, oid in self.catalog.find(schema, name):
                found = self.catalog.objects(kind)[oid]
                if found.schema not in self.catalog.usage[acting]:
                    continue
                writes = {(None, name), (found.schema, name), (None, "*"), ("*", "*")}
                rights = WRITES if writes & facts.written or name == "*" else frozenset[str]()
                at = replace(here, check=acting, user=acting, called=True)
                yield from self._referred(at, kind, oid, rights)
        for operator in facts.operators:
            for row in self.catalog.anywhere:
                if row["name"].startswith("operator ") and f".{operator}(" in row["name"]:
                    at = replace(here, check=acting, user=acting)
                    builtin = read_code(f"{row['builtin']}(of_rows)")
                    yield from self._facts(builtin, at, acting=acting)
                    yield from self._referred(at, "function", row["function"], frozenset())

    def _referred(
        self, at: ReachStep, kind: Kind, oid: int, rights: frozenset[str]
    ) -> Iterator[Hazard | ReachStep]:
        """Yield the next step to an object, if the rights are enough to take it."""
        if kind == "relation":
            if oid not in self.catalog.relations:
                return
            held = self.catalog.may(at.check, "relation", oid)
            if held:
                taken = (held & rights) | (held & {"select"})
                yield replace(at, kind=kind, oid=oid, rights=taken, inherited=False)
        elif oid in self.catalog.functions and self.catalog.may(at.user, "function", oid):
            yield replace(at, kind=kind, oid=oid, rights=frozenset(), inherited=False)
