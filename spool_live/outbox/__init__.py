"""The only package that writes outbox entries and the state of a site's delivery.

record (in the edit's transaction) -> claim -> settle (around the delivery) -> purge.
"""

from __future__ import annotations

from spool_live.outbox.batching import batch
from spool_live.outbox.claim import Claim, claim_batch, is_anything_pending
from spool_live.outbox.entries import ClaimedEntry
from spool_live.outbox.history import CatchUp, catch_up, purge_settled
from spool_live.outbox.record import announce, broadcast_update, record
from spool_live.outbox.requeue import requeue_dead
from spool_live.outbox.settle import Settlement, settle
from spool_live.outbox.site_state import (
    acknowledge,
    acknowledge_stranger,
    forget_acknowledgements,
    forget_site,
    raise_above,
    site_changed,
    site_deleted,
)

__all__ = [
    "CatchUp",
    "Claim",
    "ClaimedEntry",
    "Settlement",
    "acknowledge",
    "acknowledge_stranger",
    "announce",
    "batch",
    "broadcast_update",
    "catch_up",
    "claim_batch",
    "forget_acknowledgements",
    "forget_site",
    "is_anything_pending",
    "purge_settled",
    "raise_above",
    "record",
    "requeue_dead",
    "settle",
    "site_changed",
    "site_deleted",
]
