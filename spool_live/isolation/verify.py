"""The whole verification: audit the catalog, attack real and probe sites, roll everything back."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from itertools import chain

from spool_live.conf import live_settings
from spool_live.isolation.accepted import Accepted, read_accepted, separate
from spool_live.isolation.audit.exposure import audit_exposure
from spool_live.isolation.findings import Finding, Severity
from spool_live.isolation.probes.attacks import Attacker
from spool_live.isolation.report import Report
from spool_live.isolation.sandbox import sandbox
from spool_live.isolation.stages import attack_stages, catalog_stages
from spool_live.isolation.target import inspect_target


def verify(
    alias: str | None = None,
    *,
    accepted: Collection[Accepted] | None = None,
    exposed_schemas: Collection[str] = (),
    all_sites: bool = False,
    progress: Callable[[str], None] = lambda stage: None,
) -> Report:
    """Audit and attack the Supabase database, and leave nothing behind.

    ``alias`` is a database alias (default: ``SPOOL_LIVE["SUPABASE_DATABASE"]``) that connects as
    the migrating role. ``accepted`` are the entries of accepted findings (default: those of the
    file ``SPOOL_LIVE["ISOLATION_ACCEPTED"]``). ``exposed_schemas`` are those that PostgREST serves
    (default: what the database says, else ``public`` and ``graphql_public``). A sample of the real
    sites is attacked, or every one with ``all_sites``. ``progress`` is called with the name of each
    stage. Raises ``CannotVerifyError``.
    """
    started_at, began = datetime.now(UTC), time.monotonic()
    if accepted is None:
        accepted = read_accepted(live_settings().isolation_accepted)
    findings: list[Finding] = []
    with sandbox(alias or live_settings().supabase_database) as box:
        target = inspect_target(box, exposed_schemas=exposed_schemas)
        attacker = Attacker(box)
        stages = catalog_stages(box, target)
        if refusal := attacker.prepare():
            findings += refusal
        else:
            stages = chain(stages, attack_stages(box, attacker, target, all_sites=all_sites))
        for stage in stages:
            progress(stage.name)
            findings += stage.findings(box)
    standing, entries = separate(findings, accepted)
    return Report(
        database=target.database,
        server_version=target.server_version,
        one_database=target.one_database,
        realtime_mode=target.realtime_mode,
        roles=target.attackers,
        schemas=target.schemas,
        attacks=attacker.attacks,
        started_at=started_at,
        duration=time.monotonic() - began,
        findings=tuple(sorted(standing, key=_place)),
        accepted=tuple(entries),
    )


def exposures(alias: str) -> list[Finding]:
    """Return the findings about tables of ``alias`` that the API serves besides ``live_updates``.

    Above all, these are Django's own tables. Only reads. Raises ``CannotVerifyError``.
    """
    with sandbox(alias) as box:
        return list(audit_exposure(box, inspect_target(box, exposed_schemas=())))


def _place(finding: Finding) -> tuple[int, str, str]:
    return list(Severity).index(finding.severity), finding.code, finding.subject
