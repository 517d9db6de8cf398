"""What keeps a demo that somebody reaches after all from giving away more than its pages.

A cache that unpickles runs what somebody else has put into Redis, and Django's debug page shows the
addresses of Redis and of databases with the passwords in them: neither belongs into a production
project either.
"""

from __future__ import annotations

import json
import re
from typing import Any

from django.views.debug import SafeExceptionReporterFilter


class JSONSerializer:
    """Values of the cache as JSON; whole numbers as Redis counts with them."""

    def dumps(self, value: Any) -> bytes | int:
        """``value`` as Redis keeps it. Raises ``TypeError`` for what JSON cannot hold."""
        if type(value) is int:
            return value
        return json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        """The inverse of ``dumps``."""
        return json.loads(data)


class NoAddresses(SafeExceptionReporterFilter):
    """Hides settings that hold addresses, beside those that Django hides by their names."""

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern
        + "|URL|LOCATION|BROKER|BACKEND|DATABASE|DEMO|CACHES|CELERY",
        re.IGNORECASE,
    )
