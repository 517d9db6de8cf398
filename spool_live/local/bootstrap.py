"""Turn an empty PostgreSQL into the database of a Supabase project. Safe to repeat."""

from __future__ import annotations

import psycopg
from psycopg import sql

from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.sql import read_sql

_SCRIPTS = ("roles", "public_schema", "auth_schema", "realtime_schema", "realtime_functions")
_LOGINS = ("postgres", "authenticator")
SUPERUSER = "supabase_admin"
MAKE_PARTITIONS = "select realtime.maintain_message_partitions()"


def bootstrap(config: LocalSupabaseConfig) -> None:
    """Create roles, schemas, publications and default privileges in ``config``'s database.

    Connects as the superuser ``supabase_admin``. Raises ``psycopg.Error``.
    """
    with psycopg.connect(config.conninfo(SUPERUSER)) as connection:
        # scripts are repeated: notices such as "already exists, skipping" would only be noise
        connection.execute("set client_min_messages = warning")
        for name in (*_SCRIPTS, _privileges_script(config)):
            connection.execute(read_sql(name))
        if not config.pace.cold_start:
            connection.execute(MAKE_PARTITIONS)
        for role in _LOGINS:
            _set_password(connection, role, config.database_password)


def _privileges_script(config: LocalSupabaseConfig) -> str:
    return f"privileges_{config.privilege_world.replace('-', '_')}"


def _set_password(
    connection: psycopg.Connection[tuple[object, ...]], role: str, password: str
) -> None:
    """Set a role's password, as a verifier: a failing statement ends up in the server's log."""
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    connection.execute(
        sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(verifier))
    )
