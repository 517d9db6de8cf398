"""Audit of PostgreSQL's own tables and functions, which a superuser can open or change."""

from __future__ import annotations

from collections.abc import Iterator

from spool_live.isolation import rules
from spool_live.isolation.findings import Finding
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import Target


def audit_system(box: Sandbox, target: Target) -> Iterator[Finding]:
    """Yield rights of API roles, and properties of functions, that PostgreSQL did not install."""
    for row in box.rows("system_objects", {"roles": list(target.attackers)}):
        yield rules.SYSTEM_OPEN.broken(row["name"], row["reason"], sql=row["mend"])
