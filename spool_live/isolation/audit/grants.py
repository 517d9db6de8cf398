"""Audit of the rights on spool_live's tables: only the few that are needed may exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from spool_live.isolation import rules
from spool_live.isolation.audit.expected import NEEDED_GRANTS
from spool_live.isolation.findings import Finding, Rule
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import FEED, SERVICE_ROLE, SUPPORT_TABLES, Target

_PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
_SINCE_17 = ("MAINTAIN",)
_VERSION_17 = 170000

Right = dict[str, Any]


def audit_grants(box: Sandbox, target: Target) -> Iterator[Finding]:
    """Yield missing and excessive rights on ``live_updates`` and on the private tables."""
    yield from _missing(box)
    needed = {
        (role, table, privilege)
        for role, table, privileges in NEEDED_GRANTS
        for privilege in privileges
    }
    rights = held_rights(box, target, [FEED, *target.private_tables])
    rights += held_rights(box, target, [FEED, *SUPPORT_TABLES], roles=[SERVICE_ROLE])
    rights = [right for right in rights if right["from"] or right["role"] != SERVICE_ROLE]
    whole = [r for r in rights if not r["columns"]]
    too_much = [r for r in whole if (r["role"], r["table"], r["privilege"]) not in needed]
    for table, rows in by_table(too_much).items():
        yield _too_much(rules.GRANT_TABLE, table, rows)
    for table, rows in by_table([r for r in rights if r["columns"]]).items():
        yield _too_much(rules.GRANT_COLUMN, table, rows)
    yield from _passed_on(box, target)
    yield from _sequences(box, target)


def _passed_on(box: Sandbox, target: Target) -> Iterator[Finding]:
    parameters = {
        "tables": [FEED, *target.private_tables],
        "roles": [*target.attackers, SERVICE_ROLE],
    }
    for row in box.rows("grant_options", parameters):
        who, held = row["role"], ", ".join(row["privileges"])
        yield rules.GRANT_OPTION.broken(
            row["table"],
            f"{who} may grant {held} to others",
            sql=f"revoke grant option for {held} on {row['table']} from {who};",
        )


def _sequences(box: Sandbox, target: Target) -> Iterator[Finding]:
    parameters = {"tables": [FEED, *target.private_tables], "roles": list(target.attackers)}
    for row in box.rows("sequence_grants", parameters):
        who = ", ".join(row["to"])
        yield rules.GRANT_SEQUENCE.broken(
            row["name"],
            f"{who} may use it, or reset it",
            sql=f"revoke all on sequence {row['name']} from {who};",
        )


def held_rights(
    box: Sandbox, target: Target, tables: Sequence[str], *, roles: Sequence[str] = ()
) -> list[Right]:
    """Return every right of the attacking roles (or ``roles``) on ``tables``.

    Each has the keys ``table``, ``role``, ``privilege``, ``columns`` (of a right on single columns)
    and ``from`` (the roles that the right was granted to).
    """
    newer = _SINCE_17 if target.version_number >= _VERSION_17 else ()
    return box.rows(
        "grants",
        {
            "tables": list(tables),
            "roles": list(roles or target.attackers),
            "privileges": [*_PRIVILEGES, *newer],
        },
    )


def by_table(rights: Sequence[Right]) -> dict[str, list[Right]]:
    """Return ``rights`` grouped by table."""
    tables: dict[str, list[Right]] = {}
    for right in rights:
        tables.setdefault(right["table"], []).append(right)
    return tables


def described(rights: Sequence[Right]) -> str:
    """Return a description of ``rights`` on one table, for people."""
    by_role: dict[str, list[str]] = {}
    for right in rights:
        columns = f" ({', '.join(right['columns'])})" if right["columns"] else ""
        by_role.setdefault(right["role"], []).append(right["privilege"].lower() + columns)
    by_rights: dict[str, list[str]] = {}
    for role, held in by_role.items():
        by_rights.setdefault(", ".join(held), []).append(role)
    return "; ".join(f"{' and '.join(who)} may {held}" for held, who in by_rights.items())


def holders(rights: Sequence[Right]) -> tuple[dict[str, list[str]], list[str]]:
    """Return how to revoke ``rights``: privileges by grantee, and SQL that ends the memberships
    through which a role has what was granted to another role."""
    direct: dict[str, list[str]] = {}
    memberships: dict[str, None] = {}
    for right in rights:
        for grantee in right["from"]:
            if grantee in ("public", right["role"]):
                held = direct.setdefault(grantee, [])
                held += [right["privilege"].lower()] * (right["privilege"].lower() not in held)
            else:
                memberships[f"revoke {grantee} from {right['role']};"] = None
    return direct, list(memberships)


def _missing(box: Sandbox) -> Iterator[Finding]:
    for role, table, privileges in NEEDED_GRANTS:
        for privilege in privileges:
            parameters = {"role": role, "table": table, "privilege": privilege}
            if not box.row("needed_grants", parameters)["held"]:
                yield rules.GRANT_MISSING.broken(
                    table,
                    f"{role} lacks {privilege}",
                    sql=f"grant {privilege.lower()} on {table} to {role};",
                )


def _too_much(rule: Rule, table: str, rights: Sequence[Right]) -> Finding:
    direct, memberships = holders(rights)
    privileges = [f"revoke {', '.join(p)} on {table} from {h};" for h, p in direct.items()]
    sql = "\n".join([*privileges, *memberships])
    if sql:
        return rule.broken(table, described(rights), sql=sql)
    reason = f"{described(rights)}, as owner or through a role with rights on all data"
    remedy = "Correct the findings about roles (RLS-A) and owners (RLS-T03)."
    return rule.broken(table, reason, remedy=remedy)
