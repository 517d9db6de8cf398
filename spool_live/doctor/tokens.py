"""Phase *clients*: REST and Realtime take our token, and show it what is its own and nothing else.

Asked is as a front end asks: with the publishable key, and with a token that we mint.
"""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from django.views.decorators.debug import sensitive_variables

from spool_live import tokens
from spool_live.broadcasters import network
from spool_live.conf import live_settings
from spool_live.doctor.findings import DoctorFinding, RolloutPhase, error, warning
from spool_live.doctor.registry import check
from spool_live.doctor.surroundings import NotChecked, Surroundings, unknown_key
from spool_live.models import SiteApiKey

CLIENTS = RolloutPhase.CLIENTS
NO_PERMISSION = "42501"
"""Who is nobody has no right to the table: so it must be."""
TOLERATED, REFUSED = 5.0, 30.0
"""Seconds by which the clocks may differ: ``iat`` lies 5 s back, and PostgREST forgives 30 s."""
SIGNING = (
    'SPOOL_LIVE["JWT_SIGNING_KEY"] must be the key that this very project trusts (Settings, JWT '
    "Keys): the JWT secret for HS256, else the private key of its current or standby key, with its "
    "kid in JWT_KEY_ID."
)
NTP = "Set the clock by NTP (timedatectl set-ntp true), here and on a self-hosted Supabase."
PUBLISHABLE = 'Copy SPOOL_LIVE["SUPABASE_PUBLISHABLE_KEY"] again from the project\'s API keys.'


@dataclass(frozen=True, slots=True)
class PostgrestAnswer:
    """What PostgREST answered: the HTTP status, its code if it is its own, its rows."""

    status: int
    code: str
    message: str
    rows: list[dict[str, Any]] | None
    date: str
    received: float

    @property
    def skew(self) -> float | None:
        """Seconds by which this machine's clock is ahead; ``None`` where the server names none."""
        try:
            there = email.utils.parsedate_to_datetime(self.date).timestamp()
        except (TypeError, ValueError):
            return None
        return self.received - there


@check("clock", "The clocks of this machine and of Supabase agree", CLIENTS)
def check_clock(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Compare with the ``Date`` of an answer."""
    skew = ask(surroundings, None).skew
    if skew is None:
        raise NotChecked("The server's answers have no date.")
    if abs(skew) > TOLERATED:
        side = "ahead of" if skew > 0 else "behind"
        make = error if abs(skew) > REFUSED else warning
        yield make(
            f"This machine's clock is {abs(skew):.0f} s {side} Supabase's: tokens are "
            f"{'not valid yet' if skew > 0 else 'expired sooner than we think'} there.",
            NTP,
        )


@check("token", "REST takes our token, and shows it nothing of others", CLIENTS)
def check_token(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Read ``live_updates`` without a token, with one of no site, and with a subscriber's."""
    public = ask(surroundings, None)
    if public.status == httpx.codes.UNAUTHORIZED and public.code != NO_PERMISSION:
        said = "Supabase refuses the publishable key"
        yield error(f"{said} (HTTP 401: {public.message}).", PUBLISHABLE)
        return
    if public.rows:
        yield _leak("The publishable key alone")
    answer = ask(surroundings, unknown_key())
    if answer.rows is None:
        yield refused(answer)
        return
    if answer.rows:
        yield _leak("A token of a site that does not exist")
    subscriber = surroundings.subscriber
    if subscriber is None:
        return
    others = ask(surroundings, subscriber.key, site_id=f"neq.{subscriber.key.site_id}")
    if others.rows is None:
        yield refused(others)
    elif others.rows:
        yield _leak(f"A token of {subscriber.key.site}")


def refused(answer: PostgrestAnswer) -> DoctorFinding:
    """Return why PostgREST did not take our token."""
    said = f"HTTP {answer.status} {answer.code}: {answer.message}".replace("  ", " ")
    if answer.code == "PGRST303" or "JWT expired" in answer.message:
        return error(f"Supabase takes our token for expired or not valid yet ({said}).", NTP)
    if answer.code.startswith("PGRST3"):
        return error(f"Supabase does not accept the signature of our token ({said}).", SIGNING)
    if answer.code in {NO_PERMISSION, "PGRST205", "42P01"}:
        cause = f"Our token may not read live_updates ({said})."
        return error(cause, "Run manage.py migrate, then manage.py live_setup.")
    if answer.code == "PGRST106":
        return error(
            f"PostgREST does not serve the schema public ({said}).",
            "Expose the schema public in the project's API settings.",
        )
    return error(
        f"What answers at SUPABASE_URL does not answer as PostgREST does ({said}).",
        'Check SPOOL_LIVE["SUPABASE_URL"], and the proxies in between.',
    )


@sensitive_variables()
def ask(surroundings: Surroundings, key: SiteApiKey | None, **filters: str) -> PostgrestAnswer:
    """Read ``live_updates`` as ``key``, or with the publishable key alone.

    Raises ``NotChecked`` where nobody answers, which the check of REST explains.
    """
    settings = live_settings()
    headers = {"apikey": settings.supabase_publishable_key}
    if key is not None:
        headers["Authorization"] = f"Bearer {tokens.mint(key).encoded}"
    url = f"{settings.supabase_url.rstrip('/')}/rest/v1/live_updates"
    query = {"select": "site_id", "limit": "1", **filters}
    try:
        response = httpx.get(url, params=query, headers=headers, timeout=surroundings.timeout)
    except (httpx.HTTPError, httpx.InvalidURL) as raised:
        raise NotChecked(str(network.error_of(raised, surroundings.timeout))) from raised
    return _answer(response)


def _answer(response: httpx.Response) -> PostgrestAnswer:
    said: Any = None
    try:
        said = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        said = None
    rows = said if response.is_success and isinstance(said, list) else None
    problem = said if isinstance(said, dict) else {}
    return PostgrestAnswer(
        status=response.status_code,
        code=str(problem.get("code") or ""),
        message=str(problem.get("message") or response.reason_phrase)[:200],
        rows=rows,
        date=response.headers.get("Date", ""),
        received=time.time(),
    )


def _leak(who: str) -> DoctorFinding:
    return error(
        f"{who} reads updates of other sites.",
        "Revoke it all: run manage.py live_setup, then manage.py verify_rls, whose findings have "
        "the SQL that repairs it.",
    )
