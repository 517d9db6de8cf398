"""What else the API serves: Django's tables, and views that ignore the policies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from spool_live.isolation import rules
from spool_live.isolation.audit.grants import Right, by_table, described, held_rights, holders
from spool_live.isolation.audit.reach import Reach, walk_reach
from spool_live.isolation.findings import Finding
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import FEED, Target

_TABLES = ("r", "p")
_KINDS = {"r": "table", "p": "table", "v": "view", "m": "materialized view", "f": "foreign table"}


def audit_exposure(box: Sandbox, target: Target, reach: Reach | None = None) -> Iterator[Finding]:
    """Yield every relation of an exposed schema that API roles can access besides ``live_updates``.

    Each finding has the REVOKE that closes the relation. Supabase's own tables, and those that
    ``reach`` has reported, are left out.
    """
    reach = reach or walk_reach(box, target)
    parameters = {"schemas": list(target.schemas), "roles": list(target.attackers)}
    known = {FEED, *target.private_tables, *reach.known}
    relations = {
        row["name"]: row
        for row in box.rows("exposed_relations", parameters)
        if row["name"] not in known and not row["invoker"]
    }
    for name, rights in by_table(held_rights(box, target, list(relations))).items():
        yield _exposed(relations[name], rights, target, reach)


def audit_default_privileges(box: Sandbox, target: Target) -> Iterator[Finding]:
    """Check that tables which Django will create in this database are not open to API roles."""
    if not target.one_database:
        return
    parameters = {"schemas": list(target.schemas), "roles": list(target.attackers)}
    for row in box.rows("default_privileges", parameters):
        place, who = f" in schema {row['schema']}" if row["schema"] else "", ", ".join(row["to"])
        yield rules.EXPOSED_DEFAULTS.broken(
            row["schema"] or "all schemas",
            f"every new table of {row['maker']} is granted to {who}",
            sql=f"alter default privileges for role {row['maker']}{place} "
            f"revoke all on tables from {who};",
        )


def _exposed(
    relation: dict[str, Any], rights: Sequence[Right], target: Target, reach: Reach
) -> Finding:
    name, kind = relation["name"], relation["kind"]
    reason = f"a {_KINDS[kind]}: {described(rights)}"
    rule = rules.EXPOSED_OTHER
    if kind in _TABLES and not relation["row_security"]:
        rule = rules.EXPOSED_NO_RLS
    if relation["plain_name"] in target.django_tables:
        closed = relation["row_security"] and not relation["has_policy"]
        rule = rules.EXPOSED_OTHER if closed else rules.EXPOSED_PRIVATE
        reason = f"a {_KINDS[kind]} of Django: {described(rights)}"
    fingerprint = reach.fingerprint(name)
    return rule.broken(name, reason, sql=_revoke(name, rights), fingerprint=fingerprint)


def _revoke(name: str, rights: Sequence[Right]) -> str:
    roles, memberships = holders(rights)
    direct = [f"revoke all on {name} from {', '.join(sorted(roles))};"] if roles else []
    return "\n".join([*direct, *memberships])
