"""Phase *rollout*: the throttle sees the addresses of clients, also behind proxies.

With ``--api-url`` this is tried out: the doctor sends a request that fails to authenticate and
claims, in ``X-Forwarded-For``, an address that is reserved for documentation. The API stores the
failure with the address that it believes.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator
from datetime import timedelta
from time import monotonic, sleep
from urllib.parse import urlsplit

import httpx
from django.conf import settings as django_settings
from django.utils import timezone

from spool_live.conf import live_settings
from spool_live.doctor.clients import WRONG_KEY
from spool_live.doctor.findings import DoctorFinding, RolloutPhase, error, warning
from spool_live.doctor.registry import check
from spool_live.doctor.surroundings import NotChecked, Surroundings
from spool_live.models import FailedAuthentication

BEHIND_A_PROXY = ("SECURE_PROXY_SSL_HEADER", "USE_X_FORWARDED_HOST", "USE_X_FORWARDED_PORT")
DOCUMENTATION = ipaddress.ip_network("198.51.100.0/24")
"""TEST-NET-2 (RFC 5737): no client has one of these addresses."""
NOTED_WITHIN = 10.0
"""Seconds to wait for the stored failure, which is written a moment after the request."""
POLL = 0.2
"""Seconds between two queries for it."""
REMEDY = (
    'Set SPOOL_LIVE["TRUSTED_PROXIES"] to the number of your own proxies in front of Django, and '
    "have the outermost one set X-Forwarded-For."
)


@check("proxies", "The throttle sees the addresses of clients", RolloutPhase.ROLLOUT)
def check_proxies(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check that ``TRUSTED_PROXIES`` fits the other settings and the failed authentications."""
    trusted = live_settings().trusted_proxies
    named = [name for name in BEHIND_A_PROXY if getattr(django_settings, name, None)]
    if named and not trusted:
        yield error(
            f"Django is behind a proxy ({named[0]} is set), but TRUSTED_PROXIES is 0: all "
            "subscribers count as one address, and are throttled together.",
            REMEDY,
        )
        return
    if surroundings.api_url:
        claimed = str(random.choice(list(DOCUMENTATION.hosts())))  # noqa: S311 - no secret
        if _is_believed(surroundings, claimed):
            yield error(
                f"Clients can choose the address that is counted: TRUSTED_PROXIES is {trusted}, "
                "but fewer proxies than that add theirs to X-Forwarded-For.",
                REMEDY,
            )
    inside = "" if trusted else _only_address_of_failures(surroundings)
    if inside:
        yield warning(
            f"All failed authentications of the last day came from {inside}, an address of your "
            "own network: it may be a proxy's, and then all subscribers count as one.",
            REMEDY,
        )


def _is_believed(surroundings: Surroundings, claimed: str) -> bool:
    """Return whether the API believes a request that claims to come from ``claimed``."""
    began = timezone.now() - timedelta(seconds=2)
    url = f"{surroundings.api_url.rstrip('/')}/token/"
    headers = {"Authorization": WRONG_KEY, "X-Forwarded-For": claimed}
    try:
        httpx.post(url, headers=headers, timeout=surroundings.timeout)
    except (httpx.HTTPError, httpx.InvalidURL) as raised:
        raise NotChecked(f"The API cannot be reached at {url}.") from raised
    deadline = monotonic() + NOTED_WITHIN
    while monotonic() < deadline:
        for using in surroundings.content_aliases():
            fresh = FailedAuthentication.objects.using(using).filter(last_at__gte=began)
            addresses = set(fresh.values_list("address", flat=True))
            if addresses:
                return claimed in addresses
        sleep(POLL)
    raise NotChecked(
        f"A failed authentication at {url} was not recorded in this database: is it the same "
        "installation?"
    )


def _only_address_of_failures(surroundings: Surroundings) -> str:
    """Return the private address that all failures of the last day came from, if it is one."""
    if django_settings.DEBUG:
        return ""
    since = timezone.now() - timedelta(days=1)
    found: set[str] = set()
    for using in surroundings.content_aliases():
        recent = FailedAuthentication.objects.using(using).filter(last_at__gt=since)
        found.update(recent.values_list("address", flat=True).distinct()[:2])
    if len(found) != 1:
        return ""
    [address] = found
    try:
        network = ipaddress.ip_network(address, strict=False)
    except ValueError:
        return ""
    asked_here = urlsplit(surroundings.api_url).hostname in {"localhost", "127.0.0.1", "::1"}
    is_inside = not network.is_global and not (network.is_loopback and asked_here)
    return address if is_inside else ""
