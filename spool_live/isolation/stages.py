"""The stages of a verification. A stage that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from django.db import DatabaseError

from spool_live.isolation import rules
from spool_live.isolation.audit import (
    baseline,
    exposure,
    functions,
    grants,
    policies,
    publication,
    reach,
    roles,
    schemas,
    settings,
    system,
    tables,
    triggers,
)
from spool_live.isolation.findings import Finding
from spool_live.isolation.probes import (
    broadcasts,
    joins,
    reads,
    real_sites,
    revocations,
    world,
    writes,
)
from spool_live.isolation.probes.attacks import Attacker
from spool_live.isolation.sandbox import Sandbox, first_line, is_inconclusive
from spool_live.isolation.target import FEED, MESSAGES, Target


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the verification, under a name that people read."""

    name: str
    check: Callable[[], Iterable[Finding]]

    def findings(self, box: Sandbox) -> list[Finding]:
        """Return what the stage found. An unexpected database error is a finding, too.

        Raises ``django.db.DatabaseError`` if the error leaves open whether the sites are isolated.
        """
        try:
            with box.step():
                return list(self.check())
        except DatabaseError as error:
            if is_inconclusive(error):
                raise
            return [rules.INCOMPLETE.broken(self.name, first_line(error))]


def catalog_stages(box: Sandbox, target: Target) -> Iterator[Stage]:
    """Yield the audits, which only read the catalog."""
    for name, audit in (
        ("tables", tables.audit_tables),
        ("parts of tables", baseline.audit_baseline),
        ("policies", policies.audit_policies),
        ("grants", grants.audit_grants),
        ("functions", functions.audit_functions),
        ("triggers", triggers.audit_triggers),
        ("schemas", schemas.audit_schemas),
        ("publication", publication.audit_publication),
        ("reach", _audit_reach),
        ("default privileges", exposure.audit_default_privileges),
        ("settings", settings.audit_settings),
        ("system catalog", system.audit_system),
    ):
        yield Stage(name, partial(audit, box, target))
    yield Stage("roles", partial(roles.audit_roles, target))


def _audit_reach(box: Sandbox, target: Target) -> Iterator[Finding]:
    walked = reach.walk_reach(box, target)
    yield from reach.audit_reach(walked, target)
    yield from exposure.audit_exposure(box, target, walked)


def attack_stages(
    box: Sandbox, attacker: Attacker, target: Target, *, all_sites: bool
) -> Iterator[Stage]:
    """Yield the attacks: on real sites, where they only read, then on probe sites."""
    tried = target.for_attacks()
    probe = partial(real_sites.probe_real_sites, box, attacker, tried, all_sites=all_sites)
    yield Stage("real sites", probe)
    probes = world.World()
    yield Stage("probe sites", partial(world.build_world, box, target, probes))
    if not probes.updates:
        return  # there is nothing to attack: a finding says why
    yield Stage("reads", partial(reads.probe_reads, attacker, tried, probes))
    yield Stage("subscribers", partial(reads.probe_subscribers, attacker, tried, probes))
    yield Stage("forms of queries", partial(reads.probe_operations, attacker, tried, probes))
    yield Stage("writes", partial(writes.probe_writes, attacker, tried, probes))
    yield Stage("private tables", partial(writes.probe_private, attacker, tried, probes))
    unseen = _unseen(box, target)
    yield Stage("Realtime", lambda: unseen)
    mailbox = None if unseen else broadcasts.Mailbox(box, probes)
    if mailbox:
        yield Stage("broadcasts", partial(broadcasts.probe_broadcasts, box, probes, mailbox))
        yield Stage("joins", partial(joins.probe_joins, box, attacker, tried, probes))
    revocation_probe = revocations.Revocations(box, attacker, target, probes, mailbox)
    yield Stage("revocations", revocation_probe.findings)


def _unseen(box: Sandbox, target: Target) -> list[Finding]:
    """Return the findings that say why broadcasts cannot be examined; none if they can."""
    warned = []
    if not target.has_messages:
        reason = "the table realtime.messages does not exist: joins and broadcasts were not tried"
        remedy = (
            "Enable Realtime in the Supabase project and run manage.py live_setup, or set "
            'SPOOL_LIVE["REALTIME_MODE"] to "postgres_changes".'
        )
    elif not target.sees_messages:
        warned = [rules.BROADCAST_MISSING.broken(FEED, warning) for warning in box.warnings[:1]]
        reason = f"{target.migrator} does not bypass Row Level Security: broadcasts are hidden"
        remedy = "Verify as the role that migrates on Supabase (postgres), which has BYPASSRLS."
    elif fault := _message_fault(box):
        reason = f"no message can be stored: {fault}"
        remedy = (
            "Realtime makes the partition of the day while a client is connected: connect one, "
            "then verify again."
        )
    else:
        return []
    return [rules.REALTIME_UNSEEN.broken(MESSAGES, reason, remedy=remedy), *warned]


def _message_fault(box: Sandbox) -> str:
    try:
        with box.rolled_back():
            box.rows("join_rows", {"topics": ["verify_rls"]})
    except DatabaseError as error:
        if is_inconclusive(error):
            raise
        return first_line(error)
    return ""
