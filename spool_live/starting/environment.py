"""The file ``.env``, and that git leaves it alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote, urlsplit

from spool_live.starting.additions import Addition
from spool_live.starting.project import Project

DATABASE = (
    "SUPABASE_DB_HOST",
    "SUPABASE_DB_PORT",
    "SUPABASE_DB_NAME",
    "SUPABASE_DB_USER",
    "SUPABASE_DB_PASSWORD",
)
_OF_LOCAL = {
    "SUPABASE_URL": "url",
    "SUPABASE_PUBLISHABLE_KEY": "publishable_key",
    "SUPABASE_SECRET_KEY": "secret_key",
    "SUPABASE_JWT_SECRET": "jwt_secret",
}
_IGNORING = {".env", "/.env", ".env*", "*.env", ".env.*"}


def missing(
    project: Project, names: Sequence[str], supabase: Mapping[str, str]
) -> Iterator[Addition]:
    """What the environment lacks of ``names``, with the values of ``supabase`` if known."""
    there = project.env_file.read_text("utf-8") if project.env_file.exists() else ""
    known = {line.partition("=")[0].removeprefix("export ").strip() for line in there.splitlines()}
    lacking = [name for name in names if name not in os.environ and name not in known]
    if not lacking:
        return
    values = local_values(supabase)
    text = "".join(f"{name}={values.get(name, '')}\n" for name in lacking)
    why = f"The environment lacks {', '.join(lacking)}."
    yield Addition("environment", why, text, project.env_file)
    ignore = project.folder / ".gitignore"
    lines = ignore.read_text("utf-8").splitlines() if ignore.exists() else []
    if (project.folder / ".git").exists() and not _IGNORING.intersection(lines):
        yield Addition("git", "git would take the secrets in .env.", ".env\n", ignore)


def local_values(supabase: Mapping[str, str]) -> dict[str, str]:
    """The variables, from what ``local_supabase --ready-file`` wrote."""
    values = {name: supabase.get(key, "") for name, key in _OF_LOCAL.items()}
    parts = urlsplit(supabase.get("database_url", ""))
    database = (
        parts.hostname or "",
        str(parts.port or ""),
        parts.path.lstrip("/"),
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )
    return {**values, **dict(zip(DATABASE, database, strict=True))}
