"""Reports for the tests of their formats."""

from __future__ import annotations

from datetime import UTC, datetime

from spool_live.isolation import Finding, Report


def report_of(*findings: Finding) -> Report:
    """A report with these ``findings``, its other facts always the same."""
    return Report(
        database="postgres",
        server_version="18.6",
        one_database=True,
        realtime_mode="broadcast",
        roles=("anon", "authenticated"),
        schemas=("public",),
        attacks=1000,
        started_at=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
        duration=0.51,
        findings=findings,
    )
