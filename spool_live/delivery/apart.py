"""Unexpected errors: find the site that causes one, and set it aside with the reason.

A claim, or the settling of one, is a step for many sites. If it raises, the step is repeated for
each site alone. A site for which it raises again has to wait, longer each time; the others go on.
Errors of a database that does not answer are not handled here: they are raised to the caller, which
tries again later.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from spool_live import counts, outbox
from spool_live.backoff import retry_delay
from spool_live.delivery.failures import reason_of
from spool_live.outbox import Claim, Settlement

logger = logging.getLogger(__name__)

DATABASE_IS_AWAY = (InterfaceError, OperationalError)
MAX_SITES = 1_000
"""Maximum of sites that one run claims one by one: the next run takes the others."""


def claim_each(using: str) -> Iterator[Claim]:
    """Claim the sites of ``using`` one by one, and set aside those that cannot be claimed."""
    for site_id in outbox.waiting_site_ids(using, MAX_SITES):
        try:
            claim = outbox.claim_batch(using, alone=site_id)
        except DATABASE_IS_AWAY:
            raise
        except Exception as error:
            logger.exception("the updates of site %s cannot be claimed", site_id)
            counts.count(counts.UNFORESEEN, step="claim")
            set_aside(using, site_id, error)
        else:
            if claim is not None:
                yield claim


def settle(claim: Claim, settlement: Settlement) -> Settlement:
    """Settle as ``spool_live.outbox.settle`` does, but set aside a site that cannot be settled.

    The other sites are settled. The updates of the site that were delivered are delivered again,
    which changes nothing, because Supabase stores each update once.
    """
    try:
        return outbox.settle(claim, settlement)
    except DATABASE_IS_AWAY:
        raise
    except Exception:
        logger.exception("a batch cannot be settled as a whole: settling it site by site")
        counts.count(counts.UNFORESEEN, step="settle")
    written = Settlement()
    for site_id, site in claim.sites.items():
        alone = replace(claim, sites={site_id: site})
        try:
            part = outbox.settle(alone, settlement.of_sites({site_id}, claim))
        except DATABASE_IS_AWAY:
            raise
        except Exception as error:
            logger.exception("the updates of site %s cannot be settled", site_id)
            counts.count(counts.UNFORESEEN, step="settle")
            set_aside(claim.using, site_id, error, token=claim.token)
        else:
            written = written.plus(part)
    return written


def note_attempts(claim: Claim, written: Settlement, at: datetime, took: timedelta) -> None:
    """Record attempts as ``spool_live.outbox.note_attempts`` does, but only log an error.

    Delivery does not depend on this record.
    """
    try:
        outbox.note_attempts(claim, written, at, took)
    except Exception:
        logger.exception("the outcome of an attempt could not be recorded")


def set_aside(
    using: str, site_id: uuid.UUID, error: Exception, *, token: uuid.UUID | None = None
) -> None:
    """Postpone the delivery of a site, longer each time, and store the reason for the status."""
    try:
        failures = outbox.failures_of(using, site_id)
        until = timezone.now() + retry_delay(failures)
        outbox.set_aside(using, site_id, reason=reason_of(error), until=until, token=token)
    except DATABASE_IS_AWAY:
        raise
    except Exception:
        logger.exception("site %s cannot be set aside", site_id)
