"""``manage.py verify_rls``: proves on a real database that sites are separated."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from spool_live.isolation import CannotVerify, Report, Severity, verify
from spool_live.isolation.formats import FORMATS, render

FINDINGS = 1
NOT_RUN = 2


class Command(BaseCommand):
    """Audits and attacks the Supabase database in one transaction that is rolled back.

    Exit codes: 0 nothing that ``--fail-on`` asks for, 1 findings, 2 it could not be run.
    """

    help = (
        "Proves that sites are separated: attacks probe sites as every role of the API and audits "
        "the catalog, in one transaction that is rolled back. Safe on production."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--database",
            metavar="ALIAS",
            help='Alias to verify (default: SPOOL_LIVE["SUPABASE_DATABASE"]).',
        )
        parser.add_argument("--format", choices=tuple(FORMATS), default="table")
        parser.add_argument(
            "--fail-on",
            choices=("error", "warning", "never"),
            default="error",
            help="The least severity that makes the exit code 1 (default: error).",
        )
        parser.add_argument(
            "--allow",
            action="append",
            default=[],
            metavar="SCHEMA.NAME",
            help="A relation, function or policy that is open to API roles on purpose. Repeatable.",
        )
        parser.add_argument(
            "--exposed-schema",
            action="append",
            default=[],
            metavar="SCHEMA",
            help="A schema that PostgREST serves, where the database does not tell. Repeatable.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = verify(
                options["database"],
                allowed=options["allow"],
                exposed_schemas=options["exposed_schema"],
                progress=self._progress(options["verbosity"]),
            )
        except CannotVerify as error:
            raise CommandError(str(error), returncode=NOT_RUN) from error
        self.stdout.write(render(report, options["format"]))
        if _fails(report, options["fail_on"]):
            raise CommandError(f"verify_rls: {report.summary}", returncode=FINDINGS)

    def _progress(self, verbosity: int) -> Any:
        wanted = verbosity > 1 or (verbosity == 1 and sys.stderr.isatty())
        return self._tell if wanted else lambda stage: None

    def _tell(self, stage: str) -> None:
        self.stderr.write(f"verify_rls: {stage}", self.style.NOTICE)


def _fails(report: Report, fail_on: str) -> bool:
    if fail_on == "never":
        return False
    return not (report.isolated if fail_on == Severity.ERROR else report.clean)
