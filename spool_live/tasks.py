"""The Celery tasks. Merge ``BEAT_SCHEDULE`` into the project's ``CELERY_BEAT_SCHEDULE``.

Commands do the same without Celery: ``live_deliver`` (deliver, sweep, mirror), ``live_cleanup``.

A project's settings import this module for the schedule, before Django has loaded the models.
Therefore the tasks import what they call when they run.
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
"""Seconds between two sweeps."""
ALERT_SECONDS = 15.0
"""Seconds between two evaluations of the alert rules."""
MIN_VERIFY_INTERVAL = timedelta(hours=1)
"""Minimum time between two verifications of isolation, if several processes schedule them."""

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    # No task has an expiry: a queue that is always late would discard each one. A sweep that comes
    # when there is nothing to do ends after a few queries.
    "spool-live-sweep": {"task": "spool_live.sweep", "schedule": SWEEP_SECONDS},
    "spool-live-alerts": {"task": "spool_live.alerts", "schedule": ALERT_SECONDS},
    "spool-live-verify": {"task": "spool_live.verify", "schedule": crontab(hour="3", minute="41")},
    "spool-live-cleanup": {"task": "spool_live.cleanup", "schedule": crontab(minute="17")},
}
"""The schedule of the periodic tasks, in the form of Celery's ``beat_schedule``."""


@contextmanager
def sound_connections() -> Iterator[None]:
    """Close database connections that an error in the block has broken.

    If ``CELERY_DB_REUSE_MAX`` is set, Celery would otherwise keep them for as many tasks, all of
    which would fail.
    """
    from django.db import close_old_connections

    try:
        yield
    except Exception:
        close_old_connections()
        raise


@shared_task(name="spool_live.deliver", ignore_result=True)
@sound_connections()
def deliver_updates(using: str) -> None:
    """Mirror changed sites of ``using``, deliver its updates, and send its webhooks."""
    from spool_live import delivery, heartbeats

    send_webhooks(using)
    with heartbeats.watched(using, heartbeats.Part.DELIVERY):
        delivery.deliver_and_mirror(using)


@shared_task(name="spool_live.sweep", ignore_result=True)
def sweep() -> None:
    """Deliver what no nudge has reported: updates whose nudge was lost, whose retry is due, whose
    worker was killed, or that are published or withdrawn at a set time.

    If nothing waits, it ends after two indexed queries for each database, one of them for webhooks.
    Collections with scheduled publication need one query more, and one for each of their date
    fields. An error of one database is raised at the end, after the others had their turn.
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
    """Send what waits for webhook endpoints. Never raises.

    In a Celery worker a separate thread sends; in a task that is called directly, or runs eagerly,
    this function sends before it returns.
    """
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
    """Send pending changes of sites and keys. What cannot be sent now is left to a later sweep."""
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
    webhooks' log, and the test sites that a killed ``verify_live`` has left."""
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
    """Verify every night that sites are isolated, as ``verify_rls`` does.

    Runs in one process at a time. If the Supabase database cannot be reached as the role that
    migrates, it records that the verification did not run.
    """
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
    """Record that a worker is alive, on a background thread: its event loop must not wait."""
    from spool_live import heartbeats
    from spool_live.supabase.databases import content_databases

    for using in content_databases():
        heartbeats.later(using, heartbeats.Part.WORKER)


@worker_init.connect(dispatch_uid="spool_live.tasks")
@worker_process_init.connect(dispatch_uid="spool_live.tasks")
def prepare_broadcaster(**kwargs: Any) -> None:
    """Load the broadcaster before a worker forks, and prepare it in each child process, so that the
    first update waits for neither."""
    from spool_live.broadcasters import get_broadcaster
    from spool_live.exceptions import BroadcastUnavailable

    with suppress(BroadcastUnavailable):  # a system check reports which setting is missing
        get_broadcaster().prepare()
