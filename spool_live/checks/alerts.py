"""Checks of the channels of alerts, and of what the metrics need."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from importlib.util import find_spec
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004

from spool_live.conf import LiveSettings

SHORTEST_SECRET = 24
"""Bytes, as Standard Webhooks requires."""


def alert_messages(settings: LiveSettings) -> Iterator[CheckMessage]:
    """Yield what is wrong with the channels of the alerts, and with the metrics."""
    for key in ("ALERT_WEBHOOK_URL", "ALERT_HEARTBEAT_URL", "REALTIME_METRICS_URL"):
        url = getattr(settings, key.lower())
        parts = urlsplit(url)
        if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
            yield Error(
                f'SPOOL_LIVE["{key}"] is not the address of a web server.',
                hint="Give an address that begins with https://.",
                id="spool_live.E017",
            )
    if settings.alert_webhook_url and not _is_secret(settings.alert_webhook_secret):
        yield Error(
            'SPOOL_LIVE["ALERT_WEBHOOK_SECRET"] cannot sign the webhook.',
            hint="Set it to whsec_ and the base64 of 24 to 64 random bytes: "
            'python -c "import base64, os; '
            "print('whsec_' + base64.b64encode(os.urandom(32)).decode())\"",
            id="spool_live.E018",
        )
    if settings.metrics_token and not find_spec("prometheus_client"):
        yield Warning(
            'SPOOL_LIVE["METRICS_TOKEN"] is set, but prometheus-client is not installed.',
            hint="Run pip install 'spool-live[metrics]'.",
            id="spool_live.W015",
        )


def _is_secret(text: str) -> bool:
    if not text.startswith("whsec_"):
        return False
    try:
        return len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) >= SHORTEST_SECRET
    except ValueError:
        return False
