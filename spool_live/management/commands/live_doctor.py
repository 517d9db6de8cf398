"""``manage.py live_doctor``: what is set up wrongly, why, and what to do about it."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from spool_live import doctor
from spool_live.doctor import CheckState, DoctorResult, Level, RolloutPhase, repairs, report
from spool_live.doctor.registry import DoctorCheck
from spool_live.doctor.repairs import Done, Repair
from spool_live.keys.trail import Origin, acting
from spool_live.management.output import ReportCommand, seconds

FOUND = 1
NOT_CHECKED = 2
LAPTOP = "DEBUG is on, so the phase rollout was left out: --phase rollout runs its checks."


class Command(ReportCommand):
    """Runs the checks and reports their findings, and with ``--fix`` repairs what it can.

    Exit codes: 0 no findings that ``--fail-on`` is about, 1 such findings, 2 none of them, but a
    check could not be carried out.
    """

    help = (
        "Look for everything that stops updates (settings, databases, Supabase, delivery, "
        "clients), and report each cause with its remedy. Changes nothing without --fix."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--phase",
            choices=[phase.value for phase in RolloutPhase],
            help="Only what this phase of a rollout needs (default: all of them).",
        )
        parser.add_argument(
            "--api-url",
            default="",
            help="Where front ends find the API, such as https://cms.example/spool-live/: the "
            "doctor sends requests there.",
        )
        parser.add_argument(
            "--fail-on",
            choices=("error", "warning", "never"),
            default="error",
            help="The least level that makes the exit code 1 (default: error).",
        )
        parser.add_argument(
            "--timeout", type=seconds, default=10.0, help="Seconds to wait for each answer (10)."
        )
        parser.add_argument(
            "--fix",
            action="store_true",
            help="Show what live_setup, live_deliver --mirror-all and live_requeue would repair, "
            "and do it once that is confirmed.",
        )
        parser.add_argument(
            "--yes", action="store_true", help="Confirm beforehand (with --fix): for machines."
        )
        parser.add_argument(
            "--actor", default="", help="Who acts, for the audit trail (default: the login name)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["yes"] and not options["fix"]:
            raise CommandError("--yes confirms --fix: give both.", returncode=NOT_CHECKED)
        with acting(Origin.COMMAND, name=options["actor"] or login_name()):
            self._handle(options)

    def _handle(self, options: Any) -> None:
        phase = RolloutPhase(options["phase"]) if options["phase"] else None
        chosen = doctor.checks_of(phase)
        is_laptop = phase is None and settings.DEBUG
        if is_laptop:
            chosen = [one for one in chosen if one.phase is not RolloutPhase.ROLLOUT]
        results = self._examine(chosen, options)
        is_table = options["format"] != "json"
        if is_table:
            self.stdout.write("\n".join(report.lines(results)))
            if is_laptop:
                self.stdout.write(LAPTOP)
        acts: list[dict[str, Any]] = []
        if options["fix"]:
            results, acts = self._fix(chosen, results, options)
        code = exit_code(results, options["fail_on"])
        if not is_table:
            found = {"ok": code == 0, **report.document(results, phase), "fixes": acts}
            self.report(found, [], options)
        if code:
            raise SystemExit(code)

    def _examine(self, chosen: Sequence[DoctorCheck], options: Any) -> list[DoctorResult]:
        phase = RolloutPhase(options["phase"]) if options["phase"] else None
        surroundings = doctor.Surroundings(options["api_url"], options["timeout"], phase)
        return list(doctor.run(chosen, surroundings, self._progress(options["verbosity"])))

    def _fix(
        self, chosen: Sequence[DoctorCheck], results: list[DoctorResult], options: Any
    ) -> tuple[list[DoctorResult], list[dict[str, Any]]]:
        """Show what can be repaired; if that is confirmed, repair it and check again."""
        is_table = options["format"] != "json"
        planned = repairs.plan(results, doctor.Surroundings(timeout=options["timeout"]))
        if is_table:
            self.stdout.write("\n".join(["", *report.plan_lines(planned)]))
        if not planned or not self._is_confirmed(options):
            if planned and is_table:
                self.stdout.write("Nothing was changed: --fix --yes does it.")
            return results, [repairs.planned(repair) for repair in planned]
        done = [self._carry_out(repair) for repair in planned]
        repaired = {result.name for result in results if any(f.act for f in result.findings)}
        again = self._examine([one for one in chosen if one.name in repaired], options)
        if is_table:
            self.stdout.write("\n".join([*report.done_lines(done), "", *report.lines(again)]))
        by_name = {result.name: result for result in again}
        results = [by_name.get(result.name, result) for result in results]
        return results, [one.as_json() for one in done]

    def _carry_out(self, repair: Repair) -> Done:
        self.stderr.write(f"live_doctor: {repair.what}", self.style.NOTICE)
        return repairs.carry_out(repair)

    def _is_confirmed(self, options: Any) -> bool:
        if options["yes"]:
            return True
        if options["format"] == "json" or not sys.stdin.isatty():
            return False
        return input("Do it? [y/N] ").strip().lower() in {"y", "yes"}

    def _progress(self, verbosity: int) -> Callable[[str], None]:
        if verbosity > 1 or (verbosity == 1 and sys.stderr.isatty()):
            return lambda title: self.stderr.write(f"live_doctor: {title}?", self.style.NOTICE)
        return lambda title: None


def exit_code(results: Sequence[DoctorResult], fail_on: str) -> int:
    """Return the exit code for ``results``."""
    if fail_on == "never":
        return 0
    levels = {finding.level for result in results for finding in result.findings}
    if Level.ERROR in levels or (fail_on == "warning" and levels):
        return FOUND
    return NOT_CHECKED if any(r.state is CheckState.NOT_CHECKED for r in results) else 0


def login_name() -> str:
    """Return the login name of who runs this, or "": users in containers may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""
