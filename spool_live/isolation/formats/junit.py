"""The JUnit format, for CI servers: one test case for each rule, also for those that hold."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from spool_live.isolation.findings import Finding, Severity
from spool_live.isolation.report import Report
from spool_live.isolation.rules import RULES

_FAILING = {
    "error": (Severity.ERROR,),
    "warning": (Severity.ERROR, Severity.WARNING),
    "never": (),
}


def to_junit(report: Report, *, fail_on: str = "error") -> str:
    """Return the JUnit suite ``verify_rls`` as XML.

    The case of a rule fails if one of its findings makes the exit code 1. Findings that do not, and
    accepted ones, are in ``system-out``.
    """
    broken: dict[str, list[Finding]] = {}
    for finding in report.findings:
        broken.setdefault(finding.code, []).append(finding)
    noted: dict[str, list[str]] = {}
    for finding, entry in report.accepted:
        noted.setdefault(finding.code, []).append(f"{finding.subject}: {entry.note}")
    failing = {
        code
        for code, found in broken.items()
        if any(finding.severity in _FAILING[fail_on] for finding in found)
    }
    suite = ET.Element(
        "testsuite",
        name="verify_rls",
        tests=str(len(RULES)),
        failures=str(len(failing)),
        errors="0",
        skipped="0",
        time=f"{report.duration:.3f}",
        timestamp=report.started_at.isoformat(timespec="seconds"),
    )
    for rule in RULES.values():
        case = ET.SubElement(
            suite,
            "testcase",
            classname=f"verify_rls.{report.database}",
            name=_name(rule.code, rule.title),
        )
        found = broken.get(rule.code, [])
        if rule.code in failing:
            message = "; ".join(finding.subject for finding in found)
            failure = ET.SubElement(
                case, "failure", type=found[0].severity.value, message=_xml(message)
            )
            failure.text = _xml("\n\n".join(map(_described, found)))
        lines = [
            *(map(_described, found) if rule.code not in failing else ()),
            *noted.get(rule.code, []),
        ]
        if lines:
            ET.SubElement(case, "system-out").text = _xml("\n\n".join(lines))
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def _name(code: str, title: str) -> str:
    return f"{code} {title}"


def _described(finding: Finding) -> str:
    return f"{finding.subject}: {finding.reason}\n{finding.sql or finding.remedy}"


def _xml(text: str) -> str:
    """Return ``text`` without the control characters that XML cannot hold."""
    return "".join(c for c in text if c in "\t\n\r" or c >= " ")
