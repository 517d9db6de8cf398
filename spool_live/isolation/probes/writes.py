"""Tries to write updates, and to use private tables and functions: all has to be refused."""

from __future__ import annotations

from collections.abc import Iterator

from spool_live.isolation import rules
from spool_live.isolation.findings import Finding
from spool_live.isolation.probes.attacks import (
    Attack,
    Attacker,
    AttackOutcome,
    Breaches,
    read_statements,
)
from spool_live.isolation.probes.world import World
from spool_live.isolation.target import FEED, Target

_WRITE_RULES = {
    "insert": rules.WRITE_INSERT,
    "update": rules.WRITE_UPDATE,
    "delete": rules.WRITE_DELETE,
    "lock": rules.WRITE_LOCK,
}
_NOT_THERE = ("42P01", "42883", "3F000")


def probe_writes(attacker: Attacker, target: Target, world: World) -> Iterator[Finding]:
    """Write and lock updates of sites A and B as every role, with a valid token of A."""
    breaches = Breaches()
    for attack, outcome in attacker.run(_attacks("writes", target, world)):
        if _got_through(outcome):
            rule = _WRITE_RULES[attack.label.split()[0].rstrip(":")]
            breaches.add(rule, f"{FEED} as {attack.role}", _what(attack, outcome))
    yield from breaches.findings()


def probe_private(attacker: Attacker, target: Target, world: World) -> Iterator[Finding]:
    """Use private tables and functions as every role, with a valid token of site A."""
    breaches = Breaches()
    reads = [
        Attack(role, table, _any_row(table), world.token_a().all_settings())
        for role in target.attackers
        for table in target.private_tables
    ]
    for attack, outcome in attacker.run(reads):
        if _got_through(outcome):
            breaches.add(rules.PRIVATE_READ, f"{attack.label} as {attack.role}", "rows are visible")
    for attack, outcome in attacker.run(_attacks("private_writes", target, world)):
        if _got_through(outcome):
            table, _, verb = attack.label.partition(": ")
            breaches.add(rules.PRIVATE_WRITE, f"{table} as {attack.role}", verb)
    for attack, outcome in attacker.run(_attacks("private_calls", target, world)):
        if not outcome.denied and outcome.error_code not in _NOT_THERE:
            what = outcome.error if outcome.failed else "the call was answered"
            breaches.add(rules.PRIVATE_CALL, f"{attack.label} as {attack.role}", what)
    yield from breaches.findings()


def _attacks(name: str, target: Target, world: World) -> Iterator[Attack]:
    for label, statement in read_statements(name, world.variables()):
        for role in target.attackers:
            yield Attack(role, label, statement, world.token_a().all_settings())


def _any_row(table: str) -> str:
    return f"select to_jsonb(true) where exists (select from {table})"  # noqa: S608 - our own names


def _got_through(outcome: AttackOutcome) -> bool:
    """Return whether the attack did something, or failed later than on rights and policies."""
    if outcome.failed:
        return not outcome.denied and outcome.error_code not in _NOT_THERE
    return bool(outcome.answer) if outcome.answer is not None else bool(outcome.affected)


def _what(attack: Attack, outcome: AttackOutcome) -> str:
    return f"{attack.label}: {outcome.error}" if outcome.failed else attack.label
