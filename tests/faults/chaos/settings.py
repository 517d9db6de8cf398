"""Settings of every process of the run; where its parts are, the stage's file says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from spool_live.tasks import BEAT_SCHEDULE
from tests.faults.chaos import BATCH_SIZE, ROLE, STAGE, SUPABASE

_stage: dict[str, Any] = json.loads(Path(os.environ[STAGE]).read_text())


def _database(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "NAME": "postgres",
        "CONN_MAX_AGE": None,
        "OPTIONS": {"application_name": os.environ.get(ROLE, "conductor")},
        **given,
    }


DATABASES = {"default": _database(_stage["content"]), "supabase": _database(_stage["supabase"])}
DATABASE_ROUTERS = ["spool_live.routers.LiveUpdatesRouter"]
SPOOL_LIVE: dict[str, Any] = {**_stage["live"]}
SPOOL_LIVE["SUPABASE_URL"] = os.environ.get(SUPABASE, SPOOL_LIVE["SUPABASE_URL"])
SPOOL_LIVE["DELIVERY_BATCH_SIZE"] = int(os.environ.get(BATCH_SIZE, "500"))

CELERY_BROKER_URL = _stage["broker_url"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_DB_REUSE_MAX = 1000
CELERY_BEAT_SCHEDULE = {
    name: {**entry, "schedule": 1.0, "options": {"expires": 1.0}}
    for name, entry in BEAT_SCHEDULE.items()
    if name == "spool-live-sweep"
}

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "spool_live",
    "tests.faults.chaos.newsroom",
]
MIGRATION_MODULES = {"newsroom": None}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "only for tests"
USE_TZ = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.faults.chaos.urls"
