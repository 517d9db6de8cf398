"""How many updates one request may have: fewer if the receiving side was too slow for more."""

from __future__ import annotations

from spool_live.conf import live_settings

_SHRINKS = 4

_limits: dict[str, int] = {}
"""The limit by alias, if it is lower than the settings allow. Each process finds its own."""


def largest(using: str) -> int:
    """Return how many updates of ``using`` may be sent with one request."""
    return min(_limits.get(using, live_settings().batch_limit), live_settings().batch_limit)


def was_too_slow(using: str, size: int) -> None:
    """Limit requests to a quarter of ``size``, because so many updates took too long."""
    _limits[using] = max(1, size // _SHRINKS)


def was_taken(using: str, size: int) -> None:
    """Double the limit after a request whose ``size`` reached it: the receiving side may be faster
    again."""
    limit = _limits.get(using)
    if limit is None or size < limit:
        return
    if 2 * limit < live_settings().batch_limit:
        _limits[using] = 2 * limit
    else:
        del _limits[using]
