"""Audit of schemas: private ones are not exposed, and API roles create nothing in any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from spool_live.isolation import rules
from spool_live.isolation.findings import Finding
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import SERVICE_ROLE, Target

OURS = "spool_live"
_PRIVATE = {
    OURS: "it holds the functions of the policies and the ids of keys",
    "realtime": "its tables hold the claims of all subscribers, and messages of all topics",
    "pg_catalog": "it holds every function of PostgreSQL",
    "information_schema": "it shows how everything is made",
}


def audit_schemas(box: Sandbox, target: Target) -> Iterator[Finding]:
    """Yield private schemas that are exposed, and too many rights of API roles on schemas."""
    for name in target.schemas:
        if name in _PRIVATE:
            yield rules.SCHEMA_EXPOSED.broken(name, f"the API exposes it: {_PRIVATE[name]}")
    roles = [*target.attackers, SERVICE_ROLE]
    yield from _ours(box, target, roles)
    for row in box.rows("schemas", {"schemas": [OURS, *target.schemas], "roles": roles}):
        ours = row["name"] == OURS
        if ours and (row["usage"] or row["creates"]):
            yield rules.SCHEMA_USAGE.broken(
                OURS, f"{row['role']} may use it or create in it", sql=_revoke("all", row)
            )
        elif not ours and row["creates"] and row["role"] != SERVICE_ROLE:
            reason = f"{row['role']} may create objects in it, which the API then exposes"
            yield rules.SCHEMA_CREATE.broken(row["name"], reason, sql=_revoke("create", row))


def _ours(box: Sandbox, target: Target, roles: Sequence[str]) -> Iterator[Finding]:
    for row in box.rows("schema_owner"):
        if not row["is_ours"] or row["owner"] in roles:
            yield rules.SCHEMA_OWNER.broken(
                OURS,
                f"{row['owner']} owns it, and may drop and create any object in it",
                sql=f"alter schema {OURS} owner to {target.migrator};",
            )
    for row in box.rows("schema_defaults", {"roles": list(roles)}):
        place, who = f" in schema {OURS}" if row["here"] else "", ", ".join(row["to"])
        yield rules.SCHEMA_DEFAULTS.broken(
            OURS if row["here"] else "all schemas",
            f"all new {row['what']} of {row['maker']} are open to {who}",
            sql=f"alter default privileges for role {row['maker']}{place} "
            f"revoke all on {row['what']} from {who};",
        )


def _revoke(right: str, row: dict[str, Any]) -> str:
    holders = ", ".join(row["from"])
    return f"revoke {right} on schema {row['name']} from {holders};" if holders else ""
