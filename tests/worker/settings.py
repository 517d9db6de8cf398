"""Settings of the processes; where the databases and the broker are says the starting test."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from spool_live.tasks import BEAT_SCHEDULE
from tests.worker import PROJECT

_project: dict[str, Any] = json.loads(Path(os.environ[PROJECT]).read_text())

DATABASES = _project["DATABASES"]
SPOOL_LIVE = _project["SPOOL_LIVE"]
CELERY_BROKER_URL = _project["CELERY_BROKER_URL"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE = BEAT_SCHEDULE

DATABASE_ROUTERS = ["spool_live.routers.LiveUpdatesRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "spool_live.urls"
ALLOWED_HOSTS = ["127.0.0.1"]
SECRET_KEY = "only for tests"
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "spool_live",
    "tests.testapp",
]
