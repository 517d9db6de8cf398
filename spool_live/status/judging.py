"""Determines what is wrong from an observation. Pure: no database, no clock.

Each cause is reported once: updates that wait because no worker delivers, or because Supabase does
not answer, are mentioned in that problem's reason, and are not a problem of their own.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from spool_live.conf import LiveSettings
from spool_live.models import Heartbeat
from spool_live.status import upkeep, wording
from spool_live.status.observing import Observation
from spool_live.status.states import Activity, Kind, Problem, State, clock, updates

Part = Heartbeat.Part
REPORT_AGE = timedelta(minutes=5)
"""How long a failure is reported after the last attempt that failed."""


def judge(seen: Observation, settings: LiveSettings) -> list[Problem]:
    """Return the problems of one content database."""
    general = _as_one(list(_of_all_sites(seen, settings)))
    covered = any(p.state is State.STOPPED or p.kind is Kind.SUPABASE for p in general)
    return [
        *general,
        *([] if covered else (*_held_up(seen), *_backlog(seen, settings))),
        *_dead(seen),
        *upkeep.cleanup(seen, settings),
        *upkeep.isolation(seen),
    ]


def _as_one(problems: list[Problem]) -> list[Problem]:
    """Report broker and cache as one problem where neither answers: they often share a server."""
    kinds = {problem.kind for problem in problems}
    if not {Kind.BROKER, Kind.CACHE} <= kinds:
        return problems
    return [
        replace(problem, reason=f"{problem.reason} Neither does the throttle cache.")
        if problem.kind is Kind.BROKER
        else problem
        for problem in problems
        if problem.kind is not Kind.CACHE
    ]


def _of_all_sites(seen: Observation, settings: LiveSettings) -> Iterator[Problem]:
    broker = _failing(seen, Part.BROKER)
    deliverer = _newest(seen, Part.WORKER, Part.DELIVERY)
    sweep = _newest(seen, Part.SWEEP)
    limit = seen.now - settings.stopped_after
    if seen.is_muted:
        reason = "Nudges are muted, as this process runs tests."
        remedy = 'Call deliver_now(), or set SPOOL_LIVE["NUDGE_IN_TESTS"] to True.'
        yield Problem(Kind.BROKER, State.DELAYED, seen.now, reason, remedy, seen.using)
    elif deliverer is None or deliverer < limit:
        yield _delivery_stopped(seen, deliverer, broker)
    elif _has_started(seen, limit) and (sweep is None or sweep < limit):
        yield _sweep_stopped(seen, sweep, broker)
    elif broker and settings.nudge:
        yield Problem(
            Kind.BROKER,
            State.DELAYED,
            broker.failing_since or broker.at,
            f"The broker does not take nudges ({broker.error}): updates wait for the next sweep.",
            "Check CELERY_BROKER_URL and the broker.",
            seen.using,
        )
    if seen.outage:
        yield _supabase_unavailable(seen)
    if cache := _failing(seen, Part.CACHE):
        yield Problem(
            Kind.CACHE,
            State.FAILING,
            cache.failing_since or cache.at,
            f"The throttle cache does not answer ({cache.error}): each process counts for itself.",
            f'Check CACHES["{settings.throttle_cache}"] and its server.',
            seen.using,
        )
    if delivery := _failing(seen, Part.DELIVERY):
        yield Problem(
            Kind.DELIVERY,
            State.FAILING,
            delivery.failing_since or delivery.at,
            f"Delivery ends with an error each time: {delivery.error}.{wording.what_waits(seen)}",
            "Look into the worker's log.",
            seen.using,
        )


def _has_started(seen: Observation, limit: datetime) -> bool:
    """Return whether worker or delivery have been active so long that a sweep must have run."""
    known = (seen.heartbeats.get(part) for part in (Part.WORKER, Part.DELIVERY))
    active = [part for part in known if part and part.at >= limit]
    return any(part.active_since is None or part.active_since < limit for part in active)


def _delivery_stopped(seen: Observation, last: datetime | None, broker: Activity | None) -> Problem:
    reason = (
        f"nothing has delivered since {clock(last, seen.now)}"
        if last
        else "nothing has ever delivered"
    )
    if broker:
        since = clock(broker.failing_since or broker.at, seen.now)
        reason = f"{reason}, and the broker has not answered since {since} ({broker.error})"
        remedy = "Check CELERY_BROKER_URL and the broker."
    else:
        remedy = "Is a Celery worker running, or manage.py live_deliver --loop?"
    return Problem(
        Kind.BROKER if broker else Kind.DELIVERY,
        State.STOPPED,
        last or wording.first_waiting(seen) or seen.now,
        wording.sentence(wording.what_has_waited(seen), reason),
        remedy,
        seen.using,
    )


def _sweep_stopped(seen: Observation, last: datetime | None, broker: Activity | None) -> Problem:
    reason = (
        f"the sweep has not run since {clock(last, seen.now)}"
        if last
        else "the sweep has never run"
    )
    if broker:
        since = clock(broker.failing_since or broker.at, seen.now)
        reason = f"{reason}, and the broker has not answered since {since} ({broker.error})"
    return Problem(
        Kind.BROKER if broker else Kind.SWEEP,
        State.STOPPED,
        last or wording.first_waiting(seen) or seen.now,
        wording.sentence(
            wording.what_has_waited(seen), f"{reason}, which finds lost nudges and due retries"
        ),
        "Check CELERY_BROKER_URL and the broker."
        if broker
        else (
            "Is celery beat running with spool_live.tasks.BEAT_SCHEDULE, and a worker free for it?"
        ),
        seen.using,
    )


def _supabase_unavailable(seen: Observation) -> Problem:
    outage = seen.outage
    assert outage is not None  # noqa: S101 - the caller has checked
    attempts = "1 attempt" if outage.failures == 1 else f"{outage.failures} attempts"
    known = seen.heartbeats.get(Part.SUPABASE)
    since = known and known.failing_since
    return Problem(
        Kind.SUPABASE,
        State.FAILING,
        since or wording.first_waiting(seen) or seen.now,
        f"Supabase does not answer ({attempts} failed, the next one is due at "
        f"{clock(outage.open_until, seen.now)}): {outage.last_error}{wording.what_waits(seen)}",
        'Check SPOOL_LIVE["SUPABASE_URL"], the network and the Supabase project.',
        seen.using,
    )


def _held_up(seen: Observation) -> Iterator[Problem]:
    mirror = seen.heartbeats.get(Part.MIRROR)
    for site_id, site in seen.held_up.items():
        waiting = seen.waiting.get(site_id)
        if site.mirror_error:
            yield _of_site(
                seen,
                site_id,
                Kind.MIRROR,
                State.FAILING,
                (mirror.failing_since or mirror.at) if mirror else seen.now,
                f"Supabase refuses {wording.name(seen, site_id)} and its API keys, and the site's "
                f"updates wait for them: {site.mirror_error}",
                "See the worker's log for what Supabase answers; run manage.py live_setup.",
            )
        elif site.last_error and site.retry_at and (waiting or site.retry_at > seen.now):
            waits = (
                wording.waited(seen, [site_id])
                if waiting
                else f"{wording.name(seen, site_id)} has to wait"
            )
            yield _of_site(
                seen,
                site_id,
                Kind.SITE,
                State.FAILING,
                (waiting.oldest if waiting else None) or seen.now,
                f"{waits} for another attempt at {clock(site.retry_at, seen.now)}: "
                f"{site.last_error}",
                "It is tried again automatically; see the worker's log for what Supabase answers.",
            )


def _backlog(seen: Observation, settings: LiveSettings) -> Iterator[Problem]:
    limit = seen.now - settings.delayed_after
    for site_id, waiting in seen.waiting.items():
        if waiting.oldest is None or waiting.oldest >= limit:
            continue
        held = seen.held_up.get(site_id)
        if held and held.retry_at and held.last_error:
            continue  # _held_up reports it, with its reason
        yield _of_site(
            seen,
            site_id,
            Kind.BACKLOG,
            State.DELAYED,
            waiting.oldest,
            f"{wording.waited(seen, [site_id])}: delivery does not keep up.",
            "Start more workers, or see what holds them up in their log.",
        )


def _dead(seen: Observation) -> Iterator[Problem]:
    for site_id, dead in seen.dead.items():
        verb = "is" if dead.count == 1 else "are"
        yield _of_site(
            seen,
            site_id,
            Kind.DEAD,
            State.FAILING,
            dead.since or seen.now,
            f"{updates(dead.count)} of {wording.name(seen, site_id)} {verb} dead, refused "
            f"permanently: {dead.reason}",
            "Correct the cause, then run manage.py live_requeue; clients get them by catch-up "
            "meanwhile.",
        )


def _of_site(
    seen: Observation,
    site_id: uuid.UUID,
    kind: Kind,
    state: State,
    since: datetime,
    reason: str,
    remedy: str,
) -> Problem:
    return Problem(
        kind, state, since, reason, remedy, seen.using, site_id, wording.name(seen, site_id)
    )


def _failing(seen: Observation, part: Part) -> Activity | None:
    known = seen.heartbeats.get(part)
    if known and known.failing_since and known.at > seen.now - REPORT_AGE:
        return known
    return None


def _newest(seen: Observation, *parts: Part) -> datetime | None:
    return max((known.at for part in parts if (known := seen.heartbeats.get(part))), default=None)
