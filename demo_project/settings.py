"""Settings of the demo project.

Addresses and secrets come from the run file that ``manage.py demo`` writes (see ``state.py``), so
every command in the same checkout uses the running demo. Without a run file there is only a
database in memory: enough for ``check``, ``makemigrations`` and type checkers.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.management.utils import get_random_secret_key

from demo_project.state import load_credentials, running_demo, state_dir
from spool_live.tasks import BEAT_SCHEDULE

DEMO_STATE_DIR = state_dir()
DEMO = running_demo(DEMO_STATE_DIR)

DEBUG = True  # a demo on loopback: Django serves the static files itself
DEFAULT_EXCEPTION_REPORTER_FILTER = "demo_project.safety.NoAddresses"
CREDENTIALS = load_credentials(DEMO_STATE_DIR)
SECRET_KEY = CREDENTIALS.django_secret_key or get_random_secret_key()
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

SIDECAR = "drf_spectacular_sidecar"
INSTALLED_APPS = [
    "demo_project.newsroom",  # before the admin, whose header it overrides
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "spool_live",
    *(["drf_spectacular", SIDECAR] if find_spec(SIDECAR) else []),  # the page of the API
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "demo_project.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
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
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
SPECTACULAR_SETTINGS = {"SWAGGER_UI_DIST": "SIDECAR", "SWAGGER_UI_FAVICON_HREF": "SIDECAR"}
X_FRAME_OPTIONS = "SAMEORIGIN"  # the split view frames both papers

SQLITE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": DEMO_STATE_DIR / "content.sqlite3",
    "OPTIONS": {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    },
}


def postgresql(url: str) -> dict[str, Any]:
    """Return the ``DATABASES`` entry for a libpq URI."""
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname,
        "PORT": parts.port,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES: dict[str, dict[str, Any]]
if DEMO is None:
    DATABASES = {"default": {**SQLITE, "NAME": ":memory:"}}
    SILENCED_SYSTEM_CHECKS = ["spool_live.W001", "spool_live.W003", "spool_live.W004"]
elif DEMO.content == "sqlite":
    DATABASES = {"default": SQLITE, "supabase": postgresql(DEMO.database_url)}
else:
    DATABASES = {"default": postgresql(DEMO.database_url)}
DATABASE_ROUTERS = ["spool_live.routers.LiveUpdatesRouter"]

SPOOL_LIVE: dict[str, Any] = {
    "SUPABASE_URL": DEMO.supabase_url if DEMO else "http://127.0.0.1:54321",
    "SUPABASE_PUBLISHABLE_KEY": DEMO.publishable_key if DEMO else "",
    "SUPABASE_SECRET_KEY": DEMO.secret_key if DEMO else "",
    "SUPABASE_DATABASE": "supabase" if "supabase" in DATABASES else "default",
    "REALTIME_MODE": DEMO.mode if DEMO else "broadcast",
    "JWT_SIGNING_KEY": DEMO.signing_key if DEMO else "",
    "JWT_ALGORITHM": "ES256",
    "METRICS_TOKEN": CREDENTIALS.metrics_token,
    "SITES_FOR_USER": "demo_project.newsroom.people.sites_for_user",
    # Front ends of your own that are served elsewhere, e.g. "http://localhost:5173".
    "CORS_ALLOWED_ORIGINS": os.environ.get("SPOOL_LIVE_DEMO_ORIGINS", "").split(),
    # With these, an alert about a Supabase that hangs is sent within half a minute.
    "REQUEST_TIMEOUT": 10,
    "REALTIME_METRICS_URL": f"{DEMO.supabase_url}/realtime/v1/metrics" if DEMO else "",
    "REALTIME_METRICS_TOKEN": DEMO.secret_key if DEMO else "",
    # The sites are on this machine, on any free port.
    "WEBHOOK_ALLOWED_NETWORKS": ["127.0.0.0/8"],
    "WEBHOOK_PORTS": ["443", "1024-65535"],
}

# The sites' own servers call the API over HTTP, as they would from another machine.
NEWSROOM_URL = DEMO.web_url if DEMO else "http://127.0.0.1:8000"
NEWSROOM_API_URL = f"{NEWSROOM_URL}/spool-live/"

REDIS_URL = DEMO.redis_url if DEMO else "redis://127.0.0.1:6379/0"
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": os.environ.get("DEMO_CACHE_URL", REDIS_URL),
        "OPTIONS": {"serializer": "demo_project.safety.JSONSerializer"},
    }
}
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_DB_REUSE_MAX = 500
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE = {
    **BEAT_SCHEDULE,
    "publish due articles": {
        "task": "demo_project.newsroom.tasks.publish_due_articles",
        "schedule": 5.0,
    },
}
