"""Watching processes from outside."""

from __future__ import annotations

import os
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether ``pid`` still runs; one that has ended but was not waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def descendants(pid: int) -> list[int]:
    """The ids of all processes that ``pid`` started, directly or not (read from /proc)."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = status.read_text().rpartition(")")
        except FileNotFoundError:
            continue  # it has just ended
        children.setdefault(int(rest.split()[1]), []).append(int(name.split()[0]))
    found, waiting = [], [pid]
    while waiting:
        of_this = children.get(waiting.pop(), [])
        found += of_this
        waiting += of_this
    return found
