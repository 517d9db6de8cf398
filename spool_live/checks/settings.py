"""Checks of ``SPOOL_LIVE``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.apps import AppConfig
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004
from django.db import connections

from spool_live import tokens
from spool_live.broadcasters import get_broadcaster
from spool_live.checks.alerts import alert_messages
from spool_live.checks.project import project_messages
from spool_live.checks.supabase_keys import role_of
from spool_live.checks.supabase_project import project_address_messages, project_key_messages
from spool_live.checks.throttle import throttle_messages
from spool_live.checks.webhooks import webhook_messages
from spool_live.conf import (
    DEFAULT_BROADCASTER,
    JWT_ALGORITHMS,
    REALTIME_MODES,
    LiveSettings,
    live_settings,
)
from spool_live.documentation import page
from spool_live.exceptions import SpoolLiveConfigurationError

SHORTEST_TOKEN = timedelta(minutes=1)
LONGEST_TOKEN = timedelta(hours=1)
ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")
"""An origin as browsers send it: lower case, without path or final slash."""
ROUTER = "spool_live.routers.LiveUpdatesRouter"


@register(Tags.compatibility)
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Read ``SPOOL_LIVE`` and report what is wrong with it."""
    try:
        settings = live_settings()
    except SpoolLiveConfigurationError as error:
        return [Error(str(error), hint=f"See {page('reference/settings')}", id="spool_live.E001")]
    return [
        *_database_messages(settings),
        *_choice_messages(settings),
        *_key_messages(settings),
        *project_address_messages(settings),
        *project_key_messages(settings),
        *_signing_messages(settings),
        *_delivery_messages(settings),
        *throttle_messages(settings),
        *_cors_messages(settings),
        *project_messages(settings),
        *alert_messages(settings),
        *webhook_messages(settings),
    ]


def _cors_messages(settings: LiveSettings) -> Iterator[CheckMessage]:
    for origin in settings.cors_allowed_origins:
        if not ORIGIN.fullmatch(origin):
            yield Error(
                f'SPOOL_LIVE["CORS_ALLOWED_ORIGINS"] has {origin!r}, which is not an origin.',
                hint="Write scheme, host and port as a browser sends them, in lower case and "
                'without a path: "https://www.example.org". There is no wildcard.',
                id="spool_live.E016",
            )


def _database_messages(settings: LiveSettings) -> Iterator[CheckMessage]:
    alias = settings.supabase_database
    if alias not in connections:
        yield Error(
            f'SPOOL_LIVE["SUPABASE_DATABASE"] = {alias!r} is not in DATABASES.',
            hint="Add the alias, or leave the key out to use the default database.",
            id="spool_live.E002",
        )
        return
    if settings.has_separate_databases and ROUTER not in django_settings.DATABASE_ROUTERS:
        yield Error(
            f"The Supabase database has an alias of its own ({alias!r}), but no router.",
            hint=f"Add {ROUTER!r} to DATABASE_ROUTERS.",
            id="spool_live.E003",
        )
    if connections[alias].vendor != "postgresql" and settings.broadcaster == DEFAULT_BROADCASTER:
        yield Warning(
            f"The database {alias!r} is not PostgreSQL, so it cannot be Supabase's.",
            hint=(
                'Point SPOOL_LIVE["SUPABASE_DATABASE"] at an alias of the Supabase database. It is '
                "needed for migrate, live_setup and the audits only."
            ),
            id="spool_live.W001",
        )
    for name in connections:
        options = connections[name].settings_dict.get("OPTIONS", {})
        sqlite = connections[name].vendor == "sqlite"
        if sqlite and options.get("transaction_mode") != "IMMEDIATE":
            yield Warning(
                f"SQLite ({name!r}) without transaction_mode IMMEDIATE fails with 'database is "
                "locked' where an edit and a delivery meet.",
                hint=f'DATABASES[{name!r}]["OPTIONS"] = {{"transaction_mode": "IMMEDIATE"}}',
                id="spool_live.W002",
            )


def _choice_messages(settings: LiveSettings) -> Iterator[CheckMessage]:
    for key, value, choices in (
        ("REALTIME_MODE", settings.realtime_mode, REALTIME_MODES),
        ("JWT_ALGORITHM", settings.jwt_algorithm, JWT_ALGORITHMS),
    ):
        if value not in choices:
            yield Error(
                f'SPOOL_LIVE["{key}"] = {value!r} is not known.',
                hint=f"Choose one of {', '.join(choices)}.",
                id="spool_live.E004",
            )
    try:
        get_broadcaster()
    except SpoolLiveConfigurationError as error:
        yield Error(str(error), hint="Name a class by its dotted path.", id="spool_live.E005")


def _key_messages(settings: LiveSettings) -> Iterator[CheckMessage]:
    for key in ("SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY"):
        if not getattr(settings, key.lower()):
            yield Warning(
                f'SPOOL_LIVE["{key}"] is not set: updates are recorded but not delivered.',
                hint="Copy it from the Supabase project, or from manage.py local_supabase.",
                id="spool_live.W003",
            )
    if role_of(settings.supabase_publishable_key) == "service_role":
        yield Error(
            'SPOOL_LIVE["SUPABASE_PUBLISHABLE_KEY"] holds a secret key: subscribers would get it.',
            hint="Put the publishable (or legacy anon) key there, and rotate the secret one.",
            id="spool_live.E006",
        )
    if role_of(settings.supabase_secret_key) == "anon":
        yield Error(
            'SPOOL_LIVE["SUPABASE_SECRET_KEY"] holds a publishable key: it may not write.',
            hint="Put the secret (or legacy service_role) key there.",
            id="spool_live.E007",
        )


def _signing_messages(settings: LiveSettings) -> Iterator[CheckMessage]:
    if settings.jwt_algorithm not in JWT_ALGORITHMS:
        return
    try:
        keys = tokens.signing_keys()
    except SpoolLiveConfigurationError as error:
        unset = not settings.jwt_signing_key
        yield (Warning if unset else Error)(
            str(error),
            hint="The Supabase project's JWT settings have it, or manage.py local_supabase.",
            id="spool_live.W004" if unset else "spool_live.E008",
        )
    else:
        if settings.jwt_algorithm != "HS256" and not keys.key_id:
            yield Error(
                f'SPOOL_LIVE["JWT_KEY_ID"] is not set: Realtime finds {settings.jwt_algorithm} '
                "keys by their kid only.",
                hint="Give it the kid of the project's signing key.",
                id="spool_live.E009",
            )
    if not SHORTEST_TOKEN <= settings.token_lifetime <= LONGEST_TOKEN:
        yield Warning(
            f'SPOOL_LIVE["TOKEN_LIFETIME"] is {settings.token_lifetime}.',
            hint="Set it to one minute to one hour: a token cannot be withdrawn from a private "
            "channel that missed its epoch, and a very short one is renewed all the time.",
            id="spool_live.W006",
        )


def _delivery_messages(settings: LiveSettings) -> Iterator[CheckMessage]:
    if settings.delivery_lease <= settings.request_timeout:
        yield Error(
            f'SPOOL_LIVE["DELIVERY_LEASE"] ({settings.delivery_lease}) is not longer than '
            f'SPOOL_LIVE["REQUEST_TIMEOUT"] ({settings.request_timeout}): a worker whose lease may '
            "end within a request does not send it, so nothing would be delivered.",
            hint="Make it several times as long. The defaults are 60 and 15 seconds.",
            id="spool_live.E014",
        )
