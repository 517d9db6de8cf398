"""The mirror: what the Supabase database must know of each site, kept up to date by versions.

A change of a site or of its keys raises the site's version in the same transaction (and its epoch,
if a key lost its right). ``Mirroring`` sends whole sites, several in one call, until the Supabase
database has acknowledged their newest version. Delivery sends a site on demand, before the site's
next update.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from typing import TypeGuard

from django.utils import timezone

from spool_live import counts, heartbeats, outbox
from spool_live.backoff import retry_delay
from spool_live.broadcasters import Broadcaster, MirrorAnswer, get_broadcaster
from spool_live.delivery.apart import DATABASE_IS_AWAY
from spool_live.delivery.counted import counted
from spool_live.delivery.failures import reason_of
from spool_live.delivery.mirrored_sites import MirroredSite, in_parts, read_sites
from spool_live.exceptions import BroadcastError, BroadcastUnavailable, CircuitOpen
from spool_live.models import Site, SiteDelivery, SiteMirror
from spool_live.outbox import Acknowledged, circuit

logger = logging.getLogger(__name__)

Outcome = MirrorAnswer | BroadcastError

SITES_A_CALL = 100
"""Sites in one call of a run. It takes about 50 ms, for which an update may have to wait."""
REFUSED = 2
"""A refused site is sent again after the delay for so many failures, or once it has changed."""


class Mirroring:
    """One run through the sites of ``using`` that must be mirrored, each once, one call per step.

    ``acknowledged`` counts the sites that the Supabase database has acknowledged. ``error`` is the
    reason why the run ended early, if it did.
    """

    def __init__(self, using: str, broadcaster: Broadcaster | None = None) -> None:
        self.using = using
        self.acknowledged = 0
        self.error: BroadcastUnavailable | None = None
        self._broadcaster = broadcaster
        self._tried: set[uuid.UUID] = set()

    def step(self) -> bool:
        """Send the next sites in one call; return ``False`` if there are none left.

        The next sites are queried at each step, so that a site where a key has just lost its right
        is sent first. Raises ``BroadcastUnavailable`` if Supabase is away, as the other sites would
        fail the same way, and its subclass ``CircuitOpen`` if Supabase must not be called now.
        """
        site_ids = outbox.next_to_mirror(self.using, SITES_A_CALL, self._tried)
        if not site_ids:
            return False
        self._tried.update(site_ids)
        outage = circuit.enter(self.using, timezone.now())
        if outage is None:
            raise CircuitOpen("Supabase did not answer a moment ago: the next attempt comes later")
        self._broadcaster = counted(self._broadcaster or get_broadcaster())
        try:
            outcomes = mirror_sites(self.using, site_ids, self._broadcaster)
        except BroadcastUnavailable as error:
            until = circuit.next_attempt(outage, error.retry_after)
            circuit.trip(self.using, str(error), failures=outage, until=until)
            raise
        if outage:
            circuit.close(self.using)
        self._count(outcomes)
        return True

    def try_step(self) -> bool:
        """Do one ``step``; if it fails, set ``error`` to the reason and end the run.

        Returns whether there may be more to send. Raises only errors of a content database that is
        away.
        """
        if self.error:
            return False
        try:
            return self.step()
        except BroadcastUnavailable as error:
            self.error = error
            if not isinstance(error, CircuitOpen):
                logger.warning("sites and keys wait: %s", error)
            return False
        except DATABASE_IS_AWAY:
            raise
        except Exception as error:
            logger.exception("unexpected error while sites are mirrored: the updates go on")
            counts.count(counts.UNFORESEEN, step="mirror")
            self.error = BroadcastUnavailable(reason_of(error))
            heartbeats.failed(self.using, heartbeats.Part.MIRROR, str(self.error))
            return False

    def _count(self, outcomes: dict[uuid.UUID, Outcome]) -> None:
        refused = ""
        for site_id, outcome in outcomes.items():
            if isinstance(outcome, BroadcastError):
                logger.error("site %s cannot be mirrored: %s", site_id, outcome)
                refused = str(outcome)
            else:
                self.acknowledged += 1
        refused = refused or outbox.refusal(self.using)
        if refused:
            heartbeats.failed(self.using, heartbeats.Part.MIRROR, refused)
        else:
            heartbeats.succeeded(self.using, heartbeats.Part.MIRROR)


def mirror_pending(using: str, broadcaster: Broadcaster | None = None) -> int:
    """Send every site of ``using`` whose newest version is not acknowledged yet.

    Returns how many were acknowledged. A site that is refused is logged and does not delay others.
    Raises what ``Mirroring.step`` does.
    """
    run = Mirroring(using, broadcaster)
    while run.step():
        pass
    return run.acknowledged


def mirror_site(using: str, site_id: uuid.UUID, broadcaster: Broadcaster) -> MirrorAnswer:
    """Send one site as it is now. Raises ``BroadcastError`` if it is refused."""
    outcome = mirror_sites(using, [site_id], broadcaster)[site_id]
    if isinstance(outcome, BroadcastError):
        raise outcome
    return outcome


def mirror_sites(
    using: str, site_ids: Sequence[uuid.UUID], broadcaster: Broadcaster
) -> dict[uuid.UUID, Outcome]:
    """Send sites as they are now, and record what the Supabase database acknowledged of each.

    If the Supabase database holds a newer version (the content database was restored from a
    backup), the site is raised above it and sent once more. A tombstone there is final; therefore
    no tombstone is sent for an id that never was a site, as it may still become one. Raises
    ``BroadcastUnavailable`` if Supabase is away.
    """
    try:
        return _send_above(using, site_ids, broadcaster)
    except (BroadcastUnavailable, *DATABASE_IS_AWAY):
        raise
    except Exception as error:
        logger.exception("unexpected error while %d sites are mirrored", len(site_ids))
        counts.count(counts.UNFORESEEN, step="mirror")
        if len(site_ids) == 1:
            return {site_ids[0]: _refused(using, site_ids[0], reason_of(error))}
    outcomes: dict[uuid.UUID, Outcome] = {}
    for site_id in site_ids:
        outcomes |= mirror_sites(using, [site_id], broadcaster)
    return outcomes


def _refused(using: str, site_id: uuid.UUID, reason: str) -> BroadcastError:
    versions = SiteMirror.objects.using(using).filter(pk=site_id).values_list("version", flat=True)
    until = timezone.now() + retry_delay(REFUSED)
    outbox.refuse(using, site_id, version=versions.first() or 1, reason=reason, until=until)
    return BroadcastError(reason)


def _send_above(
    using: str, site_ids: Sequence[uuid.UUID], broadcaster: Broadcaster
) -> dict[uuid.UUID, Outcome]:
    outcomes = _send(using, site_ids, broadcaster)
    for site_id, outcome in outcomes.items():
        if _is_ahead(outcome):
            logger.warning("Supabase holds a newer mirror of site %s: raising its version", site_id)
            if not outbox.raise_above(using, site_id, version=outcome.version, epoch=outcome.epoch):
                outcomes[site_id] = BroadcastError("the site is being changed: sent again later")
    raised = [site_id for site_id, outcome in outcomes.items() if _is_ahead(outcome)]
    outcomes |= _send(using, raised, broadcaster)
    overtaken = BroadcastError("Supabase holds a newer mirror: sent again later")
    return {
        site_id: overtaken if _is_ahead(outcome) else outcome
        for site_id, outcome in outcomes.items()
    }


def mirror_all(using: str) -> int:
    """Mark every site of ``using`` to be mirrored once more, and return how many there are.

    This repairs a Supabase database that was restored or replaced. Deleted sites are included, so
    that their tombstones are sent again. The next runs send the sites; until then tokens can still
    be minted, but a site's next update is sent only after the site was mirrored.
    """
    sites = Site.objects.using(using).values_list("pk", flat=True)
    tombstones = SiteDelivery.objects.using(using).filter(deleted_at__isnull=False)
    site_ids = {*sites, *tombstones.values_list("pk", flat=True)}
    outbox.mirror_all_again(using, site_ids)
    return len(site_ids)


def _is_ahead(outcome: Outcome) -> TypeGuard[MirrorAnswer]:
    return isinstance(outcome, MirrorAnswer) and not (outcome.applied or outcome.deleted)


def _send(
    using: str, site_ids: Sequence[uuid.UUID], broadcaster: Broadcaster
) -> dict[uuid.UUID, Outcome]:
    outcomes: dict[uuid.UUID, Outcome] = {}
    known = []
    for site in read_sites(using, site_ids):
        if site.is_deleted and outbox.acknowledge_stranger(using, site.site_id):
            answer = MirrorAnswer(site.version, site.epoch, deleted=True, applied=False)
            outcomes[site.site_id] = answer
        else:
            known.append(site)
    for part in in_parts(known):
        answers = broadcaster.mirror_many([site.payload for site in part])
        _record(using, list(zip(part, answers, strict=True)))
        outcomes |= {site.site_id: answer for site, answer in zip(part, answers, strict=True)}
    return outcomes


def _record(using: str, answered: Sequence[tuple[MirroredSite, Outcome]]) -> None:
    known = [
        Acknowledged(site.site_id, answer.version, answer.epoch, answer.deleted, site.run)
        for site, answer in answered
        if isinstance(answer, MirrorAnswer) and not _is_ahead(answer)
    ]
    if known:
        outbox.acknowledge(using, known)
    for site, answer in answered:
        if isinstance(answer, BroadcastError):
            until = timezone.now() + retry_delay(REFUSED)
            outbox.refuse(
                using, site.site_id, version=site.version, reason=str(answer), until=until
            )
