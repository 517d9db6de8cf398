"""The state of the system, determined here and nowhere else.

Commands, the admin, health endpoints, metrics and alerts read it and decide nothing themselves:
``observing`` reads the databases, ``judging`` determines what is wrong (pure), ``snapshot``
combines both, ``limited`` leaves out what a user may not see, ``sites`` and ``totals`` count for
tables, ``readiness`` determines whether this process can serve.
"""

from __future__ import annotations

from spool_live.status.limited import for_sites
from spool_live.status.probing import probe
from spool_live.status.readiness import readiness
from spool_live.status.sites import SiteStatus, of_sites
from spool_live.status.snapshot import current, determine
from spool_live.status.states import (
    Activity,
    Kind,
    Problem,
    State,
    Status,
    connections_of,
)
from spool_live.status.totals import Totals, of_database
from spool_live.status.values import as_json, problem_as_json

__all__ = [
    "Activity",
    "Kind",
    "Problem",
    "SiteStatus",
    "State",
    "Status",
    "Totals",
    "as_json",
    "connections_of",
    "current",
    "determine",
    "for_sites",
    "of_database",
    "of_sites",
    "probe",
    "problem_as_json",
    "readiness",
]
