"""Records the outcome of a verification: for the status, and in the audit trail with who ran it."""

from __future__ import annotations

import logging

from django.db import DatabaseError, transaction

from spool_live import heartbeats
from spool_live.isolation.report import Report
from spool_live.keys.trail import Act, note_act
from spool_live.supabase.databases import content_databases

logger = logging.getLogger(__name__)


def record_rls(report: Report) -> None:
    """Record whether ``verify_rls`` found the sites isolated."""
    _record(heartbeats.Part.VERIFY_RLS, report.summary, is_isolated=report.isolated)


def record_not_run(reason: str) -> None:
    """Record that ``verify_rls`` cannot run here, and why. This raises no alarm."""
    logger.info("the nightly verification is not run here: %s", reason)
    heartbeats.noted(content_databases()[0], heartbeats.Part.VERIFY_RLS, {"not_run": reason})


def record_live(failed: int, cases: int) -> None:
    """Record the outcome of ``verify_live``: how many of its cases failed."""
    summary = f"{failed} of {cases} cases failed" if failed else f"{cases} cases passed"
    _record(heartbeats.Part.VERIFY_LIVE, summary, is_isolated=not failed)


def _record(part: heartbeats.Part, summary: str, *, is_isolated: bool) -> None:
    using = content_databases()[0]
    if is_isolated:
        heartbeats.succeeded(using, part, {"summary": summary})
    else:
        heartbeats.failed(using, part, summary, {"summary": summary})
    try:
        with transaction.atomic(using=using):
            note_act(Act.VERIFIED, f"{part.value}: {summary}", using=using, is_isolated=is_isolated)
    except DatabaseError:  # the outcome matters even where the audit trail cannot be written
        logger.exception("the audit record of the verification could not be written")
