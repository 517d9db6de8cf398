"""Installing the triggers, removing them, and reporting where they differ from what is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from django.db import connections, transaction
from psycopg.sql import SQL, Composable, Identifier

from spool_live.capture.triggers.definitions import CaptureTrigger, Definitions
from spool_live.collections import has_triggers
from spool_live.sql import read_sql

LOCK_TIMEOUT = "5s"
_ENABLED = ("O", "A")


class TriggerState(StrEnum):
    """How a trigger compares with what the registered collections need."""

    INSTALLED = "installed"
    MISSING = "missing"
    DIFFERS = "differs"
    DISABLED = "disabled"
    STALE = "stale"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class TriggerStatus:
    """One trigger: its collection (empty for one that no collection needs), table, name, state, and
    in ``detail`` what it waits for."""

    collection: str
    table: str
    trigger: str
    state: TriggerState
    detail: str = ""


class Installed(NamedTuple):
    """A trigger in PostgreSQL's catalog: when it is fired, and the function that it runs."""

    kind: int
    enabled: str
    function: str
    body: str
    pinned: bool


Key = tuple[str, str, str]
"""Schema, table and name of a trigger."""


def status(using: str) -> list[TriggerStatus]:
    """Return the status of each trigger that is or should be on ``using``. Reads only.

    Raises ``SpoolLiveConfigurationError`` for a collection that a trigger cannot follow.
    """
    if not has_triggers(using):
        return []
    definitions, installed = Definitions(using), _installed(using)
    if not definitions.has_outbox():
        return []  # nothing is migrated yet
    found = []
    for collection in definitions.collections:
        if waits_for := definitions.waits_for(collection):
            table = collection.model._meta.db_table
            found.append(TriggerStatus(collection.name, table, "", TriggerState.WAITING, waits_for))
    wanted = _wanted(definitions)
    for key, trigger in wanted.items():
        state = _state(trigger, installed.get(key))
        found.append(TriggerStatus(trigger.collection, trigger.table.name, trigger.name, state))
    for _, table, name in installed.keys() - wanted.keys():
        found.append(TriggerStatus("", table, name, TriggerState.STALE))
    return found


def install(using: str) -> list[TriggerStatus]:
    """Create triggers that are missing or differ, drop those that are stale, and keep the others.

    Takes one transaction, and waits at most 5 s for a table that is in use. Returns the status
    afterwards.
    """
    if not has_triggers(using):
        return []
    with _exclusively(using) as run:
        definitions, installed = Definitions(using), _installed(using)
        wanted = _wanted(definitions) if definitions.has_outbox() else {}
        run(_drops(key for key in installed if key not in wanted))
        wrong = [
            t for k, t in wanted.items() if _state(t, installed.get(k)) != TriggerState.INSTALLED
        ]
        if wrong:
            run(definitions.helpers())
        for trigger in wrong:
            run(trigger.statements())
        return status(using)


def remove(using: str) -> list[TriggerStatus]:
    """Drop every capture trigger on ``using``, and return the status afterwards. Until they are
    installed again, changes of their collections are not recorded."""
    if not has_triggers(using):
        return []
    with _exclusively(using) as run:
        run(_drops(_installed(using)))
        return status(using)


def statements(using: str) -> list[str]:
    """Return all of the SQL that creates the triggers on a database that has none."""
    if not has_triggers(using):
        return []
    definitions = Definitions(using)
    wanted = _wanted(definitions).values() if definitions.has_outbox() else ()
    composed = [*definitions.helpers()] if wanted else []
    composed += [statement for trigger in wanted for statement in trigger.statements()]
    return [statement.as_string(definitions.connection.connection) for statement in composed]


def _wanted(definitions: Definitions) -> dict[Key, CaptureTrigger]:
    return {
        (trigger.table.schema, trigger.table.name, trigger.name): trigger
        for collection in definitions.collections
        if not definitions.waits_for(collection)
        for trigger in definitions.of_collection(collection)
    }


def _state(trigger: CaptureTrigger, installed: Installed | None) -> TriggerState:
    if installed is None:
        return TriggerState.MISSING
    if installed.enabled not in _ENABLED:
        return TriggerState.DISABLED
    wanted = Installed(trigger.event.kind, installed.enabled, trigger.function, trigger.body, True)
    return TriggerState.INSTALLED if installed == wanted else TriggerState.DIFFERS


def _installed(using: str) -> dict[Key, Installed]:
    with connections[using].cursor() as cursor:
        cursor.execute(read_sql("capture/installed"))
        return {(row[0], row[1], row[2]): Installed(*row[3:]) for row in cursor.fetchall()}


def _drops(keys: Iterable[Key]) -> Iterator[Composable]:
    for schema, table, name in keys:
        yield SQL("drop trigger {} on {}").format(Identifier(name), Identifier(schema, table))


@contextmanager
def _exclusively(using: str) -> Iterator[Callable[[Iterable[Composable]], None]]:
    """Open a transaction that excludes other installations; yield a function that runs SQL."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
        cursor.execute("select pg_advisory_xact_lock(hashtext('spool_live_triggers'))")

        def run(composed: Iterable[Composable]) -> None:
            for statement in composed:
                cursor.execute(statement.as_string(cursor.connection))

        yield run
