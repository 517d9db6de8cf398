"""The database of a local Supabase: embedded PostgreSQL, bootstrapped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from spool_live.local.bootstrap import bootstrap
from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.postgres import EmbeddedPostgres


class LocalDatabase(EmbeddedPostgres):
    """An ``EmbeddedPostgres`` with Supabase's roles, schemas and publications in it."""

    def __init__(self, config: LocalSupabaseConfig) -> None:
        super().__init__(
            config.state_dir,
            port=config.database_port,
            password=config.database_password,
            database=config.database_name,
        )
        self.config = config

    def start(self) -> None:
        """Start the server and bootstrap its database; stop it again if that fails."""
        super().start()
        try:
            bootstrap(self.config)
        except BaseException:
            self.stop()
            raise


@contextmanager
def local_database(config: LocalSupabaseConfig) -> Iterator[LocalDatabase]:
    """Run the database of ``config`` for the duration of the ``with`` block."""
    with LocalDatabase(config) as database:
        yield database
