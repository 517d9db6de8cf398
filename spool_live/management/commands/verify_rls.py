"""``manage.py verify_rls``: proves on a real database that sites are isolated."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from spool_live.conf import live_settings
from spool_live.isolation import (
    Accepted,
    CannotVerifyError,
    Report,
    Severity,
    append_accepted,
    read_accepted,
    verify,
)
from spool_live.isolation.formats import FORMATS, render
from spool_live.isolation.recording import record_rls
from spool_live.keys.trail import Origin, acting

FINDINGS = 1
NOT_RUN = 2


class Command(BaseCommand):
    """Audits and attacks the Supabase database in one transaction that is rolled back.

    Exit codes: 0 no findings that ``--fail-on`` is about, 1 such findings, 2 it could not be run.
    """

    help = (
        "Prove that sites are separated: attack probe sites as every role of the API and audit "
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
            "--accepted",
            metavar="FILE",
            help="TOML file of accepted findings "
            '(default: SPOOL_LIVE["ISOLATION_ACCEPTED"], else none).',
        )
        parser.add_argument(
            "--accept",
            metavar="OBJECT",
            help="Add this object, named as the report does, to that file. Needs --reason and "
            "--author.",
        )
        parser.add_argument("--reason", help="Why it is accepted.")
        parser.add_argument("--author", help="Who accepts it.")
        parser.add_argument("--allow", action="append", help="No longer available: see --accept.")
        parser.add_argument(
            "--all-sites",
            action="store_true",
            help="Look at all real sites (SELECTs only), not at a sample of 25.",
        )
        parser.add_argument(
            "--exposed-schema",
            action="append",
            default=[],
            metavar="SCHEMA",
            help="A schema that PostgREST serves, where the database does not say. Repeatable.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["accepted"] or live_settings().isolation_accepted
        _refuse(options, path)
        try:
            given = () if options["accept"] else read_accepted(path)
            report = verify(
                options["database"],
                accepted=given,
                exposed_schemas=options["exposed_schema"],
                all_sites=options["all_sites"],
                progress=self._progress(options["verbosity"]),
            )
            if options["accept"]:
                self._accept(report, path, options)
                return
        except CannotVerifyError as error:
            raise CommandError(str(error), returncode=NOT_RUN) from error
        if options["database"] in {None, live_settings().supabase_database}:
            with acting(Origin.COMMAND):
                record_rls(report)
        self.stdout.write(render(report, options["format"], fail_on=options["fail_on"]))
        if _fails(report, options["fail_on"]):
            raise CommandError(f"verify_rls: {report.summary}", returncode=FINDINGS)

    def _accept(self, report: Report, path: str, options: dict[str, Any]) -> None:
        name = options["accept"]
        about = [finding for finding in report.findings if finding.subject == name]
        refused = [finding.code for finding in about if not finding.fingerprint]
        if not about:
            raise CommandError(f"There is no finding about {name!r}.", returncode=FINDINGS)
        if refused:
            raise CommandError(
                f"{name} cannot be accepted: {', '.join(refused)} is a breach, a difference of "
                "our own objects, or a path to a superuser. Correct it.",
                returncode=FINDINGS,
            )
        today = datetime.now(UTC).date()
        entry = Accepted(
            name, about[0].fingerprint, options["reason"], options["author"], date=today
        )
        append_accepted(path, entry)
        codes = ", ".join(sorted({finding.code for finding in about}))
        self.stdout.write(f"{name} ({codes}) is accepted in {path}. Commit that file.")

    def _progress(self, verbosity: int) -> Any:
        wanted = verbosity > 1 or (verbosity == 1 and sys.stderr.isatty())
        return self._report_stage if wanted else lambda stage: None

    def _report_stage(self, stage: str) -> None:
        self.stderr.write(f"verify_rls: {stage}", self.style.NOTICE)


def _refuse(options: dict[str, Any], path: str) -> None:
    if options["allow"]:
        raise CommandError(
            f"--allow was removed, since it went by name alone. Write verify_rls --accept "
            f'{options["allow"][0]} --reason "..." --author "..." once, and commit the file.',
            returncode=NOT_RUN,
        )
    if not options["accept"]:
        return
    if not (options["reason"] and options["author"]):
        raise CommandError("--accept needs --reason and --author.", returncode=NOT_RUN)
    if not path:
        raise CommandError(
            'Name the file of accepted findings: SPOOL_LIVE["ISOLATION_ACCEPTED"], or --accepted.',
            returncode=NOT_RUN,
        )


def _fails(report: Report, fail_on: str) -> bool:
    if fail_on == "never":
        return False
    return not (report.isolated if fail_on == Severity.ERROR else report.clean)
