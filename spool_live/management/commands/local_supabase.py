"""``manage.py local_supabase``: a Supabase for development and tests, from wheels alone."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from spool_live.management.local import ports_of_settings


class Command(BaseCommand):
    """``spool-live-local`` as a management command.

    Prints the secrets of this local Supabase; with ``--verbosity 0`` only the ready file has them.
    """

    help = "Run a local Supabase (PostgreSQL, REST, Realtime) for development and tests."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        try:
            from spool_live.local.command import add_arguments
        except ImportError as error:  # it names the command that installs the extra
            parser.exit(2, f"{error}\n")
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "local_supabase is for development and tests: it refuses settings.DEBUG = False"
            )
        from spool_live.local.command import run
        from spool_live.local.exceptions import LocalSupabaseError

        port, database_port = ports_of_settings()
        options["port"] = port if options["port"] is None else options["port"]
        if options["database_port"] is None:
            options["database_port"] = database_port
        try:
            run(Namespace(**options), lambda text: self._write(text, options["verbosity"]))
        except LocalSupabaseError as error:
            raise CommandError(str(error)) from error

    def _write(self, text: str, verbosity: int) -> None:
        if verbosity > 0:
            self.stdout.write(text)
            self.stdout.flush()
