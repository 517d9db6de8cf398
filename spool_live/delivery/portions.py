"""How many updates one request takes: fewer where the receiving side was too slow for more."""

from __future__ import annotations

from spool_live.conf import live_settings

_SHRINKS = 4

_limits: dict[str, int] = {}
"""By content database, where it is less than the settings allow. Each process finds its own."""


def largest(using: str) -> int:
    """Return how many updates of ``using`` may go with one request."""
    return min(_limits.get(using, live_settings().batch_limit), live_settings().batch_limit)


def was_too_slow(using: str, size: int) -> None:
    """Take a quarter of ``size`` for the most, as that many took too long."""
    _limits[using] = max(1, size // _SHRINKS)


def was_taken(using: str, size: int) -> None:
    """Allow twice as many after a request that was full: the slowness may have passed."""
    limit = _limits.get(using)
    if limit is None or size < limit:
        return
    if 2 * limit < live_settings().batch_limit:
        _limits[using] = 2 * limit
    else:
        del _limits[using]
