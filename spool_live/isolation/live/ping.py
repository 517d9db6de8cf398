"""A ping: a test update that goes the whole way, and the time at which it reached each hop.

It belongs to a probe site with a key of its own, which are removed afterwards. The process that
sends the ping delivers nothing itself, so a part that does not work shows as a hop that was not
reached.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from spool_live import outbox
from spool_live.conf import live_settings
from spool_live.exceptions import SpoolLiveError
from spool_live.isolation.live.cases import Case
from spool_live.isolation.live.sites import NAME, Deliverer, ProbeSite, forget, remove_left_behind
from spool_live.isolation.live.subscribers import Subscribers
from spool_live.keys.trail import Origin, acting
from spool_live.models import OutboxEntry, Site

SLUG = "ping"
POLL = 0.01
FAREWELL = 3.0
"""Seconds that a worker gets to deliver the deletion of the probe site."""
NO_WORKER = "Is a Celery worker running, or manage.py live_deliver --loop?"
SEE_WORKER = "See the worker's log for Supabase's answers, and run manage.py live_doctor."
RUN_SETUP = "Run manage.py live_setup: it creates what Realtime needs."


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop of a ping. It was reached ``milliseconds`` after the hop before; if it was not
    reached, ``milliseconds`` is ``None``, and ``trouble`` says why."""

    name: str
    milliseconds: float | None
    trouble: str = ""
    remedy: str = ""


@dataclass
class Ping:
    """The hops in their order, up to the one that was not reached. ``total`` is the time from the
    commit of the update to its arrival at the subscriber, in milliseconds."""

    hops: list[Hop] = field(default_factory=list)
    total: float | None = None

    @property
    def arrived(self) -> bool:
        """Whether every hop was reached."""
        return bool(self.hops) and all(hop.milliseconds is not None for hop in self.hops)

    @property
    def summary(self) -> str:
        """A sentence about the outcome, for people."""
        if self.arrived and self.total is not None:
            return f"The test update arrived {self.total:.0f} ms after its commit."
        lost = self.hops[-1] if self.hops else Hop("start", None)
        return f"The test update did not get this far: {lost.name}."


class _Lost(Exception):  # noqa: N818 - an outcome, not an error
    """The outcome that a hop was not reached."""


@dataclass
class _Watch:
    """The clock of a ping, which records the hops with their times."""

    timeout: float
    ping: Ping = field(default_factory=Ping)
    last: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.ends = self.last + self.timeout

    @property
    def left(self) -> float:
        return max(self.ends - time.monotonic(), 0.5)

    def reached(self, name: str, moment: float | None = None) -> None:
        moment = moment or time.monotonic()
        self.ping.hops.append(Hop(name, max(moment - self.last, 0.0) * 1000))
        self.last = moment

    def lost(self, name: str, trouble: str, remedy: str) -> _Lost:
        self.ping.hops.append(Hop(name, None, trouble, remedy))
        return _Lost()

    def wait(self, name: str, reached: Callable[[], Any], trouble: str, remedy: str) -> None:
        while not reached():
            if time.monotonic() >= self.ends:
                raise self.lost(name, trouble, remedy)
            time.sleep(POLL)
        self.reached(name)


def send_ping(
    using: str,
    request_token: Callable[[str], dict[str, Any]],
    request_updates: Callable[[str, int], dict[str, Any]],
    *,
    timeout: float = 20.0,
) -> Ping:
    """Send a ping from the content database ``using``, and wait for at most ``timeout`` seconds.

    ``request_token`` exchanges the plain text of a key for the answer of ``POST token/``;
    ``request_updates`` takes the plain text and a ``seq``, and returns the answer of ``GET
    updates/``. Raises ``django.db.DatabaseError``; every other problem is recorded in the hops.
    """
    watch = _Watch(timeout)
    with _probe(using, watch.ping) as probe:
        try:
            _walk(using, probe, watch, request_token, request_updates)
        except _Lost:
            pass
        except SpoolLiveError as error:
            watch.ping.hops.append(Hop("an answer", None, str(error), "Run manage.py live_doctor."))
    return watch.ping


@contextmanager
def _probe(using: str, ping: Ping) -> Iterator[ProbeSite]:
    remove_left_behind(using)
    probe = ProbeSite(Site.objects.using(using).create(name=NAME, is_probe=True))
    try:
        probe.add_key("ping")
        yield probe
    finally:
        site_id = probe.site.pk
        with acting(Origin.PROBE):
            probe.site.delete()
        # If something did not answer, the next sweep delivers the tombstone.
        if ping.arrived and _is_mirrored(using, site_id):
            forget(site_id, using)


def _is_mirrored(using: str, site_id: uuid.UUID) -> bool:
    """Return whether a worker has delivered the tombstone to Supabase within ``FAREWELL``."""
    ends = time.monotonic() + FAREWELL
    behind = outbox.behind(using).filter(pk=site_id)
    while behind.exists():
        if time.monotonic() >= ends:
            return False
        time.sleep(POLL)
    return True


def _walk(
    using: str,
    probe: ProbeSite,
    watch: _Watch,
    request_token: Callable[[str], dict[str, Any]],
    request_updates: Callable[[str, int], dict[str, Any]],
) -> None:
    watch.reached("site and key made")
    behind = outbox.behind(using).filter(pk=probe.site.pk)
    watch.wait(
        "key known to Supabase",
        lambda: not behind.exists(),
        f"No worker sent the key to Supabase within {watch.timeout:.0f} s.",
        NO_WORKER,
    )
    plain = str(probe.plain["ping"])
    token = request_token(plain)
    watch.reached("token issued")
    deliverer = Deliverer(using, workers=True, timeout=watch.left)
    with Subscribers(token["supabase_url"], token["supabase_key"], deliverer) as group:
        [subscriber] = group.join([_case(probe, token)])
        if not subscriber.live:
            raise watch.lost("subscriber connected", subscriber.state, RUN_SETUP)
        watch.reached("subscriber connected")
        probe.write(SLUG)
        watch.last = committed = time.monotonic()
        _delivered(using, probe, watch)
        watch.wait(
            "received over Realtime",
            lambda: SLUG in subscriber.arrived,
            f"Supabase has it, but Realtime did not deliver it within {watch.timeout:.0f} s.",
            RUN_SETUP,
        )
        watch.ping.total = (subscriber.arrived[SLUG] - committed) * 1000
    watch.last = time.monotonic()
    found = request_updates(plain, 0)
    if not any(update["slug"] == SLUG for update in found["results"]):
        raise watch.lost("served by catch-up", "GET updates/ does not return it.", SEE_WORKER)
    watch.reached("served by catch-up")


def _delivered(using: str, probe: ProbeSite, watch: _Watch) -> None:
    entries = OutboxEntry.objects.using(using).filter(site_id=probe.site.pk)
    entry = entries.get(slug=SLUG)
    watch.wait(
        "taken from the outbox",
        lambda: entries.filter(pk=entry.pk, seq__isnull=False).exists(),
        f"No worker claimed the update within {watch.timeout:.0f} s.",
        NO_WORKER,
    )
    pending = entries.filter(pk=entry.pk, state=OutboxEntry.State.PENDING)
    watch.wait(
        "stored at Supabase",
        lambda: not pending.exists(),
        f"Supabase did not accept the update within {watch.timeout:.0f} s.",
        SEE_WORKER,
    )
    entry.refresh_from_db(fields=["state", "last_error"])
    if entry.state != OutboxEntry.State.DELIVERED:
        watch.ping.hops.pop()
        raise watch.lost("stored at Supabase", entry.last_error or entry.state, SEE_WORKER)


def _case(probe: ProbeSite, token: dict[str, Any]) -> Case:
    if live_settings().realtime_mode == "broadcast":
        topic = token["realtime"]["broadcast"]["topic"]
        return Case("ping", token["token"], probe, topic)
    rows = {"filter": f"site_id=eq.{probe.site_id}"}
    return Case("ping", token["token"], probe, binding=rows)
