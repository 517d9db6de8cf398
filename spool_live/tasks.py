"""The Celery tasks: thin. Merge ``BEAT_SCHEDULE`` into the project's ``CELERY_BEAT_SCHEDULE``.

Each task is a command as well: ``live_deliver`` (deliver, sweep, mirror) and ``live_cleanup``.

Settings import this module for the schedule, before there are models: the tasks import what they
call when they run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from celery import shared_task
from celery.schedules import crontab
from celery.signals import heartbeat_sent, worker_init, worker_process_init

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 5.0
ALERT_SECONDS = 15.0
MIN_VERIFY_INTERVAL = timedelta(hours=1)

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    # They never expire: on a queue that is late they would be thrown away each time. A sweep too
    # many ends after one query.
    "spool-live-sweep": {"task": "spool_live.sweep", "schedule": SWEEP_SECONDS},
    "spool-live-alerts": {"task": "spool_live.alerts", "schedule": ALERT_SECONDS},
    "spool-live-verify": {"task": "spool_live.verify", "schedule": crontab(hour="3", minute="41")},
    "spool-live-cleanup": {"task": "spool_live.cleanup", "schedule": crontab(minute="17")},
}


@contextmanager
def sound_connections() -> Iterator[None]:
    """Give up the database connections that an error has broken. Where ``CELERY_DB_REUSE_MAX`` is
    set Celery would keep them for as many tasks, all of which would fail."""
    from django.db import close_old_connections

    try:
        yield
    except Exception:
        close_old_connections()
        raise


@shared_task(name="spool_live.deliver", ignore_result=True)
@sound_connections()
def deliver_updates(using: str) -> None:
    """Bring sites and keys up to date at Supabase and deliver what waits on ``using``; what waits
    for webhook endpoints is sent beside it."""
    from spool_live import delivery, heartbeats

    send_webhooks(using)
    with heartbeats.watched(using, heartbeats.Part.DELIVERY):
        delivery.deliver_and_mirror(using)


@shared_task(name="spool_live.sweep", ignore_result=True)
def sweep() -> None:
    """Find what no nudge reported: lost nudges, due retries, ended leases, and what the clock
    publishes and withdraws.

    Where nothing waits it ends after two indexed queries a database, one of them for webhooks, and
    with collections that are published by the clock one more, and one for each such field. A
    database that is away does not keep the others waiting; its error is raised at the end.
    """
    from django.db import Error

    from spool_live import heartbeats, outbox
    from spool_live.signals import sweeping
    from spool_live.supabase.databases import content_databases

    failure: Error | None = None
    for using in content_databases():
        heartbeats.beat(using, heartbeats.Part.SWEEP)
        try:
            with sound_connections():
                sweeping.send_robust(sender=None, using=using)
                if outbox.is_anything_waiting(using):
                    deliver_updates(using)
                else:
                    send_webhooks(using)
        except Error as error:
            failure = error
    if failure:
        raise failure


def send_webhooks(using: str) -> None:
    """Send what waits for webhook endpoints: in a worker on a thread of its own, elsewhere (a task
    that is called, or eager) before it returns. Raises nothing."""
    from celery import current_app

    from spool_live import webhooks

    task = current_app.current_worker_task
    if task is not None and not task.request.is_eager:
        webhooks.sender.wake(using)
        return
    try:
        webhooks.send_pending(using)
    except Exception:
        logger.exception("webhooks wait for the next sweep")


@shared_task(name="spool_live.mirror", ignore_result=True)
@sound_connections()
def mirror_changes(using: str) -> None:
    """Send pending changes of sites and keys; what cannot go now goes with a later sweep."""
    from spool_live.delivery import mirror
    from spool_live.exceptions import BroadcastUnavailable, CircuitOpen

    try:
        mirror.mirror_pending(using)
    except CircuitOpen:
        return
    except BroadcastUnavailable as error:
        mirror.logger.warning("sites and keys wait: %s", error)


@shared_task(name="spool_live.cleanup", ignore_result=True)
@sound_connections()
def clean_up() -> None:
    """Remove expired rows from the live table, settled entries from the outbox, old lines from the
    webhooks' log, and what a killed ``verify_live`` has left."""
    from spool_live import webhooks
    from spool_live.delivery import cleanup
    from spool_live.isolation.live.sites import remove_left_behind
    from spool_live.supabase.databases import content_databases

    for using in content_databases():
        webhooks.purge_log(using)
    cleanup.clean_up()
    for using in content_databases():
        remove_left_behind(using)


@shared_task(name="spool_live.verify", ignore_result=True)
@sound_connections()
def verify_isolation() -> None:
    """Prove every night that sites are isolated, as ``verify_rls`` does: one process at a time, and
    only where the Supabase database can be reached as the role that migrates."""
    from spool_live import heartbeats
    from spool_live.isolation import CannotVerifyError, recording, verify
    from spool_live.supabase.databases import content_databases

    part = heartbeats.Part.VERIFY_RLS
    if not heartbeats.claim(content_databases()[0], part, MIN_VERIFY_INTERVAL):
        return
    try:
        report = verify()
    except CannotVerifyError as error:
        recording.record_not_run(str(error))
        return
    recording.record_rls(report)


@heartbeat_sent.connect(dispatch_uid="spool_live.tasks")
def note_worker(**kwargs: Any) -> None:
    """Note that a worker is alive, from a thread of ours: its event loop must not wait."""
    from spool_live import heartbeats
    from spool_live.supabase.databases import content_databases

    for using in content_databases():
        heartbeats.later(using, heartbeats.Part.WORKER)


@worker_init.connect(dispatch_uid="spool_live.tasks")
@worker_process_init.connect(dispatch_uid="spool_live.tasks")
def prepare_broadcaster(**kwargs: Any) -> None:
    """Load the broadcaster before a worker forks and prepare it in each child: the first update
    should wait for neither."""
    from spool_live.broadcasters import get_broadcaster
    from spool_live.exceptions import BroadcastUnavailable

    with suppress(BroadcastUnavailable):  # a check says what is not set
        get_broadcaster().prepare()
