"""For CI servers that read JUnit's XML: one test case a rule, so that what holds is seen too."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from spool_live.isolation.findings import Finding
from spool_live.isolation.report import Report
from spool_live.isolation.rules import RULES


def to_junit(report: Report) -> str:
    """A suite ``verify_rls``; each finding is a failure of its rule's case, errors and warnings
    alike (the type tells them apart)."""
    broken: dict[str, list[Finding]] = {}
    for finding in report.findings:
        broken.setdefault(finding.code, []).append(finding)
    suite = ET.Element(
        "testsuite",
        name="verify_rls",
        tests=str(len(RULES)),
        failures=str(len(broken)),
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
        if found := broken.get(rule.code):
            message = "; ".join(finding.subject for finding in found)
            failure = ET.SubElement(
                case, "failure", type=found[0].severity.value, message=_xml(message)
            )
            failure.text = _xml("\n\n".join(map(_told, found)))
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def _name(code: str, title: str) -> str:
    return f"{code} {title}"


def _told(finding: Finding) -> str:
    return f"{finding.subject}: {finding.reason}\n{finding.sql or finding.remedy}"


def _xml(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(c for c in text if c in "\t\n\r" or c >= " ")
