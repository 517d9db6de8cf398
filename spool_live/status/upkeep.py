"""Problems of the upkeep: cleanup, and the verifications of isolation. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from spool_live.conf import LiveSettings
from spool_live.documentation import page
from spool_live.models import Heartbeat
from spool_live.status.observing import Observation
from spool_live.status.states import Kind, Problem, State, age, clock

Part = Heartbeat.Part
RUNNING_WITHIN = timedelta(minutes=1)
"""A cleanup whose last step is not older than this is taken to be running."""


def cleanup(seen: Observation, settings: LiveSettings) -> Iterator[Problem]:
    """Yield what is wrong with cleanup: it fails, does not keep up, or does not run."""
    known = seen.heartbeats.get(Part.CLEANUP)
    if known is None:
        return
    done = known.succeeded_at or known.failing_since or known.at
    if known.failing_since:
        yield Problem(
            Kind.CLEANUP,
            State.FAILING,
            known.failing_since,
            f"Cleanup has been failing since {clock(known.failing_since, seen.now)}: {known.error}",
            "Old rows pile up at Supabase until it works: see manage.py live_cleanup.",
            seen.using,
        )
    elif done < seen.now - settings.cleanup_late_after and known.at > seen.now - RUNNING_WITHIN:
        yield Problem(
            Kind.CLEANUP,
            State.DELAYED,
            done,
            f"Cleanup does not keep up: it is running, and has not finished for "
            f"{age(seen.now - done)}.",
            "More is written than it removes: shorten RETENTION, or let the database clean up "
            f"({page('how-to/cleanup-in-the-database')}).",
            seen.using,
        )
    elif done < seen.now - settings.cleanup_late_after:
        yield Problem(
            Kind.CLEANUP,
            State.DELAYED,
            done,
            f"Cleanup has not run for {age(seen.now - done)}.",
            "Is celery beat running, or a timer with manage.py live_cleanup?",
            seen.using,
        )


def isolation(seen: Observation) -> Iterator[Problem]:
    """Yield a problem for each verification whose last run found that sites are not isolated."""
    for part, name in ((Part.VERIFY_RLS, "verify_rls"), (Part.VERIFY_LIVE, "verify_live")):
        known = seen.heartbeats.get(part)
        if known and known.failing_since:
            yield Problem(
                Kind.ISOLATION,
                State.FAILING,
                known.failing_since,
                f"{name} found that sites are not isolated ({clock(known.at, seen.now)}): "
                f"{known.error}",
                f"Run manage.py {name}: each finding names its remedy.",
                seen.using,
            )
