"""The results of the checks, as text for people and as values for JSON. Pure."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from spool_live.doctor.findings import CheckState, DoctorResult, Level, RolloutPhase
from spool_live.doctor.repairs import Done, Repair

WIDTH = 100
"""Columns of a line."""
MARGIN = 14
"""Columns by which findings are indented."""


def lines(results: Sequence[DoctorResult]) -> Iterator[str]:
    """Yield a line for each check, its findings below it, and a summary at the end."""
    phase = None
    for result in results:
        if result.phase is not phase:
            if phase:
                yield ""
            phase = result.phase
            yield f"Phase {phase.value}"
        yield f"  {result.state.value:<12}{result.title}"
        if result.reason:
            yield _indented(result.reason)
        for finding in result.findings:
            number = f" ({finding.code})" if finding.code else ""
            yield _indented(f"{finding.level.value}: {finding.cause}{number}")
            yield _indented(f"> {finding.remedy}")
    yield ""
    yield summary(results)


def summary(results: Sequence[DoctorResult]) -> str:
    """Return a sentence that counts errors, warnings and checks that were not carried out."""
    counts = Counter(finding.level for result in results for finding in result.findings)
    missed = sum(result.state is CheckState.NOT_CHECKED for result in results)
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


def plan_lines(planned: Sequence[Repair]) -> Iterator[str]:
    """Yield what ``--fix`` would do."""
    if not planned:
        yield "--fix has nothing to repair."
        return
    yield "--fix would do this:"
    yield from (f"  {repair.what}" for repair in planned)


def done_lines(done: Sequence[Done]) -> Iterator[str]:
    """Yield what ``--fix`` has done."""
    for one in done:
        word = "FAILED" if one.error else "done"
        yield f"  {word:<12}{one.repair.what}"
        yield _indented(one.error or one.outcome)


def document(results: Sequence[DoctorResult], phase: RolloutPhase | None) -> dict[str, Any]:
    """Return ``{phase, errors, warnings, not_checked, checks: [...]}``."""
    counts = Counter(finding.level for result in results for finding in result.findings)
    return {
        "phase": phase.value if phase else None,
        "errors": counts[Level.ERROR],
        "warnings": counts[Level.WARNING],
        "not_checked": sum(result.state is CheckState.NOT_CHECKED for result in results),
        "checks": [result.as_json() for result in results],
    }


def _indented(text: str) -> str:
    """Return ``text`` indented and wrapped for a terminal; its own line breaks are kept."""
    margin = " " * MARGIN
    return "\n".join(
        textwrap.fill(
            part,
            WIDTH,
            initial_indent=margin,
            subsequent_indent=margin,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for part in text.splitlines()
    )
