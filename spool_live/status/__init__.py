"""The state of the system, determined here and nowhere else.

Commands, the admin, health endpoints and metrics read it and decide nothing themselves.
``sites`` says how each site's delivery goes, ``supabase`` whether Supabase takes what is sent,
``totals`` counts over a content database, ``readiness`` says whether this process can serve.
"""

from __future__ import annotations

from spool_live.status.readiness import readiness
from spool_live.status.sites import SiteStatus, of_sites
from spool_live.status.supabase import lacks_partition, outages
from spool_live.status.totals import Totals, of_database

__all__ = [
    "SiteStatus",
    "Totals",
    "lacks_partition",
    "of_database",
    "of_sites",
    "outages",
    "readiness",
]
