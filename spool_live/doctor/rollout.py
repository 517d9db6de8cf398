"""Phase *rollout*: the settings suit production, isolation is proved, the status is monitored."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings as django_settings

from spool_live.conf import live_settings
from spool_live.doctor.findings import DoctorFinding, RolloutPhase, error, warning
from spool_live.doctor.registry import check
from spool_live.doctor.surroundings import Surroundings
from spool_live.documentation import page
from spool_live.heartbeats import Part
from spool_live.status import Kind, State
from spool_live.status.states import age

ROLLOUT = RolloutPhase.ROLLOUT
STALE = timedelta(days=30)
"""How old the last success of a verification may be."""
PROOFS = {
    Part.VERIFY_RLS: "manage.py verify_rls",
    Part.VERIFY_LIVE: "manage.py verify_live --api-url https://.../spool-live/",
}


@check("production", "The project is set up for production", ROLLOUT)
def check_production(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check that DEBUG is off, and that front ends can reach the ``SUPABASE_URL`` that they get."""
    if django_settings.DEBUG:
        yield error("DEBUG is on: error pages show settings and source code.", "Set DEBUG = False.")
    host = urlsplit(live_settings().supabase_url).hostname or ""
    if host == "localhost" or _is_loopback(host):
        yield error(
            f"SUPABASE_URL leads to this machine ({host}): front ends elsewhere get this address "
            "with their tokens, and cannot connect.",
            "Name the project that front ends can reach.",
        )


@check("proofs", "Isolation was proved lately, also end to end", ROLLOUT)
def check_proofs(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check that ``verify_rls`` and ``verify_live`` have succeeded lately."""
    yield from surroundings.problems(Kind.ISOLATION)
    status = surroundings.status
    for part, command in PROOFS.items():
        known = next((one for one in status.parts if one.part == part), None)
        succeeded = known.succeeded_at if known else None
        if known and known.failing_since:
            continue  # reported as a problem of the status
        if succeeded is None:
            yield error(f"{part.value} has never succeeded here.", f"Run {command}.")
        elif status.at - succeeded > STALE:
            old = age(status.at - succeeded)
            yield warning(f"{part.value} last succeeded {old} ago.", f"Run {command}.")


@check("monitoring", "The status is ok, and can be read from outside", ROLLOUT)
def check_monitoring(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check that metrics are served, and that the status has no problem."""
    yield from surroundings.problems(Kind.CACHE)
    if not live_settings().metrics_token:
        yield warning(
            "METRICS_TOKEN is not set: metrics/ is closed, and health/status/ answers with one "
            "word only.",
            'Set SPOOL_LIVE["METRICS_TOKEN"] from the environment, and have Prometheus or an '
            f"uptime check read them, see {page('how-to/alerts')}",
        )
    status = surroundings.status
    if surroundings.phase is ROLLOUT and status.state is not State.OK:
        worst = status.problems[0]
        yield error(
            f"The status is {status.state.value}: {worst.reason}", worst.remedy, code=worst.kind
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
