"""The demo project on databases in memory: enough for its pages, its admin and its contents."""

from __future__ import annotations

import os
import tempfile

os.environ["SPOOL_LIVE_DEMO_STATE_DIR"] = tempfile.mkdtemp(prefix="newsroom-tests-")

from demo_project.settings import *  # noqa: F403
from demo_project.settings import SPOOL_LIVE as _SPOOL_LIVE

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SPOOL_LIVE = {
    **_SPOOL_LIVE,
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_for_tests",
    "SUPABASE_SECRET_KEY": "sb_secret_for_tests",
    "JWT_ALGORITHM": "HS256",
    "JWT_SIGNING_KEY": "a signing key for tests, of thirty-two bytes or more",
    "BROADCASTER": "spool_live.broadcasters.memory.MemoryBroadcaster",
    "METRICS_TOKEN": "a token for tests",
    "NUDGE": False,
}
