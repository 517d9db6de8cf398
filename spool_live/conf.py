"""The setting ``SPOOL_LIVE``: one dict in the project's settings, one frozen object here.

Nothing is read at import; ``live_settings`` reads the setting once, and again after
``setting_changed``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any, Literal, cast
from uuid import UUID

from django.conf import settings
from django.core.signals import setting_changed
from django.db import DEFAULT_DB_ALIAS

from spool_live.exceptions import SpoolLiveConfigurationError

RealtimeMode = Literal["broadcast", "postgres_changes"]
REALTIME_MODES = ("broadcast", "postgres_changes")
JWT_ALGORITHMS = ("HS256", "ES256", "RS256")
POSTGRES_CHANGES_BATCH = 200
"""Most rows in one transaction with Postgres Changes. Realtime checks each row for each
subscription of the project: with 1,000 subscriptions this takes 6 of the 15 seconds that its poller
has."""
DEFAULT_BROADCASTER = "spool_live.broadcasters.supabase.SupabaseBroadcaster"


WEBHOOK_RETRIES = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
)
"""Waits between the attempts at one message, 27.6 hours in all: the schedule of Svix."""


@dataclass(frozen=True)
class LiveSettings:
    """The settings in ``SPOOL_LIVE``, each key in lower case. Durations are ``timedelta`` (a plain
    number in the setting means seconds); sizes are bytes. Secrets stay out of ``repr``."""

    supabase_url: str = ""
    supabase_publishable_key: str = field(default="", repr=False)
    supabase_secret_key: str = field(default="", repr=False)
    supabase_database: str = "default"
    realtime_mode: RealtimeMode = "broadcast"
    site: str = ""

    jwt_signing_key: str = field(default="", repr=False)
    jwt_algorithm: str = "HS256"
    jwt_key_id: str = ""
    token_lifetime: timedelta = timedelta(minutes=10)

    retention: timedelta = timedelta(hours=1)
    history_retention: timedelta = timedelta(days=7)

    broadcaster: str = DEFAULT_BROADCASTER
    request_timeout: timedelta = timedelta(seconds=15)
    delivery_batch_size: int = 1_000
    delivery_batch_bytes: int = 2_000_000
    delivery_lease: timedelta = timedelta(seconds=60)
    delivery_linger: timedelta = timedelta(milliseconds=20)
    delivery_rate: int = 0
    delivery_backlog: timedelta = timedelta(minutes=1)
    retry_base: timedelta = timedelta(seconds=1)
    retry_max: timedelta = timedelta(minutes=5)
    nudge: bool = True
    nudge_interval: timedelta = timedelta(milliseconds=10)
    nudge_in_tests: bool = False

    token_rate: str = "600/min"  # noqa: S105 - a rate, not a password
    updates_rate: str = "3000/min"
    address_rate: str = "6000/min"
    failure_allowance: int = 20
    failure_penalty_max: timedelta = timedelta(minutes=15)
    failure_alert: int = 100
    failure_retention: timedelta = timedelta(days=30)
    throttle_cache: str = "default"
    trusted_proxies: int = 0
    cors_allowed_origins: tuple[str, ...] = ()
    metrics_token: str = field(default="", repr=False)

    webhook_timeout: timedelta = timedelta(seconds=15)
    webhook_retries: tuple[timedelta, ...] = WEBHOOK_RETRIES
    webhook_disable_after: timedelta = timedelta(days=5)
    webhook_concurrency: int = 32
    webhook_ports: tuple[str, ...] = ("443", "8443")
    webhook_allowed_networks: tuple[str, ...] = ()
    webhook_proxy: str = field(default="", repr=False)
    webhook_log_retention: timedelta = timedelta(days=30)
    webhook_log_size: int = 1_000

    realtime_metrics_url: str = ""
    realtime_metrics_token: str = field(default="", repr=False)

    isolation_accepted: str = ""

    sites_for_user: str | Callable[[Any], Any] = ""

    delayed_after: timedelta = timedelta(seconds=15)
    stopped_after: timedelta = timedelta(seconds=15)
    cleanup_late_after: timedelta = timedelta(hours=3)

    alert_emails: tuple[str, ...] = ()
    alert_webhook_url: str = ""
    alert_webhook_secret: str = field(default="", repr=False)
    alert_heartbeat_url: str = field(default="", repr=False)
    alert_after: timedelta = timedelta(seconds=5)
    alert_clear_after: timedelta = timedelta(seconds=15)
    alert_failed_authentications: int = 1_000
    alert_outbox_size: int = 100_000
    alert_throttled: int = 1_000
    alert_latency_factor: int = 5
    alert_connections: int = 0
    alert_on_edits: bool = True

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> LiveSettings:
        """Return the settings in ``given`` (keys in upper case), with defaults for the others.

        Raises ``SpoolLiveConfigurationError`` for an unknown key, with the nearest known one,
        and for a value of the wrong type.
        """
        known = {f.name.upper(): f for f in fields(cls)}
        values: dict[str, Any] = {}
        for key, value in given.items():
            if key not in known:
                near = difflib.get_close_matches(str(key).upper(), known, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise SpoolLiveConfigurationError(f"SPOOL_LIVE has no key {key!r}.{hint}")
            values[key.lower()] = _typed(key, value, known[key].default)
        return cls(**values)

    @property
    def batch_limit(self) -> int:
        """Most updates in one batch: a second's worth where ``DELIVERY_RATE`` is set, and no more
        than ``POSTGRES_CHANGES_BATCH`` with Postgres Changes."""
        sizes = [self.delivery_batch_size]
        if self.delivery_rate:
            sizes.append(self.delivery_rate)
        if self.realtime_mode == "postgres_changes":
            sizes.append(POSTGRES_CHANGES_BATCH)
        return max(1, min(sizes))

    @property
    def has_separate_databases(self) -> bool:
        """Whether the Supabase database is an alias of its own, beside the ``default``."""
        return self.supabase_database != DEFAULT_DB_ALIAS


def _typed(key: str, value: Any, default: object) -> Any:
    if key == "SITES_FOR_USER" and callable(value):
        return value
    if isinstance(default, timedelta):
        return _duration(key, value)
    if isinstance(default, tuple):
        if default and isinstance(default[0], timedelta):
            if not isinstance(value, (list, tuple)):
                raise SpoolLiveConfigurationError(
                    f"SPOOL_LIVE[{key!r}] must be a list of durations."
                )
            return tuple(_duration(key, one) for one in value)
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
            raise SpoolLiveConfigurationError(f"SPOOL_LIVE[{key!r}] must be a list of strings.")
        return tuple(value)
    if isinstance(default, str) and (isinstance(value, UUID) or hasattr(value, "__fspath__")):
        value = str(value)
    if type(value) is not type(default):
        expected = type(default).__name__
        raise SpoolLiveConfigurationError(
            f"SPOOL_LIVE[{key!r}] must be {expected}, not {type(value).__name__}."
        )
    return value


def _duration(key: str, value: Any) -> timedelta:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = timedelta(seconds=value)
    if not isinstance(value, timedelta):
        raise SpoolLiveConfigurationError(
            f"SPOOL_LIVE[{key!r}] must be a timedelta or a number of seconds."
        )
    return value


_current: LiveSettings | None = None


def live_settings() -> LiveSettings:
    """Return the settings in force. Raises ``SpoolLiveConfigurationError`` when they are
    wrong."""
    global _current  # noqa: PLW0603 - the one cached value, reset on setting_changed
    if _current is None:
        given = getattr(settings, "SPOOL_LIVE", {})
        if not isinstance(given, Mapping):
            raise SpoolLiveConfigurationError("SPOOL_LIVE must be a dict.")
        _current = LiveSettings.from_mapping(cast("Mapping[str, Any]", given))
    return _current


def _forget(*, setting: str, **kwargs: object) -> None:
    global _current  # noqa: PLW0603
    if setting == "SPOOL_LIVE":
        _current = None


setting_changed.connect(_forget, dispatch_uid="spool_live.conf")
