"""Django settings of the benchmarks. The rig names its ports in ``SPOOL_LIVE_BENCH`` (JSON)."""

from __future__ import annotations

import importlib.util
import json
import os
from typing import Any

RIG: dict[str, Any] = json.loads(os.environ["SPOOL_LIVE_BENCH"])

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": RIG["database_port"],
        "USER": "postgres",
        "PASSWORD": RIG["database_password"],
        "NAME": "postgres",
        "CONN_MAX_AGE": None,
    },
    "sqlite": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": RIG["sqlite"],
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    },
}
PEERS = {
    "reversion": "django-reversion",
    "simple_history": "django-simple-history",
    "pgtrigger": "",
    "pghistory": "django-pghistory",
    "django_outbox_pattern": "django-outbox-pattern",
    "django_eventstream": "django-eventstream",
}
INSTALLED_PEERS = [name for name in PEERS if importlib.util.find_spec(name)]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "rest_framework",
    *INSTALLED_PEERS,
    "spool_live",
    "benchmarks.newsroom",
]
MIGRATION_MODULES = {"newsroom": None}
DATABASE_ROUTERS = [
    "spool_live.routers.LiveUpdatesRouter",
    "benchmarks.newsroom.routers.TriggersOnPostgreSQL",
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "only for benchmarks"
USE_TZ = True
TIME_ZONE = "UTC"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "benchmarks.urls"
SILENCED_SYSTEM_CHECKS = ["admin.E403", "admin.E404", "admin.E408", "admin.E409", "admin.E410"]
DEFAULT_CONNECTIONS: dict[str, Any] = {}
DJANGO_OUTBOX_PATTERN: dict[str, Any] = {"DEFAULT_STOMP_HOST_AND_PORTS": []}
EVENTSTREAM_STORAGE_CLASS = "django_eventstream.storage.DjangoModelStorage"


def supabase_settings(given: dict[str, Any]) -> dict[str, Any]:
    """Return the part of ``SPOOL_LIVE`` that names Supabase: by default the receiver."""
    stub = f"http://127.0.0.1:{RIG['receiver_port']}"
    return {
        "SUPABASE_URL": given.get("supabase_url", stub),
        "SUPABASE_PUBLISHABLE_KEY": given.get("publishable_key", "sb_publishable_bench"),
        "SUPABASE_SECRET_KEY": given.get("secret_key", "sb_secret_bench"),
        "JWT_SIGNING_KEY": given.get("jwt_secret", "only for benchmarks, but of a decent length"),
    }


SPOOL_LIVE: dict[str, Any] = {
    **supabase_settings(RIG),
    "NUDGE": RIG.get("nudge", False),
    "TOKEN_RATE": "1000000/min",
    "UPDATES_RATE": "1000000/min",
    "ADDRESS_RATE": "1000000/min",
}
CELERY_BROKER_URL = f"redis://127.0.0.1:{RIG['broker_port']}/0"
CELERY_DB_REUSE_MAX = 1000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
