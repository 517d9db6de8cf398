"""The SQL scripts of the local Supabase."""

from __future__ import annotations

from importlib import resources


def read_sql(name: str) -> str:
    """Return the text of ``<name>.sql`` in this folder."""
    return resources.files(__package__).joinpath(f"{name}.sql").read_text("utf-8")
