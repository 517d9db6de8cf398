"""Audit of spool_live's tables: they exist, are ordinary, have Row Level Security and the right
owner."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spool_live.isolation import rules
from spool_live.isolation.audit.expected import expected_functions
from spool_live.isolation.findings import Finding
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import FEED, MESSAGES, Target

_ORDINARY = "r"


def audit_tables(box: Sandbox, target: Target) -> Iterator[Finding]:
    """Yield findings about ``live_updates``, the private tables and ``realtime.messages``."""
    wanted = [FEED, *target.private_tables, *([MESSAGES] if target.has_messages else [])]
    functions = [function.signature for function in expected_functions().values()]
    for row in box.rows("tables", {"tables": wanted, "functions": functions}):
        if not row["present"]:
            yield rules.TABLE_MISSING.broken(row["name"], "it does not exist")
            continue
        yield from _table(row, target)
        yield from _tables_and_rules_beside(row)
        if row["name"] == FEED:
            yield from _feed(row)


def _table(row: dict[str, Any], target: Target) -> Iterator[Finding]:
    name, owner = row["name"], row["owner"]
    if not row["row_security"]:
        yield rules.TABLE_RLS.broken(
            name,
            "Row Level Security is off: its policies do not apply",
            sql=f"alter table {name} enable row level security;",
        )
    repair = f"alter table {name} owner to {target.migrator};"
    if name != MESSAGES and not row["owner_is_ours"]:
        reason = f"{owner} owns it, and {target.migrator} cannot become {owner}"
        yield rules.TABLE_OWNER.broken(name, reason, sql=repair)
    elif owner in target.attackers:
        yield rules.TABLE_OWNER.broken(
            name,
            f"{owner} owns it: policies do not apply to the owner",
            sql=target.role(owner).withdrawal or repair,
        )


def _tables_and_rules_beside(row: dict[str, Any]) -> Iterator[Finding]:
    """Yield tables and rules that bypass the policies of a table. Children of ``realtime.messages``
    are its partitions."""
    name = row["name"]
    for child in row["children"] if name != MESSAGES else ():
        yield rules.TABLE_INHERITS.broken(
            child, f"it inherits from {name}", sql=f"alter table {child} no inherit {name};"
        )
    for parent in row["parents"]:
        yield rules.TABLE_INHERITS.broken(
            name, f"it inherits from {parent}", sql=f"alter table {name} no inherit {parent};"
        )
    for rule in row["rules"]:
        yield rules.TABLE_RULES.broken(
            name,
            f"the rule {rule} rewrites statements on it",
            sql=f'drop rule "{rule}" on {name};{_planned_anew(row["functions"])}',
        )


def _planned_anew(functions: list[str]) -> str:
    """Return SQL that makes sessions plan the functions' statements again: a cached plan that a
    rule has emptied depends on nothing, so sessions would keep it."""
    return "".join(f"\nalter function {name} set search_path = '';" for name in functions)


def _feed(row: dict[str, Any]) -> Iterator[Finding]:
    if row["kind"] != _ORDINARY:
        yield rules.TABLE_KIND.broken(FEED, f"its kind is {row['kind']!r}")
    if row["identity"] != "d" or not row["has_key"]:
        what = {"f": "full", "n": "nothing", "i": "an index"}.get(row["identity"], "no key")
        yield rules.TABLE_IDENTITY.broken(
            FEED,
            f"it is {what}: the WAL holds more, or less, of a changed row than its key",
            sql=f"alter table {FEED} replica identity default;",
        )
