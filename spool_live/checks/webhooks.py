"""Checks of the settings of webhooks: ports, networks, timeouts and retries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004

from spool_live.conf import LiveSettings

LARGEST_PORT = 65_535


def webhook_messages(settings: LiveSettings) -> Iterator[CheckMessage]:
    """Yield what is wrong with the settings of webhooks."""
    for text in settings.webhook_ports:
        if not _is_port(text):
            yield Error(
                f'SPOOL_LIVE["WEBHOOK_PORTS"] has {text!r}, which is not a port.',
                hint='Write ports and ranges as strings: ["443", "8443", "9000-9010"].',
                id="spool_live.E019",
            )
    for text in settings.webhook_allowed_networks:
        try:
            ip_network(text, strict=False)
        except ValueError:
            yield Error(
                f'SPOOL_LIVE["WEBHOOK_ALLOWED_NETWORKS"] has {text!r}, which is not a network.',
                hint='Write it as "10.20.0.0/16" or "fd00:20::/32". Host names are not accepted: '
                "their addresses change.",
                id="spool_live.E020",
            )
    waits = (settings.webhook_timeout, settings.webhook_disable_after, *settings.webhook_retries)
    if settings.webhook_concurrency < 1 or min(waits) <= timedelta(0):
        yield Error(
            'SPOOL_LIVE["WEBHOOK_CONCURRENCY"], "WEBHOOK_TIMEOUT", "WEBHOOK_RETRIES" and '
            '"WEBHOOK_DISABLE_AFTER" must be above 0.',
            hint="Leave them out: the defaults try a message for 27 hours.",
            id="spool_live.E021",
        )
    if sum(settings.webhook_retries, timedelta(0)) >= settings.history_retention:
        yield Warning(
            'SPOOL_LIVE["HISTORY_RETENTION"] is shorter than the waits of "WEBHOOK_RETRIES": an '
            "update leaves the history before its last attempt.",
            hint="Keep the history for longer. The defaults are 7 days and 27 hours.",
            id="spool_live.W016",
        )


def _is_port(text: str) -> bool:
    first, separator, last = text.partition("-")
    ends = [first, last] if separator else [first]
    if not all(end.isascii() and end.isdigit() for end in ends):
        return False
    return 1 <= int(ends[0]) <= int(ends[-1]) <= LARGEST_PORT
