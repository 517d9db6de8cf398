"""Migration operations for tables that editors write to meanwhile.

On databases other than PostgreSQL they do what Django's own operations do.
"""

from __future__ import annotations

import random
import time
from typing import Any

from django.db import OperationalError, router, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddIndex, RemoveIndex
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

LOCK_TIMEOUT = "1s"
"""How long other sessions may have to wait, while a migration waits for a table that is locked."""
TRIES = 60
LOCK_NOT_AVAILABLE = "55P03"


class LockTable(Operation):
    """A lock on the table of a model, taken before it is altered.

    It waits for the lock for ``LOCK_TIMEOUT`` at a time, and lets other sessions go first in
    between. It has to be the first operation of its migration.
    """

    reversible = True
    reduces_to_sql = False

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, [self.model_name], {}

    def describe(self) -> str:
        return f"Lock the table of {self.model_name}"

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change no model state."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Lock the table. Raises ``django.db.OperationalError`` after ``TRIES`` attempts."""
        connection = schema_editor.connection
        model = from_state.apps.get_model(app_label, self.model_name)
        if connection.vendor != "postgresql" or not router.allow_migrate_model(
            connection.alias, model
        ):
            return
        table = connection.ops.quote_name(model._meta.db_table)
        for tries_left in reversed(range(TRIES)):
            try:
                with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                    cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
                    cursor.execute("SET LOCAL lock_timeout = DEFAULT")
                return
            except OperationalError as error:
                code = getattr(error.__cause__, "sqlstate", None)
                if code != LOCK_NOT_AVAILABLE:
                    raise
                if not tries_left:
                    raise OperationalError(
                        f"The table {table} is in use by a transaction that does not end: end it "
                        "(pg_stat_activity shows it), then run manage.py migrate again. Nothing "
                        "was changed."
                    ) from error
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - no secret

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Do nothing: reversed operations take their locks themselves."""


class AddIndexUnderTraffic(AddIndex):
    """``AddIndex`` that does not block writers. For migrations with ``atomic = False``."""

    atomic = False

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        _remove(schema_editor, self.index.name)  # an interrupted run may have left it
        schema_editor.add_index(model, self.index, **_concurrently(schema_editor))

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.remove_index(model, self.index, **_concurrently(schema_editor))


class RemoveIndexUnderTraffic(RemoveIndex):
    """``RemoveIndex`` that does not block writers. For migrations with ``atomic = False``."""

    atomic = False

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            index = from_state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
            schema_editor.remove_index(model, index, **_concurrently(schema_editor))

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        index = to_state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
        _remove(schema_editor, index.name)
        schema_editor.add_index(model, index, **_concurrently(schema_editor))


def _concurrently(schema_editor: BaseDatabaseSchemaEditor) -> dict[str, Any]:
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    return {"concurrently": True} if is_postgresql else {}


def _remove(schema_editor: BaseDatabaseSchemaEditor, name: str) -> None:
    if schema_editor.connection.vendor == "postgresql":
        quoted = schema_editor.quote_name(name)
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {quoted}")
