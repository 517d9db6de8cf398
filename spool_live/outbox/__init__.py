"""The only package that writes outbox entries and the state of a site's delivery.

An update passes through it in this order: ``record`` (in the edit's transaction), ``claim_batch``
(before the delivery), ``settle`` (after it), ``purge_settled``.
"""

from __future__ import annotations

from spool_live.outbox.attempts import attempts_of, note_attempts, purge_attempts
from spool_live.outbox.batching import batch
from spool_live.outbox.behind import behind, is_anything_waiting, next_to_mirror, refusal
from spool_live.outbox.claim import Claim, claim_batch, is_ready, waiting_site_ids
from spool_live.outbox.entries import ClaimedEntry
from spool_live.outbox.history import HistoryPage, as_sent, catch_up, numbered_after, purge_settled
from spool_live.outbox.lease import ClaimedSite
from spool_live.outbox.numbering import number_waiting
from spool_live.outbox.record import broadcast_update, notify, record
from spool_live.outbox.requeue import became_of, discard_dead, requeue, requeue_dead
from spool_live.outbox.settle import Settlement, failures_of, set_aside, settle
from spool_live.outbox.site_state import (
    Acknowledged,
    acknowledge,
    acknowledge_stranger,
    forget_site,
    is_behind,
    mirror_all_again,
    raise_above,
    refuse,
    site_changed,
    site_deleted,
)
from spool_live.outbox.wanted import want

__all__ = [
    "Acknowledged",
    "Claim",
    "ClaimedEntry",
    "ClaimedSite",
    "HistoryPage",
    "Settlement",
    "acknowledge",
    "acknowledge_stranger",
    "as_sent",
    "attempts_of",
    "batch",
    "became_of",
    "behind",
    "broadcast_update",
    "catch_up",
    "claim_batch",
    "discard_dead",
    "failures_of",
    "forget_site",
    "is_anything_waiting",
    "is_behind",
    "is_ready",
    "mirror_all_again",
    "next_to_mirror",
    "note_attempts",
    "notify",
    "number_waiting",
    "numbered_after",
    "purge_attempts",
    "purge_settled",
    "raise_above",
    "record",
    "refusal",
    "refuse",
    "requeue",
    "requeue_dead",
    "set_aside",
    "settle",
    "site_changed",
    "site_deleted",
    "waiting_site_ids",
    "want",
]
