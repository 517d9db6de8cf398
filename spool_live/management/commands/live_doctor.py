"""``manage.py live_doctor``: what is set up wrongly, why, and what to do about it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.conf import settings

from spool_live import doctor
from spool_live.doctor import Level, Phase, Result, State
from spool_live.management.output import ReportCommand, indented, seconds

FOUND = 1
NOT_CHECKED = 2
LAPTOP = "DEBUG is on, so the phase rollout was left out: --phase rollout has it."


class Command(ReportCommand):
    """Every check with its findings. Exit codes: 0 nothing that ``--fail-on`` asks for, 1 findings,
    2 none, but a check could not be carried out."""

    help = (
        "Looks for everything that keeps updates from flowing: settings, databases, Supabase, "
        "delivery, clients; and names cause and remedy. Changes nothing."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--phase",
            choices=[phase.value for phase in Phase],
            help="Only what this phase of a rollout needs (default: all of them).",
        )
        parser.add_argument(
            "--api-url",
            default="",
            help="Where front ends find the API, as https://cms.example/spool-live/: it is asked "
            "from there.",
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

    def handle(self, *args: Any, **options: Any) -> None:
        phase = Phase(options["phase"]) if options["phase"] else None
        surroundings = doctor.Surroundings(options["api_url"], options["timeout"], phase)
        chosen = doctor.checks_of(phase)
        is_laptop = phase is None and settings.DEBUG
        if is_laptop:
            chosen = [one for one in chosen if one.phase is not Phase.ROLLOUT]
        progress = self._progress(options["verbosity"])
        results = list(doctor.run(chosen, surroundings, progress))
        code = exit_code(results, options["fail_on"])
        if options["format"] == "json":
            self.report(document(results, phase, code), [], options)
        else:
            self.stdout.write("\n".join(lines(results)))
            if is_laptop:
                self.stdout.write(LAPTOP)
        if code:
            raise SystemExit(code)

    def _progress(self, verbosity: int) -> Callable[[str], None]:
        if verbosity > 1 or (verbosity == 1 and sys.stderr.isatty()):
            return lambda title: self.stderr.write(f"live_doctor: {title}?", self.style.NOTICE)
        return lambda title: None


def exit_code(results: Sequence[Result], fail_on: str) -> int:
    """What the outcome is for a shell."""
    if fail_on == "never":
        return 0
    levels = {finding.level for result in results for finding in result.findings}
    if Level.ERROR in levels or (fail_on == "warning" and levels):
        return FOUND
    return NOT_CHECKED if any(r.state is State.NOT_CHECKED for r in results) else 0


def document(results: Sequence[Result], phase: Phase | None, code: int) -> dict[str, Any]:
    """The outcome as JSON has it."""
    counts = Counter(finding.level for result in results for finding in result.findings)
    return {
        "ok": code == 0,
        "phase": phase.value if phase else None,
        "errors": counts[Level.ERROR],
        "warnings": counts[Level.WARNING],
        "not_checked": sum(result.state is State.NOT_CHECKED for result in results),
        "checks": [result.as_json() for result in results],
    }


def lines(results: Sequence[Result]) -> Iterator[str]:
    """The outcome for people: one line a check, and what it found below it."""
    phase = None
    for result in results:
        if result.phase is not phase:
            if phase:
                yield ""
            phase = result.phase
            yield f"Phase {phase.value}"
        yield f"  {result.state.value:<12}{result.title}"
        if result.reason:
            yield indented(result.reason)
        for finding in result.findings:
            number = f" ({finding.code})" if finding.code else ""
            yield indented(f"{finding.level.value}: {finding.cause}{number}")
            yield indented(f"> {finding.remedy}")
    yield ""
    yield summary(results)


def summary(results: Sequence[Result]) -> str:
    """One sentence about all of it."""
    counts = Counter(finding.level for result in results for finding in result.findings)
    missed = sum(result.state is State.NOT_CHECKED for result in results)
    parts = [
        f"{number} {word if number == 1 else words}"
        for number, word, words in (
            (counts[Level.ERROR], "error", "errors"),
            (counts[Level.WARNING], "warning", "warnings"),
            (missed, "check that could not be carried out", "checks that could not be carried out"),
        )
        if number
    ]
    word = "check" if len(results) == 1 else "checks"
    took = f"{len(results)} {word} in {sum(result.seconds for result in results):.1f} s"
    return f"{', '.join(parts)}: {took}." if parts else f"All is well: {took}."
