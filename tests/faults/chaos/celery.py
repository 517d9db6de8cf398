"""The Celery app of the workers and of beat."""

from __future__ import annotations

from celery import Celery

app = Celery("tests.faults.chaos")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["spool_live"])
