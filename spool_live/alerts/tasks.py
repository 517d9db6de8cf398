"""The Celery task, which the app registers when it is ready."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from spool_live.alerts.evaluation import evaluate_if_overdue
from spool_live.tasks import sound_connections

MIN_INTERVAL = timedelta(seconds=5)


@shared_task(name="spool_live.alerts", ignore_result=True)
@sound_connections()
def evaluate_alerts() -> None:
    """Evaluate all alert rules and send the notices that are due.

    Of the tasks that were queued while no worker ran, one evaluates.
    """
    evaluate_if_overdue(MIN_INTERVAL)
