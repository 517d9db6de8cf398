"""Functions that the API serves: those with their owner's rights, and those that become others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from spool_live.isolation import rules
from spool_live.isolation.audit.expected import expected_functions
from spool_live.isolation.findings import Finding, Rule
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import FEED, MESSAGES, Target

_BECOMES_ANOTHER = re.compile(
    r"""\bset\s+(?:local\s+|session\s+)?(?:role|authorization)\b
      | \bset_config\s*\(\s*(?:'role'|'session_authorization'|[^'\s])
      | \bexecute\b""",
    re.IGNORECASE | re.VERBOSE,
)


def audit_exposed_functions(box: Sandbox, target: Target) -> Iterator[Finding]:
    """Functions of exposed schemas that API roles may call, and what they could do."""
    private = _mentions(target)
    given = {"schemas": list(target.schemas), "roles": list(target.attackers)}
    for row in box.rows("callable_functions", given):
        if row["name"] in target.allowed or row["name"] in expected_functions():
            continue
        if row["security_definer"]:
            mentioned = ", ".join(sorted(set(private.findall(row["definition"]))))
            rule = rules.EXPOSED_FUNCTION if mentioned else rules.EXPOSED_DEFINER
            yield _callable(rule, row, f", and it speaks of {mentioned}" if mentioned else "")
        elif found := _BECOMES_ANOTHER.search(row["body"]):
            yield _callable(rules.EXPOSED_DYNAMIC, row, f", and it says {found[0]!r}")


def _callable(rule: Rule, row: dict[str, Any], what: str) -> Finding:
    holders = ", ".join(row["from"])
    return rule.broken(
        row["signature"],
        f"{', '.join(row['callers'])} may call it{what}",
        sql=f"revoke execute on function {row['signature']} from {holders};",
    )


def _mentions(target: Target) -> re.Pattern[str]:
    plain = {table.rpartition(".")[2] for table in (FEED, *target.private_tables)}
    names = sorted({*plain, *target.django_tables, "spool_live", MESSAGES})
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b")
