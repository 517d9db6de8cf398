"""Phase *database*: the tables exist, sites are isolated, old rows are removed, alerts arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice

from django.apps import apps
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from spool_live.alerts import channels
from spool_live.conf import live_settings
from spool_live.doctor.findings import Act, DoctorFinding, RolloutPhase, error, warning
from spool_live.doctor.registry import check
from spool_live.doctor.surroundings import NotChecked, Surroundings
from spool_live.heartbeats import Part
from spool_live.isolation import CannotVerifyError, Severity, verify
from spool_live.isolation.recording import record_rls
from spool_live.models import LiveUpdate
from spool_live.signals import alert
from spool_live.sql import read_sql
from spool_live.status import Kind
from spool_live.supabase.provisioning import undone
from spool_live.supabase.steps import StepOutcome

DATABASE = RolloutPhase.DATABASE
SHOWN = 8
"""How many findings of ``verify_rls`` are repeated here; that command shows all of them."""
SKEW = 2.0
"""Seconds by which the clock of a database may differ from this machine's."""


@check("databases", "The databases answer", DATABASE)
def check_databases(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check that each alias accepts a connection and a query, and that its clock is right."""
    for alias in surroundings.aliases:
        if reason := surroundings.unanswered(alias):
            yield error(
                f"The database {alias!r} does not answer: {reason}.",
                f'Check HOST, PORT, USER and PASSWORD in DATABASES["{alias}"], and that the server '
                "runs and lets this machine in.",
            )
        elif abs(skew := _skew(alias)) > SKEW:
            side = "ahead of" if skew > 0 else "behind"
            yield warning(
                f"The clock of the database {alias!r} is {abs(skew):.0f} s {side} this machine's.",
                "Keep both set by NTP (timedatectl set-ntp true): times of updates and of waits "
                "are compared across them.",
            )


@check("migrations", "Our migrations are applied everywhere", DATABASE)
def check_migrations(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check that our migrations are applied on each alias, and that their tables exist."""
    for alias in surroundings.aliases:
        if surroundings.unanswered(alias):
            continue
        due = _due_migrations(alias)
        command = f"manage.py migrate --database {alias}"
        if due:
            yield error(
                f"{len(due)} of our migrations are not applied on {alias!r}, the first one is "
                f"{due[0]}.",
                f"Run {command}.",
            )
        elif missing := _missing_tables(surroundings, alias):
            yield error(
                f"Migrations are recorded as applied on {alias!r}, but {', '.join(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} missing: the database was replaced, or "
                "SUPABASE_DATABASE named another one when they ran.",
                f"On a database that holds none of our tables: manage.py migrate --fake spool_live "
                f"zero --database {alias}, then {command}. Else restore them from a backup.",
            )
    _need_all(surroundings)


@check("setup", "Grants, policies and publication are as live_setup makes them", DATABASE)
def check_setup(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check that each step of ``live_setup`` is done on the Supabase database."""
    alias = surroundings.supabase_alias()
    steps = undone(alias)
    for remedy in dict.fromkeys(step.remedy for step in steps):
        same = [step for step in steps if step.remedy == remedy]
        names = ", ".join(step.step for step in same)
        is_pending = same[0].outcome is StepOutcome.PENDING
        state = "not as live_setup makes it" if is_pending else "cannot be done yet"
        yield error(
            f"On {alias!r}, {state}: {names}.", remedy, act=Act.SETUP if is_pending else None
        )


@check("isolation", "Row Level Security keeps sites apart (verify_rls)", DATABASE)
def check_isolation(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Run ``verify_rls``, whose attacks are rolled back, and record its outcome."""
    alias = surroundings.supabase_alias()
    try:
        report = verify(alias)
    except CannotVerifyError as reason:
        raise NotChecked(str(reason)) from reason
    if not surroundings.unanswered("default"):
        record_rls(report)
    found = [f for f in report.findings if f.severity is not Severity.NOTE]
    for one in islice(found, SHOWN):
        make = error if one.severity is Severity.ERROR else warning
        yield make(f"{one.subject}: {one.reason}.", one.sql or one.remedy, code=one.code)
    if len(found) > SHOWN:
        yield warning(
            f"verify_rls has {len(found) - SHOWN} more findings.", "Run manage.py verify_rls."
        )


@check("cleanup", "Old rows are removed", DATABASE)
def check_cleanup(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check that cleanup has run, and keeps up."""
    yield from surroundings.problems(Kind.CLEANUP)
    if not any(part.part == Part.CLEANUP for part in surroundings.status.parts):
        yield warning(
            "Cleanup has never run: the live table grows without limit.",
            "Put spool_live.tasks.BEAT_SCHEDULE into CELERY_BEAT_SCHEDULE, or run manage.py "
            "live_cleanup from a timer; it runs every hour.",
        )


@check("alerts", "Somebody is notified when updates stop", DATABASE)
def check_alerts(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check that alerts reach a person, and that the rules are evaluated."""
    if channels.configured() == ["signal"] and not alert.has_listeners():
        yield warning(
            "Alerts go to the log only.",
            'Set SPOOL_LIVE["ALERT_EMAILS"] or "ALERT_WEBHOOK_URL", or connect a receiver to '
            "spool_live.signals.alert; then manage.py live_alerts --test.",
        )
    for notice in surroundings.status.notices:
        if "alert notice" in notice:
            yield warning(notice, "Try manage.py live_alerts --test.")
    if not any(part.part == Part.ALERTS for part in surroundings.status.parts):
        yield warning(
            "The alert rules have never been evaluated.",
            "Run celery beat with spool_live.tasks.BEAT_SCHEDULE, or manage.py live_alerts from a "
            "timer or with --loop.",
        )


def _skew(alias: str) -> float:
    """Return how many seconds the database's clock is ahead of ours; 0 if it uses ours."""
    if connections[alias].vendor != "postgresql":
        return 0.0
    before = time.time()
    with connections[alias].cursor() as cursor:
        cursor.execute(read_sql("status/clock"))
        [database_time] = cursor.fetchone()
    return float(database_time) - (before + time.time()) / 2


def _due_migrations(alias: str) -> list[str]:
    executor = MigrationExecutor(connections[alias])
    targets = executor.loader.graph.leaf_nodes("spool_live")
    plan = executor.migration_plan(targets)
    return [migration.name for migration, _ in plan if migration.app_label == "spool_live"]


def _missing_tables(surroundings: Surroundings, alias: str) -> list[str]:
    existing = set(connections[alias].introspection.table_names())
    feed, needed = LiveUpdate._meta.db_table, set[str]()
    is_supabase = alias == live_settings().supabase_database
    if alias in surroundings.content_aliases():
        models = apps.get_app_config("spool_live").get_models(include_auto_created=True)
        needed = {model._meta.db_table for model in models} - {feed}
    if is_supabase and connections[alias].vendor == "postgresql":
        needed.add(feed)
    return sorted(needed - existing)


def _need_all(surroundings: Surroundings) -> None:
    """Raise ``NotChecked``, with their names, if databases do not answer."""
    silent = [alias for alias in surroundings.aliases if surroundings.unanswered(alias)]
    if silent:
        raise NotChecked(f"Not checked on {', '.join(silent)}: the database does not answer.")
