"""Sends notices: each once on its channel, with retries until it is sent.

A conditional write decides which process sends a notice: it claims it for ``TAKEN_FOR``, so another
process can send it if the first one dies.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db.models import F, OuterRef, Subquery
from django.utils import timezone

from spool_live.alerts import channels
from spool_live.models import AlertNotice

logger = logging.getLogger(__name__)

TAKEN_FOR = timedelta(minutes=1)
"""How long a process may take to send a notice that it has claimed."""
FIRST_RETRY = timedelta(seconds=15)
LONGEST_RETRY = timedelta(minutes=15)


def send_due(using: str, now: datetime) -> int:
    """Send the notices that are due; return how many were sent.

    An error of a channel is not raised: it is stored with the notice, and logged.
    """
    notices = AlertNotice.objects.using(using)
    # On each channel, the first notice of an episode is sent before the second, however late.
    earlier = notices.filter(
        episode=OuterRef("episode"), channel=OuterRef("channel"), pk__lt=OuterRef("pk"),
        sent_at=None,
    )  # fmt: skip
    due = notices.filter(sent_at=None, due_at__lte=now).annotate(
        blocked_by=Subquery(earlier.values("pk")[:1])
    )
    sent = 0
    for notice in due.filter(blocked_by=None).select_related("episode").order_by("pk"):
        sent += _send(using, notice, now)
    return sent


def _send(using: str, notice: AlertNotice, now: datetime) -> bool:
    mine = AlertNotice.objects.using(using).filter(pk=notice.pk, sent_at=None)
    taken = mine.filter(due_at=notice.due_at).update(
        due_at=now + TAKEN_FOR, attempts=F("attempts") + 1
    )
    if not taken:
        return False
    try:
        channels.send(notice.channel, channels.of_episode(notice.episode, notice.kind))
    except Exception as error:  # noqa: BLE001 - whatever a receiver or a mail server does
        reason = channels.reason(error)
        delay = min(FIRST_RETRY * 2 ** min(notice.attempts, 10), LONGEST_RETRY)
        mine.update(due_at=timezone.now() + delay, error=reason)
        logger.error(  # noqa: TRY400 - the reason suffices, and a traceback may hold an address
            "an alert could not be sent by %s, and is tried again: %s", notice.channel, reason
        )
        return False
    mine.update(sent_at=timezone.now(), error="")
    return True
