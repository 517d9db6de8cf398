"""Tries to read updates: as PostgREST does, and as Realtime checks them for each subscriber."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db import DatabaseError

from spool_live.isolation import rules
from spool_live.isolation.findings import Finding, Rule
from spool_live.isolation.probes.attacks import (
    Attack,
    Attacker,
    AttackOutcome,
    Breaches,
    read_statements,
)
from spool_live.isolation.probes.claims import ClaimsCase, claims_matrix
from spool_live.isolation.probes.world import World
from spool_live.isolation.sandbox import first_line, is_inconclusive
from spool_live.isolation.target import FEED, SUBSCRIBER_ROLE, Target

# With working policies an index leads to one site's rows; otherwise a few rows are enough.
_SITES_SEEN = (
    "select coalesce(jsonb_agg(distinct few.site_id), '[]') "
    "from (select u.site_id from public.live_updates u limit 50) few"
)


def probe_reads(attacker: Attacker, target: Target, world: World) -> Iterator[Finding]:
    """Read updates as every role, with every shape of claims."""
    cases = claims_matrix(world.ids)
    readers = attacker.holders(target.attackers, FEED, "select")
    tried = [(role, case) for case in cases for role in target.attackers]
    attacks = (Attack(r, c.name, _SITES_SEEN, c.all_settings()) for r, c in tried)
    breaches = Breaches()
    for (role, case), (_, outcome) in zip(tried, attacker.run(attacks), strict=True):
        if not outcome.failed:
            _judge_sight(breaches, world, role, case, set(outcome.answer))
        elif role in readers or not outcome.denied:
            _add(breaches, rules.READ_RAISES, role, f"{case.name}: {outcome.error}")
        elif role == SUBSCRIBER_ROLE and case.must:
            _add(breaches, rules.READ_OWN, role, f"{case.name}: {outcome.error}")
    yield from breaches.findings()


def probe_subscribers(attacker: Attacker, target: Target, world: World) -> Iterator[Finding]:
    """Check which updates Realtime would deliver to every role that may subscribe, with every shape
    of claims."""
    cases = [case for case in claims_matrix(world.ids) if not case.settings]
    # Entitled ones first: a plan that is cached for them must not disclose updates to the others.
    cases.sort(key=lambda case: not case.must)
    sites = {world.updates[site][0]: site for site in world.sites}
    breaches = Breaches()
    for role in sorted(attacker.holders(target.attackers, FEED, "select")):
        for case, delivered in _polled(attacker, breaches, role, cases, list(sites)):
            right = _right(role, case)
            seen = {sites[update] for update in delivered}
            if seen - {right}:
                _add(breaches, rules.POLL_WITHOUT_RIGHT, role, case.name)
            elif right and case.must and right not in seen:
                _add(breaches, rules.POLL_OWN, role, case.name)
    yield from breaches.findings()


def _polled(
    attacker: Attacker,
    breaches: Breaches,
    role: str,
    cases: Sequence[ClaimsCase],
    updates: Sequence[str],
) -> Iterator[tuple[ClaimsCase, frozenset[str]]]:
    """Yield each case with the ids that Realtime would deliver.

    All are checked in one poll. If that fails, each is checked alone, to find the claims that cause
    it.
    """
    try:
        yield from zip(cases, attacker.poll(role, cases, updates), strict=True)
    except DatabaseError as error:
        if is_inconclusive(error):
            raise
        for case in cases:
            try:
                (delivered,) = attacker.poll(role, [case], updates)
            except DatabaseError as error:
                _add(breaches, rules.POLL_RAISES, role, f"{case.name}: {first_line(error)}")
            else:
                yield case, delivered


def probe_operations(attacker: Attacker, target: Target, world: World) -> Iterator[Finding]:
    """Run queries of other forms with a valid token of site A: each must answer as if site B did
    not exist."""
    breaches = Breaches()
    if SUBSCRIBER_ROLE in attacker.holders(target.attackers, FEED, "select"):
        attacks = [
            Attack(SUBSCRIBER_ROLE, label, statement, world.token_a().all_settings())
            for label, statement in read_statements("operations", world.variables())
        ]
        for attack, outcome in attacker.run(attacks):
            if outcome.failed or outcome.answer:
                _add(breaches, rules.READ_OPERATION, attack.role, _what(attack, outcome))
    yield from breaches.findings()


def _judge_sight(
    breaches: Breaches, world: World, role: str, case: ClaimsCase, seen: set[str]
) -> None:
    right = _right(role, case)
    names = ", ".join(sorted({world.name(site) for site in seen if site != right}))
    if names and role != SUBSCRIBER_ROLE:
        _add(breaches, rules.READ_OTHER_ROLE, role, f"{case.name} reads {names}")
    elif names and right:
        _add(breaches, rules.READ_OTHER, role, f"{case.name} reads {names}")
    elif names:
        _add(breaches, rules.READ_WITHOUT_RIGHT, role, f"{case.name} reads {names}")
    elif right and case.must and right not in seen:
        _add(breaches, rules.READ_OWN, role, case.name)


def _right(role: str, case: ClaimsCase) -> str | None:
    return case.site if role == SUBSCRIBER_ROLE else None


def _what(attack: Attack, outcome: AttackOutcome) -> str:
    return f"{attack.label}: {outcome.error}" if outcome.failed else attack.label


def _add(breaches: Breaches, rule: Rule, role: str, what: str) -> None:
    breaches.add(rule, f"{FEED} as {role}", what)
