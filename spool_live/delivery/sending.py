"""Sending a claim's entries, and finding out whose fault a refusal is.

A refusal of a batch is narrowed down by halving. An entry is to blame only where another one was
taken meanwhile; where none is, it is the server, and the circuit breaker's. What is known of the
server (it is away, its schema is stale, the key is wrong) is not narrowed down at all.
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
"""How many other entries are tried before an entry that nobody else's success speaks against is
taken for a sign of an outage."""
KILLS_WITHOUT_PROOF = 3
"""How many entries may die of their data in one claim while none was taken: a trigger that refuses
everything as bad data looks just the same."""
SPARE_REQUESTS = 8
"""Refusals in a row that halving may cost beyond its steps."""
BELIEVED = 4
"""Failures in a row, some quarter of a minute, for which no number is skipped to find out whether
the server is away, and for which it is believed to be broken when it says so."""


def send(
    entries: Sequence[ClaimedEntry],
    claim: Claim,
    settlement: Settlement,
    broadcaster: Broadcaster,
) -> None:
    """Send ``entries`` of ``claim`` and note in ``settlement`` how each of them ended.

    What is in none of its lists was not tried. Raises nothing for what the broadcaster raises.
    """
    sender = _Sender(claim, settlement, broadcaster)
    sender.send_all(list(readable(entries, settlement)))


@dataclass
class _Sender:
    """One claim's way through the broadcaster."""

    claim: Claim
    settlement: Settlement
    broadcaster: Broadcaster
    stopped: bool = False
    """Nothing more is sent: Supabase is away, or the lease ends."""
    taken: int = 0
    killed: int = 0
    refused: int = 0
    """Requests refused in a row."""
    most_refused: int = SPARE_REQUESTS
    mirrored: set[uuid.UUID] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
    """Primary keys of entries that are not sent again."""
    waiting: list[Sendable] = field(default_factory=list)
    """All that is to be sent, tried or not."""

    def send_all(self, sendable: list[Sendable]) -> None:
        """Send what nothing is known against in as few requests as may be, then, each alone, the
        entries that were refused before, so that they cost their own sites only."""
        self.waiting = sendable
        self.most_refused = 2 * len(sendable).bit_length() + SPARE_REQUESTS
        suspects = {entry.site_id for entry, _ in sendable if entry.refusals}
        ordinary = [one for one in sendable if one[0].site_id not in suspects]
        if self.claim.outage:  # one will show whether it is over
            self.send(ordinary[:1])
            ordinary = ordinary[1:]
        self.send_in_portions(ordinary)
        for site_id in sorted(suspects):
            of_site = [one for one in sendable if one[0].site_id == site_id]
            self.send(of_site[:1])
            self.send_in_portions(of_site[1:])

    def send_in_portions(self, part: Sequence[Sendable]) -> None:
        """Send ``part`` in requests that are not too large."""
        start = 0
        while start < len(part) and not self.stopped:
            size = portions.largest(self.claim.using)
            self.send(part[start : start + size])
            start += size

    def send(self, part: Sequence[Sendable]) -> None:
        """Send ``part`` in one request, and follow up where it is refused."""
        part = [one for one in part if self._may_go(one[0])]
        if not part or self.stopped or not self._has_time():
            return
        try:
            self.broadcaster.broadcast([update for _, update in part])
        except Exception as error:  # noqa: BLE001 - one odd answer must not stop the others
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
        elif self._is_the_servers(part, error) or self.refused > self.most_refused:
            self._stop(error)
        else:
            if not isinstance(error, BroadcastError):
                logger.error("unexpected error while sending", exc_info=error)
                counts.count(counts.UNFORESEEN, step="send")
            self._narrow(part, error)

    def _is_the_servers(self, part: Sequence[Sendable], error: Exception) -> bool:
        """Return whether no update is the cause. What the server may say for reasons of its own is
        believed a few times; after that the other updates decide."""
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
        is_proved = self._is_proved(entry)
        if not isinstance(error, BroadcastRefused):
            if is_proved:
                blame(self.settlement, self.claim, entry, error)
            else:
                self._stop(error)
        elif is_proved or (self.killed < KILLS_WITHOUT_PROOF and not self.claim.outage):
            self.killed += 1
            self.settlement.dead[entry.pk] = reason_of(error)
        else:
            self._stop(error)

    def _is_proved(self, refused: ClaimedEntry) -> bool:
        """Return whether others are taken while ``refused`` is not.

        Tries the next entries of other sites. Where there are none, and after a while, the next
        one of its own: the hole in the numbers makes subscribers catch up, and there it is. With
        nothing to try, what was proved before still holds.
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
            except Exception:  # noqa: BLE001, S112 - it proves nothing, and has its own turn
                continue
            self._taken([(entry, update)])
            return True
        return False

    def _send_less(self, part: Sequence[Sendable], error: BatchTooSlow) -> None:
        """Try a smaller batch, which may be in time; where a single update is not, nothing is."""
        if len(part) == 1:
            entry, _ = part[0]
            if self._is_proved(entry):
                blame(self.settlement, self.claim, entry, error)
            else:
                self._stop(error)
            return
        portions.was_too_slow(self.claim.using, len(part))
        if not self.taken:
            self.send(part[:1])
            part = part[1:]
        self.send_in_portions(part)

    def _mirror_again(self, part: Sequence[Sendable], error: UnknownSite) -> None:
        """Mirror a site again that the receiving side lost or does not know yet."""
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
        """Go on above the live table's numbers: the counter is behind them (a restored backup).

        Where it is behind nowhere, something else is wrong, and other numbers would not help.
        """
        first = {entry.site_id: entry.seq or 0 for entry, _ in reversed(part)}
        behind: dict[uuid.UUID, int] = {}
        try:
            for site_id in first if self._has_time() else ():
                newest = self.broadcaster.newest_seqs([site_id])
                behind |= {site: taken for site, taken in newest.items() if taken >= first[site]}
        except Exception as failure:  # noqa: BLE001 - the sites wait, nobody else
            if isinstance(failure, BroadcastUnavailable):
                self._stop(failure)
            else:
                postpone(self.settlement, self.claim, first, failure)
            return
        if behind:
            logger.warning("numbers are taken (%s): renumbering what is undelivered", error)
            self.settlement.renumber |= behind
            self.send(part)
        else:
            self._split_sites(part, list(first), error)

    def _split_sites(
        self, part: Sequence[Sendable], site_ids: Sequence[uuid.UUID], error: BroadcastError
    ) -> None:
        """One of the sites is refused as a whole: it waits, the others go."""
        if len(site_ids) == 1 or self.refused > self.most_refused:
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
        """Return whether the lease outlives another request. Where nothing was taken the sites wait
        a moment, else they are free for whoever comes next."""
        if timezone.now() + live_settings().request_timeout <= self.claim.leased_until:
            return True
        if not self.taken and not self.stopped:
            postpone(
                self.settlement, self.claim, self._untried(), BroadcastError("the lease ran out")
            )
        self.stopped = True
        return False

    def _stop(self, error: Exception) -> None:
        """Let everything wait: the fault is the server's."""
        self.stopped = True
        if not isinstance(error, BroadcastUnavailable):
            error = BroadcastUnavailable(reason_of(error))
        postpone(self.settlement, self.claim, self._untried(), error)

    def _untried(self) -> list[uuid.UUID]:
        return sorted({entry.site_id for entry, _ in self.waiting if self._may_go(entry)})
