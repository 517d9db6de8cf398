"""Audit of the publication that Realtime reads: it has to contain ``live_updates``, no private
table, and no deletions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spool_live.isolation import rules
from spool_live.isolation.findings import Finding
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import FEED, Target

PUBLICATION = "supabase_realtime"


def audit_publication(box: Sandbox, target: Target) -> Iterator[Finding]:
    """Check what Realtime gets from the write-ahead log."""
    rows = box.rows("publications")
    if not rows or FEED not in rows[0]["tables"]:
        reason = f"{FEED} is not in it: subscribers of Postgres Changes receive nothing"
        yield rules.PUBLICATION_MISSING.broken(PUBLICATION, reason)
    elif not rows[0]["inserts"]:
        yield rules.PUBLICATION_MISSING.broken(
            PUBLICATION,
            "it publishes no inserts: subscribers of Postgres Changes receive nothing",
            sql=f"alter publication {PUBLICATION} set (publish = 'insert');"
            if rows[0]["tables"] == [FEED]
            else f"alter publication {PUBLICATION} set (publish = 'insert, update, delete');",
        )
    if rows:
        yield from _contents(rows[0], target)


def _contents(row: dict[str, Any], target: Target) -> Iterator[Finding]:
    if FEED in row["tables"] and row["deletes"]:
        yield _deletes(row)
    if row["filtered"]:
        yield rules.PUBLICATION_FILTER.broken(
            PUBLICATION,
            f"it has a row filter or a column list for {FEED}",
            sql=f"alter publication {PUBLICATION} drop table {FEED};\n"
            f"alter publication {PUBLICATION} add table {FEED};",
        )
    others = [table for table in row["tables"] if table != FEED]
    if FEED in row["tables"] and others and not row["updates"] and not row["deletes"]:
        yield rules.PUBLICATION_MUTED.broken(
            PUBLICATION,
            f"it publishes inserts only: updates and deletions of {', '.join(others)} are not "
            "delivered",
        )
    private = [table for table in row["tables"] if _is_private(table, target)]
    yield from dict.fromkeys(_private(table, row) for table in private)


def _private(table: str, row: dict[str, Any]) -> Finding:
    """Return the finding with SQL that removes the table, or its schema: single tables cannot be
    removed from a publication of a whole schema."""
    schema = table.partition(".")[0]
    if row["all_tables"]:
        reason, sql = f"it is for all tables, also {table}", ""
    elif schema in row["schemas"]:
        kept = [FEED] if FEED.startswith(f"{schema}.") else []
        reason = f"it is for all tables of schema {schema}, also private ones"
        sql = f'alter publication {PUBLICATION} drop tables in schema "{schema}";' + "".join(
            f"\nalter publication {PUBLICATION} add table {each};" for each in kept
        )
    else:
        reason, sql = f"{table} is in it", f"alter publication {PUBLICATION} drop table {table};"
    remedy = "" if sql else "Create it again, as a publication of single tables."
    return rules.PUBLICATION_PRIVATE.broken(PUBLICATION, reason, sql=sql, remedy=remedy)


def _deletes(row: dict[str, Any]) -> Finding:
    reason = "it publishes deletions: subscribers of every site learn the ids of deleted updates"
    if row["tables"] == [FEED]:
        sql = f"alter publication {PUBLICATION} set (publish = 'insert');"
        return rules.PUBLICATION_DELETES.broken(PUBLICATION, reason, sql=sql)
    return rules.PUBLICATION_DELETES.broken(
        PUBLICATION,
        f"{reason}; other tables are in it, so it cannot simply be set to publish inserts only",
    )


def _is_private(table: str, target: Target) -> bool:
    schema, _, name = table.partition(".")
    django = schema == "public" and name in target.django_tables and table != FEED
    return table in target.private_tables or django
