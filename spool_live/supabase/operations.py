"""Migration operations for what is PostgreSQL's and not Django's."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from spool_live.sql import read_sql
from spool_live.supabase import provisioning
from spool_live.supabase.databases import is_supabase_database


class SupabaseOperation(Operation):
    """Something done to the Supabase database, and to no other alias nor vendor; changes no model
    state. Subclasses say what ``forward`` and ``backward`` do there."""

    reversible = True
    separate_only = False

    def forward(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Do it."""
        raise NotImplementedError

    def backward(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Take it back."""
        raise NotImplementedError

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change no model state."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        if is_supabase_database(schema_editor.connection.alias, separate_only=self.separate_only):
            self.forward(schema_editor)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        if is_supabase_database(schema_editor.connection.alias, separate_only=self.separate_only):
            self.backward(schema_editor)


class RunSupabaseSQL(SupabaseOperation):
    """Runs ``sql/<name>.sql`` forward and ``sql/<name>.reverse.sql`` backward.

    With ``separate_only``, only where the Supabase database is an alias of its own.
    """

    reduces_to_sql = True

    def __init__(self, name: str, *, separate_only: bool = False) -> None:
        self.name = name
        self.separate_only = separate_only

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        kwargs: dict[str, Any] = {"separate_only": True} if self.separate_only else {}
        return type(self).__name__, [self.name], kwargs

    def describe(self) -> str:
        return f"Run {self.name}.sql on the Supabase database"

    def forward(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        schema_editor.execute(read_sql(self.name), params=None)

    def backward(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        schema_editor.execute(read_sql(f"{self.name}.reverse"), params=None)


class ProvisionSupabase(SupabaseOperation):
    """Does what depends on Supabase's roles, publication and Realtime schema, as far as they exist.

    What is missing is not an error: ``live_setup`` and ``post_migrate`` do it later. With
    ``withdraws=False`` it only adds to what an earlier migration did, and takes nothing back.
    """

    reduces_to_sql = False

    def __init__(self, *, withdraws: bool = True) -> None:
        self.withdraws = withdraws

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, [], {} if self.withdraws else {"withdraws": False}

    def describe(self) -> str:
        return "Grants, policies, publication membership as far as Supabase's parts exist"

    def forward(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        provisioning.provision(schema_editor.connection.alias)

    def backward(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        if self.withdraws:
            provisioning.withdraw(schema_editor.connection.alias)


class CloseTables(SupabaseOperation):
    """Closes new content tables to the API roles within the migration that makes them: where
    Supabase serves the content database, they would be open until ``post_migrate``."""

    reduces_to_sql = False

    def __init__(self, *tables: str) -> None:
        self.tables = tables

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, list(self.tables), {}

    def describe(self) -> str:
        return f"Close {', '.join(self.tables)} to the API roles"

    def forward(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        provisioning.close_tables(schema_editor.connection.alias, self.tables)

    def backward(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        provisioning.open_tables(schema_editor.connection.alias, self.tables)
