"""The local Supabase of the project in the current folder."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import connections
from django.utils.connection import ConnectionDoesNotExist

from spool_live.conf import live_settings

if TYPE_CHECKING:
    from spool_live.local.config import LocalSupabaseConfig

LOOPBACK = {"127.0.0.1", "localhost"}
STATE_DIR = Path(".local-supabase")


def ports_of_settings() -> tuple[int | None, int | None]:
    """Return the ports of the API and its database that the settings name on this machine.

    Each is ``None`` if the settings name no such port.
    """
    try:
        settings = live_settings()
        address = urlsplit(settings.supabase_url)
        port = address.port if address.hostname in LOOPBACK else None
        database = connections[settings.supabase_database].settings_dict
    except (ImproperlyConfigured, ConnectionDoesNotExist, ValueError):
        return None, None
    is_here = database.get("HOST") in LOOPBACK and str(database.get("PORT") or "").isdecimal()
    return port, int(database["PORT"]) if is_here else None


def configuration(state_dir: Path = STATE_DIR) -> LocalSupabaseConfig:
    """Return addresses and secrets of the local Supabase in ``state_dir``, made if it is missing.

    Its ports are those of the settings, else the usual ones, else others if those are taken.

    Raises ``CommandError`` without the extra ``[local]``.
    """
    try:
        from spool_live.local import state
        from spool_live.local.command import DATABASE_PORT, PORT
        from spool_live.local.exceptions import LocalSupabaseError
    except ImportError as error:
        raise CommandError(str(error)) from error
    port, database_port = ports_of_settings()
    try:
        return state.configuration(
            state_dir,
            port=port or free_port(PORT),
            database_port=database_port or free_port(DATABASE_PORT),
        )
    except LocalSupabaseError as error:
        raise CommandError(str(error)) from error


def refuse_another_supabase(config: LocalSupabaseConfig) -> None:
    """Raise ``CommandError`` unless the settings point at the local Supabase ``config``."""
    settings = live_settings()
    if settings.supabase_url != config.url:
        raise CommandError(
            f'SPOOL_LIVE["SUPABASE_URL"] is {settings.supabase_url or "empty"}, not the local '
            f"Supabase of this folder ({config.url}): set SUPABASE_URL to that in .env, or run "
            "manage.py live_init --write where .env says nothing."
        )
    if settings.supabase_secret_key != config.secret_key:
        raise CommandError(
            f'SPOOL_LIVE["SUPABASE_SECRET_KEY"] is not that of the local Supabase in {STATE_DIR}: '
            f"remove the SUPABASE_ lines from .env and run manage.py live_init --write."
        )


def free_port(wanted: int) -> int:
    """Return the port ``wanted`` of this machine, or another one if it is taken.

    Raises ``CommandError`` if all are.
    """
    from spool_live.local.processes import (
        PortTakenError,
        listen_near,
        port_of,
    )

    try:
        with closing(listen_near(wanted)) as listener:
            return port_of(listener)
    except PortTakenError as error:
        raise CommandError("No port of this machine is free.") from error
