"""Migration operations that run SQL on the Supabase database, or set it up."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from spool_live.sql import read_sql
from spool_live.supabase import provisioning
from spool_live.supabase.databases import is_supabase_database


class SupabaseOperation(Operation):
    """An operation on the Supabase database. It does nothing on other aliases and other vendors,
    and changes no model state. Subclasses define ``forward`` and ``backward``."""

    reversible = True
    separate_only = False

    def forward(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Apply the operation to the Supabase database."""
        raise NotImplementedError

    def backward(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Reverse the operation on the Supabase database."""
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
    """The SQL of ``sql/<name>.sql`` forward, and of ``sql/<name>.reverse.sql`` backward.

    With ``separate_only``, it runs only if the Supabase database is not the content database.
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
    """The setup of what depends on Supabase's roles, publication and Realtime schema, if they
    exist.

    Missing ones are not an error: ``live_setup`` and ``post_migrate`` set up the rest later. With
    ``withdraws=False`` the reverse does nothing, as an earlier migration reverses everything.
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
    """The closing of new content tables to the API roles, in the migration that creates them.

    Otherwise they would be open until ``post_migrate``, if Supabase serves the content database.
    """

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
