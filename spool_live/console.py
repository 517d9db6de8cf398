"""The console commands: each needs an extra, and says so in one line where that is missing."""

from __future__ import annotations

import sys

MISUSED = 2


def client() -> int:
    """Run ``spool-live``; returns its exit status, 2 without the extra ``[client]``."""
    try:
        from spool_live.client.cli import main
    except ImportError as error:
        return _refused("spool-live", error)
    return main()


def local() -> int:
    """Run ``spool-live-local``; returns its exit status, 2 without the extra ``[local]``."""
    try:
        from spool_live.local.command import main
    except ImportError as error:
        return _refused("spool-live-local", error)
    return main()


def _refused(command: str, error: ImportError) -> int:
    sys.stderr.write(f"{command}: {error}\n")  # the packages name the extra
    return MISUSED
