"""Check whether this machine can follow the site: each step in order, with its remedy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from spool_live.client.config import LiveUpdatesConfig
from spool_live.client.engine.api import ContentApi
from spool_live.client.engine.connection import Lost, Ready, RealtimeConnection
from spool_live.client.engine.tokens import BroadcastChannel, RealtimeToken
from spool_live.client.exceptions import LiveUpdatesError

TOLERATED_SKEW = 30.0
DATE_RESOLUTION = 1.0


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one step. ``ok`` is ``None`` for a warning: not good, but it works.

    ``remedy`` is "" if there is nothing to do, or if ``detail`` contains the remedy.
    """

    step: str
    ok: bool | None
    detail: str
    remedy: str = ""


async def check(config: LiveUpdatesConfig) -> AsyncIterator[CheckResult]:
    """Check in order: key, clock, token, catch-up, socket, latency; stop at the first that
    fails."""
    api = ContentApi(config)
    step = "key"
    try:
        yield await _key(api)
        yield clock(api.clock_ahead)
        step = "token"
        token = await api.token()
        yield _token(token)
        step = "catch-up"
        yield await _catch_up(api, token)
        step = "socket"
        async with RealtimeConnection(token, config.timing) as connection:
            yield await _ready(connection, config)
            step = "latency"
            yield await _latency(connection)
    except LiveUpdatesError as error:
        yield CheckResult(step, False, str(error))
    finally:
        await api.aclose()


async def _key(api: ContentApi) -> CheckResult:
    site = await api.site()
    key = site.get("key") or {}
    expiry = key.get("expires_at") or "never"
    detail = f"site {site.get('name')} ({site.get('site_id')}), key {key.get('prefix')}"
    return CheckResult("key", True, f"{detail}, expires {expiry}")


def clock(ahead: float | None) -> CheckResult:
    """Return the result for a CMS clock that is ``ahead`` seconds ahead of this machine's."""
    if ahead is None:
        return CheckResult("clock", None, "the CMS sends no Date", "Let its web server add one.")
    detail = f"the CMS is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}"
    if abs(ahead) <= DATE_RESOLUTION:
        detail = "the CMS's agrees with ours"
    if abs(ahead) <= TOLERATED_SKEW:
        return CheckResult("clock", True, detail)
    return CheckResult(
        "clock",
        None,
        detail,
        "Live updates do not mind, but webhooks older than five minutes are refused: "
        "run NTP on both machines.",
    )


def _token(token: RealtimeToken) -> CheckResult:
    mode = "broadcast" if isinstance(token.channel, BroadcastChannel) else "postgres_changes"
    return CheckResult(
        "token",
        True,
        f"{mode} at {token.supabase_url}, epoch {token.epoch}, lives {token.lifetime:.0f} s",
    )


async def _catch_up(api: ContentApi, token: RealtimeToken) -> CheckResult:
    started = time.monotonic()
    page = await api.updates(after=max(token.seq - 1, 0))
    took = (time.monotonic() - started) * 1000
    return CheckResult("catch-up", True, f"newest update is number {page.seq}, {took:.0f} ms")


async def _ready(connection: RealtimeConnection, config: LiveUpdatesConfig) -> CheckResult:
    broadcast = isinstance(connection.token.channel, BroadcastChannel)
    timing = config.timing
    try:
        async with asyncio.timeout(
            timing.ready_broadcast if broadcast else timing.ready_postgres_changes
        ):
            await _until_ready(connection)
    except TimeoutError:
        if broadcast:
            return CheckResult(
                "socket", True, "joined; the server is too old to say that it is ready"
            )
        return CheckResult(
            "socket",
            False,
            "joined, but never ready",
            'On the CMS, run "manage.py live_setup": live_updates has to be in the publication '
            "supabase_realtime.",
        )
    return CheckResult("socket", True, "joined and ready")


async def _until_ready(connection: RealtimeConnection) -> None:
    while True:
        match await connection.events.get():
            case Ready():
                return
            case Lost(error):
                raise error


async def _latency(connection: RealtimeConnection) -> CheckResult:
    return CheckResult(
        "latency", True, f"{await connection.ping() * 1000:.1f} ms to Realtime and back"
    )
