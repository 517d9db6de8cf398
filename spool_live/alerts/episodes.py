"""Episodes: found, notified once they have lasted, and closed when their rule has been quiet.

An alert is only worth a notice if the next evaluations find it as well. While another episode is
open, a new alert may be its consequence, and has to last longer. When several processes evaluate at
the same time, a unique key and conditional writes let only one of them create the notices.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from spool_live.alerts.rules import Alert
from spool_live.conf import LiveSettings
from spool_live.models import AlertEpisode, AlertNotice

KEPT = timedelta(days=90)
"""How long an episode that has ended is kept."""


def open_episodes(using: str) -> QuerySet[AlertEpisode]:
    """Return the episodes that were notified and have not ended."""
    return AlertEpisode.objects.using(using).filter(ended_at=None, notified_at__isnull=False)


def note(using: str, alerts: Iterable[Alert], now: datetime) -> None:
    """Store what was found: as a new episode, or as seen again."""
    episodes = AlertEpisode.objects.using(using)
    for alert in alerts:
        content = {"state": alert.state, "summary": alert.summary, "remedy": alert.remedy}
        if not episodes.filter(open_key=alert.key).update(seen_at=now, **content):
            times = {"started_at": alert.since, "found_at": now, "seen_at": now}
            names = {"rule": alert.rule, "subject": alert.subject}
            new = AlertEpisode(open_key=alert.key, **names, **times, **content)
            episodes.bulk_create([new], ignore_conflicts=True)


def open_lasting(using: str, now: datetime, settings: LiveSettings, channels: list[str]) -> int:
    """Create the notices of episodes that have lasted long enough; return how many there are."""
    is_calm = not open_episodes(using).exists()
    wait = settings.alert_after if is_calm else settings.alert_clear_after
    found = AlertEpisode.objects.using(using).filter(ended_at=None, notified_at=None)
    opened = 0
    for episode in found.filter(found_at__lte=now - wait):
        with transaction.atomic(using=using):
            if found.filter(pk=episode.pk).update(notified_at=now):
                _create_notices(using, episode, AlertNotice.Kind.FIRING, now, channels)
                opened += 1
    return opened


def close_quiet(
    using: str, present: Collection[str], now: datetime, quiet: timedelta, channels: list[str]
) -> int:
    """Close the open episodes not seen for ``quiet``, with their notices; return how many.

    Also delete the episodes that were never notified and whose keys are no longer ``present``, and
    those that ended longer than ``KEPT`` ago.
    """
    episodes = AlertEpisode.objects.using(using)
    episodes.filter(ended_at=None, notified_at=None).exclude(open_key__in=list(present)).delete()
    closed = 0
    for episode in open_episodes(using).filter(seen_at__lte=now - quiet):
        with transaction.atomic(using=using):
            mine = episodes.filter(pk=episode.pk, ended_at=None, seen_at=episode.seen_at)
            if mine.update(ended_at=now, open_key=None):
                _create_notices(using, episode, AlertNotice.Kind.RECOVERED, now, channels)
                closed += 1
    episodes.filter(ended_at__lt=now - KEPT).delete()
    return closed


def _create_notices(
    using: str, episode: AlertEpisode, kind: AlertNotice.Kind, now: datetime, channels: list[str]
) -> None:
    AlertNotice.objects.using(using).bulk_create(
        [
            AlertNotice(episode=episode, kind=kind, channel=channel, due_at=now)
            for channel in channels
        ]
    )
