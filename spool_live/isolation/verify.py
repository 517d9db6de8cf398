"""The verification as one pipeline: look, audit the catalog, attack probe sites, roll back."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from itertools import chain

from spool_live.conf import live_settings
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
    allowed: Collection[str] = (),
    exposed_schemas: Collection[str] = (),
    progress: Callable[[str], None] = lambda stage: None,
) -> Report:
    """Audits and attacks the Supabase database, and leaves nothing behind.

    ``alias`` is a database alias (default: ``SPOOL_LIVE["SUPABASE_DATABASE"]``), connected to as
    the migrating role; ``allowed`` are relations, functions and policies (``schema.name``) that are
    open to API roles on purpose; ``exposed_schemas`` are those that PostgREST serves, where the
    database does not tell (default: ``public`` and ``graphql_public``); ``progress`` is called
    with the name of each stage.
    Raises :class:`~spool_live.isolation.CannotVerify`.
    """
    started_at, began = datetime.now(UTC), time.monotonic()
    findings: list[Finding] = []
    with sandbox(alias or live_settings().supabase_database) as box:
        target = inspect_target(box, exposed_schemas=exposed_schemas, allowed=allowed)
        attacker = Attacker(box)
        for stage in chain(catalog_stages(box, target), attack_stages(box, attacker, target)):
            progress(stage.name)
            findings += stage.findings(box)
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
        findings=tuple(sorted(findings, key=_place)),
    )


def exposures(alias: str) -> list[Finding]:
    """What the API serves of ``alias`` beside the feed: Django's own tables, above all. Reads only.

    Raises :class:`~spool_live.isolation.CannotVerify`.
    """
    with sandbox(alias) as box:
        return list(audit_exposure(box, inspect_target(box, exposed_schemas=(), allowed=())))


def _place(finding: Finding) -> tuple[bool, str, str]:
    return finding.severity is not Severity.ERROR, finding.code, finding.subject
