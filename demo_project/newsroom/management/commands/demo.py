"""``manage.py demo``: the whole system from editor to reader, on this machine."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from demo_project.stack import DemoOptions, run_demo
from demo_project.stack.console import Console
from demo_project.stack.parts import MissingProgram
from demo_project.stack.run import WrongOptions
from demo_project.state import state_dir
from demo_project.supervision import ServiceFailed
from demo_project.supervision.lock import AlreadyRunning


class Command(BaseCommand):
    help = (
        "Run the demo newsroom: PostgreSQL, local Supabase, broker, Celery worker and beat, "
        "Django. Ctrl-C stops everything."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--state-dir", type=Path, help="Where the demo keeps its things (default: .demo)."
        )
        parser.add_argument("--reset", action="store_true", help="Start from scratch.")
        parser.add_argument(
            "--port", type=int, help="Port of the pages and the admin (default: 8000 or any free)."
        )
        parser.add_argument(
            "--content",
            choices=("postgres", "sqlite"),
            default="postgres",
            help="Database of the content: Supabase's own PostgreSQL, or SQLite beside it.",
        )
        parser.add_argument(
            "--mode",
            choices=("broadcast", "postgres_changes"),
            default="broadcast",
            help="How Realtime notifies the pages: by a private topic of each site, or by "
            "Postgres Changes.",
        )
        parser.add_argument(
            "--ready-file",
            type=Path,
            help="A JSON file to write, with addresses and secrets, once everything answers.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(self._write, colour=self.stdout.isatty())
        wanted = DemoOptions(
            folder=(options["state_dir"] or state_dir()).absolute(),
            content=options["content"],
            mode=options["mode"],
            port=options["port"],
            reset=options["reset"],
            ready_file=options["ready_file"],
        )
        try:
            asyncio.run(run_demo(wanted, console))
        except asyncio.CancelledError:
            console.stopped()
        except AlreadyRunning as running:
            raise CommandError(
                f"A demo already runs in {wanted.folder}: stop it, or give another --state-dir."
            ) from running
        except (WrongOptions, MissingProgram) as error:
            raise CommandError(str(error)) from error
        except ServiceFailed as failure:
            console.failed(failure)
            raise CommandError(str(failure)) from failure

    def _write(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
