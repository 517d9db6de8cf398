"""For a terminal: one block a finding, what to do below it."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent, wrap

from spool_live.isolation.findings import Finding
from spool_live.isolation.report import Report

WIDTH = 100
SQL_LINES = 4


def to_table(report: Report) -> str:
    """The summary, then code, severity, subject and reason of each finding with its remedy."""
    widths = [
        max((len(cells[place]) for cells in map(_cells, report.findings)), default=0)
        for place in range(2)
    ]
    blocks = ["\n".join(_block(finding, widths)) for finding in report.findings]
    return "\n\n".join([*blocks, report.summary])


def _cells(finding: Finding) -> tuple[str, str, str]:
    return finding.code, finding.severity.value, finding.subject


def _block(finding: Finding, widths: list[int]) -> Iterator[str]:
    code, severity, subject = _cells(finding)
    yield f"{code:{widths[0]}}  {severity:{widths[1]}}  {subject}"
    yield from _paragraph(f"{finding.title}: {finding.reason}")
    if finding.sql:
        lines = finding.sql.splitlines()
        yield indent("\n".join(lines[:SQL_LINES]), "    > ")
        if len(lines) > SQL_LINES:
            yield f"    > ... {len(lines) - SQL_LINES} more lines: --format json has them"
    else:
        yield from _paragraph(f"Remedy: {finding.remedy}")


def _paragraph(text: str) -> list[str]:
    return [indent(line, "    ") for line in wrap(text, WIDTH - 4, break_long_words=False)]
