"""The Celery app of the worker under test."""

from __future__ import annotations

import os

from celery import Celery, shared_task

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
app = Celery("benchmarks")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["spool_live"])


@shared_task(name="benchmarks.nothing", ignore_result=True)
def nothing(n: int) -> None:
    """Deliver one update: the task that the naive variant enqueues for each save."""


@shared_task(name="benchmarks.post_webhook", ignore_result=True)
def post_webhook(pk: int) -> None:
    """Send one webhook: the task that the naive variant enqueues for each message."""
    from benchmarks.naive_webhooks import post

    post(pk)
