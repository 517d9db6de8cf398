"""Mirrors the sites of a claim that have changed before their updates are sent."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from spool_live.broadcasters import Broadcaster, MirrorAnswer
from spool_live.delivery import mirror
from spool_live.delivery.failures import postpone
from spool_live.exceptions import BroadcastUnavailable
from spool_live.outbox import Claim, ClaimedEntry, Settlement


def mirror_first(
    claim: Claim, settlement: Settlement, broadcaster: Broadcaster
) -> list[ClaimedEntry]:
    """Send pending changes of the claimed sites and keys; return the entries that may be sent then.

    No update overtakes a change of keys: a site whose mirror cannot be brought up to date waits.
    """
    pending = [site_id for site_id, site in claim.sites.items() if site.is_behind]
    if not pending and not claim.orphans:
        return claim.entries
    entries = [entry for entry in claim.entries if entry.site_id not in claim.orphans]
    return mirror_sites(pending, entries, claim, settlement, broadcaster)


def mirror_sites(
    site_ids: Sequence[uuid.UUID],
    entries: Sequence[ClaimedEntry],
    claim: Claim,
    settlement: Settlement,
    broadcaster: Broadcaster,
) -> list[ClaimedEntry]:
    """Send sites as they are now; return those of ``entries`` that may be sent after that.

    Entries of a site that Supabase holds a tombstone of are dropped; those of a site that is
    refused, or could not be sent, are postponed.
    """
    try:
        outcomes = mirror.mirror_sites(claim.using, site_ids, broadcaster)
    except BroadcastUnavailable as error:
        postpone(settlement, claim, site_ids, error)
        outcomes = {}
    deleted: set[uuid.UUID] = set()
    for site_id, outcome in outcomes.items():
        if not isinstance(outcome, MirrorAnswer):
            postpone(settlement, claim, [site_id], outcome)
        elif outcome.deleted:
            deleted.add(site_id)
    settlement.dropped += [entry.pk for entry in entries if entry.site_id in deleted]
    return [e for e in entries if e.site_id not in deleted and e.site_id not in settlement.retry]
