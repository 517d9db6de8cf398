"""The format SARIF 2.1.0 (OASIS), for code scanning services."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from spool_live import __version__
from spool_live.isolation.accepted import Accepted
from spool_live.isolation.findings import Finding
from spool_live.isolation.report import Report
from spool_live.isolation.rules import RULES

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def to_sarif(report: Report) -> str:
    """Return a SARIF log with one run: all rules, and a result for each finding.

    A finding is in a database, not in a file: its logical location is the subject, its physical one
    a URI ``database/<name>``, as services require one.
    """
    run = {
        "tool": {
            "driver": {
                "name": "verify_rls",
                "semanticVersion": __version__,
                "informationUri": "https://pypi.org/project/spool-live/",
                "rules": [
                    {
                        "id": rule.code,
                        "shortDescription": {"text": rule.title},
                        "help": {"text": rule.remedy or rule.title},
                        "defaultConfiguration": {"level": rule.severity.value},
                    }
                    for rule in RULES.values()
                ],
            }
        },
        "invocations": [
            {"executionSuccessful": True, "startTimeUtc": report.started_at.isoformat()}
        ],
        "results": [
            *(_result(report, finding) for finding in report.findings),
            *(
                {**_result(report, finding), "suppressions": [_suppression(entry)]}
                for finding, entry in report.accepted
            ),
        ],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _suppression(entry: Accepted) -> dict[str, str]:
    return {"kind": "external", "status": "accepted", "justification": entry.note}


def _result(report: Report, finding: Finding) -> dict[str, Any]:
    fingerprint = hashlib.sha256(f"{finding.code} {finding.subject}".encode()).hexdigest()
    repair = f"\n\n{finding.sql}" if finding.sql else ""
    return {
        "ruleId": finding.code,
        "ruleIndex": list(RULES).index(finding.code),
        "level": finding.severity.value,
        "message": {
            "text": f"{finding.subject}: {finding.reason}\n\n{finding.remedy}{repair}",
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": f"database/{report.database}"},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"fullyQualifiedName": finding.subject}],
            }
        ],
        "partialFingerprints": {"ruleAndSubject/v1": fingerprint},
    }
