"""Schemas: ours is nobody's business, Realtime's is not exposed, and nobody creates in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spool_live.isolation import rules
from spool_live.isolation.findings import Finding
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import SERVICE_ROLE, Target

OURS = "spool_live"
_PRIVATE = {
    OURS: "policies' functions and key ids are in it",
    "realtime": "its tables hold the claims of all subscribers, and messages of all topics",
    "pg_catalog": "it holds every function of PostgreSQL",
    "information_schema": "it tells how everything is made",
}


def audit_schemas(box: Sandbox, target: Target) -> Iterator[Finding]:
    """What the API exposes, and what its roles may do in there and in our schema."""
    for name in target.schemas:
        if name in _PRIVATE:
            yield rules.SCHEMA_EXPOSED.broken(name, f"the API exposes it: {_PRIVATE[name]}")
    roles = [*target.attackers, SERVICE_ROLE]
    for row in box.rows("schemas", {"schemas": [OURS, *target.schemas], "roles": roles}):
        ours = row["name"] == OURS
        if ours and (row["usage"] or row["creates"]):
            yield rules.SCHEMA_USAGE.broken(
                OURS, f"{row['role']} may use it or create in it", sql=_revoke("all", row)
            )
        elif not ours and row["creates"] and row["role"] != SERVICE_ROLE:
            reason = f"{row['role']} may create in it what the API then exposes"
            yield rules.SCHEMA_CREATE.broken(row["name"], reason, sql=_revoke("create", row))


def _revoke(right: str, row: dict[str, Any]) -> str:
    holders = ", ".join(row["from"])
    return f"revoke {right} on schema {row['name']} from {holders};" if holders else ""
