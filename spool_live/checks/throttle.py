"""Checks of the throttle's rates, and of the cache that counts them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings as django_settings
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004

from spool_live import throttling
from spool_live.conf import LiveSettings
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.throttling.counting import DEADLINE, InvalidCacheBackendError, shared_cache, within


@register(Tags.caches, deploy=True)
def check_throttle_cache(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn if the throttle's cache does not answer. Runs with ``check --deploy``."""
    try:
        within(DEADLINE, lambda cache: cache.get("spool-live:check"), shared_cache())
    except (SpoolLiveConfigurationError, InvalidCacheBackendError):
        return []
    except Exception as error:  # noqa: BLE001 - whatever a cache client raises
        return [
            Warning(
                f"The throttle's cache does not answer ({type(error).__name__}): until it does, "
                "each process throttles by itself.",
                hint="Start it, or correct its LOCATION in CACHES.",
                id="spool_live.W008",
            )
        ]
    return []


def throttle_messages(settings: LiveSettings) -> Iterator[CheckMessage]:
    """Yield what is wrong with the rates, or with where they are counted."""
    for key in ("TOKEN_RATE", "UPDATES_RATE", "ADDRESS_RATE"):
        try:
            throttling.Rate.parse(getattr(settings, key.lower()))
        except SpoolLiveConfigurationError as error:
            message = f'SPOOL_LIVE["{key}"]: {error}'
            yield Error(message, hint='Write it as "600/min".', id="spool_live.E011")
    if settings.trusted_proxies < 0 or settings.failure_allowance < 0:
        yield Error(
            'SPOOL_LIVE["TRUSTED_PROXIES"] and SPOOL_LIVE["FAILURE_ALLOWANCE"] count something: '
            "they cannot be negative.",
            hint="TRUSTED_PROXIES is the number of your own proxies in front of Django.",
            id="spool_live.E012",
        )
    try:
        cache = shared_cache()
    except InvalidCacheBackendError:
        yield Error(
            f'SPOOL_LIVE["THROTTLE_CACHE"] = {settings.throttle_cache!r} is not in CACHES.',
            hint="Name an alias of CACHES.",
            id="spool_live.E013",
        )
        return
    if isinstance(cache, (LocMemCache, DummyCache)) and not django_settings.DEBUG:
        yield Warning(
            f"The throttle counts in {type(cache).__name__}: each process counts for itself.",
            hint='Point SPOOL_LIVE["THROTTLE_CACHE"] at a Redis cache.',
            id="spool_live.W007",
        )
