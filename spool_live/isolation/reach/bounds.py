"""Whether policies restrict a role on a relation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spool_live.isolation.reach.catalog import Catalog, Code, Relation


@dataclass(frozen=True)
class Bounds:
    """The limits that policies set to roles on relations.

    ``attackers`` are the roles that attacks are tried as. ``audited`` returns whether an audit
    compares the rights and policies of a relation with what they have to be.
    """

    catalog: Catalog
    attackers: frozenset[str]
    audited: Callable[[Relation], bool]

    def bind(self, name: str, relation: Relation) -> bool:
        """Return whether the role ``name`` sees nothing in ``relation`` that it must not see."""
        if name in self.attackers:
            return self.audited(relation) or self._closed(relation, name)
        role = self.catalog.roles[name]
        owns = relation.owner in role.has and not relation.forced
        return not (role.superuser or role.bypasses or owns) and self._closed(relation, name)

    def concerns(self, code: Code, name: str) -> bool:
        """Return whether ``code`` (a policy) applies to the role ``name``."""
        held = self.catalog.roles[name].has
        return not code.roles or "public" in code.roles or not held.isdisjoint(code.roles)

    def _closed(self, relation: Relation, name: str) -> bool:
        """Return whether Row Level Security is on, and no permissive policy lets the role see
        rows."""
        return relation.row_security and not any(
            code.context == "policy" and "true" in code.text[:8] and self.concerns(code, name)
            for code in self.catalog.codes[relation.oid]
        )
