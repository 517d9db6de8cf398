"""The format for a terminal: one block for each finding, with what to do at its end."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from spool_live.isolation.findings import Finding
from spool_live.isolation.report import Report

WIDTH = 100
SQL_LINES = 4
_MARGIN = " " * 4
_LABEL = len("expected  ")


def to_table(report: Report) -> str:
    """Return for each finding its code, severity and subject, what was found, what is expected, and
    the remedy; the summary is the last line."""
    blocks = ["\n".join(_block(finding)) for finding in report.findings]
    accepted = [
        "\n".join([f"{finding.code}  accepted  {finding.subject}", *_paragraph("note", entry.note)])
        for finding, entry in report.accepted
    ]
    return "\n\n".join([*blocks, *accepted, report.summary])


def _block(finding: Finding) -> Iterator[str]:
    yield f"{finding.code}  {finding.severity.value:7}  {finding.subject}"
    yield from _paragraph("found", finding.reason)
    yield from _paragraph("expected", finding.title)
    if not finding.sql:
        yield from _paragraph("remedy", finding.remedy)
        return
    lines = finding.sql.splitlines()
    more = [f"... {len(lines) - SQL_LINES} more lines: --format json has them"]
    yield from _labelled("remedy", lines[:SQL_LINES] + more * (len(lines) > SQL_LINES))


def _paragraph(label: str, text: str) -> Iterator[str]:
    return _labelled(label, wrap(text, WIDTH - len(_MARGIN) - _LABEL, break_long_words=False))


def _labelled(label: str, lines: list[str]) -> Iterator[str]:
    for place, line in enumerate(lines):
        yield f"{_MARGIN}{label if place == 0 else '':{_LABEL}}{line}"
