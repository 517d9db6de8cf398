"""Settings of the test suite: a PostgreSQL of its own per process, with Supabase's roles in it.

``SPOOL_LIVE_TEST_CONTENT`` puts the content on ``sqlite`` or on ``mariadb`` (at the URL in
``SPOOL_LIVE_TEST_MARIADB``) and leaves the live tables on PostgreSQL (two aliases); the default is
everything on one PostgreSQL.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django

from spool_live.local.config import AT_ONCE, LocalSupabaseConfig
from spool_live.local.processes import free_port
from tests.real_supabase import given_supabase

STATE_DIR = Path(tempfile.mkdtemp(prefix="spool-live-tests-"))
atexit.register(shutil.rmtree, STATE_DIR, ignore_errors=True)
LOCAL_SUPABASE: LocalSupabaseConfig = given_supabase(STATE_DIR) or LocalSupabaseConfig.generate(
    STATE_DIR / "supabase", port=free_port(), database_port=free_port(), pace=AT_ONCE
)
CONTENT = os.environ.get("SPOOL_LIVE_TEST_CONTENT", "postgresql")

_SUPABASE: dict[str, Any] = {
    "ENGINE": "django.db.backends.postgresql",
    "HOST": LOCAL_SUPABASE.host,
    "PORT": LOCAL_SUPABASE.database_port,
    "USER": "postgres",
    "PASSWORD": LOCAL_SUPABASE.database_password,
    "NAME": LOCAL_SUPABASE.database_name,
}
_SQLITE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": STATE_DIR / "content.sqlite3",
    "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
}


def _mariadb(url: str) -> dict[str, Any]:
    """``mysql://user:password@host:port/name`` as Django wants it; each process of pytest-xdist has
    a database of its own, ``name_gw0`` and so on."""
    parts = urlsplit(url)
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    return {
        "ENGINE": "django.db.backends.mysql",
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": parts.username,
        "PASSWORD": parts.password,
        "NAME": parts.path.strip("/") + (f"_{worker}" if worker else ""),
        "OPTIONS": {"charset": "utf8mb4"},
    }


DATABASES: dict[str, dict[str, Any]] = {
    "default": _SUPABASE,
    "other": {**_SQLITE, "NAME": STATE_DIR / "other.sqlite3"},
}
if CONTENT != "postgresql":
    _content = _SQLITE if CONTENT == "sqlite" else _mariadb(os.environ["SPOOL_LIVE_TEST_MARIADB"])
    DATABASES = {"default": _content, "other": DATABASES["other"], "supabase": _SUPABASE}
for _database in DATABASES.values():
    _database["TEST"] = {"NAME": _database["NAME"], "MIGRATE": True}

DATABASE_ROUTERS = ["spool_live.routers.LiveUpdatesRouter"]
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "only for tests"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
USE_TZ = True
TIME_ZONE = "UTC"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.urls"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "rest_framework",
    "spool_live",
    "tests.testapp",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"

SPOOL_LIVE: dict[str, Any] = {
    "ALERT_ON_EDITS": False,  # from a thread of its own, amid whatever test comes next
    "SUPABASE_URL": LOCAL_SUPABASE.url,
    "SUPABASE_PUBLISHABLE_KEY": LOCAL_SUPABASE.publishable_key,
    "SUPABASE_SECRET_KEY": LOCAL_SUPABASE.secret_key,
    "SUPABASE_DATABASE": "default" if CONTENT == "postgresql" else "supabase",
    "JWT_SIGNING_KEY": LOCAL_SUPABASE.jwt_secret,
    "BROADCASTER": "spool_live.broadcasters.memory.MemoryBroadcaster",
    "NUDGE": False,
    "NUDGE_IN_TESTS": True,
}
CELERY_BROKER_URL = "memory://"
