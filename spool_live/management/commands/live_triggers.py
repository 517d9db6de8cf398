"""``manage.py live_triggers``: manages the triggers of collections with ``capture = "trigger"``."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from spool_live.capture import triggers
from spool_live.capture.triggers import TriggerState
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.management.output import ReportCommand
from spool_live.supabase.databases import content_databases

ACTIONS = {"check": triggers.status, "install": triggers.install, "remove": triggers.remove}

NO_TRIGGERS = 'There are no triggers: no collection sets capture = "trigger".'


class Command(ReportCommand):
    """Reports a row for each trigger and database. Exit code 1 if one is not as declared."""

    help = "Show, install or remove the triggers that record changes in PostgreSQL."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        action = parser.add_mutually_exclusive_group()
        for name, text in (
            ("check", "Only report their state (default)."),
            (
                "install",
                "Create, replace and drop them as the collections declare. migrate does it too.",
            ),
            ("remove", "Drop them all: the changes are not recorded then."),
            ("sql", "Print the SQL that would make them."),
        ):
            action.add_argument(
                f"--{name}", action="store_const", const=name, dest="action", help=text
            )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._act(options["action"] or "check", options)
        except SpoolLiveConfigurationError as error:
            raise CommandError(str(error)) from error

    def _act(self, action: str, options: dict[str, Any]) -> None:
        if action == "sql":
            for using in content_databases():
                for statement in triggers.statements(using):
                    self.stdout.write(f"{statement};\n")
            return
        rows = [
            {"database": using, **asdict(found)}
            for using in content_databases()
            for found in ACTIONS[action](using)
        ]
        self.report(rows, rows, options, empty=NO_TRIGGERS)
        wrong = sum(row["state"] != TriggerState.INSTALLED for row in rows)
        if wrong and action != "remove":
            raise CommandError(
                f"{wrong} of the triggers are not as they should be: run manage.py migrate, then "
                "manage.py live_triggers --install.",
                returncode=1,
            )
