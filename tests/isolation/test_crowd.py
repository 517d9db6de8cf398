"""Beside a large project of somebody else: still quick, and no error."""

from __future__ import annotations

from pathlib import Path

from tests.isolation.conftest import Superuser
from tests.isolation.mutating import described

CROWD = (Path(__file__).parent / "crowd.sql").read_text()


def test_large_project_of_somebody_else_is_no_error(superuser: Superuser) -> None:
    superuser.execute("set role postgres", CROWD, "reset role")
    report = superuser.verify()
    assert report.isolated, described(report)
