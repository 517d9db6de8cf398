"""``manage.py local_supabase``: a Supabase for development and tests, from wheels alone."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from spool_live.capacity import PLANS

if TYPE_CHECKING:
    from spool_live.local.config import LocalSupabaseConfig


class Command(BaseCommand):
    """Runs in the foreground until SIGINT or SIGTERM. Prints secrets, which are local ones, unless
    ``--verbosity 0`` asks for silence: then the ready file alone has them."""

    help = "Run a local Supabase (PostgreSQL, REST, Realtime) for development and tests."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=54321, help="of the API (54321)")
        parser.add_argument("--database-port", type=int, default=54322, help="(54322)")
        parser.add_argument(
            "--state-dir",
            type=Path,
            default=Path(".local-supabase"),
            help="where its database and secrets are kept (.local-supabase)",
        )
        parser.add_argument(
            "--privileges",
            choices=["grant-all", "grant-none"],
            default="grant-none",
            help="what the API roles may do with new tables: all, as in projects created before"
            " 2026-05-30, or nothing, as in newer ones (grant-none)",
        )
        parser.add_argument(
            "--plan",
            choices=list(PLANS),
            help="be as unkind as the hosted service on this plan: its limits, its delays before a"
            " refusal, channels that stay dead after a restart of PostgreSQL (default: none)",
        )
        parser.add_argument(
            "--ready-file",
            type=Path,
            help="JSON with addresses and secrets, written once everything answers",
        )
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "local_supabase is for development and tests: it refuses settings.DEBUG = False"
            )
        try:
            # here, because it needs the extra: importing it names the command that brings it
            from spool_live.local.config import Limits
            from spool_live.local.exceptions import LocalSupabaseError
            from spool_live.local.server import run_local_supabase
            from spool_live.local.state import configuration
        except ImportError as error:
            raise CommandError(str(error)) from error
        ready_file: Path | None = options["ready_file"]
        try:
            _remove(ready_file)
            config = configuration(
                options["state_dir"],
                port=options["port"],
                database_port=options["database_port"],
                privilege_world=options["privileges"],
            )
            if (plan := PLANS.get(options["plan"])) is not None:
                config = config.like_hosted(
                    Limits(
                        connections=plan.connections,
                        joins_per_second=plan.joins_per_second,
                        messages_per_second=plan.messages_per_second,
                    )
                )
            run_local_supabase(config, lambda running: self._announce(running, options))
        except LocalSupabaseError as error:
            raise CommandError(str(error)) from error
        finally:
            _remove(ready_file)

    def _announce(self, config: LocalSupabaseConfig, options: dict[str, Any]) -> None:
        from spool_live.local.state import write_private
        from spool_live.local.summary import as_json, as_text

        if options["ready_file"] is not None:
            write_private(options["ready_file"], as_json(config))
        if options["verbosity"] == 0:
            return
        as_chosen = json.dumps(as_json(config)) if options["format"] == "json" else as_text(config)
        self.stdout.write(as_chosen)
        self.stdout.flush()


def _remove(ready_file: Path | None) -> None:
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)
