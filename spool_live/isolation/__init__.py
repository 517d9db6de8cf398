"""Verification that sites are isolated from each other, as ``manage.py verify_rls`` runs it.

It is safe on a production database: everything happens in one transaction, which is rolled back.

>>> from spool_live.isolation import exposures, verify
>>> report = verify()          # on SPOOL_LIVE["SUPABASE_DATABASE"]
>>> report.isolated, report.findings, report.to_dict()
"""

from spool_live.isolation.accepted import Accepted, append_accepted, read_accepted
from spool_live.isolation.findings import Finding, Severity
from spool_live.isolation.report import Report
from spool_live.isolation.sandbox import CannotVerifyError
from spool_live.isolation.verify import exposures, verify

__all__ = [
    "Accepted",
    "CannotVerifyError",
    "Finding",
    "Report",
    "Severity",
    "append_accepted",
    "exposures",
    "read_accepted",
    "verify",
]
