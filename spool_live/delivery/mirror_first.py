"""Before a site's next update goes, Supabase knows the site as it is."""

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
    """Send pending changes of the claimed sites and their keys; return what may go after that.

    No update overtakes a key change: a site whose mirror cannot be brought up to date waits.
    """
    pending = [site_id for site_id, site in claim.sites.items() if site.is_behind]
    if not pending and not claim.orphans:
        return claim.entries
    living = [entry for entry in claim.entries if entry.site_id not in claim.orphans]
    return mirror_sites(pending, living, claim, settlement, broadcaster)


def mirror_sites(
    site_ids: Sequence[uuid.UUID],
    entries: Sequence[ClaimedEntry],
    claim: Claim,
    settlement: Settlement,
    broadcaster: Broadcaster,
) -> list[ClaimedEntry]:
    """Send sites as they are now; return those of ``entries`` that may go after that."""
    try:
        outcomes = mirror.mirror_sites(claim.using, site_ids, broadcaster)
    except BroadcastUnavailable as error:
        postpone(settlement, claim, site_ids, error)
        outcomes = {}
    dead: set[uuid.UUID] = set()
    for site_id, outcome in outcomes.items():
        if not isinstance(outcome, MirrorAnswer):
            postpone(settlement, claim, [site_id], outcome)
        elif outcome.deleted:
            dead.add(site_id)
    settlement.dropped += [entry.pk for entry in entries if entry.site_id in dead]
    return [e for e in entries if e.site_id not in dead and e.site_id not in settlement.retry]
