"""Audit of the policies: spool_live's own have to be unchanged, and others are reported."""

from __future__ import annotations

from collections.abc import Iterator

from spool_live.isolation import rules
from spool_live.isolation.audit.expected import Policy, actual_policies, expected_policies
from spool_live.isolation.findings import Finding
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import FEED, MESSAGES, SUPPORT_TABLES, Target

_COMMANDS = {"*": "all", "r": "select", "a": "insert", "w": "update", "d": "delete"}


def audit_policies(box: Sandbox, target: Target) -> Iterator[Finding]:
    """Compare every policy on spool_live's tables and ``realtime.messages`` with the SQL files."""
    tables = [FEED, *SUPPORT_TABLES, *target.closed_tables, MESSAGES]
    wanted = {(policy.table, policy.name): policy for policy in expected_policies(box, target)}
    actual = {(policy.table, policy.name): policy for policy in actual_policies(box, tables)}
    for place, policy in wanted.items():
        if place not in actual:
            yield rules.POLICY_MISSING.broken(policy.table, f"{policy.name} is missing")
        elif actual[place] != policy:
            difference = _difference(policy, actual[place])
            yield rules.POLICY_DIFFERS.broken(policy.table, f"{policy.name}: {difference}")
    for place, policy in actual.items():
        if place not in wanted and _concerns_api(policy, target):
            yield _added(policy)


def _concerns_api(policy: Policy, target: Target) -> bool:
    """Return whether the policy applies to an API role: other roles, such as that of an application
    with a connection of its own, may have policies."""
    return not {"public", *target.attackers}.isdisjoint(policy.roles)


def _difference(wanted: Policy, actual: Policy) -> str:
    return "; ".join(
        f"{name} is {_shown(name, actual)}, not {_shown(name, wanted)}"
        for name in ("permissive", "command", "roles", "using", "check")
        if getattr(wanted, name) != getattr(actual, name)
    )


def _shown(name: str, policy: Policy) -> str:
    value = getattr(policy, name)
    if name == "roles":
        return ", ".join(value)
    return _COMMANDS[value] if name == "command" else str(value)


def _added(policy: Policy) -> Finding:
    drop = f'drop policy "{policy.name}" on {policy.table};'
    what = (
        f"policy {policy.name} for {_COMMANDS[policy.command]} to {', '.join(policy.roles)}"
        f" using {policy.using} with check {policy.check}"
    )
    if not policy.permissive:
        return rules.POLICY_RESTRICTS.broken(policy.table, what, sql=drop)
    if policy.table != MESSAGES:
        return rules.POLICY_ADDED.broken(policy.table, what, sql=drop)
    return rules.POLICY_ON_MESSAGES.broken(policy.table, what)
