"""Replaces the secrets of the settings in texts that are printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connections

from spool_live.checks.supabase_keys import role_of
from spool_live.conf import LiveSettings

HIDDEN = "[secret]"
SHORTEST = 4
"""Characters: a shorter value is not replaced, as it may occur within words."""
_NOT_SECRET = ("SUPABASE_PUBLISHABLE_KEY",)
"""Left out of ``repr`` because it is long, not because it is secret: every subscriber gets it."""


def without_secrets(text: str) -> str:
    """Return ``text`` with every secret of the settings replaced by ``[secret]``."""
    for secret in sorted(set(_secrets()), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _secrets() -> Iterator[str]:
    """Yield the secrets of the settings, even if ``SPOOL_LIVE`` as a whole cannot be read."""
    given = getattr(settings, "SPOOL_LIVE", {})
    names = {field.name.upper() for field in fields(LiveSettings) if not field.repr}
    if isinstance(given, dict):
        values: list[Any] = [given.get(name) for name in names.difference(_NOT_SECRET)]
        if _is_secret_key(given.get("SUPABASE_PUBLISHABLE_KEY")):
            values.append(given["SUPABASE_PUBLISHABLE_KEY"])
    else:
        values = []
    values.append(getattr(settings, "SECRET_KEY", ""))
    values += [connections[alias].settings_dict.get("PASSWORD") for alias in connections]
    urls = [getattr(settings, "CELERY_BROKER_URL", ""), *_cache_addresses()]
    values += [_password(url) for url in urls if isinstance(url, str)]
    for value in values:
        if isinstance(value, str) and len(value) >= SHORTEST:
            yield value


def _is_secret_key(key: Any) -> bool:
    return isinstance(key, str) and role_of(key) == "service_role"


def _cache_addresses() -> Iterator[Any]:
    for cache in getattr(settings, "CACHES", {}).values():
        location = cache.get("LOCATION", "")
        yield from location if isinstance(location, (list, tuple)) else (location,)


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""
