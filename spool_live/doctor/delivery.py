"""Phase *backend*, while it runs: Supabase accepts our requests, and updates are delivered.

The problems of delivery come from the status; some of these checks ask Supabase as well.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

from celery import current_app
from django.db import connections

from spool_live.broadcasters import get_broadcaster
from spool_live.conf import DEFAULT_BROADCASTER, live_settings
from spool_live.doctor.findings import Act, DoctorFinding, RolloutPhase, error, warning
from spool_live.doctor.registry import check
from spool_live.doctor.surroundings import NotNeeded, Surroundings
from spool_live.exceptions import BroadcastError
from spool_live.heartbeats import Part
from spool_live.models import Site, SiteDelivery
from spool_live.sql import read_sql
from spool_live.status import Kind
from spool_live.supabase.databases import is_supabase_database

BACKEND = RolloutPhase.BACKEND
SWEEP = "spool_live.sweep"
_REMEDY = re.compile(
    r"[.:] (?=(?:check|expose|if|let|look|restore|run|see|start|tls|the key is) )", re.IGNORECASE
)
"""What separates the cause from the remedy in the message of a broadcaster's error."""


@check("rest", "Supabase's REST API answers and accepts our secret key", BACKEND)
def check_rest(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Read with the secret key, as delivery does, for an id that no site has."""
    if live_settings().broadcaster != DEFAULT_BROADCASTER:
        raise NotNeeded(f'Updates go elsewhere: SPOOL_LIVE["BROADCASTER"] is {_broadcaster()}.')
    try:
        get_broadcaster().newest_seqs([uuid.uuid4()])
    except BroadcastError as refusal:
        cause, remedy = split(str(refusal))
        yield error(f"A read with the secret key fails: {cause}", remedy)


@check("deliverer", "Updates are delivered, and none waits for too long", BACKEND)
def check_deliverer(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check that worker, sweep and broker are active, and that no update waits for too long."""
    kinds = (
        Kind.DATABASE,
        Kind.DELIVERY,
        Kind.SWEEP,
        Kind.BROKER,
        Kind.SUPABASE,
        Kind.BACKLOG,
        Kind.SITE,
    )
    yield from surroundings.problems(*kinds)
    swept = any(part.part == Part.SWEEP for part in surroundings.status.parts)
    if not swept and not _is_scheduled() and live_settings().nudge:
        yield warning(
            "The sweep has never run, and Celery's beat_schedule has no spool_live.sweep.",
            "Merge spool_live.tasks.BEAT_SCHEDULE into CELERY_BEAT_SCHEDULE, or run manage.py "
            "live_deliver --loop.",
        )


@check("dead", "No update was refused permanently", BACKEND)
def check_dead(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check that there are no dead entries."""
    yield from surroundings.problems(Kind.DEAD)


@check("mirror", "Supabase knows every site and key", BACKEND)
def check_mirror(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check that Supabase refuses no site and holds every site that it has acknowledged.

    The latter can be seen only if the Supabase database is an alias that answers. Sites are missing
    after that database was replaced or restored from a backup.
    """
    yield from surroundings.problems(Kind.MIRROR)
    alias = live_settings().supabase_database
    elsewhere = live_settings().broadcaster != DEFAULT_BROADCASTER
    if elsewhere or not is_supabase_database(alias) or surroundings.unanswered(alias):
        return
    for using in surroundings.content_aliases():
        forgotten = _forgotten(using, _mirrored_versions(alias))
        if forgotten:
            count = "1 site" if len(forgotten) == 1 else f"{len(forgotten)} sites"
            yield error(
                f"Supabase has forgotten {count} that it had acknowledged ({forgotten[0]}"
                f"{', ...' if len(forgotten) > 1 else ''}): their tokens are refused, and their "
                "updates too.",
                "Run manage.py live_deliver --mirror-all.",
                act=Act.MIRROR,
            )


def split(message: str) -> tuple[str, str]:
    """Return cause and remedy from the message of a broadcaster's error, which has both."""
    found = _REMEDY.search(message)
    if found is None:
        return message, 'Check SPOOL_LIVE["SUPABASE_URL"] and the health of the Supabase project.'
    remedy = message[found.end() :]
    return f"{message[: found.start()]}.", f"{remedy[0].upper()}{remedy[1:]}"


def _broadcaster() -> str:
    return live_settings().broadcaster.rpartition(".")[2]


def _is_scheduled() -> bool:
    schedule = current_app.conf.beat_schedule or {}
    return any(entry.get("task") == SWEEP for entry in schedule.values())


def _mirrored_versions(alias: str) -> dict[uuid.UUID, int]:
    with connections[alias].cursor() as cursor:
        cursor.execute(read_sql("status/mirrored"))
        return dict(cursor.fetchall())


def _forgotten(using: str, held: dict[uuid.UUID, int]) -> list[str]:
    known = SiteDelivery.objects.using(using).filter(acknowledged_version__gt=0, deleted_at=None)
    lost = [
        pk
        for pk, version in known.values_list("pk", "acknowledged_version")
        if held.get(pk, 0) < version
    ]
    names = dict(Site.objects.using(using).filter(pk__in=lost[:1]).values_list("pk", "name"))
    return [names.get(pk, str(pk)) for pk in lost]
