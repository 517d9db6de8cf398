"""Extensions whose functions were reviewed, as their C code cannot be read from the catalog.

Other extensions are not trusted: their C functions that take text are reported.
"""

from __future__ import annotations

from spool_live.isolation.reach.words import CONNECTS

_PLAIN = (
    "address_standardizer", "address_standardizer_data_us", "amcheck", "autoinc", "bloom",
    "btree_gin", "btree_gist", "citext", "cube", "dict_int", "dict_xsyn", "earthdistance",
    "file_fdw", "fuzzystrmatch", "hstore", "http", "hypopg", "index_advisor", "insert_username",
    "intagg", "intarray", "isn", "lo", "ltree", "moddatetime", "pg_buffercache",
    "pg_freespacemap", "pg_graphql", "pg_hashids", "pg_jsonschema", "pg_net", "pg_prewarm",
    "pg_stat_monitor", "pg_stat_statements", "pg_tle", "pg_trgm", "pg_visibility", "pgaudit",
    "pgcrypto", "pgjwt", "pgmq", "pgroonga", "pgrouting", "pgrowlocks", "pgsodium", "pgstattuple",
    "plpgsql", "plpgsql_check", "postgis_raster", "postgis_sfcgal", "postgis_tiger_geocoder",
    "postgis_topology", "postgres_fdw", "refint", "rum", "seg", "sslinfo", "supabase_vault",
    "tcn", "tsm_system_rows", "tsm_system_time", "unaccent", "uuid-ossp", "vector",
)  # fmt: skip

RUNNING_TEXT: dict[str, frozenset[str]] = {
    "tablefunc": frozenset(("crosstab", "crosstab2", "crosstab3", "crosstab4", "connectby")),
    "xml2": frozenset(("xpath_table",)),
    "dblink": CONNECTS,
    "postgis": frozenset(("addgeometrycolumn", "dropgeometrycolumn", "dropgeometrytable")),
    "pageinspect": frozenset(("get_raw_page",)),
    "pg_walinspect": frozenset(("pg_get_wal_records_info", "pg_get_wal_record_info")),
    "pg_cron": frozenset(("schedule", "schedule_in_database", "alter_job")),
    **{name: frozenset() for name in _PLAIN},
}
"""Reviewed extensions, each with those of its functions that run SQL which the caller passes."""
