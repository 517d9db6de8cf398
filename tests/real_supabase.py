"""The suite on a Supabase that runs already, instead of one that it starts itself.

``SPOOL_LIVE_REAL_SUPABASE`` names a file: lines ``NAME=value`` (see ``NAMES``), or the JSON that
``spool-live-local --ready-file`` writes. The database is migrated and written to: give it one that
nobody needs.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from spool_live.local.bootstrap import SUPERUSER
from spool_live.local.config import AT_ONCE, LocalSupabaseConfig

VARIABLE = "SPOOL_LIVE_REAL_SUPABASE"
NAMES = {
    "SUPABASE_URL": "url",
    "SUPABASE_PUBLISHABLE_KEY": "publishable_key",
    "SUPABASE_SECRET_KEY": "secret_key",
    "SUPABASE_JWT_SECRET": "jwt_secret",
    "SUPABASE_DATABASE_URL": "database_url",
    "SUPABASE_ADMIN_DATABASE_URL": "admin_database_url",
}
"""What the file has to say, and what the ready file calls it. The last is for tests that break the
database as its superuser, and may be left out where all roles have one password."""


@dataclass(frozen=True)
class GivenSupabase(LocalSupabaseConfig):
    """Addresses and secrets of a stack that somebody else started."""

    given_url: str = ""
    admin_database_url: str = field(repr=False, default="")

    @property
    def url(self) -> str:
        return self.given_url

    def conninfo(self, role: str) -> str:
        if role == SUPERUSER and self.admin_database_url:
            return self.admin_database_url
        return super().conninfo(role)


class GivenDatabase:
    """Its database, as tests know that of the stack they start: not theirs to stop."""

    running = True

    def __init__(self, config: LocalSupabaseConfig) -> None:
        self.config = config
        self.host, self.port = config.host, config.database_port

    def conninfo(self, role: str | None = None) -> str:
        return self.config.conninfo(role or SUPERUSER)


def given_supabase(state_dir: Path) -> GivenSupabase | None:
    """The stack that the variable's file describes; None without one."""
    file = os.environ.get(VARIABLE)
    return _read(Path(file), state_dir) if file else None


def _read(file: Path, state_dir: Path) -> GivenSupabase:
    text = file.read_text()
    if text.lstrip().startswith("{"):
        values = json.loads(text)
    else:
        pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
        given = {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}
        values = {short: given[name] for name, short in NAMES.items() if name in given}
    optional = "SUPABASE_ADMIN_DATABASE_URL"
    lacks = [n for n, short in NAMES.items() if short not in values and n != optional]
    if lacks:
        raise ValueError(f"{VARIABLE}: {file} lacks {', '.join(lacks)}")
    database, api = urlsplit(values["database_url"]), urlsplit(values["url"])
    return GivenSupabase(
        state_dir,
        host=database.hostname or "127.0.0.1",
        port=api.port or (443 if api.scheme == "https" else 80),
        database_port=database.port or 5432,
        database_name=database.path.strip("/"),
        database_password=database.password or "",
        jwt_secret=values["jwt_secret"],
        signing_key=values.get("signing_key", ""),
        publishable_key=values["publishable_key"],
        secret_key=values["secret_key"],
        pace=AT_ONCE,
        given_url=values["url"].rstrip("/"),
        admin_database_url=values.get("admin_database_url", ""),
    )
