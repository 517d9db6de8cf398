"""Names of functions, statements and settings of PostgreSQL that matter to what code can reach."""

from __future__ import annotations

import re

RUNS_TEXT = frozenset((
    "query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "ts_stat", "ts_rewrite",
    "table_to_xml", "table_to_xmlschema", "table_to_xml_and_xmlschema", "cursor_to_xml",
    "crosstab", "crosstab2", "crosstab3", "crosstab4", "crosstab_hash", "connectby",
    "xpath_table",
))  # fmt: skip
"""Functions that run the SQL, or read the table, in their first argument, as their caller."""

CONNECTS = frozenset((
    "dblink", "dblink_exec", "dblink_open", "dblink_send_query", "dblink_connect",
    "dblink_connect_u",
))  # fmt: skip
"""Functions that query a database, maybe this one, as the role of their connection."""

KEEPS = frozenset(("lo_from_bytea", "lo_put", "lowrite"))
"""Functions that store data outside of tables."""

READS_EVERYTHING = {
    "schema_to_xml": False,
    "schema_to_xmlschema": False,
    "schema_to_xml_and_xmlschema": False,
    "database_to_xml": False,
    "database_to_xmlschema": False,
    "database_to_xml_and_xmlschema": False,
    "pg_read_file": True,
    "pg_read_binary_file": True,
    "pg_ls_dir": True,
    "pg_logical_slot_get_changes": True,
    "pg_logical_slot_peek_changes": True,
    "pg_logical_slot_get_binary_changes": True,
    "pg_logical_slot_peek_binary_changes": True,
    "lo_import": True,
    "lo_export": True,
    "get_raw_page": True,
    "heap_page_items": True,
    "pg_get_wal_records_info": True,
}
"""Functions that read all tables that their caller may read; with ``True``, also others."""

CHANGES_RIGHTS = frozenset((
    "grant", "revoke", "alter", "create", "drop", "security", "do", "copy", "load", "reassign",
    "import",
))  # fmt: skip
"""First words of statements that change rights, definitions or other data."""

SECRET_SETTING = re.compile(r"secret|password|private|service_role|jwt_key|api_key", re.IGNORECASE)

READS_STRINGS = "standard_conforming_strings"
"""The setting that decides whether a backslash can escape the quote that ends a string."""

_IDENTITY_SETTINGS = frozenset((
    "role", "session_authorization", "row_security", "session_replication_role",
))  # fmt: skip


def sets_identity(setting: str) -> bool:
    """Return whether a setting decides the role or the claims, or whether policies apply."""
    return setting in _IDENTITY_SETTINGS or setting.startswith(("request.", "pgrst.", "plpgsql."))
