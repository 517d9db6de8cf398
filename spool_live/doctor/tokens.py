"""Phase *clients*: REST accepts our token, and shows it only the updates of its own site.

The checks send what a front end sends: the publishable key, and a token that we mint.
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
"""PostgreSQL: the role lacks the privilege. This is the right answer without a token."""
TOLERATED, REFUSED = 5.0, 30.0
"""Seconds by which the clocks may differ before there is a warning, and before there is an error:
``iat`` is set 5 s into the past, and PostgREST allows for 30 s."""
SIGNING = (
    'SPOOL_LIVE["JWT_SIGNING_KEY"] must be the key that this very project trusts (Settings, JWT '
    "Keys): the JWT secret for HS256, else the private key of its current or standby key, with its "
    "kid in JWT_KEY_ID."
)
NTP = "Set the clock by NTP (timedatectl set-ntp true), here and on a self-hosted Supabase."
PUBLISHABLE = 'Copy SPOOL_LIVE["SUPABASE_PUBLISHABLE_KEY"] again from the project\'s API keys.'


@dataclass(frozen=True, slots=True)
class PostgrestAnswer:
    """An answer of PostgREST.

    ``code`` is the error's own code, or empty; ``rows`` is ``None`` unless the request succeeded;
    ``date`` is the header ``Date``; ``received`` is when it came, in seconds by our clock.
    """

    status: int
    code: str
    message: str
    rows: list[dict[str, Any]] | None
    date: str
    received: float

    @property
    def skew(self) -> float | None:
        """Seconds by which our clock is ahead of the server's; ``None`` without a date."""
        try:
            server_time = email.utils.parsedate_to_datetime(self.date).timestamp()
        except (TypeError, ValueError):
            return None
        return self.received - server_time


@check("clock", "The clocks of this machine and of Supabase agree", CLIENTS)
def check_clock(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Compare our clock with the ``Date`` of an answer."""
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


@check("token", "REST accepts our token, and shows it no updates of other sites", CLIENTS)
def check_token(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Read ``live_updates`` without a token, as a site that does not exist, and as a subscriber."""
    public = ask(surroundings, None)
    if public.status == httpx.codes.UNAUTHORIZED and public.code != NO_PERMISSION:
        cause = f"Supabase refuses the publishable key (HTTP 401: {public.message})."
        yield error(cause, PUBLISHABLE)
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
    """Return a finding that says why PostgREST did not accept our token."""
    detail = f"HTTP {answer.status} {answer.code}: {answer.message}".replace("  ", " ")
    if answer.code == "PGRST303" or "JWT expired" in answer.message:
        return error(f"Supabase finds our token expired or not valid yet ({detail}).", NTP)
    if answer.code.startswith("PGRST3"):
        return error(f"Supabase does not accept the signature of our token ({detail}).", SIGNING)
    if answer.code in {NO_PERMISSION, "PGRST205", "42P01"}:
        cause = f"Our token may not read live_updates ({detail})."
        return error(cause, "Run manage.py migrate, then manage.py live_setup.")
    if answer.code == "PGRST106":
        return error(
            f"PostgREST does not serve the schema public ({detail}).",
            "Expose the schema public in the project's API settings.",
        )
    return error(
        f"What answers at SUPABASE_URL does not answer as PostgREST does ({detail}).",
        'Check SPOOL_LIVE["SUPABASE_URL"], and the proxies in between.',
    )


@sensitive_variables()
def ask(surroundings: Surroundings, key: SiteApiKey | None, **filters: str) -> PostgrestAnswer:
    """Read ``live_updates`` as ``key``, or with the publishable key alone.

    Raises ``NotChecked`` if Supabase does not answer: the check ``rest`` explains why.
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
    body: Any = None
    try:
        body = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        body = None
    rows = body if response.is_success and isinstance(body, list) else None
    problem = body if isinstance(body, dict) else {}
    return PostgrestAnswer(
        status=response.status_code,
        code=str(problem.get("code") or ""),
        message=str(problem.get("message") or response.reason_phrase)[:200],
        rows=rows,
        date=response.headers.get("Date", ""),
        received=time.time(),
    )


def _leak(reader: str) -> DoctorFinding:
    return error(
        f"{reader} reads updates of other sites.",
        "Run manage.py live_setup, then manage.py verify_rls: its findings have the SQL that "
        "revokes this access.",
    )
