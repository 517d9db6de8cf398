"""The steps of provisioning, done in a way that does not keep editors waiting.

A step that finds its work done takes no lock. Otherwise it has a transaction of its own, gives up a
lock that it does not get within ``LOCK_TIMEOUT``, and tries again.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from enum import StrEnum

from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from spool_live.sql import read_sql

LOCK_TIMEOUT = "1s"
"""How long other sessions may have to wait, while a step waits for a table that is locked."""
TRIES = 15
_LOCKED = "55P03"
_NOT_PERMITTED = "42501"
_TRY_AGAIN = (_LOCKED, "40P01", "40001", "XX000", "42710", "23505")
"""SQLSTATEs to try again after: locked, deadlock, serialization failure, and the errors of two
sessions that change the same catalog rows."""


class StepOutcome(StrEnum):
    """The outcome of a step."""

    DONE = "done"
    MISSING = "missing"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of a step: its name, its outcome, and what to do if it is not done."""

    step: str
    outcome: StepOutcome
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class SetupStep:
    """A step of provisioning: SQL that can run once the query ``needs`` returns true.

    If the query ``holds`` returns true, and all ``tables`` have the policies that the SQL creates,
    there is nothing to do. Without ``holds`` and ``tables`` the SQL always runs. ``remedy`` says
    what to do if ``needs`` returns false.
    """

    name: str
    sql: str
    needs: str
    remedy: str
    holds: str = ""
    tables: tuple[str, ...] = ()


def do(connection: BaseDatabaseWrapper, step: SetupStep) -> StepResult:
    """Do ``step``, unless there is nothing to do, and return the result.

    It is tried up to ``TRIES`` times, but only once within a transaction of the caller.
    """
    if not answers_yes(connection, step.needs):
        return StepResult(step.name, StepOutcome.MISSING, step.remedy)
    tries = 1 if connection.in_atomic_block else TRIES
    for tries_left in reversed(range(tries)):
        try:
            _try(connection, step)
        except DatabaseError as error:
            if tries_left and _code(error) in _TRY_AGAIN:
                time.sleep(random.uniform(0.05, 0.5))  # noqa: S311 - no secret
                continue
            return StepResult(step.name, StepOutcome.FAILED, _explain(error, tries))
        break
    return StepResult(step.name, StepOutcome.DONE)


def is_done(connection: BaseDatabaseWrapper, step: SetupStep) -> bool:
    """Return whether the database already is as ``step`` makes it. Blocks no writer."""
    if not (step.holds or step.tables):
        return False
    if step.holds and not answers_yes(connection, step.holds):
        return False
    return not step.tables or _has_its_policies(connection, step)


def answers_yes(connection: BaseDatabaseWrapper, query: str) -> bool:
    """Return whether the first column of the first row of ``query`` is true."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
    return bool(row and row[0])


def _try(connection: BaseDatabaseWrapper, step: SetupStep) -> None:
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
        if is_done(connection, step):
            return
        # One session at a time, as two would change the same catalog rows. Nothing else takes it.
        cursor.execute("select pg_advisory_xact_lock(hashtext('spool_live_setup'))")
        if not is_done(connection, step):
            cursor.execute(step.sql)


def _has_its_policies(connection: BaseDatabaseWrapper, step: SetupStep) -> bool:
    """Return whether the tables have the policies of ``step``.

    The step's policies are created on temporary tables of the same form, so that both can be
    compared as the server deparses them, and are rolled back.
    """
    sql = read_sql("environment/table_policies")
    alike = {table: f"pg_temp.spool_live_alike_{n}" for n, table in enumerate(step.tables)}
    script = step.sql
    for table, other in alike.items():
        script = script.replace(table, other)
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            for table, other in alike.items():
                cursor.execute(f"create table {other} (like {table})")
            cursor.execute(script)
            found = {}
            for table in (*alike, *alike.values()):
                cursor.execute(sql.replace("{table}", table))
                rows = cursor.fetchall()
                found[table] = {(*row[:3], tuple(row[3]), *row[4:]) for row in rows}
            transaction.set_rollback(True, using=connection.alias)
    except DatabaseError as error:
        if _code(error) == _NOT_PERMITTED:  # the error of the step itself will say more
            return False
        raise
    return all(found[other] <= found[table] for table, other in alike.items())


def _code(error: DatabaseError) -> str:
    return str(getattr(error.__cause__, "sqlstate", ""))


def _explain(error: DatabaseError, tries: int) -> str:
    reason = str(error).strip().splitlines()[0]
    if _code(error) == _LOCKED:
        return (
            f"Another transaction held the table ({reason}; tried {tries} times, {LOCK_TIMEOUT} "
            "each): end it (pg_stat_activity shows it), then run manage.py live_setup again."
        )
    return f"{reason}. Run manage.py live_setup as a role that may do this."
