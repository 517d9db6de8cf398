"""Sets up what depends on the environment: Supabase's roles, publication and Realtime schema.

The migration, ``post_migrate`` and ``live_setup`` call the same idempotent routine, so that it
completes later what was missing at first. A step that cannot be done is reported with a remedy, and
does not stop the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db import connections
from django.db.backends.utils import CursorWrapper

from spool_live.conf import live_settings
from spool_live.sql import read_sql
from spool_live.supabase.steps import SetupStep, StepOutcome, StepResult, answers_yes, do, is_done

API_ROLES = ("anon", "authenticated", "service_role")
CONTENT_TABLES = (
    "sites",
    "site_api_keys",
    "live_api_key_events",
    "live_api_key_uses",
    "live_operator_events",
    "live_failed_authentications",
    "live_isolation_reports",
    "live_site_mirrors",
    "live_site_deliveries",
    "live_updates_outbox",
    "live_outbox_events",
    "live_scheduled_moments",
    "live_delivery_attempts",
    "live_delivery_circuit",
    "live_heartbeats",
    "live_counters",
    "live_counter_samples",
    "live_alert_episodes",
    "live_alert_notices",
    "live_webhook_endpoints",
    "live_webhook_deliveries",
    "live_webhook_secrets",
    "live_webhook_messages",
    "live_webhook_attempts",
)

_ROLES_REMEDY = (
    "The roles anon, authenticated and service_role do not exist: point "
    'SPOOL_LIVE["SUPABASE_DATABASE"] at the database that Supabase serves, then run '
    "manage.py live_setup."
)


def _exists(table: str) -> str:
    return read_sql("environment/table_exists").replace("{table}", table)


def closed_tables(*, one_database: bool) -> tuple[str, ...]:
    """Return the names of the tables in schema ``public`` that no API role may touch.

    Without ``one_database``, these are the copy of ``sites`` and Django's own migrations table.
    """
    return CONTENT_TABLES if one_database else ("sites", "django_migrations")


def _steps(*, one_database: bool) -> Iterator[SetupStep]:
    roles_exist = read_sql("environment/roles_exist")
    yield SetupStep(
        "API roles",
        read_sql("environment/api_roles"),
        roles_exist,
        _ROLES_REMEDY,
        holds=read_sql("environment/api_roles_hold"),
    )
    yield SetupStep(
        "policies",
        read_sql("environment/policies"),
        roles_exist,
        _ROLES_REMEDY,
        tables=("public.live_updates", "spool_live.sites", "spool_live.api_keys"),
    )
    for table in closed_tables(one_database=one_database):
        yield _closing(table)
    yield SetupStep(
        "publication",
        read_sql("environment/publication"),
        read_sql("environment/publication_exists"),
        "The publication supabase_realtime does not exist: enable Realtime in the Supabase "
        "project (Postgres Changes need it), then run manage.py live_setup.",
        holds=read_sql("environment/publication_holds"),
    )
    yield SetupStep(
        "Realtime policy",
        read_sql("environment/realtime_policy"),
        _exists("realtime.messages"),
        "The table realtime.messages does not exist: enable Realtime in the Supabase project, "
        'run manage.py live_setup, or set SPOOL_LIVE["REALTIME_MODE"] to "postgres_changes".',
        tables=("realtime.messages",),
    )
    yield SetupStep(
        "schema reload", read_sql("environment/schema_reload"), roles_exist, _ROLES_REMEDY
    )


def _closing(table: str) -> SetupStep:
    name = f"public.{table}"
    sql = read_sql("environment/closed_table").replace("{table}", name)
    needs = read_sql("environment/closed_table_needs").replace("{table}", name)
    holds = read_sql("environment/closed_table_holds").replace("{table}", name)
    return SetupStep(f"{table} closed", sql, needs, _ROLES_REMEDY, holds=holds, tables=(name,))


def provision(alias: str) -> list[StepResult]:
    """Do every step that can be done on the Supabase database ``alias``, and return the results.

    A step takes no lock if there is nothing to do. Otherwise it has a transaction of its own, so
    that editors wait for one table at a time, and for at most a second.
    """
    connection = connections[alias]
    if not answers_yes(connection, _exists("public.live_updates")):
        remedy = f"The live tables do not exist: run manage.py migrate --database {alias}."
        return [StepResult("live tables", StepOutcome.MISSING, remedy)]
    one_database = not live_settings().has_separate_databases
    return [do(connection, step) for step in _steps(one_database=one_database)]


def missing(alias: str) -> list[StepResult]:
    """Return the steps that cannot be done yet on ``alias``. Only reads."""
    connection = connections[alias]
    one_database = not live_settings().has_separate_databases
    return [
        StepResult(step.name, StepOutcome.MISSING, step.remedy)
        for step in _steps(one_database=one_database)
        if not answers_yes(connection, step.needs)
    ]


def undone(alias: str) -> list[StepResult]:
    """Return the steps that are not done on ``alias``, without a change.

    They are ``MISSING`` if they cannot be done yet, and ``PENDING`` if ``provision`` would do them.
    """
    connection = connections[alias]
    if not answers_yes(connection, _exists("public.live_updates")):
        return provision(alias)  # it only reports that the tables are missing
    lacking = missing(alias)
    cannot = {step.step for step in lacking}
    remedy = "Run manage.py live_setup."
    one_database = not live_settings().has_separate_databases
    return [
        *lacking,
        *(
            StepResult(step.name, StepOutcome.PENDING, remedy)
            for step in _steps(one_database=one_database)
            if step.name not in cannot and (step.holds or step.tables)
            if not is_done(connection, step)
        ),
    ]


def publish_inserts_only(alias: str) -> StepResult:
    """Make Realtime's publication publish inserts only.

    The setting applies to all tables of a publication, so this is done only on request, and only if
    ``live_updates`` is the only table in it.
    """
    connection = connections[alias]
    step = SetupStep(
        "inserts only",
        read_sql("environment/insert_only"),
        read_sql("environment/alone_in_publication"),
        "The publication supabase_realtime contains other tables, or does not exist. Nothing was "
        "changed, as updates and deletions of the other tables would no longer be published.",
    )
    return do(connection, step)


def lacks_partition(alias: str) -> bool:
    """Return whether the partition for today's messages is missing on ``alias``.

    Realtime makes it while a client is connected. Updates that are delivered without it are not
    broadcast.
    """
    return answers_yes(connections[alias], read_sql("environment/message_partition"))


def withdraw(alias: str) -> None:
    """Reverse what ``provision`` did, when its migration is reversed."""
    settings = live_settings()
    with connections[alias].cursor() as cursor:
        cursor.execute(read_sql("environment/realtime_policy.reverse"))
        cursor.execute(read_sql("environment/publication.reverse"))
        for table in closed_tables(one_database=not settings.has_separate_databases):
            _open_table(cursor, table)


def close_tables(alias: str, tables: Iterable[str]) -> None:
    """Close new ``tables`` to the API roles, if both exist on ``alias``."""
    for table in tables:
        do(connections[alias], _closing(table))


def open_tables(alias: str, tables: Iterable[str]) -> None:
    """Reverse ``close_tables``."""
    with connections[alias].cursor() as cursor:
        for table in tables:
            _open_table(cursor, table)


def _open_table(cursor: CursorWrapper, table: str) -> None:
    cursor.execute(_exists(f"public.{table}"))
    if cursor.fetchone()[0]:  # the migration that created it may be reversed already
        sql = read_sql("environment/closed_table.reverse")
        cursor.execute(sql.replace("{table}", f"public.{table}"))
