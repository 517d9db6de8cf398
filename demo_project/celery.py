"""The Celery application of the demo: ``celery -A demo_project worker``."""

import os
import uuid
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_project.settings")

READY_FILE_VARIABLE = "SPOOL_LIVE_DEMO_READY_FILE"
"""Names a file that the process creates once it works; the demo's supervisor waits for it."""

app = Celery("demo_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
def greet_supabase(**kwargs: Any) -> None:
    """Importing its client and the first connection take a while: not the first editor's."""
    from spool_live.broadcasters import get_broadcaster  # noqa: PLC0415 - needs the settings

    get_broadcaster().newest_seqs([uuid.uuid4()])


@worker_ready.connect
@beat_init.connect
def say_ready(**kwargs: Any) -> None:
    if path := os.environ.get(READY_FILE_VARIABLE):
        Path(path).touch()
