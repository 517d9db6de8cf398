"""Runs our commands as a shell would."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import ManagementUtility
from django.core.management.base import CommandError


@dataclass
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> Any:
        """The JSON it printed."""
        return json.loads(self.out)


Run = Callable[..., Outcome]


def run_command(name: str, *arguments: object) -> Outcome:
    """Runs a command of ours as ``manage.py`` does, with its output kept."""
    out, err = io.StringIO(), io.StringIO()
    command = ManagementUtility().fetch_command(name)
    parser = command.create_parser("manage.py", name)
    code = 0
    try:
        options = vars(parser.parse_args([str(a) for a in arguments]))
        command.execute(**{**options, "stdout": out, "stderr": err, "skip_checks": True})
    except CommandError as error:
        code = error.returncode
        err.write(str(error))
    except SystemExit as stop:
        code = int(stop.code or 0)
    return Outcome(code, out.getvalue(), err.getvalue())


@pytest.fixture
def run() -> Run:
    """``run("live_site", "list", "--format", "json")``: exit code, output, error."""
    return run_command
