"""Parses the ``Retry-After`` header, for both the app and the Python client."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

LONGEST = 900.0
"""Maximum of seconds for which a server is obeyed. One request after a quarter of an hour does no
harm, and a server that answers ``inf`` or a date in the year 9999 does not mean it."""


def retry_after(header: str | None, sent_at: datetime | None) -> float | None:
    """Return the seconds, from 0 to ``LONGEST``, that a ``Retry-After`` header asks for.

    The header is a number of seconds or a date (RFC 9110, section 10.2.3); a date is compared with
    ``sent_at``, the aware time at which the answer was sent. Returns ``None`` without a header, for
    anything that is neither, and for a date where ``sent_at`` is ``None``.
    """
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        until = http_date(header)
        if until is None or sent_at is None:
            return None
        seconds = (until - sent_at).total_seconds()
    if seconds != seconds:  # noqa: PLR0124  # NaN
        return None
    return min(max(seconds, 0.0), LONGEST)


def http_date(text: str | None) -> datetime | None:
    """Return the aware datetime of an HTTP date (RFC 9110, 5.6.7), or ``None`` if it is not one."""
    try:
        date = parsedate_to_datetime(text or "")
    except (TypeError, ValueError, OverflowError):
        return None
    return date if date.tzinfo is not None else None
