"""Capture by PostgreSQL triggers: the same updates as by signals, whichever program writes.

For collections with ``capture = "trigger"``, on content databases that are PostgreSQL. Attributes
of the collection declare what a trigger must know of an item; the SQL is generated from them.
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
