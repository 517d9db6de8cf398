"""Capture by PostgreSQL triggers: what the signals' receivers would record, whoever writes.

For collections with ``capture = "trigger"``, on content databases that are PostgreSQL. What a
trigger is to know of an item is declared by attributes of the collection; the SQL is made of them.
"""

from __future__ import annotations

from spool_live.capture.triggers.installation import (
    TriggerState,
    TriggerStatus,
    install,
    remove,
    statements,
    status,
)
from spool_live.capture.triggers.support import faults_of

__all__ = [
    "TriggerState",
    "TriggerStatus",
    "faults_of",
    "install",
    "remove",
    "statements",
    "status",
]
