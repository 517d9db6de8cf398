"""Programs that tests run in processes of their own, and what became of their PostgreSQL."""

from __future__ import annotations

from pathlib import Path


def processes_below(folder: Path) -> set[int]:
    """Processes with ``folder`` in their command line or as their working folder."""
    found = set()
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            words = (process / "cmdline").read_bytes()
            where = (process / "cwd").readlink()
        except OSError:
            continue
        if str(folder).encode() in words or where.is_relative_to(folder):
            found.add(int(process.name))
    return found
