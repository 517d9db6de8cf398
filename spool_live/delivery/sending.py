"""Sending a claim's entries, and narrowing down what is refused."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from django.utils import timezone

from spool_live.broadcasters import Broadcaster
from spool_live.conf import live_settings
from spool_live.delivery.failures import postpone
from spool_live.delivery.mirror_first import mirror_sites
from spool_live.exceptions import (
    BroadcastError,
    BroadcastRefused,
    BroadcastUnavailable,
    SequenceTaken,
    UnknownSite,
)
from spool_live.outbox import Claim, ClaimedEntry, Settlement
from spool_live.updates import Update

logger = logging.getLogger(__name__)


def send(
    entries: Sequence[ClaimedEntry],
    claim: Claim,
    settlement: Settlement,
    broadcaster: Broadcaster,
    *,
    healed: bool = False,
) -> None:
    """Broadcasts ``entries`` in one request; halves the batch to find what is refused for good."""
    if settlement.retry:
        entries = [e for e in entries if e.site_id not in settlement.retry]
    if not entries:
        return
    site_ids = sorted({entry.site_id for entry in entries})
    if timezone.now() + live_settings().request_timeout > claim.leased_until:
        postpone(settlement, claim, site_ids, BroadcastError("the lease ran out"))
        return
    updates = list(_updates(entries, settlement))
    try:
        broadcaster.broadcast(updates)
        settlement.delivered += [e.pk for e in entries if e.pk not in settlement.dead]
    except BroadcastUnavailable as error:
        postpone(settlement, claim, site_ids, error)
    except SequenceTaken as error:
        _renumber(claim, settlement, entries, broadcaster, error)
    except UnknownSite as error:
        if healed:
            postpone(settlement, claim, site_ids, error)
        else:
            logger.warning("Supabase does not know a site (%s): telling it again", error)
            ready = mirror_sites(site_ids, entries, claim, settlement, broadcaster)
            send(ready, claim, settlement, broadcaster, healed=True)
    except BroadcastRefused as error:
        if len(entries) == 1:
            settlement.dead[entries[0].pk] = str(error)
        else:
            middle = len(entries) // 2
            send(entries[:middle], claim, settlement, broadcaster, healed=healed)
            send(entries[middle:], claim, settlement, broadcaster, healed=healed)


def _updates(entries: Sequence[ClaimedEntry], settlement: Settlement) -> Iterator[Update]:
    """What is to be sent; an entry that cannot be read is dead and costs no other."""
    for entry in entries:
        try:
            yield entry.as_update()
        except ValueError as error:
            settlement.dead[entry.pk] = str(error)


def _renumber(
    claim: Claim,
    settlement: Settlement,
    entries: Sequence[ClaimedEntry],
    broadcaster: Broadcaster,
    error: SequenceTaken,
) -> None:
    """The counter is behind the live table (a restored backup): go on above what is there.

    Where it is behind nowhere, something else is wrong, and other numbers would not help.
    """
    first = {entry.site_id: entry.seq or 0 for entry in reversed(entries)}
    try:
        newest = broadcaster.newest_seqs(first)
    except BroadcastError as failure:
        postpone(settlement, claim, list(first), failure)
        return
    behind = {site_id: taken for site_id, taken in newest.items() if taken >= first[site_id]}
    if behind:
        logger.warning("numbers are taken (%s): renumbering what is undelivered", error)
        settlement.renumber |= behind
    else:
        postpone(settlement, claim, list(first), error)
