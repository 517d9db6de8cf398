"""The formats of a report: table and Markdown for people; JSON, JUnit and SARIF for programs."""

from __future__ import annotations

import json
from collections.abc import Callable

from spool_live.isolation.formats.junit import to_junit
from spool_live.isolation.formats.markdown import to_markdown
from spool_live.isolation.formats.sarif import to_sarif
from spool_live.isolation.formats.table import to_table
from spool_live.isolation.report import Report


def to_json(report: Report) -> str:
    """Return the report as indented JSON."""
    return json.dumps(report.to_dict(), indent=2)


FORMATS: dict[str, Callable[..., str]] = {
    "table": to_table,
    "json": to_json,
    "junit": to_junit,
    "sarif": to_sarif,
    "md": to_markdown,
}


def render(report: Report, name: str, *, fail_on: str = "error") -> str:
    """Return ``report`` in the format ``name``, one of ``FORMATS``.

    ``fail_on`` (``error``, ``warning`` or ``never``) is the lowest severity that counts as a
    failure, in JUnit as for the exit code.
    """
    if name == "junit":
        return to_junit(report, fail_on=fail_on)
    return FORMATS[name](report)
