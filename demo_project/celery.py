"""The Celery application of the demo: ``celery -A demo_project worker``."""

import os
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_project.settings")

READY_FILE_VARIABLE = "SPOOL_LIVE_DEMO_READY_FILE"
"""The variable with the path of a file that the worker creates once it is ready; the demo's
supervisor waits for that file."""

app = Celery("demo_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
@beat_init.connect
def say_ready(**kwargs: Any) -> None:
    if path := os.environ.get(READY_FILE_VARIABLE):
        Path(path).touch()
