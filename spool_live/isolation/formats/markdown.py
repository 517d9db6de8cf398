"""The Markdown format, for a pull request or a wiki."""

from __future__ import annotations

from collections.abc import Iterator

from spool_live.isolation.findings import Finding
from spool_live.isolation.report import Report


def to_markdown(report: Report) -> str:
    """Return a heading, the summary, a table of findings, and the SQL that repairs them."""
    return (
        "\n".join([*_head(report), *_table(report), *_remedies(report), *_accepted(report)]) + "\n"
    )


def _head(report: Report) -> Iterator[str]:
    yield f"# Isolation of {report.database}: {'proved' if report.isolated else 'broken'}"
    yield ""
    yield f"{report.summary}, at {report.started_at:%Y-%m-%d %H:%M:%S %Z}."
    yield ""


def _table(report: Report) -> Iterator[str]:
    if not report.findings:
        return
    yield "| code | severity | subject | rule | reason | remedy |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for finding in report.findings:
        cells = (
            finding.code,
            finding.severity.value,
            f"`{_escaped(finding.subject)}`",
            _escaped(finding.title),
            _escaped(finding.reason),
            "SQL below" if finding.sql else _escaped(finding.remedy),
        )
        yield f"| {' | '.join(cells)} |"


def _remedies(report: Report) -> Iterator[str]:
    repairable: list[Finding] = [finding for finding in report.findings if finding.sql]
    if not repairable:
        return
    yield ""
    yield "## SQL that repairs it"
    yield ""
    yield "```sql"
    for finding in repairable:
        yield f"-- {finding.code} {finding.subject}"
        yield finding.sql
    yield "```"


def _accepted(report: Report) -> Iterator[str]:
    if report.accepted:
        yield ""
        yield "## Accepted"
        yield ""
    for finding, entry in report.accepted:
        yield f"- {finding.code} `{_escaped(finding.subject)}`: {_escaped(entry.note)}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
