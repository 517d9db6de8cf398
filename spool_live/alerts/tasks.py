"""The Celery task, which the app registers when it is ready."""

from __future__ import annotations

from celery import shared_task

from spool_live.alerts.evaluation import evaluate
from spool_live.tasks import sound_connections


@shared_task(name="spool_live.alerts", ignore_result=True)
@sound_connections()
def evaluate_alerts() -> None:
    """Evaluates all alert rules and sends what is due."""
    evaluate()
