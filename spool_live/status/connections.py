"""How many clients are connected to Realtime, where that can be determined.

Realtime's metrics have the number, if ``REALTIME_METRICS_URL`` is set; in the mode
``postgres_changes`` it is counted in Realtime's table of subscriptions, if the Supabase database is
one of the project's aliases. Commands and the evaluation of alerts ask for it, and store the answer
as a heartbeat for everything else.
"""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
from django.db import DatabaseError, connections, transaction

from spool_live import heartbeats
from spool_live.conf import live_settings
from spool_live.exceptions import SpoolLiveError
from spool_live.sql import read_sql
from spool_live.supabase.databases import content_databases, is_supabase_database

PATIENCE = 3.0
"""Seconds that Realtime's metrics may take."""
EVERY = timedelta(seconds=20)
"""How often all processes together ask at most."""
_SAMPLE = re.compile(r"^realtime_connections_connected(?:\{[^}]*\})? ([0-9.eE+]+)", re.MULTILINE)


class ConnectionsUnknownError(SpoolLiveError):
    """Realtime's metrics cannot be read. The message holds no address and no secret."""


def ask_connections() -> None:
    """Count the connected clients and store the number, unless a process did a moment ago."""
    using = content_databases()[0]
    if not _can_be_known() or not heartbeats.claim(using, heartbeats.Part.REALTIME, EVERY):
        return
    try:
        number = count_connections()
    except (ConnectionsUnknownError, DatabaseError) as error:
        heartbeats.failed(using, heartbeats.Part.REALTIME, heartbeats.reason(error), {})
    else:
        heartbeats.succeeded(using, heartbeats.Part.REALTIME, {"connections": number})


def count_connections() -> int | None:
    """Return how many clients are connected, or ``None`` where that cannot be determined.

    Raises ``ConnectionsUnknownError`` if the metrics cannot be read, and ``DatabaseError`` if the
    Supabase database does not answer.
    """
    settings = live_settings()
    if settings.realtime_metrics_url:
        return _by_metrics(settings.realtime_metrics_url, settings.realtime_metrics_token)
    if not _can_be_known():
        return None
    alias = settings.supabase_database
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(read_sql("status/subscriptions"))
        return int(cursor.fetchone()[0])


def _can_be_known() -> bool:
    settings = live_settings()
    by_table = settings.realtime_mode == "postgres_changes" and is_supabase_database(
        settings.supabase_database
    )
    return bool(settings.realtime_metrics_url) or by_table


def _by_metrics(url: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = httpx.get(url, headers=headers, timeout=PATIENCE)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ConnectionsUnknownError(f"Realtime's metrics: {type(error).__name__}") from error
    if not answer.is_success:
        raise ConnectionsUnknownError(f"Realtime's metrics: HTTP {answer.status_code}")
    samples = _SAMPLE.findall(answer.text)
    if not samples:
        raise ConnectionsUnknownError("Realtime's metrics have no realtime_connections_connected")
    return int(sum(float(value) for value in samples))
