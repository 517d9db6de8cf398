"""Phase *clients*: Realtime can be reached, accepts our token, and reads what is written."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from spool_live import tokens
from spool_live.conf import live_settings
from spool_live.doctor.findings import DoctorFinding, RolloutPhase, error, warning
from spool_live.doctor.registry import check
from spool_live.doctor.surroundings import NotChecked, Surroundings, unknown_key
from spool_live.doctor.tokens import NTP, PUBLISHABLE, SIGNING
from spool_live.isolation.live.cases import Case
from spool_live.isolation.live.sites import Deliverer
from spool_live.isolation.live.subscribers import ProbeSubscriber, Subscribers
from spool_live.status import Kind
from spool_live.status.realtime import PARTITION_NOTICE

UNAUTHORIZED = "refused: Unauthorized"
"""The state of a probe whose token Realtime accepted, but that may not join the topic."""
REACHABLE = (
    'Check SPOOL_LIVE["SUPABASE_URL"], that Realtime runs, and that proxies and firewalls let '
    "WebSockets pass (wss, path /realtime/v1)."
)
_MEANINGS = (
    (("expired",), "Realtime finds our token expired", NTP),
    (
        ("JwtSign", "MalformedJWT", "signature", "JWT"),
        "Realtime does not accept the signature of our token",
        SIGNING,
    ),
    (
        ("MissingPartition",),
        "Realtime did not make a partition of realtime.messages for today",
        "Wait a minute and try again; if it stays so, see Realtime's log.",
    ),
    (
        ("RealtimeDisabled", "TenantNotFound"),
        "Realtime is not enabled for this project",
        "Enable Realtime in the project's settings.",
    ),
    (
        ("RateLimit", "Too many"),
        "Realtime is at a limit of the project's plan",
        "See manage.py live_capacity, and the project's Realtime settings.",
    ),
    (
        ("Unauthorized", "permission"),
        "Realtime does not let a subscriber join the topic of its own site",
        "Run manage.py live_setup: the policy on realtime.messages is missing, or not ours.",
    ),
    (
        ("no answer", "Error", "Timeout"),
        "Realtime cannot be reached",
        REACHABLE,
    ),
)
"""Words in a refusal, the cause that they mean, and its remedy; the first match counts."""


@check("realtime", "Realtime accepts our token, and lets a subscriber join", RolloutPhase.CLIENTS)
def check_realtime(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Join a topic as a front end does: that of a real site if one has a usable key.

    Without one, join a topic that no token may join: Realtime accepts the token before it refuses.
    """
    settings = live_settings()
    if not (settings.supabase_url and settings.supabase_publishable_key):
        raise NotChecked("SUPABASE_URL or SUPABASE_PUBLISHABLE_KEY is not set.")
    yield from surroundings.problems(Kind.REALTIME)
    if problem := _handshake(surroundings):
        yield problem
        return
    subscriber = _join(surroundings)
    if not subscriber.live and PARTITION_NOTICE in surroundings.status.notices:
        cause, _, remedy = PARTITION_NOTICE.partition(". ")  # joining makes Realtime create one
        yield warning(f"{cause}.", remedy)
    if subscriber.live or (surroundings.subscriber is None and subscriber.state == UNAUTHORIZED):
        return
    yield _meaning(subscriber.state)


def _handshake(surroundings: Surroundings) -> DoctorFinding | None:
    """Return why Realtime opens no WebSocket, or ``None``.

    The official client would try for a quarter of a minute before it gives up.
    """
    settings = live_settings()
    parts = urlsplit(settings.supabase_url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    query = urlencode({"apikey": settings.supabase_publishable_key, "vsn": "1.0.0"})
    url = f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/realtime/v1/websocket?{query}"
    try:
        connect(url, open_timeout=surroundings.timeout).close()
    except InvalidStatus as refusal:
        status = refusal.response.status_code
        if status in {401, 403}:
            return error(
                f"Realtime refuses the connection with the publishable key (HTTP {status}).",
                PUBLISHABLE,
            )
        cause = f"What answers at SUPABASE_URL does not open a Realtime WebSocket (HTTP {status})."
        return error(cause, REACHABLE)
    except (OSError, WebSocketException) as raised:
        return error(f"Realtime cannot be reached ({type(raised).__name__}).", REACHABLE)
    return None


def _join(surroundings: Surroundings) -> ProbeSubscriber:
    settings, known = live_settings(), surroundings.subscriber
    key = known.key if known else unknown_key()
    token = tokens.mint(key).encoded
    topic = known.topic if known else f"site:{key.site_id}:1"
    if settings.realtime_mode == "broadcast" or known is None:
        case = Case("doctor", token, None, topic)
    else:
        case = Case("doctor", token, None, binding={"filter": f"site_id=eq.{key.site_id}"})
    deliverer = Deliverer(
        known.using if known else "default", workers=False, timeout=surroundings.timeout
    )
    url, publishable = settings.supabase_url, settings.supabase_publishable_key
    with Subscribers(url, publishable, deliverer) as group:
        [subscriber] = group.join([case])
        return subscriber


def _meaning(state: str) -> DoctorFinding:
    for words, cause, remedy in _MEANINGS:
        if any(word in state for word in words):
            return error(f"{cause} ({state}).", remedy)
    return error(f"Realtime does not let a subscriber in ({state}).", REACHABLE)
