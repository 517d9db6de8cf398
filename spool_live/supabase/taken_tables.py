"""Detects that a project has a table with a name that spool_live needs, before any is created."""

from __future__ import annotations

from typing import Any

from django.db import router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from spool_live.documentation import page
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.supabase.databases import is_supabase_database

FEED, COPY = "live_updates", "sites"
"""The tables of a separate Supabase database: the updates, and a copy of the sites."""
COLUMNS = {"id": "UUIDField", "name": "TextField"}
"""Columns of a table ``sites`` that can serve as that copy."""


class RefuseTakenTables(Operation):
    """A check that stops the migration if a table that it would create exists already.

    It has to be the first operation of the first migration. ``tables`` are those of the content
    database.
    """

    reversible = True
    reduces_to_sql = False

    def __init__(self, *tables: str) -> None:
        self.tables = tables

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, list(self.tables), {}

    def describe(self) -> str:
        return "Refuse to go on where a table of this name is there already"

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change no model state."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Raise ``SpoolLiveConfigurationError`` if the name of a table is taken."""
        connection = schema_editor.connection
        alias = connection.alias
        if getattr(schema_editor, "collect_sql", False):
            return
        needed: set[str] = set()
        if router.allow_migrate(alias, app_label, model_name="site"):
            needed.update(self.tables)
        taken = set(connection.introspection.table_names())
        if is_supabase_database(alias, separate_only=True):
            needed.update((FEED, COPY))
            if COPY in taken and _has_columns(connection):
                needed.remove(COPY)
        taken &= needed
        if taken:
            raise SpoolLiveConfigurationError(
                f"The database {alias!r} has a table of its own named "
                f"{', '.join(sorted(taken))}, which spool_live needs. Nothing was changed. Give "
                "your table another name (Meta.db_table), or keep it in another database: see "
                f'"A table named sites" in {page("how-to/existing-projects")}'
            )

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Do nothing."""


def _has_columns(connection: BaseDatabaseWrapper) -> bool:
    introspection = connection.introspection
    with connection.cursor() as cursor:
        found = introspection.get_table_description(cursor, COPY)
    kinds = {one.name: introspection.get_field_type(one.type_code, one) for one in found}
    return all(kinds.get(name) == kind for name, kind in COLUMNS.items())
