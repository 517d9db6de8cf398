"""Objects of Supabase itself: in its own schemas, with an owner that no other role can become."""

from __future__ import annotations

from spool_live.isolation.reach.catalog import Catalog, Function, Relation

SCHEMAS = frozenset((
    "auth", "storage", "realtime", "_realtime", "graphql", "graphql_public", "extensions", "vault",
    "pgsodium", "pgsodium_masks", "net", "cron", "supabase_functions", "supabase_migrations",
    "pgbouncer", "_analytics", "pgmq", "pgmq_public", "pgtle", "pg_pgtle",
))  # fmt: skip

KNOWN = {
    "auth": {"uid", "role", "email", "jwt"},
    "graphql_public": {"graphql"},
    "storage": {
        "filename", "foldername", "extension", "search", "search_v2", "search_by_timestamp",
        "search_legacy_v1", "get_size_by_bucket", "can_insert_object", "operation", "get_level",
        "get_prefix", "get_prefixes", "list_objects_with_delimiter",
        "list_multipart_uploads_with_delimiter", "add_prefixes", "delete_prefix",
        "delete_prefix_hierarchy_trigger", "enforce_bucket_name_length", "prefixes_insert_trigger",
        "objects_insert_prefix_trigger", "objects_update_prefix_trigger",
        "update_updated_at_column",
        "objects_delete_cleanup", "objects_update_cleanup", "prefixes_delete_cleanup",
        "lock_top_prefixes", "delete_leaf_prefixes", "objects_update_level_trigger",
        "protect_delete", "get_common_prefix", "allow_only_operation", "allow_any_operation",
    },
    "realtime": {"topic", "send", "send_binary", "broadcast_changes"},
    "pgmq_public": {"pop", "send", "send_batch", "archive", "delete", "read"},
}  # fmt: skip
"""The known functions that Supabase offers to API callers, by schema."""


def is_supabases(each: Relation | Function, catalog: Catalog, attackers: frozenset[str]) -> bool:
    """Return whether the object is in a schema of Supabase, with an owner that neither API callers
    nor the migrating role can become."""
    owner = catalog.roles[each.owner]
    return (
        each.schema in SCHEMAS
        and not owner.ours
        and not any(owner.name in catalog.roles[role].has for role in attackers)
    )


def is_known(function: Function) -> bool:
    """Return whether a function in a schema of Supabase is among the known ones."""
    return function.name in KNOWN.get(function.schema, {function.name})
