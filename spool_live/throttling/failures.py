"""Failed authentications, counted by hour, address, prefix and reason; alerts at a threshold."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from django.db import router, transaction
from django.db.models import F
from django.utils import timezone

from spool_live.conf import live_settings
from spool_live.deferred import DeferredWrites
from spool_live.models import FailedAuthentication
from spool_live.signals import authentication_failures

logger = logging.getLogger(__name__)

OTHER_ADDRESSES = "elsewhere"
"""The address of failures beyond the number of addresses that are kept apart at a time."""
Subject = tuple[str, str, str]
"""The address, the prefix of an existing key (or ""), and the reason."""


def write_failures(batch: Mapping[Subject, int]) -> None:
    """Add the counts to the rows of the current hour, in one transaction; alert where a row
    reaches the threshold ``FAILURE_ALERT``."""
    using = router.db_for_write(FailedAuthentication)
    now = timezone.now()
    written: list[tuple[FailedAuthentication, int]] = []
    with transaction.atomic(using=using):
        for (address, prefix, reason), count in sorted(batch.items()):
            row, _ = FailedAuthentication.objects.using(using).get_or_create(
                hour=now.replace(minute=0, second=0, microsecond=0),
                address=address,
                prefix=prefix,
                reason=reason,
                defaults={"last_at": now},
            )
            rows = FailedAuthentication.objects.using(using).filter(pk=row.pk)
            rows.update(count=F("count") + count, last_at=now)
            written.append((rows.get(), count))
    for row, count in written:
        _alert(row, count)


def purge_failures(using: str, *, before: datetime) -> int:
    """Remove the rows of hours before ``before``; return how many."""
    removed, _ = FailedAuthentication.objects.using(using).filter(hour__lt=before).delete()
    return removed


def _alert(row: FailedAuthentication, added: int) -> None:
    threshold = live_settings().failure_alert
    if not row.count - added < threshold <= row.count:
        return
    logger.error(
        "%d failed authentications within the hour from %s (%s, key prefix %s)",
        row.count,
        row.address,
        row.reason,
        row.prefix or "unknown",
    )
    authentication_failures.send_robust(
        sender=FailedAuthentication,
        address=row.address,
        prefix=row.prefix,
        reason=row.reason,
        count=row.count,
    )


failure_log: DeferredWrites[Subject, int] = DeferredWrites(
    write_failures,
    lambda held, more: held + more,
    overflow=(OTHER_ADDRESSES, "", FailedAuthentication.Reason.UNKNOWN),
    loss=logging.ERROR,
)
"""Failures on their way to the database. Alerts depend on them, so losing some is an error.
(The throttle does not: it counts in the cache.)"""
