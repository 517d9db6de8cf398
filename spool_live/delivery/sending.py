"""Sends the entries of a claim, and finds out which entry is the cause of a refusal.

If a batch is refused, its halves are sent, and so on down to a single entry. That entry is blamed
only if another one was taken meanwhile. If none is taken the server is the cause, and the circuit
breaker opens. Errors that can only be the server's (it is away, its schema is stale, the key is
wrong) open the circuit breaker at once.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils import timezone

from spool_live import counts
from spool_live.broadcasters import Broadcaster
from spool_live.conf import live_settings
from spool_live.delivery import portions
from spool_live.delivery.failures import blame, postpone, reason_of
from spool_live.delivery.mirror_first import mirror_sites
from spool_live.delivery.readable import Sendable, readable
from spool_live.exceptions import (
    BatchTooSlow,
    BroadcastError,
    BroadcastRefused,
    BroadcastUnavailable,
    SequenceTaken,
    UnclearRefusal,
    UnknownSite,
)
from spool_live.outbox import Claim, ClaimedEntry, Settlement

logger = logging.getLogger(__name__)

PROOFS = 2
"""Other entries that are tried after a refusal: if none is taken either, there is an outage."""
KILLS_WITHOUT_PROOF = 3
"""How many entries of a claim may be killed for bad data before any entry was taken. More of them
may mean that a trigger refuses every update as bad data."""
SPARE_REQUESTS = 8
"""How many refusals in a row are allowed in addition to those that halving a batch needs."""
BELIEVED = 4
"""For so many failures in a row (about a quarter of a minute) a server that reports an error of its
own is believed, and no entry of a site is tried before an earlier one that was refused."""


def send(
    entries: Sequence[ClaimedEntry],
    claim: Claim,
    settlement: Settlement,
    broadcaster: Broadcaster,
) -> None:
    """Send ``entries`` of ``claim`` and note in ``settlement`` how each of them ended.

    An entry that is in none of its fields was not tried. Catches whatever the broadcaster raises.
    """
    sender = _Sender(claim, settlement, broadcaster)
    sender.send_all(list(readable(entries, settlement)))


@dataclass
class _Sender:
    """The sending of one claim, and what is known of its entries meanwhile."""

    claim: Claim
    settlement: Settlement
    broadcaster: Broadcaster
    stopped: bool = False
    """Whether nothing more is sent, because Supabase is away or the lease ends."""
    taken: int = 0
    killed: int = 0
    refused: int = 0
    """Requests refused in a row: after more than ``max_refused`` the server is the cause."""
    max_refused: int = SPARE_REQUESTS
    mirrored: set[uuid.UUID] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
    """Primary keys of entries that were taken or dropped: they are not sent again."""
    waiting: list[Sendable] = field(default_factory=list)
    """All entries to be sent, whether they were tried yet or not."""

    def send_all(self, sendable: list[Sendable]) -> None:
        """Send all entries: first, in as few requests as possible, those of sites without an
        earlier refusal; then each other site by itself, so that it cannot delay the first ones."""
        self.waiting = sendable
        self.max_refused = 2 * len(sendable).bit_length() + SPARE_REQUESTS
        suspects = {entry.site_id for entry, _ in sendable if entry.refusals}
        ordinary = [one for one in sendable if one[0].site_id not in suspects]
        if self.claim.outage:  # one entry is enough to see whether the outage is over
            self.send(ordinary[:1])
            ordinary = ordinary[1:]
        self.send_in_portions(ordinary)
        for site_id in sorted(suspects):
            of_site = [one for one in sendable if one[0].site_id == site_id]
            self.send(of_site[:1])
            self.send_in_portions(of_site[1:])

    def send_in_portions(self, part: Sequence[Sendable]) -> None:
        """Send ``part`` in requests that the receiving side is fast enough for."""
        start = 0
        while start < len(part) and not self.stopped:
            size = portions.largest(self.claim.using)
            self.send(part[start : start + size])
            start += size

    def send(self, part: Sequence[Sendable]) -> None:
        """Send ``part`` in one request; if it is refused, find the cause and send the rest."""
        part = [one for one in part if self._may_go(one[0])]
        if not part or self.stopped or not self._has_time():
            return
        try:
            self.broadcaster.broadcast([update for _, update in part])
        except Exception as error:  # noqa: BLE001 - one strange answer must not stop the others
            self._refused(part, error)
        else:
            self._taken(part)
            self.refused = 0
            portions.was_taken(self.claim.using, len(part))

    def _taken(self, part: Sequence[Sendable]) -> None:
        pks = [entry.pk for entry, _ in part]
        self.settlement.delivered += pks
        self.done.update(pks)
        self.taken += len(part)

    def _refused(self, part: Sequence[Sendable], error: Exception) -> None:
        self.refused += 1
        if isinstance(error, SequenceTaken):
            self._renumber(part, error)
        elif isinstance(error, UnknownSite):
            self._mirror_again(part, error)
        elif isinstance(error, BatchTooSlow):
            self._send_less(part, error)
        elif self._is_servers_fault(part, error) or self.refused > self.max_refused:
            self._stop(error)
        else:
            if not isinstance(error, BroadcastError):
                logger.error("unexpected error while sending", exc_info=error)
                counts.count(counts.UNFORESEEN, step="send")
            self._narrow(part, error)

    def _is_servers_fault(self, part: Sequence[Sendable], error: Exception) -> bool:
        """Return whether the server is the cause of ``error``. If it may be an update as well, the
        server is blamed for ``BELIEVED`` failures in a row, unless a single update was before."""
        if not isinstance(error, BroadcastUnavailable) or isinstance(error, UnclearRefusal):
            return False
        is_suspect = len(part) == 1 and part[0][0].refusals > 0
        return not error.may_be_content or (self.claim.outage < BELIEVED and not is_suspect)

    def _narrow(self, part: Sequence[Sendable], error: Exception) -> None:
        if len(part) > 1:
            middle = len(part) // 2
            self.send(part[:middle])
            self.send(part[middle:])
            return
        entry, _ = part[0]
        may_kill = self.killed < KILLS_WITHOUT_PROOF and not self.claim.outage
        if not isinstance(error, BroadcastRefused):
            self._blame_or_stop(entry, error)
        elif self._is_proved(entry) or may_kill:
            self.killed += 1
            self.settlement.dead[entry.pk] = reason_of(error)
        else:
            self._stop(error)

    def _blame_or_stop(self, entry: ClaimedEntry, error: Exception) -> None:
        if self._is_proved(entry):
            blame(self.settlement, self.claim, entry, error)
        else:
            self._stop(error)

    def _is_proved(self, refused: ClaimedEntry) -> bool:
        """Return whether other entries are taken while ``refused`` is not.

        Tries the next entries of other sites. If there are none, and the outage has lasted for
        ``BELIEVED`` failures, it tries the next entry of the same site: subscribers see the gap in
        the numbers, and get the refused one by catch-up. If there is nothing to try, an entry that
        was blamed before counts as proved.
        """
        if self.taken:
            return True
        others = [one for one in self.waiting if one[0].pk != refused.pk and self._may_go(one[0])]
        firsts: dict[uuid.UUID, Sendable] = {}
        for one in others:
            firsts.setdefault(one[0].site_id, one)
        own = firsts.pop(refused.site_id, None)
        candidates = list(firsts.values())[:PROOFS]
        if not candidates and own and self.claim.outage >= BELIEVED:
            candidates = [own]
        if not candidates:
            return refused.refusals > 0
        for entry, update in candidates:
            if self.stopped or not self._has_time():
                return False
            try:
                self.broadcaster.broadcast([update])
            except Exception:  # noqa: BLE001, S112 - proves nothing; this entry has its own turn
                continue
            self._taken([(entry, update)])
            return True
        return False

    def _send_less(self, part: Sequence[Sendable], error: BatchTooSlow) -> None:
        """Send ``part`` in smaller requests; decide whether a single update is what takes long."""
        if len(part) == 1:
            self._blame_or_stop(part[0][0], error)
            return
        portions.was_too_slow(self.claim.using, len(part))
        if not self.taken:
            self.send(part[:1])
            part = part[1:]
        self.send_in_portions(part)

    def _mirror_again(self, part: Sequence[Sendable], error: UnknownSite) -> None:
        """Mirror sites again that the receiving side has lost or does not know yet."""
        site_ids = sorted({entry.site_id for entry, _ in part})
        unknown = [site_id for site_id in site_ids if site_id not in self.mirrored]
        if unknown:
            logger.warning("Supabase does not know a site (%s): mirroring it again", error)
            self.mirrored.update(unknown)
            entries = [entry for entry, _ in part]
            mirror_sites(unknown, entries, self.claim, self.settlement, self.broadcaster)
            self.done.update(self.settlement.dropped)
            self.stopped = self.stopped or bool(self.settlement.outage)
            self.send(part)
        else:
            self._split_sites(part, site_ids, error)

    def _renumber(self, part: Sequence[Sendable], error: SequenceTaken) -> None:
        """Renumber sites whose counter is behind the numbers in the live table.

        That is so after the content database was restored from a backup. If no counter is behind,
        something else is wrong, and other numbers would not help: then find the refused site.
        """
        first = {entry.site_id: entry.seq or 0 for entry, _ in reversed(part)}
        behind: dict[uuid.UUID, int] = {}
        try:
            for site_id in first if self._has_time() else ():
                newest = self.broadcaster.newest_seqs([site_id])
                behind |= {site: taken for site, taken in newest.items() if taken >= first[site]}
        except Exception as failure:  # noqa: BLE001 - only these sites wait
            if isinstance(failure, BroadcastUnavailable):
                self._stop(failure)
            else:
                postpone(self.settlement, self.claim, first, failure)
            return
        if behind:
            logger.warning("numbers are taken (%s): renumbering undelivered updates", error)
            self.settlement.renumber |= behind
            self.send(part)
        else:
            self._split_sites(part, list(first), error)

    def _split_sites(
        self, part: Sequence[Sendable], site_ids: Sequence[uuid.UUID], error: BroadcastError
    ) -> None:
        """Find the site that is refused as a whole, by halving: it waits, the others are sent."""
        if len(site_ids) == 1 or self.refused > self.max_refused:
            postpone(self.settlement, self.claim, site_ids, error)
            return
        half = set(site_ids[: len(site_ids) // 2])
        self.send([one for one in part if one[0].site_id in half])
        self.send([one for one in part if one[0].site_id not in half])

    def _may_go(self, entry: ClaimedEntry) -> bool:
        done = self.settlement
        return (
            entry.site_id not in done.retry
            and entry.site_id not in done.renumber
            and entry.pk not in done.dead
            and entry.pk not in self.done
        )

    def _has_time(self) -> bool:
        """Return whether the lease lasts for another request. If not, sending stops; if no entry
        was taken, the sites also wait, else the next claim may take them at once."""
        if timezone.now() + live_settings().request_timeout <= self.claim.leased_until:
            return True
        if not self.taken and not self.stopped:
            late = BroadcastError("the lease ran out")
            postpone(self.settlement, self.claim, self._untried(), late)
        self.stopped = True
        return False

    def _stop(self, error: Exception) -> None:
        """Postpone everything that is left: the server is the cause of ``error``."""
        self.stopped = True
        if not isinstance(error, BroadcastUnavailable):
            error = BroadcastUnavailable(reason_of(error))
        postpone(self.settlement, self.claim, self._untried(), error)

    def _untried(self) -> list[uuid.UUID]:
        return sorted({entry.site_id for entry, _ in self.waiting if self._may_go(entry)})
