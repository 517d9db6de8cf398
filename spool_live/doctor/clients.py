"""Phase *clients*, in Django: the API is mounted and answers, and a site has a key to use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from spool_live.doctor.findings import DoctorFinding, RolloutPhase, error
from spool_live.doctor.registry import check
from spool_live.doctor.surroundings import NotNeeded, Surroundings
from spool_live.models import Site, SiteApiKey

CLIENTS = RolloutPhase.CLIENTS
MOUNT = 'path("spool-live/", include("spool_live.urls"))'
WRONG_KEY = "Api-Key spool_doctor_this-is-not-a-key"


@check("urls", "spool_live.urls is mounted", CLIENTS)
def check_urls(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check that the project's URLs lead to our views."""
    try:
        reverse("spool_live:token")
    except NoReverseMatch:
        yield error(
            "spool_live.urls is not mounted: front ends have no address to ask for tokens.",
            f"Add {MOUNT} to the project's urlpatterns.",
        )


@check("sites", "There is a site with a key that works", CLIENTS)
def check_sites(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check that a site has a key that works, and that Supabase knows both."""
    now = timezone.now()
    active = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
    sites = keys = 0
    for using in surroundings.content_aliases():
        sites += Site.objects.using(using).filter(is_probe=False).count()
        found = SiteApiKey.objects.using(using).filter(active, site__is_probe=False)
        keys += found.count()
    if not sites:
        yield error("There is no site yet.", 'Run manage.py live_site create "Name".')
    elif not keys:
        yield error(
            "No site has an API key that is neither revoked nor expired.",
            "Run manage.py live_site add-key SITE.",
        )
    elif surroundings.subscriber is None:
        yield error(
            "Supabase has not acknowledged any site with its keys yet: POST token/ answers 503.",
            "Start a worker, or run manage.py live_deliver.",
        )


@check("api", "The API answers at the address that front ends use", CLIENTS)
def check_api(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Request a token from ``--api-url`` with an invalid key, and check that our API refuses it."""
    if not surroundings.api_url:
        raise NotNeeded("Give --api-url to request a token from outside.")
    url = f"{surroundings.api_url.rstrip('/')}/token/"
    try:
        answer = httpx.post(url, headers={"Authorization": WRONG_KEY}, timeout=surroundings.timeout)
    except (httpx.HTTPError, httpx.InvalidURL) as raised:
        yield error(
            f"The API cannot be reached at {url} ({type(raised).__name__}).",
            "Check --api-url, the DNS, the certificate, and that the web server runs.",
        )
        return
    code = _code(answer)
    if code in {"invalid_credentials", "throttled"}:
        return
    yield _explain(url, answer.status_code, code)


def _explain(url: str, status: int, code: str) -> DoctorFinding:
    if status == httpx.codes.NOT_FOUND:
        return error(
            f"There is no API at {url} (HTTP 404).",
            f"Check --api-url against where the project mounts {MOUNT}.",
        )
    if status in {httpx.codes.MOVED_PERMANENTLY, httpx.codes.FOUND, 307, 308}:
        return error(
            f"{url} redirects (HTTP {status}): clients do not send their key to another address.",
            "Give front ends the final address: https, the right host, with its final slash.",
        )
    if status == httpx.codes.BAD_REQUEST:
        return error(
            f"Django refuses the host of {url} (HTTP 400).", "Add the host to ALLOWED_HOSTS."
        )
    if code == "not_authenticated":
        return error(
            "The Authorization header does not reach Django: a server in between drops it.",
            "Apache: WSGIPassAuthorization On. nginx, gateways and basic authentication: let the "
            "header through on this path.",
        )
    return error(
        f"Something other than our API answers at {url} (HTTP {status}).",
        "Check --api-url and what stands in front of Django: login walls, maintenance pages.",
    )


def _code(answer: httpx.Response) -> str:
    try:
        body: Any = answer.json()
    except ValueError:
        return ""
    return str(body.get("code", "")) if isinstance(body, dict) else ""
