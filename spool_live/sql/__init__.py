"""The SQL of the migrations and of provisioning, in files with names."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def read_sql(name: str) -> str:
    """Return the text of ``<name>.sql`` below this package; ``name`` may hold one folder
    (``a/b``)."""
    return resources.files(__name__).joinpath(*f"{name}.sql".split("/")).read_text("utf-8")
