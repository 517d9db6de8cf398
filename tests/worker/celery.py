"""The Celery app of the processes."""

from __future__ import annotations

from celery import Celery

app = Celery("tests.worker")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
