"""The console commands. Each needs an extra, and names it in one line where it is missing."""

from __future__ import annotations

import sys

MISUSED = 2
"""The exit status of a command that cannot run as it was called."""


def client() -> int:
    """Run ``spool-live`` and return its exit status: 2 without the extra ``[client]``."""
    try:
        from spool_live.client.cli import main
    except ImportError as error:
        return _refuse("spool-live", error)
    return main()


def local() -> int:
    """Run ``spool-live-local`` and return its exit status: 2 without the extra ``[local]``."""
    try:
        from spool_live.local.command import main
    except ImportError as error:
        return _refuse("spool-live-local", error)
    return main()


def _refuse(command: str, error: ImportError) -> int:
    sys.stderr.write(f"{command}: {error}\n")  # the error names the extra
    return MISUSED
